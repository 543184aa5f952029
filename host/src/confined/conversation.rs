//! A worker's side of the conversation: batches in, results out, and calls of the host in between.
//!
//! Shared by the worker's loop and the running task, whose clock may send results ahead and whose imports call the host.

use super::guest::Returned;
use super::link::Link;
use crate::value::{Budget, Placed, Type, Value, encode_args, encode_but_last};
use crate::wire::{
    Cost, FrameReader, Printed, ResultsWriter, TaskFailure, WorkerFrame, host_call,
    parse_host_answer, stream_functions,
};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest frame that is read: the supervisor is trusted, but a bound costs nothing.
const MAX_FRAME: usize = u32::MAX as usize;

/// Results are sent when this many bytes wait, though the batch goes on.
const SEND_AT: usize = 64 * 1024;

/// They are, too, as soon as the supervisor has not heard of any for so long: a little longer than a long batch takes.
const QUIET: Duration = Duration::from_millis(10);

/// How much that was written to a stream of the host's waits for more, in bytes.
const PIECE: usize = 64 * 1024;

/// A call of the host failed, and the task that made it with it.
#[derive(Debug)]
pub(super) struct HostCallFailed(pub(super) String);

impl fmt::Display for HostCallFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HostCallFailed {}

/// One for each worker.
#[derive(Clone)]
pub(super) struct Conversation(Arc<Mutex<Inner>>);

struct Inner {
    link: Link,
    /// A copy, in memory that a fork shares.
    greeting: Box<[u8]>,
    /// What was read and not looked at.
    ahead: FrameReader,
    /// The results that wait to be sent.
    results: ResultsWriter,
    /// When the batch began, or results were sent ahead of its end.
    quiet_since: Instant,
    /// Batches that came while an answer of the host was waited for.
    early: VecDeque<Vec<u8>>,
    unsent: Unsent,
}

/// What was written to a stream of the host's and is not on its way.
#[derive(Default)]
struct Unsent {
    /// The function that the stream is written by.
    function: u32,
    bytes: Vec<u8>,
    /// The functions of streams that nobody reads any more.
    closed: Vec<u32>,
}

impl Conversation {
    /// A conversation over a link that nothing else reads from then on. Its memory is there from the beginning, where a template makes
    /// it before it forks.
    pub(super) fn new(link: Link) -> Conversation {
        let conversation = Conversation(Arc::new(Mutex::new(Inner {
            link,
            greeting: WorkerFrame::GREETING.into(),
            ahead: FrameReader::new(MAX_FRAME),
            results: ResultsWriter::new(0),
            quiet_since: Instant::now(),
            early: VecDeque::new(),
            unsent: Unsent::default(),
        })));
        // The read buffer comes last: a short batch touches only its beginning.
        conversation.lock().ahead.room();
        conversation
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the worker is ready.
    pub(super) fn greet(&self) {
        let inner = &mut *self.lock();
        inner.link.send_whole(&inner.greeting);
    }

    /// The frame of the next batch.
    pub(super) fn next_batch(&self) -> Vec<u8> {
        let inner = &mut *self.lock();
        let early = inner.early.pop_front();
        early.unwrap_or_else(|| inner.receive())
    }

    /// The same for a worker that runs one: it keeps the memory that it was read into.
    pub(super) fn only_batch(&self) -> Placed {
        let inner = &mut *self.lock();
        inner.link.receive_last(&mut inner.ahead)
    }

    /// From here on results are of the tasks from `seq` on.
    pub(super) fn begin_batch(&self, seq: u32, now: Instant) {
        let inner = &mut *self.lock();
        inner.results.restart(seq);
        inner.quiet_since = now;
    }

    /// Sends the results of the tasks before the running one.
    pub(super) fn send_ahead(&self) {
        self.lock().send_ahead();
    }

    /// The same, if it was quiet for long: those of short tasks are sent together when their batch is done.
    pub(super) fn tick(&self, now: Instant) {
        let inner = &mut *self.lock();
        if inner.was_quiet(now) {
            inner.send_ahead();
        }
    }

    /// Sends what waits, and with `batch_done` the end of the batch.
    pub(super) fn send_results(&self, batch_done: bool) {
        self.lock().send_results(batch_done);
    }

    /// Adds the result of a task that ended `now` to what waits, or sends it at once where it is long. Returns whether what waits
    /// should be sent ahead of its batch.
    pub(super) fn push(
        &self,
        now: Instant,
        cost: Cost,
        outcome: Result<&Returned, &TaskFailure>,
        printed: Printed<'_>,
    ) -> bool {
        let inner = &mut *self.lock();
        if let Ok(Returned::Value(Some(value @ (Value::Bytes(_) | Value::String(_))))) = outcome
            && printed.is_empty()
            && inner.send_long(cost, value)
        {
            return false;
        }
        let results = &mut inner.results;
        let write = outcome.map(|returned| move |out: &mut Vec<u8>| returned.encode(out));
        results.push_printed(cost, write, printed);
        results.bytes() >= SEND_AT || inner.was_quiet(now)
    }

    /// Calls a function of the host and waits: the encoded result, or why the task fails.
    pub(super) fn call_host(
        &self,
        function: u32,
        arguments: &[u8],
    ) -> Result<Vec<u8>, HostCallFailed> {
        let inner = &mut *self.lock();
        inner.send_unsent()?;
        inner.call_host(function, arguments)
    }

    /// Reads from a stream of the host's, of which it waits for at least a byte; nothing is its end.
    pub(super) fn read_stream(&self, function: u32, most: u32) -> wasmtime::Result<Vec<u8>> {
        let inner = &mut *self.lock();
        inner.send_unsent()?;
        let [stdin, ..] = stream_functions();
        match inner.call_stream(function, Value::U32(most), stdin.result.as_ref())? {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Ok(Vec::new()),
        }
    }

    /// Waits until the host's standard input can be read, at most that long; whether it can.
    pub(super) fn wait_for_stream(&self, function: u32, time: Duration) -> wasmtime::Result<bool> {
        let inner = &mut *self.lock();
        inner.send_unsent()?;
        let [.., wait] = stream_functions();
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let ready = inner.call_stream(function, Value::U64(time), wait.result.as_ref())?;
        Ok(ready == Value::Bool(true))
    }

    /// Writes to a stream of the host's, now or together with what comes next; whether anybody reads it.
    pub(super) fn write_stream(&self, function: u32, bytes: &[u8]) -> wasmtime::Result<bool> {
        let inner = &mut *self.lock();
        if inner.unsent.function != function {
            inner.send_unsent()?;
            inner.unsent.function = function;
        }
        if inner.unsent.closed.contains(&function) {
            return Ok(false);
        }
        inner.unsent.bytes.extend_from_slice(bytes);
        if inner.unsent.bytes.len() >= PIECE {
            inner.send_unsent()?;
        }
        Ok(!inner.unsent.closed.contains(&function))
    }

    /// Sends what was written to streams of the host's.
    pub(super) fn flush_streams(&self) -> Result<(), HostCallFailed> {
        self.lock().send_unsent()
    }

    /// Forgets what a task left: the next one has streams of its own.
    pub(super) fn forget_streams(&self) {
        self.lock().unsent = Unsent::default();
    }
}

impl Inner {
    fn receive(&mut self) -> Vec<u8> {
        self.link.receive_ahead(&mut self.ahead)
    }

