//! Combines values by a function of two, in the pool, many pairs at once.
//!
//! ```text
//!  leaves (a thread) ─► events ─► Tree ─ pairs ─► pool
//!                         ▲                        │
//!                         └── combined (a thread) ◄┘
//! ```

use super::tree::{Piece, Rest, Tree};
use crate::cli::progress::Counts;
use crate::cli::setup::Refused;
use anyhow::bail;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use wpool::{
    Closer, Failure, Function, Inputs, Order, Outcome, PluginHandle, Type, Value, printable,
};

/// Values that were read and are not part of the tree yet, at most.
const AHEAD: usize = 4096;

/// The bytes that they keep, at most, but for one of them.
const AHEAD_BYTES: usize = 32 << 20;

/// Pairs that are being combined beyond which no more values are asked for.
const AT_ONCE: usize = 8192;

/// Something that happens to a fold.
enum Event {
    /// A value, by its place, and how many bytes it keeps.
    Leaf(u64, Value, usize),
    /// What should have been a value failed, and it was told.
    NoLeaf,
    /// No more values will come.
    End,
    /// The pair that was sent as number so and so.
    Combined(u64, Box<Outcome>),
}

/// Where the values go that are to be combined. Dropped before its end, a value is missing.
pub(in crate::cli) struct Leaves {
    events: Sender<Event>,
    room: Arc<Room>,
    is_complete: bool,
}

/// The fold does not want any more.
#[derive(Debug)]
pub(in crate::cli) struct Over;

impl Leaves {
    /// The value at that place, counted from 0: each comes once, in any order. Waits for room.
    pub(in crate::cli) fn send(&self, place: u64, value: Value) -> Result<(), Over> {
        let bytes = value.heap_bytes();
        self.room.take(bytes);
        let sent = self.events.send(Event::Leaf(place, value, bytes));
        sent.map_err(|_| Over)
    }

    /// All have come.
    pub(in crate::cli) fn end(mut self) {
        self.is_complete = true;
    }
}

impl Drop for Leaves {
    fn drop(&mut self) {
        let event = match self.is_complete {
            true => Event::End,
            false => Event::NoLeaf,
        };
        // Nobody may be there any more.
        let _ = self.events.send(event);
    }
}

/// How much may come before it is part of the tree: values, and bytes that they keep.
#[derive(Debug, Default)]
struct Room {
    taken: Mutex<(usize, usize)>,
    made: Condvar,
}

impl Room {
    fn take(&self, bytes: usize) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |(count, taken): &mut (usize, usize)| {
            *count > 0 && (*count >= AHEAD || *taken + bytes > AHEAD_BYTES)
        };
        let waited = self.made.wait_while(taken, is_full);
        let mut taken = waited.unwrap_or_else(PoisonError::into_inner);
        *taken = (taken.0 + 1, taken.1 + bytes);
    }

    fn make(&self, bytes: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = (taken.0.saturating_sub(1), taken.1.saturating_sub(bytes));
        self.made.notify_one();
    }
}

/// Lets everybody in: what they bring is not wanted any more.
struct Opened(Arc<Room>);

impl Drop for Opened {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = (0, 0);
        self.0.made.notify_all();
    }
}

/// A fold by a function.
pub(in crate::cli) struct Fold {
    tree: Tree<Value>,
    inputs: Inputs,
    /// The pairs that are being combined, by the number they were sent as.
    sent: HashMap<u64, Pair>,
    next: u64,
    /// Before the room: who waits for that finds nobody there.
    events: Receiver<Event>,
    room: Opened,
    /// The bytes of values that were taken, and whose room was not given to others yet.
    taken: Vec<usize>,
}

/// Two neighbours: where the left one begins, and how long both are.
struct Pair {
    first: u64,
    left: u64,
    right: u64,
}

/// How a fold ended.
pub(in crate::cli) enum Folded {
    /// The value; none where there was nothing to combine.
    Value(Option<Value>),
    /// Two pieces could not be combined: the numbers of their first and last inputs, and why.
    Failed(u64, u64, Failure),
    /// A value was missing.
    Incomplete,
}

/// The type of what the function combines: both its parameters, and its result or what is in its `ok`.
pub(in crate::cli) fn combined_type(function: &Function) -> Result<&Type, Refused> {
    let [left, right] = &function.params[..] else {
        bail!(
            "`{}` cannot combine values: it needs two parameters, and has {}",
            printable(&function.to_string()),
            function.params.len()
        );
    };
    if left.ty != right.ty || payload_type(function) != Some(&left.ty) {
        bail!(
            "`{}` cannot combine values: its parameters and its result must be of one type",
            printable(&function.to_string())
        );
    }
    Ok(&left.ty)
}

