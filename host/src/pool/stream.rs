//! Tasks of one caller on their way in, and their outcomes on their way out: bounded, and in order where that was asked for.
//!
//! ```text
//!  Inputs::send ─ places ──► driver ─ Ends ──► ready ─► Outcomes::next
//!       └──── waits for room ◄──── taken ◄────────────────┘
//! ```
//! Between the two at most [`WINDOW_TASKS`] tasks or about [`WINDOW_BYTES`] are under way, so that a million inputs need no
//! more memory than a few thousand.

use super::ends::Ends;
use super::outcome::Failure;
use crate::value::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Tasks under way in one stream, at most.
const WINDOW_TASKS: u64 = 65_536;

/// Bytes of arguments and waiting results in one stream beyond which no more are taken in.
const WINDOW_BYTES: usize = 32 << 20;

/// As many outcomes as it pays to be woken for: those of the largest batch.
const MANY: u64 = 4096;

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

/// Sees each result as soon as it is there, with the number of its input.
pub(super) struct Watch(pub(super) Box<See>);

type See = dyn Fn(u64, &Result<Option<Value>, Failure>) + Send + Sync;

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
    /// Nothing is taken in any more.
    closed: AtomicBool,
    /// There is an outcome to take.
    ready: AtomicBool,
    outcome_ready: Condvar,
    room_made: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What can be taken.
    ready: VecDeque<Ends>,
    /// How many outcomes those are.
    count: u64,
    /// In input order, what waits for its turn, by the number of its first.
    early: BTreeMap<u64, Ends>,
    /// In input order, the number of the task whose turn it is.
    turn: u64,
    sent: u64,
    taken: u64,
    bytes: usize,
    /// No more inputs will come.
    ended: bool,
    /// Nobody will take outcomes any more.
    abandoned: bool,
    /// How somebody waits for outcomes.
    awaited: Option<Wait>,
    /// Somebody waits for room.
    is_short: bool,
}

/// How long whoever takes outcomes waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Not at all.
    No,
    /// Until there is one.
    ForOne,
    /// Until there are [`MANY`], or as many as will come. For one where they are large, or where workers could be short of tasks before
    /// there are many. Whoever waits so is the one who sends: what that thread does to the stream wakes nobody.
    ForMany,
}

impl State {
    /// How many outcomes whoever waits so is woken for.
    fn enough(&self, wait: Wait) -> u64 {
        let under_way = self.sent - self.taken;
        match wait {
            Wait::No | Wait::ForOne => 1,
            Wait::ForMany if self.bytes >= WINDOW_BYTES => 1,
            Wait::ForMany if self.ended => under_way.clamp(1, MANY),
            // Workers are not to wait for what is sent then.
            Wait::ForMany if under_way >= 4 * MANY => MANY,
            Wait::ForMany => 1,
        }
    }

    /// How many more tasks may come.
    fn room(&self) -> u64 {
        let under_way = self.sent - self.taken;
        match under_way {
            0 => WINDOW_TASKS,
            _ if self.bytes >= WINDOW_BYTES => 0,
            _ => WINDOW_TASKS.saturating_sub(under_way),
        }
    }

    /// Whether nothing is taken in any more.
    fn is_closed(&self) -> bool {
        self.abandoned || self.ended
    }

    /// In input order, adds ends of tasks, and with them those whose turn has come.
    fn put_in_turn(&mut self, ends: Ends) {
        self.early.insert(ends.first(), ends);
        while let Some(next) = self.early.first_entry()
            && *next.key() == self.turn
        {
            let ends = next.remove();
            self.turn = ends.until();
            self.make_ready(ends);
        }
    }

