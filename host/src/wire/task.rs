//! Task and result frames: the hot path, so written by hand, fixed-width, and parsed without allocating.
//!
//! ```text
//! batch:   first_seq u32 │ function u32 │ count u32 │ count × { length u32 │ encoded arguments }
//! worker:  0 panicked: postcard string │ 1 ready │ 2 results
//! results: 2 u8 │ first_seq u32 │ batch_done u8 │ count u32 │
//!          count × { kind u8 │ wall_ns u64 │ cpu_ns u64 │ fuel u64 │ memory u64 │ length u32 │ encoded value or message }
//! ```
//! All numbers are little endian. Sequence numbers count the tasks of one worker.

/// The first byte of a worker's frame that reports a panic.
pub(super) const PANICKED: u8 = 0;
const READY: u8 = 1;
const RESULTS: u8 = 2;

/// Tasks for one worker, all of one function.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The sequence number of the first task; the others follow.
    pub first_seq: u32,
    /// Which function of the signature.
    pub function: u32,
    count: u32,
    tasks: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Reads the head of a batch.
    #[must_use]
    pub fn parse(frame: &'a [u8]) -> Option<Batch<'a>> {
        let mut bytes = Bytes(frame);
        let (first_seq, function, count) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
        Some(Batch { first_seq, function, count, tasks: bytes.0 })
    }

    /// The sequence number and the encoded arguments of each task; ends early where the frame is malformed.
    pub fn tasks(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut bytes = Bytes(self.tasks);
        let first = self.first_seq;
        (0..self.count).map_while(move |index| Some((first.wrapping_add(index), bytes.block()?)))
    }
}

/// Builds a batch frame.
#[derive(Debug)]
pub struct BatchWriter {
    frame: Vec<u8>,
    count: u32,
}

impl BatchWriter {
    /// An empty batch.
    #[must_use]
    pub fn new(first_seq: u32, function: u32) -> BatchWriter {
        let mut frame = Vec::with_capacity(256);
        frame.extend_from_slice(&first_seq.to_le_bytes());
        frame.extend_from_slice(&function.to_le_bytes());
        frame.extend_from_slice(&[0; 4]);
        BatchWriter { frame, count: 0 }
    }

    /// Adds a task by its encoded arguments.
    pub fn push(&mut self, arguments: &[u8]) {
        put_block(&mut self.frame, arguments);
        self.count += 1;
    }

    /// The frame's payload.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.frame[8..12].copy_from_slice(&self.count.to_le_bytes());
        self.frame
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
}

impl TaskFailureKind {
    const ALL: [TaskFailureKind; 6] =
        [Self::Trap, Self::Timeout, Self::Fuel, Self::Memory, Self::OutputLimit, Self::Init];
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

/// A frame from a worker.
#[derive(Clone, Copy, Debug)]
pub enum Results<'a> {
    /// It panicked, with this message.
    Panicked(&'a [u8]),
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
        /// The results, to be read by [`Results::parse_results`].
        bytes: &'a [u8],
    },
}

