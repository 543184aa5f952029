//! What a worker sends: the hot path, so written by hand, fixed-width, and parsed without allocating.
//!
//! ```text
//! 0 panicked: postcard string │ 1 ready │ 2 results │ 3 host call, see there
//! results: 2 u8 │ first_seq u32 │ batch_done u8 │ count u32 │
//!          count × { kind u8 │ wall_ns u64 │ memory u64 │ { cpu_ns u64 } where the kind has TIMED set │ { fuel u64 } where FUELED │
//!                    length u32 │ encoded value or message │ { length u32 │ stdout │ length u32 │ stderr } where PRINTED }
//! ```
//! All numbers are little endian. Sequence numbers count the tasks of one worker.

use super::bytes::Bytes;
use super::failure::TaskFailure;
use super::host_call::HOST_CALL;

/// The first byte of a worker's frame that reports a panic.
pub(super) const PANICKED: u8 = 0;
const READY: u8 = 1;

pub(super) const RESULTS: u8 = 2;

/// Set in the kind of a result with which there is something that the task wrote.
pub(super) const PRINTED: u8 = 0x80;

/// Set in the kind of a result with which there is a CPU time, which is not 0.
pub(super) const TIMED: u8 = 0x40;

/// Set in the kind of a result with which there is fuel that was consumed, which is not 0.
pub(super) const FUELED: u8 = 0x20;

/// What a task wrote to its standard output, where that is not its result, and to its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Printed<'a> {
    /// Standard output.
    pub stdout: &'a [u8],
    /// Standard error.
    pub stderr: &'a [u8],
}

impl Printed<'_> {
    /// Whether that is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stdout.is_empty() && self.stderr.is_empty()
    }
}

/// What a task used, as its worker reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Wall time in nanoseconds.
    pub wall_ns: u64,
    /// CPU time in nanoseconds, 0 where it was not measured.
    pub cpu_ns: u64,
    /// Fuel consumed, 0 where it was not counted.
    pub fuel: u64,
    /// The largest sum of memories and tables, in bytes.
    pub memory_bytes: u64,
}

/// One result: the encoded value, or a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskResult<'a> {
    /// The encoded value, or what went wrong.
    pub outcome: Result<&'a [u8], TaskFailure>,
    /// What it used.
    pub cost: Cost,
    /// What it wrote.
    pub printed: Printed<'a>,
}

