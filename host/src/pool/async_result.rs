//! Results of calls that go on in the background, as `multiprocessing.pool.AsyncResult`.

use super::arguments::Arguments;
use super::ended::{Ended, RanAt};
use super::handle::PluginHandle;
use super::host_threads::is_called_by;
use super::inbox::Inbox;
use super::inputs;
use super::map::{Lazy, MapError, all_values, bad_argument, typed};
use super::outcome::{Failure, FailureKind, Outcome};
use super::reply::{Receiver, ReplyTo};
use super::slot::Slot;
use super::stream::Order;
use crate::error::{Error, ErrorKind};
use crate::value::{FromValue, IntoArgs, IntoValue, Type};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The result of a call that goes on in the background. Dropping it lets the call go on.
///
/// It is a `Future` too, that needs no particular runtime.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// # let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let mut square = pool.apply_async::<i64>("square", (7,))?;
/// match square.get_timeout(std::time::Duration::from_millis(50)) {
///     Ok(square) => println!("{square}"),
///     Err(wpool::MapError::Unfinished(_)) => println!("it takes longer"),
///     Err(failure) => println!("{failure}"),
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
pub struct AsyncResult<T> {
    slot: Arc<Slot<T>>,
    handle: Handle,
}

/// What a call is cancelled by.
struct Handle {
    inbox: Arc<Inbox>,
    cancelled: Arc<AtomicBool>,
}

/// A single call, whose outcome becomes a result.
struct Call<T> {
    slot: Arc<Slot<T>>,
    cancelled: Arc<AtomicBool>,
    /// What the function returns.
    ty: Option<Type>,
    convert: Convert<T>,
    begun: Option<Arc<Begun>>,
}

/// When a task begins, somebody may want to know.
#[derive(Debug, Default)]
pub(super) struct Begun {
    /// The process id of its worker, once it has begun; `None` inside where it never will.
    worker: Mutex<Option<Option<u32>>>,
    changed: Condvar,
}

impl Begun {
    fn set(&self, pid: Option<u32>) {
        self.worker().get_or_insert(pid);
        self.changed.notify_all();
    }

    /// Waits until it has begun, or is over without that.
    pub(super) fn wait(&self) {
        let worker = self.worker();
        drop(self.changed.wait_while(worker, |worker| worker.is_none()));
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.worker().flatten()
    }

    fn worker(&self) -> MutexGuard<'_, Option<Option<u32>>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From an outcome to a result, by the type of what the function returns.
type Convert<T> = fn(Outcome, Option<&Type>) -> Result<T, MapError>;

impl<T: Send + 'static> Receiver for Call<T> {
    fn begins(&self, pid: u32) {
        if let Some(begun) = &self.begun {
            begun.set(Some(pid));
        }
    }

    fn receive(&self, ended: Ended, ran: Option<&RanAt>) {
        if let Some(begun) = &self.begun {
            begun.set(None);
        }
        let outcome = ended.into_outcome(ran);
        self.slot.put((self.convert)(outcome, self.ty.as_ref()));
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.fmt(f)
    }
}

/// The value of a single call's outcome.
pub(super) fn value_of<R: FromValue>(outcome: Outcome, ty: Option<&Type>) -> Result<R, MapError> {
    typed(outcome.result, ty).map_err(|failure| MapError::Task { index: 0, failure })
}

impl<T> AsyncResult<T> {
    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// The failure of the call, or the first of them in input order.
    pub fn get(self) -> Result<T, MapError> {
        self.slot.wait(None).take()
    }

    /// Waits for the result, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`MapError::Unfinished`] when the time is over: the call goes on, and the result can be asked for again. Else as
    /// [`AsyncResult::get`]; the result is there once.
    pub fn get_timeout(&mut self, timeout: Duration) -> Result<T, MapError> {
        let mut state = self.slot.wait(Instant::now().checked_add(timeout));
        if state.succeeded.is_none() {
            return Err(MapError::Unfinished(timeout));
        }
        state.take()
    }

    /// Cancels the call: what waits is not run, and a worker that runs some of it is killed. The result is then the failure
    /// [`Cancelled`](super::FailureKind::Cancelled), or the value where that was on its way. Where items are being taken, it is
    /// there once the one that is waited for has come.
    pub fn cancel(&self) {
        // Seen by the driver with its mail, and with every task that comes later.
        self.handle.cancelled.store(true, Ordering::Relaxed);
        self.handle.inbox.post(|mail| mail.cancelled = true);
    }

    /// Waits until the call is done.
    pub fn wait(&self) {
        drop(self.slot.wait(None));
    }

    /// Waits until the call is done, at most for `timeout`; whether it is.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let state = self.slot.wait(Instant::now().checked_add(timeout));
        state.succeeded.is_some()
    }

    /// Whether the call is done.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.slot.state().succeeded.is_some()
    }

    /// Whether the call succeeded; `None` while it is not done.
    #[must_use]
    pub fn successful(&self) -> Option<bool> {
        self.slot.state().succeeded
    }
}

impl<T: Send + 'static> AsyncResult<T> {
    /// Calls `callback` with the value, before anybody gets it, on a thread that all callbacks of the pool share.
    #[must_use = "dropping the result lets the call go on"]
    pub fn on_success(self, callback: impl FnOnce(&T) + Send + 'static) -> Self {
        self.slot.call_back(Box::new(|result| {
            let _ = result.as_ref().map(callback);
        }));
        self
    }

    /// Calls `callback` with what went wrong, as [`AsyncResult::on_success`].
    #[must_use = "dropping the result lets the call go on"]
    pub fn on_failure(self, callback: impl FnOnce(&MapError) + Send + 'static) -> Self {
        self.slot.call_back(Box::new(|result| {
            let _ = result.as_ref().map_err(callback);
        }));
        self
    }
}

