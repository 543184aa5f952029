//! Programs that run in the template up to where they first read their standard input, and go on from there in a fork for each task.
//!
//! ```text
//! template: start ─ code of the guest ─ first read ─┐ forks, until the supervisor closes the connection
//!   worker:                                         └ its task's input ─ code of the guest ─ end: the task's result
//! ```
//! The read is a call of the host on the guest's stack: in the template it never returns, in each worker it returns once.

use super::conversation::Conversation;
use super::guest::{Called, Guest};
use super::template::{Child, Forks};
use super::{end, ticker};
use crate::value::{Budget, Value, decode_args};
use crate::wire::{Batch, Cost, Printed, TaskFailure, TaskFailureKind, TaskTerms, program};
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use wasmtime_wasi::p2::{StreamError, StreamResult};

/// Where the program waits for its input.
#[derive(Clone)]
pub(super) struct Gate(Arc<Mutex<State>>);

enum State {
    /// In the template: how forks are made, once.
    Closed(Option<Box<dyn FnOnce() -> Child + Send>>, TaskTerms),
    /// In a worker.
    Open(Run),
}

/// The task of a worker.
struct Run {
    conversation: Conversation,
    input: Bytes,
    started: Instant,
    cpu_before: u64,
    deadline: Option<Instant>,
    _ticking: ticker::Ticking,
}

/// Runs the program, here and then in forks.
///
/// # Errors
///
/// When it comes to an end before it reads.
pub(super) fn serve(guest: &Guest, forks: Forks) -> Result<(), String> {
    let ticking = ticker::start();
    let fork = move || {
        // Forks would inherit neither the timer nor the wish to stop it.
        drop(ticking);
        forks.serve_once()
    };
    let gate = Gate(Arc::new(Mutex::new(State::Closed(
        Some(Box::new(fork)),
        *guest.terms(),
    ))));
    let called = guest.run_warm(&gate);
    gate.finish(called)
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the task must be over, once there is one.
    pub(super) fn deadline(&self) -> Option<Option<Instant>> {
        match &*self.lock() {
            State::Closed(..) => None,
            State::Open(run) => Some(run.deadline),
        }
    }

    /// The next piece of the task's standard input. The first one is waited for in the template, and got in a worker.
    pub(super) fn read(&self, size: usize) -> StreamResult<Bytes> {
        let mut state = self.lock();
        if let State::Closed(fork, terms) = &mut *state {
            let Some(fork) = fork.take() else { end(1) };
            let terms = *terms;
            *state = State::Open(Run::begin(fork(), &terms));
        }
        let State::Open(run) = &mut *state else {
            end(1)
        };
        if run.input.is_empty() {
            return Err(StreamError::Closed);
        }
        let length = size.min(run.input.len());
        Ok(run.input.split_to(length))
    }

    /// The program has ended: in a worker that is the end of its task.
    fn finish(&self, called: Called) -> Result<(), String> {
        let State::Open(run) = &mut *self.lock() else {
            return Err(ended_too_early(&called));
        };
        let measure = |before: u64| ticker::cpu_ns().saturating_sub(before);
        let cost = Cost {
            wall_ns: run.started.elapsed().as_nanos() as u64,
            cpu_ns: measure(run.cpu_before),
            fuel: called.fuel,
            memory_bytes: called.memory_bytes,
        };
        run.answer(cost, &called);
        run.wait_for_the_end()
    }
}

impl Run {
    /// Waits for the one task of this worker.
    fn begin(child: Child, terms: &TaskTerms) -> Run {
        let Child { conversation, page } = child;
        conversation.greet();
        let frame = conversation.next_batch();
        let Some((seq, arguments)) = Batch::parse(&frame).and_then(|batch| {
            conversation.begin_batch(batch.first_seq, Instant::now());
            batch.tasks().next()
        }) else {
            end(1)
        };
        let mut run = Run {
            conversation,
            input: Bytes::new(),
            started: Instant::now(),
            cpu_before: ticker::cpu_ns(),
            deadline: None,
            _ticking: ticker::start(),
        };
        if !page.try_start(seq) {
            run.conversation.send_results(true);
            run.wait_for_the_end();
        }
        run.deadline = terms
            .limits
            .timeout
            .and_then(|limit| run.started.checked_add(limit));
        match input_of(arguments) {
            Ok(input) => run.input = input,
            Err(failure) => {
                run.answer(Cost::default(), &Called::failed(failure));
                run.wait_for_the_end();
            }
        }
        run
    }

    fn answer(&self, cost: Cost, called: &Called) {
        let outcome = called.outcome.as_ref();
        let printed = Printed {
            stdout: &called.written.stdout,
            stderr: &called.written.stderr,
        };
        self.conversation
            .push(Instant::now(), cost, outcome, printed);
        self.conversation.send_results(true);
    }

    /// There is no second task: the connection is closed next, and with it the process ends.
    fn wait_for_the_end(&self) -> ! {
        self.conversation.next_batch();
        end(1)
    }
}

/// The standard input of a task; it may have nothing else.
fn input_of(arguments: &[u8]) -> Result<Bytes, TaskFailure> {
    let failed = |message: &str| {
        Err(TaskFailure {
            kind: TaskFailureKind::BadArgument,
            message: message.into(),
        })
    };
    let params = program("").params;
    let budget = Budget::for_bytes(arguments.len());
    let Ok(mut decoded) = decode_args(&params, arguments, budget) else {
        return failed("the arguments do not fit the program");
    };
    match &mut decoded[..] {
        [Value::List(words), Value::Bytes(stdin)] if words.is_empty() => {
            Ok(std::mem::take(stdin).into())
        }
        _ => failed(
            "a warm program has the arguments that it was started with, and its tasks have none",
        ),
    }
}

fn ended_too_early(called: &Called) -> String {
    let hint = "run it without --warm, which is for programs that read their standard input";
    match &called.outcome {
        Ok(_) => format!("the program ended before it read its standard input; {hint}"),
        Err(failure) if failure.kind == TaskFailureKind::Exit => format!(
            "the program exited with status {} before it read its standard input; {hint}",
            failure.message
        ),
        Err(failure) => {
            let why = failure.message.lines().next().unwrap_or_default();
            format!("the program failed before it read its standard input: {why}")
        }
    }
}
