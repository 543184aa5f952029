//! Tasks of one caller on their way in, and their outcomes on their way out: bounded, and in order where that was asked for.
//!
//! ```text
//!  Inputs::send ─ reserve ─► driver ─ Reply ─► ready ─► Outcomes::next
//!       └──── waits for room ◄──── taken ◄────────────────┘
//! ```
//! Between the two at most [`WINDOW_TASKS`] tasks or about [`WINDOW_BYTES`] are under way, so that a million inputs need no
//! more memory than a few thousand.

use super::outcome::Outcome;
use super::reply::Reply;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Tasks under way in one stream, at most.
const WINDOW_TASKS: u64 = 65_536;

/// Bytes of arguments and waiting results in one stream beyond which no more are taken in.
const WINDOW_BYTES: usize = 32 << 20;

/// Whether outcomes come in the order of the inputs.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/spin.wasm").build()?;
/// let (mut inputs, outcomes) = pool.stream("spin", wpool::Order::Completion)?;
/// for turns in [100_000_000, 1] {
///     inputs.send(&[wpool::Value::S64(turns)])?;
/// }
/// drop(inputs);
/// // Whatever is done first comes first, with the number of its input.
/// let numbers: Vec<u64> = outcomes.map(|(number, _)| number).collect();
/// assert_eq!(numbers.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the inputs were: one that is slow holds back those behind it.
    Input,
    /// As they finish.
    Completion,
}

/// Sees each outcome as soon as it is there, with the number of its input.
pub(super) struct Watch(pub(super) Box<See>);

type See = dyn Fn(u64, &Outcome) + Send + Sync;

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

/// What both ends and the driver share.
#[derive(Debug)]
pub(crate) struct Stream {
    order: Order,
    watch: Option<Watch>,
    state: Mutex<State>,
    /// Its tasks are not wanted any more, those that are still to come included.
    cancelled: Arc<AtomicBool>,
    outcome_ready: Condvar,
    room_made: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Outcomes by position: that of task `taken` is first. In completion order, the finished ones with their numbers.
    waiting: VecDeque<Option<(u64, Outcome)>>,
    sent: u64,
    taken: u64,
    bytes: usize,
    /// No more inputs will come.
    ended: bool,
    /// Nobody will take outcomes any more.
    abandoned: bool,
}

impl State {
    fn has_room(&self) -> bool {
        let under_way = self.sent - self.taken;
        under_way == 0 || (under_way < WINDOW_TASKS && self.bytes < WINDOW_BYTES)
    }

    /// Whether nothing is taken in any more.
    fn is_closed(&self) -> bool {
        self.abandoned || self.ended
    }

    fn is_ready(&self) -> bool {
        matches!(self.waiting.front(), Some(Some(_)))
    }
}

/// Why an input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The window is full.
    Full,
    /// The outcomes are not wanted any more, or no more inputs are.
    Abandoned,
}

impl Stream {
    #[cfg(test)]
    pub(crate) fn new(order: Order) -> Arc<Stream> {
        Stream::watched(order, None)
    }

