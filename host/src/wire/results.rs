//! What a worker sends: the hot path, so written by hand, fixed-width, and parsed without allocating.
//!
//! ```text
//! 0 panicked: postcard string │ 1 ready │ 2 results │ 3 host call, see there
//! results: 2 u8 │ first_seq u32 │ batch_done u8 │ count u32 │
//!          count × { kind u8 │ wall_ns u64 │ cpu_ns u64 │ fuel u64 │ memory u64 │ length u32 │ encoded value or message }
//! ```
//! All numbers are little endian. Sequence numbers count the tasks of one worker.

use super::bytes::{Bytes, put_block};
use super::host_call::HOST_CALL;

/// The first byte of a worker's frame that reports a panic.
pub(super) const PANICKED: u8 = 0;
const READY: u8 = 1;

/// How much of a failure's message is read, in bytes.
const MESSAGE_BYTES: usize = 4096;

const RESULTS: u8 = 2;

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

/// The ways in which a worker may say that a task failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TaskFailureKind {
    /// The code trapped.
    Trap = 1,
    /// The time limit passed.
    Timeout = 2,
    /// The fuel ran out.
    Fuel = 3,
    /// A growth of memory was refused, and the code trapped.
    Memory = 4,
    /// The result is too large.
    OutputLimit = 5,
    /// Instantiation failed.
    Init = 6,
    /// The arguments are more than the worker can hand over.
    BadArgument = 7,
    /// A host function that it called failed.
    HostCall = 8,
}

impl TaskFailureKind {
    const ALL: [TaskFailureKind; 8] = [
        Self::Trap,
        Self::Timeout,
        Self::Fuel,
        Self::Memory,
        Self::OutputLimit,
        Self::Init,
        Self::BadArgument,
        Self::HostCall,
    ];
}

/// A failure as a worker reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// Which way.
    pub kind: TaskFailureKind,
    /// What the engine said, for a person.
    pub message: String,
}

/// One result: the encoded value, or a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskResult<'a> {
    /// The encoded value, or what went wrong.
    pub outcome: Result<&'a [u8], TaskFailure>,
    /// What it used.
    pub cost: Cost,
}

impl<'a> TaskResult<'a> {
    fn read(bytes: &mut Bytes<'a>) -> Option<TaskResult<'a>> {
        let kind = bytes.u8()?;
        let cost = Cost {
            wall_ns: bytes.u64()?,
            cpu_ns: bytes.u64()?,
            fuel: bytes.u64()?,
            memory_bytes: bytes.u64()?,
        };
        let block = bytes.block()?;
        let outcome = match kind {
            0 => Ok(block),
            _ => {
                let kind = TaskFailureKind::ALL
                    .into_iter()
                    .find(|known| *known as u8 == kind)?;
                Err(TaskFailure {
                    kind,
                    message: String::from_utf8_lossy(&block[..block.len().min(MESSAGE_BYTES)])
                        .into_owned(),
                })
            }
        };
        Some(TaskResult { outcome, cost })
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

    /// The frame with which a worker says that it is ready.
    #[must_use]
    pub fn ready_frame() -> Vec<u8> {
        vec![READY]
    }
}

/// Appends an encoded value to a frame.
pub(super) type WriteValue<'a> = &'a mut dyn FnMut(&mut Vec<u8>);

/// Builds the result frames of a worker.
#[derive(Debug)]
pub struct ResultsWriter {
    frame: Vec<u8>,
    count: u32,
    first_seq: u32,
}

impl ResultsWriter {
    const HEAD: usize = 10;

    /// No results yet, the next of which is that of task `first_seq`.
    #[must_use]
    pub fn new(first_seq: u32) -> ResultsWriter {
        let mut frame = Vec::with_capacity(4096);
        frame.resize(Self::HEAD, 0);
        ResultsWriter {
            frame,
            count: 0,
            first_seq,
        }
    }

    /// How many results wait to be sent.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many bytes wait to be sent.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.frame.len()
    }

    /// Adds a result; the value is appended to the frame by a closure.
    pub fn push(&mut self, cost: Cost, outcome: Result<WriteValue<'_>, &TaskFailure>) {
        self.frame.push(match &outcome {
            Ok(_) => 0,
            Err(failure) => failure.kind as u8,
        });
        for number in [cost.wall_ns, cost.cpu_ns, cost.fuel, cost.memory_bytes] {
            self.frame.extend_from_slice(&number.to_le_bytes());
        }
        match outcome {
            Ok(write) => {
                let at = self.frame.len();
                self.frame.extend_from_slice(&[0; 4]);
                write(&mut self.frame);
                let length = (self.frame.len() - at - 4) as u32;
                self.frame[at..at + 4].copy_from_slice(&length.to_le_bytes());
            }
            Err(failure) => put_block(&mut self.frame, failure.message.as_bytes()),
        }
        self.count += 1;
    }

    /// The payload of a frame with all results so far, which are forgotten; `batch_done` ends the batch.
    pub fn take(&mut self, batch_done: bool) -> &[u8] {
        self.frame[0] = RESULTS;
        self.frame[1..5].copy_from_slice(&self.first_seq.to_le_bytes());
        self.frame[5] = u8::from(batch_done);
        self.frame[6..10].copy_from_slice(&self.count.to_le_bytes());
        &self.frame
    }

    /// Starts the next frame after [`ResultsWriter::take`], at task `first_seq`.
    pub fn restart(&mut self, first_seq: u32) {
        self.frame.truncate(Self::HEAD);
        self.frame.shrink_to(1024 * 1024);
        self.count = 0;
        self.first_seq = first_seq;
    }

    /// The sequence number after the last result.
    #[must_use]
    pub fn next_seq(&self) -> u32 {
        self.first_seq.wrapping_add(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        writer.push(cost, Err(&failure));
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
                cost
            }
        );
        assert_eq!(
            read[1],
            TaskResult {
                outcome: Err(failure),
                cost
            }
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
        frame[10] = 200;
        let Some(WorkerFrame::Results { count, bytes, .. }) = WorkerFrame::parse(&frame) else {
            panic!()
        };
        assert!(!WorkerFrame::parse_results(bytes, count, |_| {}));
    }
}
