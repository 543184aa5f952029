//! Processes that lie to the supervisor: it ends them, gives every task its one outcome, and goes on.

mod compilers;
mod greetings;
mod hangs;
mod memory;
mod templates;
mod workers;

use std::time::Duration;
use wpool::{Builder, FailureKind, Outcome, Pool, Value};

/// The task at which a worker lies.
const UNLUCKY: usize = 13;

fn impostor() -> &'static str {
    env!("CARGO_BIN_EXE_wpool-impostor")
}

/// A pool whose processes tell `lie`.
fn lying(lie: &str) -> Builder {
    Pool::builder(format!("lie {lie}").into_bytes())
        .worker_program(impostor())
        .workers(2)
        // For those that lie about calls of it: it never answers.
        .host_function_async("env", "ask", |_: i64| std::future::pending::<i64>())
        .timeout(Duration::from_secs(3))
}

/// What becomes of the tasks 0 to 99, whose function is named for the lie.
#[track_caller]
fn outcomes(pool: &Pool, lie: &str) -> Vec<Outcome> {
    let outcomes = pool
        .map_outcomes(&format!("lie {lie}"), 0..100_i64)
        .unwrap();
    assert_eq!(outcomes.len(), 100);
    outcomes
}

fn value_of(outcome: &Outcome) -> Option<&Value> {
    outcome.result.as_ref().ok()?.as_ref()
}

fn failure_of(outcome: &Outcome) -> Option<(FailureKind, &str)> {
    let failure = outcome.result.as_ref().err()?;
    Some((failure.kind(), failure.message()))
}

/// No message may command a terminal, or be longer than 4 KiB.
#[track_caller]
fn assert_harmless(message: &str) {
    assert!(message.len() <= 5000, "{} bytes", message.len());
    assert!(!message.contains(|c: char| c.is_control()), "{message:?}");
}