    pub(super) fn watched(order: Order, watch: Option<Watch>) -> Arc<Stream> {
        let state = Mutex::default();
        Arc::new(Stream {
            order,
            watch,
            state,
            cancelled: Arc::default(),
            outcome_ready: Condvar::new(),
            room_made: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn cancelled(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    /// Takes in one task of `bytes` of arguments: the place where its outcome goes. Waits for room if told to.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize, wait: bool) -> Result<Reply, Refused> {
        let mut state = self.state();
        while !state.has_room() && !state.is_closed() {
            if !wait {
                return Err(Refused::Full);
            }
            state = self
                .room_made
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed() {
            return Err(Refused::Abandoned);
        }
        let index = state.sent;
        state.sent += 1;
        state.bytes += bytes;
        if self.order == Order::Input {
            state.waiting.push_back(None);
        }
        Ok(Reply::to_stream(Arc::clone(self), index, bytes))
    }

    /// No more inputs will come.
    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.outcome_ready.notify_all();
        self.room_made.notify_all();
    }

    /// Nobody takes outcomes any more.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        state.waiting.clear();
        self.room_made.notify_all();
    }

    /// Appends the outcomes that are ready to `into`, and if there are none waits for one if told to. False when there will be
    /// no more.
    pub(crate) fn take(&self, into: &mut VecDeque<(u64, Outcome)>, wait: bool) -> bool {
        let mut state = self.state();
        while !state.is_ready() {
            if state.ended && state.taken == state.sent {
                return false;
            }
            if !wait {
                return true;
            }
            state = self
                .outcome_ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        while let Some(Some((index, outcome))) =
            state.waiting.pop_front_if(|outcome| outcome.is_some())
        {
            state.bytes = state.bytes.saturating_sub(size_of_outcome(&outcome));
            state.taken += 1;
            into.push_back((index, outcome));
        }
        self.room_made.notify_all();
        true
    }

    /// Puts outcomes in their places, each with its index and the bytes of its arguments, and wakes the consumer once.
    pub(super) fn deliver(&self, outcomes: impl Iterator<Item = (u64, usize, Outcome)>) {
        let Some(Watch(watch)) = &self.watch else {
            return self.put_all(outcomes);
        };
        // Whoever watches may ask anything of the stream, which is not locked meanwhile.
        let watched = outcomes.inspect(|(index, _, outcome)| watch(*index, outcome));
        let watched: Vec<_> = watched.collect();
        self.put_all(watched.into_iter());
    }

    fn put_all(&self, outcomes: impl Iterator<Item = (u64, usize, Outcome)>) {
        let mut state = self.state();
        for (index, bytes, outcome) in outcomes {
            self.put(&mut state, index, bytes, outcome);
        }
        if state.is_ready() {
            self.outcome_ready.notify_all();
        }
    }

    fn put(&self, state: &mut State, index: u64, bytes: usize, outcome: Outcome) {
        state.bytes = state.bytes.saturating_sub(bytes);
        if state.abandoned {
            state.taken += 1;
            return;
        }
        state.bytes += size_of_outcome(&outcome);
        match self.order {
            Order::Completion => state.waiting.push_back(Some((index, outcome))),
            Order::Input => {
                let position = (index - state.taken) as usize;
                if let Some(place) = state.waiting.get_mut(position) {
                    *place = Some((index, outcome));
                }
            }
        }
    }
}

/// About how many bytes an outcome keeps beyond its fixed size.
fn size_of_outcome(outcome: &Outcome) -> usize {
    let result = match &outcome.result {
        Ok(value) => value.as_ref().map_or(0, crate::value::Value::heap_bytes),
        Err(failure) => failure.message().len(),
    };
    result + outcome.stdout.len() + outcome.stderr.len()
}

#[cfg(test)]
mod tests {
    use super::super::outcome::FailureKind;
    use super::*;
    use crate::value::Value;

    fn ok(number: i64) -> Outcome {
        Outcome {
            result: Ok(Some(Value::S64(number))),
            usage: super::super::outcome::Usage::default(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }

    fn drain(stream: &Stream) -> Vec<u64> {
        let mut taken = VecDeque::new();
        stream.take(&mut taken, false);
        taken.into_iter().map(|(index, _)| index).collect()
    }

    #[test]
    fn in_input_order_an_early_outcome_waits_for_its_turn() {
        let stream = Stream::new(Order::Input);
        let [first, second] = [0, 0].map(|bytes| stream.reserve(bytes, false).unwrap());
        second.send(ok(2));
        assert!(drain(&stream).is_empty());
        first.send(ok(1));
        assert_eq!(drain(&stream), [0, 1]);
    }

    #[test]
    fn in_completion_order_nothing_waits() {
        let stream = Stream::new(Order::Completion);
        let [_first, second] = [0, 0].map(|bytes| stream.reserve(bytes, false).unwrap());
        second.send(ok(2));
        assert_eq!(drain(&stream), [1]);
    }

    #[test]
    fn a_full_window_takes_nothing_until_an_outcome_is_taken() {
        let stream = Stream::new(Order::Input);
        let mut replies: Vec<_> = (0..WINDOW_TASKS)
            .map(|_| stream.reserve(0, false).unwrap())
            .collect();
        assert_eq!(stream.reserve(0, false).err(), Some(Refused::Full));
        replies.remove(0).send(ok(0));
        assert_eq!(
            stream.reserve(0, false).err(),
            Some(Refused::Full),
            "it was not taken yet"
        );
        assert_eq!(drain(&stream), [0]);
        assert!(stream.reserve(0, false).is_ok());
    }

    #[test]
    fn large_arguments_fill_the_window_but_one_is_always_taken() {
        let stream = Stream::new(Order::Input);
        let first = stream.reserve(WINDOW_BYTES + 1, false).unwrap();
        assert_eq!(stream.reserve(1, false).err(), Some(Refused::Full));
        first.send(ok(0));
        drain(&stream);
        assert!(stream.reserve(WINDOW_BYTES + 1, false).is_ok());
    }

    #[test]
    fn a_dropped_reply_is_a_cancelled_task() {
        let stream = Stream::new(Order::Input);
        drop(stream.reserve(0, false).unwrap());
        let mut taken = VecDeque::new();
        assert!(stream.take(&mut taken, true));
        let (_, outcome) = taken.pop_front().unwrap();
        assert_eq!(outcome.result.unwrap_err().kind(), FailureKind::Cancelled);
    }

    #[test]
    fn a_cancelled_stream_says_so_of_tasks_that_are_under_way_and_of_those_to_come() {
        let stream = Stream::new(Order::Input);
        let before = stream.reserve(0, false).unwrap();
        assert!(!before.is_cancelled());
        stream.cancelled().store(true, Ordering::Relaxed);
        let after = stream.reserve(0, false).unwrap();
        assert!(before.is_cancelled() && after.is_cancelled());
    }

    #[test]
    fn an_ended_stream_says_so_after_its_last_outcome() {
        let stream = Stream::new(Order::Input);
        let reply = stream.reserve(0, false).unwrap();
        stream.end();
        reply.send(ok(1));
        let mut taken = VecDeque::new();
        assert!(stream.take(&mut taken, true));
        assert!(!stream.take(&mut taken, true));
        assert_eq!(taken.len(), 1);
    }

    #[test]
    fn an_ended_stream_takes_nothing_and_lets_nobody_wait_for_room() {
        let stream = Stream::new(Order::Input);
        let reply = stream.reserve(WINDOW_BYTES + 1, false).unwrap();
        let waiting = Arc::clone(&stream);
        let waiting = std::thread::spawn(move || waiting.reserve(1, true).err());
        stream.end();
        assert_eq!(waiting.join().unwrap(), Some(Refused::Abandoned));
        reply.send(ok(1));
        assert_eq!(drain(&stream), [0]);
    }

    #[test]
    fn an_abandoned_stream_takes_nothing_and_keeps_nothing() {
        let stream = Stream::new(Order::Input);
        let reply = stream.reserve(0, false).unwrap();
        stream.abandon();
        reply.send(ok(1));
        assert_eq!(stream.reserve(0, true).err(), Some(Refused::Abandoned));
        assert!(stream.state().waiting.is_empty());
    }
}
