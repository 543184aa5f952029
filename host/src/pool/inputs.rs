//! The end of a stream where inputs go in.

use super::arguments::{Arguments, LONG};
use super::callee::Callee;
use super::ended::Ended;
use super::ends::Ends;
use super::host_threads::is_called_by;
use super::inbox::Inbox;
use super::outcome::Failure;
use super::outcomes::Outcomes;
use super::reply::{Deliveries, Delivery, ReplyTo};
use super::stream::{Order, Refused, Stream, Watch};
use crate::value::{Function, Value, encode_args};
use crate::wire::Packed;
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
    /// The arguments of tasks that are kept back.
    kept: Packed,
    /// Whether a host function of the same pool waits for them.
    kept_nested: bool,
    /// The memory in which arguments are encoded.
    encoded: Vec<u8>,
    /// The places of those that come next.
    places: Range<u64>,
    /// A host function of the same pool has asked for all of them.
    nested: bool,
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

/// Both ends of a stream of tasks.
pub(super) fn both_ends(
    inbox: Arc<Inbox>,
    callee: Callee,
    order: Order,
    watch: Option<Watch>,
) -> (Inputs, Outcomes) {
    let stream = Stream::watched(order, watch);
    let outcomes = Outcomes::of(Arc::clone(&stream));
    let inputs = Inputs {
        nested: is_called_by(&inbox),
        inbox,
        callee,
        stream,
        kept: Packed::default(),
        kept_nested: false,
        encoded: Vec::new(),
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
    #[inline]
    pub fn send(&mut self, arguments: &[Value]) -> Result<(), Closed> {
        match arguments.iter().all(|value| value.heap_bytes() == 0) {
            true => self.send_small(arguments),
            false => self.send_any(arguments),
        }
    }

    /// Sends arguments that have no memory of their own: they are encoded where they are kept.
    fn send_small(&mut self, arguments: &[Value]) -> Result<(), Closed> {
        match self.callee.check_small(arguments) {
            Err(failure) => self.fail(failure),
            Ok(length) => self.pack(length, |bytes| encode_args(arguments, bytes)),
        }
    }

    /// Sends numbers that are of the function's types, encoded.
    #[inline]
    pub(super) fn send_numbers(&mut self, encoded: &[u8]) -> Result<(), Closed> {
        match self.callee.check_bytes(encoded.len()) {
            Err(failure) => self.fail(failure),
            // A copy of a length that is known takes no call.
            Ok(()) => match <&[u8; 8]>::try_from(encoded) {
                Ok(one) => self.pack(one.len(), |bytes| bytes.extend_from_slice(one)),
                Err(_) => self.pack(encoded.len(), |bytes| bytes.extend_from_slice(encoded)),
            },
        }
    }

    /// Sends arguments that may be long.
    fn send_any(&mut self, arguments: &[Value]) -> Result<(), Closed> {
        let mut encoded = std::mem::take(&mut self.encoded);
        let sent = match self.callee.encode_in(&mut encoded, arguments) {
            Err(failure) => self.fail(failure),
            Ok(()) if encoded.len() >= LONG => self.send_long(std::mem::take(&mut encoded)),
            Ok(()) => self.pack(encoded.len(), |bytes| bytes.extend_from_slice(&encoded)),
        };
        self.encoded = encoded;
        sent
    }

    /// Sends arguments that nobody else needs.
    pub(super) fn send_owned(&mut self, arguments: Vec<Value>) -> Result<(), Closed> {
        if !matches!(&arguments[..], [Value::Bytes(_)]) {
            return self.send(&arguments);
        }
        match self.callee.encode_owned(arguments) {
            Err(failure) => self.fail(failure),
            Ok(encoded) if encoded.len() >= LONG => self.send_long(encoded),
            Ok(encoded) => self.pack(encoded.len(), |bytes| bytes.extend_from_slice(&encoded)),
        }
    }

    /// Keeps a task back until those that are kept are worth a hand-over.
    #[inline]
    fn pack(&mut self, length: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Closed> {
        self.place()?;
        let nested = self.is_nested();
        if nested != self.kept_nested {
            self.hand_over(1);
            self.kept_nested = nested;
        }
        self.kept.push(length, write);
        if self.kept.count() >= HANDED_OVER || self.kept.len() >= HANDED_OVER_BYTES {
            self.flush();
        }
        Ok(())
    }

    /// Sends a task whose arguments are long, behind those that are kept back.
    fn send_long(&mut self, encoded: Vec<u8>) -> Result<(), Closed> {
        let place = self.place()?;
        self.hand_over(1);
        self.give_back();
        self.stream.settle(0, encoded.len());
        self.post(Arguments::alone(encoded), place, self.is_nested());
        Ok(())
    }

    fn is_nested(&self) -> bool {
        self.nested || is_called_by(&self.inbox)
    }

    /// Whether [`Inputs::send`] would send these arguments, and not take them for a `bad-argument`.
    ///
    /// # Errors
    ///
    /// Why it would.
    pub fn check(&self, arguments: &[Value]) -> Result<(), Failure> {
        self.callee.encode_in(&mut Vec::new(), arguments)
    }

    /// Takes the place of a task that cannot be sent: its outcome is `failure`.
    ///
    /// # Errors
    ///
    /// When the outcomes were dropped, or no more inputs are wanted.
    pub fn fail(&mut self, failure: Failure) -> Result<(), Closed> {
        let place = self.place()?;
        self.hand_over(1);
        self.give_back();
        let delivery = Delivery {
            to: ReplyTo::Stream(Arc::clone(&self.stream)),
            ends: Ends::one(place, Ended::failed(failure, 0), None),
            freed: 0,
        };
        Deliveries::from(delivery).send();
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
        self.hand_over(0);
        self.give_back();
    }

    /// Gives back the places that were not used: whoever waits for the last outcome would wait for theirs.
    fn give_back(&mut self) {
        let unused = self.places.end - self.places.start;
        self.places.end = self.places.start;
        if unused > 0 {
            self.stream.settle(unused, 0);
        }
    }

    /// Hands over what is kept back: the tasks before the last `behind` whose places were taken.
    fn hand_over(&mut self, behind: u64) {
        if self.kept.is_empty() {
            return;
        }
        let next = Packed::with_room_for(&self.kept);
        let kept = std::mem::replace(&mut self.kept, next);
        self.stream.settle(0, kept.len());
        let first = self.places.start - behind - kept.count() as u64;
        self.post(Arguments::Packed(kept), first, self.kept_nested);
    }

    fn post(&self, arguments: Arguments, first: u64, nested: bool) {
        let to = ReplyTo::Stream(Arc::clone(&self.stream));
        let block = self.callee.block(arguments, to, first, nested);
        self.inbox.post(|mail| mail.tasks.push(block));
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
            let some = self.kept.count() as u64;
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