/// The type of a function's result, or of what is in its `ok`.
pub(in crate::cli) fn payload_type(function: &Function) -> Option<&Type> {
    match function.result.as_ref()? {
        Type::Result { ok, .. } => ok.as_deref(),
        ty => Some(ty),
    }
}

/// The value of a result, or what is in its `ok`.
pub(in crate::cli) fn payload(value: Option<Value>) -> Option<Value> {
    match value? {
        Value::Result(Ok(payload)) => payload.map(|value| *value),
        value => Some(value),
    }
}

impl Fold {
    /// A fold by `function`, and where its values go.
    pub(in crate::cli) fn new(
        pool: &PluginHandle,
        function: &Function,
    ) -> Result<(Fold, Leaves), Refused> {
        let (inputs, outcomes) = pool.stream(&function.name, Order::Completion)?;
        let (to_events, events) = channel();
        let room = Arc::new(Room::default());
        let leaves = Leaves {
            events: to_events.clone(),
            room: Arc::clone(&room),
            is_complete: false,
        };
        std::thread::Builder::new()
            .name("wpool-combined".into())
            .spawn(move || {
                for (index, outcome) in outcomes {
                    if to_events
                        .send(Event::Combined(index, Box::new(outcome)))
                        .is_err()
                    {
                        return;
                    }
                }
                // Nothing more is combined: it is over, or it was ended from outside.
                let _ = to_events.send(Event::NoLeaf);
            })
            .map_err(wpool::Error::from)?;
        let fold = Fold {
            tree: Tree::new(),
            inputs,
            sent: HashMap::new(),
            next: 0,
            events,
            room: Opened(room),
            taken: Vec::new(),
        };
        Ok((fold, leaves))
    }

    pub(in crate::cli) fn closer(&self) -> Closer {
        self.inputs.closer()
    }

    /// Combines all that comes.
    pub(in crate::cli) fn run(mut self, counts: &Counts) -> Folded {
        let mut is_complete = false;
        loop {
            self.make_room();
            if is_complete && self.sent.is_empty() {
                match self.tree.rest() {
                    Rest::Nothing => return Folded::Value(None),
                    Rest::Whole(value) => return Folded::Value(Some(value)),
                    Rest::Pair(left, right) => self.combine(left, right),
                }
            }
            let event = self.events.try_recv().or_else(|_| {
                self.inputs.flush();
                self.events.recv()
            });
            match event {
                Ok(Event::Leaf(first, value, bytes)) => {
                    counts.ended(true);
                    self.taken.push(bytes);
                    self.add(Piece {
                        first,
                        count: 1,
                        value,
                    });
                }
                Ok(Event::End) => is_complete = true,
                Ok(Event::Combined(index, outcome)) => {
                    let Some(Pair { first, left, right }) = self.sent.remove(&index) else {
                        continue;
                    };
                    let count = left + right;
                    let value = match outcome.result {
                        Ok(value) => payload(value),
                        Err(failure) => return Folded::Failed(first + 1, first + count, failure),
                    };
                    let Some(value) = value else {
                        return Folded::Incomplete;
                    };
                    let piece = Piece {
                        first,
                        count,
                        value,
                    };
                    match left == right {
                        true => self.add(piece),
                        // The end of the inputs, where pairs are not of equal length.
                        false => self.tree.put_back(piece),
                    }
                }
                Ok(Event::NoLeaf) | Err(_) => return Folded::Incomplete,
            }
        }
    }

    /// Lets as many values come as were taken, unless much is being combined.
    fn make_room(&mut self) {
        if self.sent.len() < AT_ONCE {
            for bytes in self.taken.drain(..) {
                self.room.0.make(bytes);
            }
        }
    }

    fn add(&mut self, piece: Piece<Value>) {
        if let Some((left, right)) = self.tree.add(piece) {
            self.combine(left, right);
        }
    }

    fn combine(&mut self, left: Piece<Value>, right: Piece<Value>) {
        let pair = Pair {
            first: left.first,
            left: left.count,
            right: right.count,
        };
        self.sent.insert(self.next, pair);
        self.next += 1;
        // Where it is not wanted any more, the events end.
        let _ = self.inputs.send(&[left.value, right.value]);
    }
}