impl<'a> Results<'a> {
    /// Reads the head of a worker's frame.
    #[must_use]
    pub fn parse(frame: &'a [u8]) -> Option<Results<'a>> {
        let mut bytes = Bytes(frame);
        match bytes.u8()? {
            PANICKED => Some(Results::Panicked(bytes.0)),
            READY if bytes.0.is_empty() => Some(Results::Ready),
            RESULTS => {
                let (first_seq, done, count) = (bytes.u32()?, bytes.u8()?, bytes.u32()?);
                (done <= 1).then_some(Results::Results { first_seq, batch_done: done == 1, count, bytes: bytes.0 })
            }
            _ => None,
        }
    }

    /// Reads exactly `count` results, passing each to `take`; false if the bytes are malformed or any are left over.
    #[must_use]
    pub fn parse_results(bytes: &'a [u8], count: u32, mut take: impl FnMut(TaskResult<'a>)) -> bool {
        let mut bytes = Bytes(bytes);
        for _ in 0..count {
            let Some(result) = bytes.result() else { return false };
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
        ResultsWriter { frame, count: 0, first_seq }
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

    /// Adds a result, whose value `write` appends to the frame.
    pub fn push(&mut self, cost: Cost, outcome: Result<&mut dyn FnMut(&mut Vec<u8>), &TaskFailure>) {
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

fn put_block(frame: &mut Vec<u8>, block: &[u8]) {
    frame.extend_from_slice(&(block.len() as u32).to_le_bytes());
    frame.extend_from_slice(block);
}

/// A reader that answers `None` past the end.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        let (block, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(block)
    }

    fn result(&mut self) -> Option<TaskResult<'a>> {
        let kind = self.u8()?;
        let cost =
            Cost { wall_ns: self.u64()?, cpu_ns: self.u64()?, fuel: self.u64()?, memory_bytes: self.u64()? };
        let block = self.block()?;
        let outcome = match kind {
            0 => Ok(block),
            _ => {
                let kind = TaskFailureKind::ALL.into_iter().find(|known| *known as u8 == kind)?;
                Err(TaskFailure { kind, message: String::from_utf8_lossy(block).into_owned() })
            }
        };
        Some(TaskResult { outcome, cost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_reads_back_as_it_was_written() {
        let mut batch = BatchWriter::new(7, 2);
        batch.push(b"one");
        batch.push(b"");
        let frame = batch.finish();
        let batch = Batch::parse(&frame).unwrap();
        assert_eq!((batch.first_seq, batch.function), (7, 2));
        assert_eq!(batch.tasks().collect::<Vec<_>>(), [(7, &b"one"[..]), (8, &b""[..])]);
    }

    #[test]
    fn results_read_back_as_they_were_written() {
        let cost = Cost { wall_ns: 1, cpu_ns: 2, fuel: 3, memory_bytes: 4 };
        let failure = TaskFailure { kind: TaskFailureKind::Trap, message: "unreachable".into() };
        let mut writer = ResultsWriter::new(5);
        writer.push(cost, Ok(&mut |out: &mut Vec<u8>| out.extend_from_slice(b"value")));
        writer.push(cost, Err(&failure));
        let frame = writer.take(true).to_vec();
        let Some(Results::Results { first_seq: 5, batch_done: true, count: 2, bytes }) = Results::parse(&frame) else {
            panic!("not the results");
        };
        let mut read = Vec::new();
        assert!(Results::parse_results(bytes, 2, |result| read.push(result)));
        assert_eq!(read[0], TaskResult { outcome: Ok(b"value"), cost });
        assert_eq!(read[1], TaskResult { outcome: Err(failure), cost });
    }

    #[test]
    fn every_truncation_and_every_surplus_of_results_is_malformed() {
        let mut writer = ResultsWriter::new(0);
        writer.push(Cost::default(), Ok(&mut |out: &mut Vec<u8>| out.push(1)));
        let frame = writer.take(false).to_vec();
        for length in 0..frame.len() {
            let whole = match Results::parse(&frame[..length]) {
                Some(Results::Results { count, bytes, .. }) => Results::parse_results(bytes, count, |_| {}),
                _ => false,
            };
            assert!(!whole, "{length} of {} bytes passed", frame.len());
        }
        let mut surplus = frame.clone();
        surplus.push(0);
        let Some(Results::Results { count, bytes, .. }) = Results::parse(&surplus) else { panic!() };
        assert!(!Results::parse_results(bytes, count, |_| {}));
    }

    #[test]
    fn an_unknown_failure_kind_is_malformed() {
        let mut writer = ResultsWriter::new(0);
        writer.push(Cost::default(), Ok(&mut |_: &mut Vec<u8>| {}));
        let mut frame = writer.take(false).to_vec();
        frame[10] = 200;
        let Some(Results::Results { count, bytes, .. }) = Results::parse(&frame) else { panic!() };
        assert!(!Results::parse_results(bytes, count, |_| {}));
    }
}
