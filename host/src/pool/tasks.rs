//! The two ends of a stream of tasks: where inputs go in and where outcomes come out.

use super::arguments::Arguments;
use super::callee::Callee;
use super::ended::Ended;
use super::host_threads::is_called_by;
use super::inbox::{Inbox, NewTask};
use super::outcome::{Failure, Outcome};
use super::reply::{Reply, StreamOfSome};
use super::stream::{Order, Refused, Stream, Watch};
use crate::value::{Function, Value};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Tasks that are kept back until they are worth a hand-over.
const HANDED_OVER: usize = 256;

/// Bytes of arguments that are worth one whatever their number is.
const HANDED_OVER_BYTES: usize = 64 * 1024;

/// The end where inputs go in. Dropping it says that no more will come.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let (mut inputs, outcomes) = pool.stream("square", wpool::Order::Input)?;
/// std::thread::spawn(move || {
///     for number in 0..1_000_000 {
///         if inputs.send(&[wpool::Value::S64(number)]).is_err() {
///             return; // nobody wants more
///         }
///     }
/// });
/// assert_eq!(outcomes.take(3).count(), 3);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Debug)]
pub struct Inputs {
    inbox: Arc<Inbox>,
    callee: Callee,
    stream: Arc<Stream>,
    kept: Vec<NewTask>,
    /// The memory in which arguments are encoded.
    encoded: Vec<u8>,
    /// How many bytes their arguments take.
    kept_bytes: usize,
    /// The places of those that come next.
    places: Range<u64>,
    /// What the replies of those refer to.
    of_some: StreamOfSome,
    /// A host function of the same pool has asked for all of them.
    nested: bool,
}

/// The end where outcomes come out, with the number of their input, counted from 0. Dropping it drops what still comes.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let (mut inputs, outcomes) = pool.stream("square", wpool::Order::Input)?;
/// inputs.send(&[wpool::Value::S64(7)])?;
/// drop(inputs); // no more will come
/// for (number, outcome) in outcomes {
///     assert_eq!((number, outcome.result), (0, Ok(Some(wpool::Value::S64(49)))));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Outcomes {
    stream: Arc<Stream>,
    taken: VecDeque<(u64, Ended)>,
}

/// Nobody takes the outcomes any more, or no more inputs are wanted.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let (mut inputs, outcomes) = pool.stream("square", wpool::Order::Input)?;
/// drop(outcomes);
/// assert_eq!(inputs.send(&[wpool::Value::S64(7)]), Err(wpool::Closed));
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no more inputs are wanted")]
pub struct Closed;

pub(super) fn ends(
    inbox: Arc<Inbox>,
    callee: Callee,
    order: Order,
    watch: Option<Watch>,
) -> (Inputs, Outcomes) {
    let stream = Stream::watched(order, watch);
    let outcomes = Outcomes {
        stream: Arc::clone(&stream),
        taken: VecDeque::new(),
    };
    let inputs = Inputs {
        nested: is_called_by(&inbox),
        inbox,
        callee,
        of_some: Arc::new(Arc::clone(&stream)),
        stream,
        kept: Vec::new(),
        encoded: Vec::new(),
        kept_bytes: 0,
        places: 0..0,
    };
    (inputs, outcomes)
}

impl Inputs {
    /// The function that is called.
    #[must_use]
    pub fn function(&self) -> &Function {
        self.callee.function()
    }

    /// Sends the arguments of one task; those that are not of the function's types are a `bad-argument`. Waits while too much
    /// is under way. Tasks may be kept back for a moment until [`Inputs::flush`].
    ///
    /// # Errors
    ///
    /// When the outcomes were dropped, or no more inputs are wanted.
    pub fn send(&mut self, arguments: &[Value]) -> Result<(), Closed> {
        let encoded = self.callee.encode_in(&mut self.encoded, arguments);
        self.send_encoded(encoded)
    }

    /// The same, of arguments that nobody else needs.
    pub(super) fn send_owned(&mut self, arguments: Vec<Value>) -> Result<(), Closed> {
        if !matches!(&arguments[..], [Value::Bytes(_)]) {
            return self.send(&arguments);
        }
        let encoded = self.callee.encode_owned(arguments);
        self.send_encoded(encoded)
    }

