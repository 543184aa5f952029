//! Results of calls that go on in the background, as `multiprocessing.pool.AsyncResult`.

use super::callbacks::Callbacks;
use super::inbox::{CallId, Inbox};
use super::map::{Lazy, MapError, all_values, bad_argument, typed};
use super::outcome::{Failure, FailureKind, Outcome};
use super::stream::{Order, Receiver, Reply};
use super::{Pool, tasks};
use crate::error::{Error, ErrorKind};
use crate::value::{FromValue, IntoArgs, IntoValue};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The result of a call that goes on in the background. Dropping it lets the call go on.
///
/// It is a `Future` too, that needs no particular runtime.
///
/// ```no_run
/// # let pool = wpool::Pool::builder("square.wasm").build()?;
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
    call: CallId,
    /// No more items are to be taken.
    cut: Arc<AtomicBool>,
}

/// What is called with a result, or with why there is none.
type Callback<T> = Box<dyn FnOnce(&Result<T, MapError>) + Send>;

/// Where the result is put, once.
struct Slot<T> {
    state: Mutex<State<T>>,
    done: Condvar,
    callbacks: Callbacks,
}

struct State<T> {
    result: Option<Result<T, MapError>>,
    /// Whether it succeeded, once it is done and its callbacks have returned.
    succeeded: Option<bool>,
    waker: Option<Waker>,
    callbacks: Vec<Callback<T>>,
}

impl<T: Send + 'static> Slot<T> {
    fn new(callbacks: Callbacks) -> Arc<Slot<T>> {
        let state = State {
            result: None,
            succeeded: None,
            waker: None,
            callbacks: Vec::new(),
        };
        Arc::new(Slot {
            state: Mutex::new(state),
            done: Condvar::new(),
            callbacks,
        })
    }

    /// Puts the result in its place, after the callbacks have seen it.
    fn put(self: &Arc<Self>, result: Result<T, MapError>) {
        let mut state = self.state();
        let callbacks = std::mem::take(&mut state.callbacks);
        if callbacks.is_empty() {
            state.succeeded = Some(result.is_ok());
            state.result = Some(result);
            let waker = state.waker.take();
            drop(state);
            self.done.notify_all();
            return waker.into_iter().for_each(Waker::wake);
        }
        drop(state);
        let slot = Arc::clone(self);
        self.callbacks.run(Box::new(move || {
            for callback in callbacks {
                // Its panic was reported by the application's hook; the result is not to be lost with it.
                let _ = catch_unwind(AssertUnwindSafe(|| callback(&result)));
            }
            slot.put(result);
        }));
    }

    /// Has the result seen by `callback` before anybody gets it.
    fn call_back(self: &Arc<Self>, callback: Callback<T>) {
        let mut state = self.state();
        state.callbacks.push(callback);
        if let Some(result) = state.result.take() {
            state.succeeded = None;
            drop(state);
            self.put(result);
        }
    }
}

impl<T> Slot<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is done, at most until `deadline`.
    fn wait(&self, deadline: Option<Instant>) -> MutexGuard<'_, State<T>> {
        let mut state = self.state();
        while state.succeeded.is_none() {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => return state,
                Some(left) => {
                    let waited = self.done.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.done.wait(state);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
        state
    }
}

impl<T> State<T> {
    /// The result, which is there once.
    fn take(&mut self) -> Result<T, MapError> {
        self.result.take().unwrap_or_else(|| {
            let taken = Error::new(ErrorKind::Task, "the result was taken already");
            Err(taken.into())
        })
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let succeeded = self.state().succeeded;
        f.debug_struct("Slot")
            .field("succeeded", &succeeded)
            .finish()
    }
}

/// A single call, whose outcome becomes a result.
struct Call<T> {
    slot: Arc<Slot<T>>,
    convert: fn(Outcome) -> Result<T, MapError>,
}

impl<T: Send + 'static> Receiver for Call<T> {
    fn receive(&self, outcome: Outcome) {
        self.slot.put((self.convert)(outcome));
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.fmt(f)
    }
}

/// The value of a single call's outcome.
pub(super) fn value_of<R: FromValue>(outcome: Outcome) -> Result<R, MapError> {
    typed(outcome).map_err(|failure| MapError::Task { index: 0, failure })
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
    /// [`Cancelled`](super::FailureKind::Cancelled), or the value where that was on its way.
    pub fn cancel(&self) {
        self.handle.cut.store(true, Ordering::Relaxed);
        let call = self.handle.call;
        self.handle.inbox.post(|mail| mail.cancelled.push(call));
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

impl Pool {
    /// Calls `function` once, in the background, as `multiprocessing.Pool.apply_async`.
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
        convert: fn(Outcome) -> Result<T, MapError>,
    ) -> Result<AsyncResult<T>, Error> {
        let callee = self.callee(function)?;
        let arguments = arguments
            .into_args(&callee.function().params)
            .map_err(|mismatch| bad_argument(&mismatch))?;
        let slot = Slot::new(self.callbacks.clone());
        let call = Call {
            slot: Arc::clone(&slot),
            convert,
        };
        let handle = self.handle(self.inbox.new_call());
        match callee.encode(&arguments) {
            Ok(encoded) => {
                let task = callee.task(encoded, Reply::to(Arc::new(call)), handle.call);
                self.inbox.post(|mail| mail.tasks.push(task));
            }
            Err(failure) => call.receive(Outcome::failed(failure, 0)),
        }
        Ok(AsyncResult { slot, handle })
    }

    fn handle(&self, call: CallId) -> Handle {
        Handle {
            inbox: Arc::clone(&self.inbox),
            call,
            cut: Arc::default(),
        }
    }

    /// Calls `function` with one argument for each item, in the background, as `multiprocessing.Pool.map_async`. Items are
    /// taken by a thread of their own, as there is room.
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

    /// As [`Pool::map_async`], with several arguments for each item.
    ///
    /// # Errors
    ///
    /// As [`Pool::map_async`].
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
        let (inputs, outcomes) = tasks::ends(
            Arc::clone(&self.inbox),
            self.callee(function)?,
            Order::Input,
        );
        let slot = Slot::new(self.callbacks.clone());
        let handle = self.handle(inputs.call());
        let (items, own, cut) = (
            items.into_iter(),
            Arc::clone(&slot),
            Arc::clone(&handle.cut),
        );
        std::thread::Builder::new()
            .name("wpool-map".into())
            .spawn(move || {
                let mut left = false;
                let items = items.map_while(|item| {
                    left = cut.load(Ordering::Relaxed);
                    (!left).then_some(item)
                });
                let results = catch_unwind(AssertUnwindSafe(|| {
                    all_values(Lazy::new(inputs, outcomes, items))
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
