//! The place for a result that comes later: waited for, called back for, or awaited.

use super::callbacks::Callbacks;
use super::map::MapError;
use crate::error::{Error, ErrorKind};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// What is called with a result, or with why there is none.
pub(super) type Callback<T> = Box<dyn FnOnce(&Result<T, MapError>) + Send>;

/// Where the result is put, once.
pub(super) struct Slot<T> {
    state: Mutex<State<T>>,
    done: Condvar,
    callbacks: Callbacks,
}

pub(super) struct State<T> {
    result: Option<Result<T, MapError>>,
    /// Whether it succeeded, once it is done and its callbacks have returned.
    pub(super) succeeded: Option<bool>,
    pub(super) waker: Option<Waker>,
    callbacks: Vec<Callback<T>>,
}

impl<T: Send + 'static> Slot<T> {
    pub(super) fn new(callbacks: Callbacks) -> Arc<Slot<T>> {
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
    pub(super) fn put(self: &Arc<Self>, result: Result<T, MapError>) {
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
    pub(super) fn call_back(self: &Arc<Self>, callback: Callback<T>) {
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
    pub(super) fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is done, at most until `deadline`.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> MutexGuard<'_, State<T>> {
        let mut state = self.state();
        while state.succeeded.is_none() {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return state;
            }
            drop(state);
            if self.callbacks.lend_a_hand() {
                state = self.state();
                continue;
            }
            state = self.state();
            if state.succeeded.is_some() {
                return state;
            }
            state = match left {
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
    pub(super) fn take(&mut self) -> Result<T, MapError> {
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