impl<T> Future for AsyncResult<T> {
    type Output = Result<T, MapError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.state();
        if state.succeeded.is_some() {
            return Poll::Ready(state.take());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl<T> fmt::Debug for AsyncResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncResult")
            .field("successful", &self.successful())
            .finish()
    }
}

impl PluginHandle {
    /// Calls `function` once, in the background, as `multiprocessing.Pool.apply_async`. It never waits: how many calls are under
    /// way at once is for the caller to bound.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// let square = pool.apply_async::<i64>("square", (7,))?;
    /// // Something else happens meanwhile.
    /// assert_eq!(square.get()?, 49);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`] where there is no such function, or an argument is not of its types.
    pub fn apply_async<R: FromValue + Send + 'static>(
        &self,
        function: &str,
        arguments: impl IntoArgs,
    ) -> Result<AsyncResult<R>, Error> {
        self.call(function, arguments, value_of)
    }

    /// Calls `function` once, in the background; `convert` makes a result of its outcome.
    pub(super) fn call<T: Send + 'static>(
        &self,
        function: &str,
        arguments: impl IntoArgs,
        convert: Convert<T>,
    ) -> Result<AsyncResult<T>, Error> {
        self.call_noticed(function, arguments, convert, None)
    }

    /// The same, and `begun` is told when the task has begun, or will not.
    pub(super) fn call_noticed<T: Send + 'static>(
        &self,
        function: &str,
        arguments: impl IntoArgs,
        convert: Convert<T>,
        begun: Option<Arc<Begun>>,
    ) -> Result<AsyncResult<T>, Error> {
        let callee = self.callee(function)?;
        let arguments = arguments
            .into_args(&callee.function().params)
            .map_err(|mismatch| bad_argument(&mismatch))?;
        let slot = Slot::new(self.callbacks.clone());
        let call = Call {
            slot: Arc::clone(&slot),
            cancelled: Arc::default(),
            ty: callee.function().result.clone(),
            convert,
            begun,
        };
        let handle = self.handle(Arc::clone(&call.cancelled));
        match callee.encode_owned(arguments) {
            Ok(encoded) => {
                let to = ReplyTo::Receiver(Arc::new(call));
                let nested = is_called_by(&self.inbox);
                let block = callee.block(Arguments::alone(encoded), to, 0, nested);
                self.inbox.post(|mail| mail.tasks.push(block));
            }
            Err(failure) => call.receive(Ended::failed(failure, 0), None),
        }
        Ok(AsyncResult { slot, handle })
    }

    fn handle(&self, cancelled: Arc<AtomicBool>) -> Handle {
        Handle {
            inbox: Arc::clone(&self.inbox),
            cancelled,
        }
    }

    /// Calls `function` with one argument for each item, in the background, as `multiprocessing.Pool.map_async`. Items are
    /// taken by a thread of their own, as there is room.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// let squares = pool
    ///     .map_async::<_, i64, _>("square", vec![1, 2, 3])?
    ///     .on_success(|squares| println!("{squares:?}"));
    /// assert_eq!(squares.get()?, [1, 4, 9]);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`] where there is no such function or no thread.
    pub fn map_async<A, R, I>(&self, function: &str, items: I) -> Result<AsyncResult<Vec<R>>, Error>
    where
        A: IntoValue,
        R: FromValue + Send + 'static,
        I: IntoIterator<Item = A>,
        I::IntoIter: Send + 'static,
    {
        self.starmap_async(function, items.into_iter().map(|item| (item,)))
    }

    /// As [`PluginHandle::map_async`], with several arguments for each item.
    ///
    /// # Errors
    ///
    /// As [`PluginHandle::map_async`].
    pub fn starmap_async<A, R, I>(
        &self,
        function: &str,
        items: I,
    ) -> Result<AsyncResult<Vec<R>>, Error>
    where
        A: IntoArgs,
        R: FromValue + Send + 'static,
        I: IntoIterator<Item = A>,
        I::IntoIter: Send + 'static,
    {
        let (inputs, outcomes) = inputs::both_ends(
            Arc::clone(&self.inbox),
            self.callee(function)?,
            Order::Input,
            None,
        );
        let slot = Slot::new(self.callbacks.clone());
        let handle = self.handle(inputs.cancelled());
        let (items, own, cancelled) = (
            items.into_iter(),
            Arc::clone(&slot),
            Arc::clone(&handle.cancelled),
        );
        std::thread::Builder::new()
            .name("wpool-map".into())
            .spawn(move || {
                let mut left = false;
                let items = items.map_while(|item| {
                    left = cancelled.load(Ordering::Relaxed);
                    (!left).then_some(item)
                });
                let results = catch_unwind(AssertUnwindSafe(|| {
                    all_values(Lazy::all(inputs, outcomes, items))
                }));
                own.put(match results {
                    Ok(Ok(values)) if left => Err(MapError::Task {
                        index: values.len() as u64,
                        failure: Failure::new(FailureKind::Cancelled, "it was cancelled"),
                    }),
                    Ok(results) => results,
                    Err(_) => {
                        let message = "taking the items panicked";
                        Err(Error::new(ErrorKind::Argument, message).into())
                    }
                });
            })?;
        Ok(AsyncResult { slot, handle })
    }
}