    fn make_ready(&mut self, ends: Ends) {
        self.count += ends.len() as u64;
        self.ready.push_back(ends);
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
            closed: AtomicBool::new(false),
            ready: AtomicBool::new(false),
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

    /// Whether nothing is taken in any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether there is an outcome to take. It costs less than to try.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(crate) fn cancelled(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    /// The places of tasks that are about to come, at most so many and at least one. Waits for room if told to. Those that are
    /// not used are given back by [`Stream::settle`].
    pub(crate) fn places(&self, most: u64, wait: bool) -> Result<Range<u64>, Refused> {
        let mut state = self.state();
        let room = loop {
            if state.is_closed() {
                return Err(Refused::Abandoned);
            }
            match state.room() {
                0 if !wait => return Err(Refused::Full),
                0 => state.is_short = true,
                room => break room,
            }
            state = self
                .room_made
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        };
        let first = state.sent;
        let count = room.min(most).max(1);
        state.sent += count;
        Ok(first..first + count)
    }

    /// Says what became of the places that were taken last: the last ones were not used, and the arguments of the others take so
    /// many bytes. The bytes are to be said before any of those tasks can end, and what was not used before more places are taken.
    pub(crate) fn settle(&self, unused: u64, bytes: usize) {
        let mut state = self.state();
        state.sent -= unused;
        state.bytes += bytes;
        // Whoever waits for the last outcome may have it already.
        if unused > 0 && state.ended {
            self.outcome_ready.notify_all();
        }
    }

    /// No more inputs will come.
    pub(crate) fn end(&self) {
        self.closed.store(true, Ordering::Release);
        self.state().ended = true;
        self.outcome_ready.notify_all();
        self.room_made.notify_all();
    }

    /// Nobody takes outcomes any more.
    pub(crate) fn abandon(&self) {
        self.closed.store(true, Ordering::Release);
        let mut state = self.state();
        state.abandoned = true;
        let dropped = (
            std::mem::take(&mut state.ready),
            std::mem::take(&mut state.early),
        );
        state.count = 0;
        drop(state);
        drop(dropped);
        self.room_made.notify_all();
    }

    /// Appends the outcomes that are ready to `into`, and waits for them if told to. False when there will be no more.
    pub(super) fn take(&self, into: &mut VecDeque<Ends>, wait: Wait) -> bool {
        let mut state = self.state();
        while state.count < state.enough(wait) {
            if state.ended && state.taken == state.sent {
                return false;
            }
            if wait == Wait::No {
                return true;
            }
            state.awaited = Some(wait);
            state = self
                .outcome_ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut ready = std::mem::take(&mut state.ready);
        state.taken += std::mem::take(&mut state.count);
        state.awaited = None;
        let bytes = ready.iter().map(Ends::heap_bytes).sum();
        state.bytes = state.bytes.saturating_sub(bytes);
        into.append(&mut ready);
        self.ready.store(false, Ordering::Release);
        if std::mem::take(&mut state.is_short) {
            self.room_made.notify_all();
        }
        true
    }

    /// Shows what ended to whoever watches.
    pub(super) fn watch(&self, ends: &Ends) {
        if let Some(Watch(watch)) = &self.watch {
            ends.show(|index, ended| watch(index, &ended.result));
        }
    }

    /// Puts ends of tasks in their places, with how many bytes of arguments are not kept any more, and wakes the consumer once,
    /// if there are enough for it.
    pub(super) fn put(&self, all: impl Iterator<Item = (Ends, usize)>) {
        let mut state = self.state();
        for (ends, freed) in all {
            state.bytes = state.bytes.saturating_sub(freed);
            if state.abandoned {
                state.taken += ends.len() as u64;
                continue;
            }
            state.bytes += ends.heap_bytes();
            match self.order {
                Order::Completion => state.make_ready(ends),
                Order::Input => state.put_in_turn(ends),
            }
        }
        if state.count > 0 {
            self.ready.store(true, Ordering::Release);
        }
        let is_enough = |wait| state.count >= state.enough(wait);
        if state.awaited.is_some_and(is_enough) {
            state.awaited = None;
            self.outcome_ready.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
