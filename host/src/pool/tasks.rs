//! The two ends of a stream of tasks: where inputs go in and where outcomes come out.

use super::callee::Callee;
use super::host_threads::is_called_by;
use super::inbox::{Inbox, NewTask};
use super::outcome::{Failure, Outcome};
use super::reply::Reply;
use super::stream::{Order, Refused, Stream, Watch};
use crate::value::{Function, Value};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Tasks that are kept back until they are worth a hand-over.
const HANDED_OVER: usize = 256;

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
    taken: VecDeque<(u64, Outcome)>,
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
        stream,
        kept: Vec::new(),
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
        let encoded = match self.callee.encode(arguments) {
            Ok(encoded) => encoded,
            Err(failure) => return self.fail(failure),
        };
        let reply = self.reserve(encoded.len())?;
        let nested = self.nested || is_called_by(&self.inbox);
        self.kept.push(self.callee.task(encoded, reply, nested));
        if self.kept.len() >= HANDED_OVER {
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
        self.reserve(0)?.send(Outcome::failed(failure, 0));
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
        if !self.kept.is_empty() {
            let tasks = std::mem::take(&mut self.kept);
            self.inbox.post(|mail| mail.tasks.extend(tasks));
        }
    }

    /// The place of one more task; waits for it if it must.
    fn reserve(&mut self, bytes: usize) -> Result<Reply, Closed> {
        match self.stream.reserve(bytes, false) {
            Ok(reply) => Ok(reply),
            Err(Refused::Abandoned) => Err(Closed),
            Err(Refused::Full) => {
                // What is kept back here would never make room.
                self.flush();
                self.stream.reserve(bytes, true).map_err(|_| Closed)
            }
        }
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
        if self.taken.is_empty() {
            self.stream.take(&mut self.taken, false);
        }
        self.taken.pop_front()
    }

    /// How many outcomes can be had at once, without waiting.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.taken.len()
    }
}

impl Iterator for Outcomes {
    type Item = (u64, Outcome);

    fn next(&mut self) -> Option<(u64, Outcome)> {
        if self.taken.is_empty() && !self.stream.take(&mut self.taken, true) {
            return None;
        }
        self.taken.pop_front()
    }
}

impl Drop for Outcomes {
    fn drop(&mut self) {
        self.stream.abandon();
    }
}