    #[inline]
    fn send_encoded(&mut self, encoded: Result<Arguments, Failure>) -> Result<(), Closed> {
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(failure) => return self.fail(failure),
        };
        let (place, bytes) = (self.place()?, encoded.len());
        let reply = Reply::to_stream(&self.of_some, place, bytes);
        let nested = self.nested || is_called_by(&self.inbox);
        self.kept.push(self.callee.task(encoded, reply, nested));
        self.kept_bytes += bytes;
        if self.kept.len() >= HANDED_OVER || self.kept_bytes >= HANDED_OVER_BYTES {
            self.flush();
        }
        Ok(())
    }

    /// Whether [`Inputs::send`] would send these arguments, and not take them for a `bad-argument`.
    ///
    /// # Errors
    ///
    /// Why it would.
    pub fn check(&self, arguments: &[Value]) -> Result<(), Failure> {
        self.callee.encode(arguments).map(drop)
    }

    /// Takes the place of a task that cannot be sent: its outcome is `failure`.
    ///
    /// # Errors
    ///
    /// When the outcomes were dropped, or no more inputs are wanted.
    pub fn fail(&mut self, failure: Failure) -> Result<(), Closed> {
        let place = self.place()?;
        let reply = Reply::to_stream(&self.of_some, place, 0);
        self.flush();
        reply.send(Ended::failed(failure, 0));
        Ok(())
    }

    /// A way to say from another thread that no more will come.
    #[must_use]
    pub fn closer(&self) -> Closer {
        Closer {
            stream: Arc::clone(&self.stream),
        }
    }

    /// What says, once it is set, that its tasks are not wanted any more.
    pub(super) fn cancelled(&self) -> Arc<AtomicBool> {
        self.stream.cancelled()
    }

    /// Lets every task that was sent begin.
    pub fn flush(&mut self) {
        let unused = std::mem::take(&mut self.places).count() as u64;
        let bytes = std::mem::take(&mut self.kept_bytes);
        if unused > 0 || bytes > 0 {
            self.stream.settle(unused, bytes);
        }
        if !self.kept.is_empty() {
            let kept = &mut self.kept;
            self.inbox.post(|mail| mail.tasks.append(kept));
            self.of_some = Arc::new(Arc::clone(&self.stream));
        }
    }

    /// The place of one more task; waits for it if it must.
    fn place(&mut self) -> Result<u64, Closed> {
        if self.stream.is_closed() {
            self.flush();
            return Err(Closed);
        }
        if !self.has_room() {
            // What is kept back here would never make room.
            self.flush();
            self.places = self.stream.places(1, true).map_err(|_| Closed)?;
        }
        let place = self.places.next();
        if place.is_none() {
            self.flush();
        }
        place.ok_or(Closed)
    }

    /// Whether the next [`Inputs::send`] need not wait: there is a place for its task, or no more are wanted.
    pub(super) fn has_room(&mut self) -> bool {
        if self.places.is_empty() {
            // As many as came since the last hand-over: there may be more to come.
            let some = self.kept.len() as u64;
            match self.stream.places(some, false) {
                Ok(places) => self.places = places,
                Err(Refused::Abandoned) => {}
                Err(Refused::Full) => return false,
            }
        }
        true
    }
}

/// Says from anywhere that no more inputs will come.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let (mut inputs, mut outcomes) = pool.stream("square", wpool::Order::Input)?;
/// inputs.closer().close();
/// assert_eq!(inputs.send(&[wpool::Value::S64(7)]), Err(wpool::Closed));
/// assert!(outcomes.next().is_none());
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Closer {
    stream: Arc<Stream>,
}

impl Closer {
    /// From now on [`Inputs::send`] refuses what it is given, and the outcomes end with those of what was sent before.
    pub fn close(&self) {
        self.stream.end();
    }
}

impl Drop for Inputs {
    fn drop(&mut self) {
        self.flush();
        self.stream.end();
    }
}

impl Outcomes {
    /// The next outcome if one is ready, without waiting.
    pub fn try_next(&mut self) -> Option<(u64, Outcome)> {
        let (index, ended) = self.try_next_ended()?;
        Some((index, ended.into()))
    }

    pub(super) fn try_next_ended(&mut self) -> Option<(u64, Ended)> {
        match self.ready() {
            0 => None,
            _ => self.taken.pop_front(),
        }
    }

    pub(super) fn next_ended(&mut self) -> Option<(u64, Ended)> {
        if self.taken.is_empty() && !self.stream.take(&mut self.taken, true) {
            return None;
        }
        self.taken.pop_front()
    }

    /// How many outcomes can be had at once, without waiting: at least one, if there is any.
    pub fn ready(&mut self) -> usize {
        if self.taken.is_empty() && self.stream.is_ready() {
            self.stream.take(&mut self.taken, false);
        }
        self.taken.len()
    }
}

impl Iterator for Outcomes {
    type Item = (u64, Outcome);

    fn next(&mut self) -> Option<(u64, Outcome)> {
        let (index, ended) = self.next_ended()?;
        Some((index, ended.into()))
    }
}

impl Drop for Outcomes {
    fn drop(&mut self) {
        self.stream.abandon();
    }
}