    fn send_ahead(&mut self) {
        if self.results.count() > 0 {
            self.send_results(false);
            self.quiet_since = Instant::now();
        }
    }

    fn was_quiet(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.quiet_since) >= QUIET
    }

    fn send_results(&mut self, batch_done: bool) {
        self.link.send_whole(self.results.take_whole(batch_done));
        self.results.restart(self.results.next_seq());
    }

    /// Sends a long value, and the results before it, without a copy of it; whether it was one.
    fn send_long(&mut self, cost: Cost, value: &Value) -> bool {
        let mut begun = Vec::new();
        let Some(behind) = encode_but_last(value, &mut begun) else {
            return false;
        };
        self.results.push_last(cost, &begun, behind.len());
        self.link.send_whole(self.results.take_whole(false));
        self.link.send_whole(behind);
        self.results.restart(self.results.next_seq());
        self.quiet_since = Instant::now();
        true
    }

    fn call_host(&mut self, function: u32, arguments: &[u8]) -> Result<Vec<u8>, HostCallFailed> {
        self.send_ahead();
        self.link.send_bytes(&host_call(function, arguments));
        loop {
            let frame = self.receive();
            match parse_host_answer(&frame) {
                Some(answer) => return answer.map(<[u8]>::to_vec).map_err(HostCallFailed),
                None => self.early.push_back(frame),
            }
        }
    }

    fn call_stream(
        &mut self,
        function: u32,
        argument: Value,
        result: Option<&Type>,
    ) -> Result<Value, HostCallFailed> {
        let mut arguments = Vec::new();
        encode_args(&[argument], &mut arguments);
        let answer = self.call_host(function, &arguments)?;
        let value = result.map(|ty| Budget::for_bytes(answer.len()).decode(ty, &answer));
        match value {
            Some(Ok(value)) => Ok(value),
            _ => Err(HostCallFailed("a stream of the host's is broken".into())),
        }
    }

    fn send_unsent(&mut self) -> Result<(), HostCallFailed> {
        if self.unsent.bytes.is_empty() {
            return Ok(());
        }
        let [_, stdout, ..] = stream_functions();
        let bytes = Value::Bytes(std::mem::take(&mut self.unsent.bytes));
        let function = self.unsent.function;
        let answer = self.call_stream(function, bytes, stdout.result.as_ref())?;
        if answer != Value::Bool(true) {
            self.unsent.closed.push(function);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_result_goes_ahead_of_its_batch_when_it_was_quiet_for_long_and_not_before() {
        let (worker, mut supervisor) = UnixStream::pair().unwrap();
        supervisor.set_nonblocking(true).unwrap();
        let worker: &'static UnixStream = Box::leak(Box::new(worker));
        let conversation = Conversation::new(Link::over(worker.as_fd()));
        let end_a_task = |now| {
            let nothing = Returned::Value(None);
            conversation.push(now, Cost::default(), Ok(&nothing), Printed::default())
        };
        let mut is_sent = || supervisor.read(&mut [0; 4096]).is_ok();
        let begun = Instant::now();
        let (soon, late) = (begun + QUIET - Duration::from_nanos(1), begun + QUIET);
        conversation.begin_batch(1, begun);
        conversation.tick(late);
        assert!(!is_sent(), "there is none");
        assert!(!end_a_task(soon));
        conversation.tick(soon);
        assert!(!is_sent());
        conversation.tick(late);
        assert!(is_sent());
        // Now it has just been sent, whatever `begun` was.
        assert!(!end_a_task(begun));
        conversation.tick(begun);
        assert!(!is_sent());
        conversation.send_results(true);
        assert!(is_sent());
        // No code of the guest need run for it: a task that ends late is enough.
        conversation.begin_batch(9, begun);
        assert!(!end_a_task(soon) && end_a_task(late));
    }
}
