//! The thread that callbacks run on, so that they may take their time, and use the pool, without holding up the driver.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A callback that is due, and does not panic.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// How long a callback waits for one thing before it looks for another.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

thread_local! {
    /// Whose callbacks run on this thread.
    static SERVES: Cell<Option<*const Shared>> = const { Cell::new(None) };
}

/// Starts its thread with the first callback; it ends when nobody can ask for one any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Callbacks(Arc<Owner>);

#[derive(Debug, Default)]
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.state().over = true;
        self.0.changed.notify_all();
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    due: VecDeque<Job>,
    has_thread: bool,
    /// Callbacks that run now; several where one waits for another.
    running: usize,
    /// Nobody can ask for one any more.
    over: bool,
}

impl Callbacks {
    /// Runs `job` on the thread, after those that came before it; or here, where no thread can be had.
    pub(super) fn run(&self, job: Job) {
        let mut state = self.shared().state();
        if !state.has_thread {
            let shared = Arc::clone(self.shared());
            let thread = std::thread::Builder::new().name("wpool-callbacks".into());
            state.has_thread = thread.spawn(move || shared.serve()).is_ok();
        }
        if !state.has_thread {
            drop(state);
            return job();
        }
        state.due.push_back(job);
        self.shared().changed.notify_all();
    }

    /// Waits until all that are due have run; does nothing in one of them.
    pub(super) fn wait(&self) {
        if self.is_this_thread() {
            return;
        }
        let mut state = self.shared().state();
        while state.running > 0 || !state.due.is_empty() {
            let waited = self.shared().changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A callback waits for something: runs another that is due meanwhile, which may be what it waits for. False if this is no
    /// callback's thread.
    pub(super) fn lend_a_hand(&self) -> bool {
        let is_own = self.is_this_thread();
        if is_own {
            self.shared().run_one();
        }
        is_own
    }

    fn is_this_thread(&self) -> bool {
        SERVES.get() == Some(Arc::as_ptr(self.shared()))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs callbacks until nobody can ask for one any more.
    fn serve(self: Arc<Self>) {
        SERVES.set(Some(Arc::as_ptr(&self)));
        loop {
            let mut state = self.state();
            while state.due.is_empty() {
                if state.over {
                    return;
                }
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            self.run_one();
        }
    }

    /// Runs the next one, if one is due within a moment.
    fn run_one(&self) {
        let mut state = self.state();
        if state.due.is_empty() {
            let waited = self.changed.wait_timeout(state, LOOK_AGAIN);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let Some(job) = state.due.pop_front() else {
            return;
        };
        state.running += 1;
        drop(state);
        job();
        self.state().running -= 1;
        self.changed.notify_all();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let due = self.state().due.len();
        f.debug_struct("Callbacks").field("due", &due).finish()
    }
}