impl<'a> TaskResult<'a> {
    #[inline]
    fn read(bytes: &mut Bytes<'a>) -> Option<TaskResult<'a>> {
        match TaskResult::read_plain(bytes) {
            Some(plain) => Some(plain),
            None => TaskResult::read_any(bytes),
        }
    }

    /// Reads one that is a value, where the worker says nothing else of it: most are. Otherwise nothing is read.
    #[inline]
    fn read_plain(bytes: &mut Bytes<'a>) -> Option<TaskResult<'a>> {
        let mut ahead = *bytes;
        if ahead.u8()? != 0 {
            return None;
        }
        let cost = Cost {
            wall_ns: ahead.u64()?,
            memory_bytes: ahead.u64()?,
            ..Cost::default()
        };
        let value = ahead.block()?;
        *bytes = ahead;
        Some(TaskResult {
            outcome: Ok(value),
            cost,
            printed: Printed::default(),
        })
    }

    fn read_any(bytes: &mut Bytes<'a>) -> Option<TaskResult<'a>> {
        let tag = bytes.u8()?;
        let kind = tag & !(PRINTED | TIMED | FUELED);
        let (wall_ns, memory_bytes) = (bytes.u64()?, bytes.u64()?);
        let mut where_set = |flag: u8| match tag & flag {
            0 => Some(0),
            _ => bytes.u64().filter(|number| *number > 0),
        };
        let cost = Cost {
            wall_ns,
            cpu_ns: where_set(TIMED)?,
            fuel: where_set(FUELED)?,
            memory_bytes,
        };
        let block = bytes.block()?;
        let outcome = match kind {
            0 => Ok(block),
            _ => Err(TaskFailure::read(kind, block)?),
        };
        let printed = match tag & PRINTED {
            0 => Printed::default(),
            _ => Printed {
                stdout: bytes.block()?,
                stderr: bytes.block()?,
            },
        };
        if tag & PRINTED != 0 && printed.is_empty() {
            return None;
        }
        Some(TaskResult {
            outcome,
            cost,
            printed,
        })
    }
}

/// A frame from a worker.
#[derive(Clone, Copy, Debug)]
pub enum WorkerFrame<'a> {
    /// It panicked; the frame is a [`super::ChildHello::Panicked`].
    Panicked,
    /// It is confined and waits for tasks.
    Ready,
    /// Results, in the order of the tasks.
    Results {
        /// The sequence number of the first.
        first_seq: u32,
        /// Whether the batch ends here, with all its tasks done or recalled.
        batch_done: bool,
        /// How many.
        count: u32,
        /// The results, to be read by [`WorkerFrame::parse_results`].
        bytes: &'a [u8],
    },
    /// The running task calls a function of the host, and waits for the answer.
    HostCall {
        /// Which of the imported functions.
        function: u32,
        /// The encoded arguments.
        arguments: &'a [u8],
    },
}

impl<'a> WorkerFrame<'a> {
    /// Reads the head of a worker's frame.
    #[must_use]
    pub fn parse(frame: &'a [u8]) -> Option<WorkerFrame<'a>> {
        let mut bytes = Bytes(frame);
        match bytes.u8()? {
            PANICKED => Some(WorkerFrame::Panicked),
            READY if bytes.0.is_empty() => Some(WorkerFrame::Ready),
            RESULTS => {
                let (first_seq, done, count) = (bytes.u32()?, bytes.u8()?, bytes.u32()?);
                (done <= 1).then_some(WorkerFrame::Results {
                    first_seq,
                    batch_done: done == 1,
                    count,
                    bytes: bytes.0,
                })
            }
            HOST_CALL => Some(WorkerFrame::HostCall {
                function: bytes.u32()?,
                arguments: bytes.0,
            }),
            _ => None,
        }
    }

    /// Reads exactly `count` results, passing each to `take`; false if the bytes are malformed or any are left over.
    #[inline]
    #[must_use]
    pub fn parse_results(
        bytes: &'a [u8],
        count: u32,
        mut take: impl FnMut(TaskResult<'a>),
    ) -> bool {
        let mut bytes = Bytes(bytes);
        for _ in 0..count {
            let Some(result) = TaskResult::read(&mut bytes) else {
                return false;
            };
            take(result);
        }
        bytes.0.is_empty()
    }

    /// The frame with which a worker says that it is ready, and its length in front, as it is sent.
    pub const GREETING: &'static [u8] = &[1, 0, 0, 0, READY];

    /// The same frame by itself.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn ready_frame() -> Vec<u8> {
        Self::GREETING[super::frame::PREFIX..].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ResultsWriter, TaskFailureKind};

    #[test]
    fn results_read_back_as_they_were_written() {
        let cost = Cost {
            wall_ns: 1,
            cpu_ns: 2,
            fuel: 3,
            memory_bytes: 4,
        };
        let failure = TaskFailure {
            kind: TaskFailureKind::Trap,
            message: "unreachable".into(),
        };
        let mut writer = ResultsWriter::new(5);
        writer.push(
            cost,
            Ok(&mut |out: &mut Vec<u8>| out.extend_from_slice(b"value")),
        );
        let printed = Printed {
            stdout: b"half",
            stderr: b"",
        };
        let outcome: Result<fn(&mut Vec<u8>), _> = Err(&failure);
        writer.push_printed(cost, outcome, printed);
        let frame = writer.take(true).to_vec();
        let Some(WorkerFrame::Results {
            first_seq: 5,
            batch_done: true,
            count: 2,
            bytes,
        }) = WorkerFrame::parse(&frame)
        else {
            panic!("not the results");
        };
        let mut read = Vec::new();
        assert!(WorkerFrame::parse_results(bytes, 2, |result| read.push(result)));
        assert_eq!(
            read[0],
            TaskResult {
                outcome: Ok(b"value"),
                cost,
                printed: Printed::default()
            }
        );
        assert_eq!(
            read[1],
            TaskResult {
                outcome: Err(failure),
                cost,
                printed
            }
        );
    }

    #[test]
    fn the_last_value_may_be_sent_behind_the_rest() {
        let cost = Cost {
            wall_ns: 1,
            ..Cost::default()
        };
        let mut writer = ResultsWriter::new(5);
        writer.push(cost, Ok(&mut |out: &mut Vec<u8>| out.push(1)));
        writer.push_last(cost, b"be", 3);
        let mut sent = writer.take_whole(false).to_vec();
        sent.extend_from_slice(b"gun");
        let frame = crate::wire::read_frame(&mut &sent[..], 200).unwrap();
        let Some(WorkerFrame::Results { count, bytes, .. }) = WorkerFrame::parse(&frame) else {
            panic!("not the results");
        };
        let mut read = Vec::new();
        assert!(WorkerFrame::parse_results(bytes, count, |it| read.push(it.outcome)));
        assert_eq!(read, [Ok(&[1][..]), Ok(b"begun")]);
        writer.restart(7);
        writer.push(cost, Ok(&mut |out: &mut Vec<u8>| out.push(1)));
        let frame = writer.take_whole(true);
        assert_eq!(
            frame.len() - 4,
            usize::from(frame[0]),
            "nothing is behind the next frame"
        );
    }

    #[test]
    fn every_truncation_and_every_surplus_of_results_is_malformed() {
        let mut writer = ResultsWriter::new(0);
        writer.push(Cost::default(), Ok(&mut |out: &mut Vec<u8>| out.push(1)));
        let frame = writer.take(false).to_vec();
        for length in 0..frame.len() {
            let whole = match WorkerFrame::parse(&frame[..length]) {
                Some(WorkerFrame::Results { count, bytes, .. }) => {
                    WorkerFrame::parse_results(bytes, count, |_| {})
                }
                _ => false,
            };
            assert!(!whole, "{length} of {} bytes passed", frame.len());
        }
        let mut surplus = frame.clone();
        surplus.push(0);
        let Some(WorkerFrame::Results { count, bytes, .. }) = WorkerFrame::parse(&surplus) else {
            panic!()
        };
        assert!(!WorkerFrame::parse_results(bytes, count, |_| {}));
    }

    #[test]
    fn an_unknown_failure_kind_is_malformed() {
        let mut writer = ResultsWriter::new(0);
        writer.push(Cost::default(), Ok(&mut |_: &mut Vec<u8>| {}));
        let mut frame = writer.take(false).to_vec();
        frame[10] = 17;
        let Some(WorkerFrame::Results { count, bytes, .. }) = WorkerFrame::parse(&frame) else {
            panic!()
        };
        assert!(!WorkerFrame::parse_results(bytes, count, |_| {}));
    }

    #[test]
    fn a_cost_that_is_said_to_be_there_and_is_nothing_is_malformed() {
        let cost = Cost {
            cpu_ns: 1,
            ..Cost::default()
        };
        let mut writer = ResultsWriter::new(0);
        writer.push(cost, Ok(&mut |_: &mut Vec<u8>| {}));
        let mut frame = writer.take(false).to_vec();
        frame[10 + 1 + 8 + 8] = 0;
        let Some(WorkerFrame::Results { count, bytes, .. }) = WorkerFrame::parse(&frame) else {
            panic!()
        };
        assert!(!WorkerFrame::parse_results(bytes, count, |_| {}));
    }
}
