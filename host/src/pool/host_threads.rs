//! The threads that functions of the application run on when tasks call them, so that they may take their time, and use the pool,
//! without holding up the driver.
//!
//! ```text
//! driver ─ HostTask ─► queue ─► thread: the closure, or its future polled ─ HostAnswer ─► inbox ─► driver ─► worker
//!    └──── OpenCall::end: the task is over ────► the future is dropped, an answer is not wanted any more
//! ```
//! There are no more threads than workers that can wait for an answer. They start as they are needed, and end with the pool, once
//! what they run returns.

use super::inbox::Inbox;
use super::scheduler::WorkerId;
use crate::plugin::{Answer, Answering, HostCall, HostError, HostFunction};
use crate::value::{Function, Value, encode, fits_one};
use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

thread_local! {
    /// The pool whose task waits for what this thread does, by the address of its inbox.
    static SERVES: Cell<Option<*const Inbox>> = const { Cell::new(None) };
}

/// Whether a task of this pool waits for what the present thread does.
pub(super) fn is_called_by(inbox: &Arc<Inbox>) -> bool {
    SERVES.get() == Some(Arc::as_ptr(inbox))
}

/// A closure that is to be called.
#[derive(Debug)]
pub(super) struct HostTask {
    pub(super) worker: WorkerId,
    /// Which of the calls of that worker.
    pub(super) number: u64,
    pub(super) host: HostFunction,
    pub(super) function: Function,
    pub(super) arguments: Vec<Value>,
    pub(super) call: HostCall,
    pub(super) open: OpenCall,
}

/// What it answered: the encoded value, or why the task fails.
#[derive(Debug)]
pub(crate) struct HostAnswer {
    pub(super) worker: WorkerId,
    pub(super) number: u64,
    pub(super) answer: Result<Vec<u8>, String>,
}

/// A call that waits for its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenCall {
    over: Arc<AtomicBool>,
    /// Who waits for a future of it.
    thread: Arc<Mutex<Option<Thread>>>,
}

impl OpenCall {
    /// What is set once nobody wants an answer any more.
    pub(super) fn over(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.over)
    }

    /// The task is over: nobody wants an answer any more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = &*lock(&self.thread) {
            thread.unpark();
        }
    }

    /// Polls a future on this thread until it is ready; `None`, and it is dropped, if the task is over first.
    fn drive(&self, mut future: Pin<Box<dyn Future<Output = Answer> + Send>>) -> Option<Answer> {
        let thread = std::thread::current();
        *lock(&self.thread) = Some(thread.clone());
        let waker = Waker::from(Arc::new(Unpark(thread)));
        let mut context = Context::from_waker(&waker);
        while !self.over.load(Ordering::Relaxed) {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return Some(answer),
                Poll::Pending => std::thread::park(),
            }
        }
        None
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The threads of one pool.
#[derive(Debug)]
pub(super) struct HostThreads {
    shared: Arc<Shared>,
    most: usize,
}

#[derive(Debug)]
struct Shared {
    inbox: Weak<Inbox>,
    state: Mutex<State>,
    is_due: Condvar,
}

#[derive(Debug, Default)]
struct State {
    due: VecDeque<HostTask>,
    threads: usize,
    idle: usize,
    over: bool,
}

impl HostThreads {
    pub(super) fn new(inbox: &Arc<Inbox>, most: usize) -> HostThreads {
        let shared = Shared {
            inbox: Arc::downgrade(inbox),
            state: Mutex::default(),
            is_due: Condvar::new(),
        };
        HostThreads {
            shared: Arc::new(shared),
            most,
        }
    }

    /// Has a closure called, as soon as there is a thread for it.
    ///
    /// # Errors
    ///
    /// When there is no thread at all.
    pub(super) fn call(&self, task: HostTask) -> std::io::Result<()> {
        let mut state = lock(&self.shared.state);
        if state.idle <= state.due.len() && state.threads < self.most {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("wpool-host-call".into());
            match thread.spawn(move || shared.serve()) {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads == 0 => return Err(error),
                Err(_) => {}
            }
        }
        state.due.push_back(task);
        self.shared.is_due.notify_one();
        Ok(())
    }
}

impl Drop for HostThreads {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.over = true;
        state.due.clear();
        self.shared.is_due.notify_all();
    }
}

impl Shared {
    fn serve(&self) {
        SERVES.set(Some(self.inbox.as_ptr()));
        while let Some(task) = self.next() {
            let (worker, number) = (task.worker, task.number);
            let Some(answer) = answer(task) else { continue };
            let Some(inbox) = self.inbox.upgrade() else {
                return;
            };
            let answer = HostAnswer {
                worker,
                number,
                answer,
            };
            inbox.post(|mail| mail.answers.push(answer));
        }
    }

    fn next(&self) -> Option<HostTask> {
        let mut state = lock(&self.state);
        state.idle += 1;
        while state.due.is_empty() && !state.over {
            let waited = self.is_due.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.idle -= 1;
        if state.over {
            state.threads -= 1;
            return None;
        }
        state.due.pop_front()
    }
}

/// Calls the closure; `None` if nobody wants the answer any more.
fn answer(task: HostTask) -> Option<Result<Vec<u8>, String>> {
    let name = task.function.name.clone();
    let called = catch_unwind(AssertUnwindSafe(|| {
        if task.call.is_over() {
            return None;
        }
        match task.host.call(&task.call, task.arguments, &task.function) {
            Answering::Now(answer) => Some(answer),
            Answering::Later(future) => task.open.drive(future),
        }
    }));
    // The application's hook has reported the panic.
    let answer = called.unwrap_or_else(|panic| Some(Err(HostError::new(said(&*panic)))))?;
    Some(match answer {
        Ok(value) => encoded(value.as_ref()).map_err(|why| format!("host function {name}: {why}")),
        Err(error) => Err(format!("host function {name}: {error}")),
    })
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without a message"))
}

fn encoded(value: Option<&Value>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let Some(value) = value else {
        return Ok(bytes);
    };
    encode(value, &mut bytes);
    fits_one(std::slice::from_ref(value), bytes.len()).map_err(|(count, most)| {
        format!("its answer is made of {count} values, and the limit is {most}")
    })?;
    Ok(bytes)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
