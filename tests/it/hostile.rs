//! Modules that are made to do harm: each ends in the outcome that says so, in bounded time, and the pool answers the next good
//! task.

mod between;
mod canonical;
mod endless;
mod escapes;
mod growth;
mod results;
mod signatures;
mod size;
mod traps;

use crate::support::{DEADLINE, pool_of};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use wpool::{Builder, Error, FailureKind, Order, Outcome, Pool, Value};

/// A pool of one worker: the next task runs where the bad one did.
fn builder(module: impl AsRef<[u8]>) -> Builder {
    pool_of(module.as_ref()).workers(1)
}

#[track_caller]
fn pool(module: impl AsRef<[u8]>) -> Pool {
    builder(module)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Why a module is refused. The compiler's time is limited, so this comes to an end.
#[track_caller]
fn refusal(module: impl AsRef<[u8]>) -> Error {
    let limit = wpool::Limits {
        compile_timeout: Some(DEADLINE),
        ..wpool::Limits::default()
    };
    let built = builder(module).limits(limit).build();
    match built {
        Ok(_) => panic!("it is accepted"),
        Err(error) => error,
    }
}

/// What becomes of one call. Where it hangs the pool is terminated, so that it is a `cancelled`.
fn call(pool: &Pool, function: &str, arguments: &[Value]) -> Outcome {
    thread::scope(|scope| {
        let (ended, watch) = mpsc::channel::<()>();
        scope.spawn(move || {
            if watch.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
                pool.terminate();
            }
        });
        let (mut inputs, mut outcomes) = pool.stream(function, Order::Input).unwrap();
        inputs.send(arguments).unwrap();
        drop(inputs);
        let (_, outcome) = outcomes.next().expect("an outcome");
        drop(ended);
        outcome
    })
}

/// Expects a call to fail so, with `part` in its message.
#[track_caller]
fn fails(pool: &Pool, function: &str, kind: FailureKind, part: &str) -> Outcome {
    fails_with(pool, function, &[], kind, part)
}

#[track_caller]
fn fails_with(
    pool: &Pool,
    function: &str,
    arguments: &[Value],
    kind: FailureKind,
    part: &str,
) -> Outcome {
    let outcome = call(pool, function, arguments);
    match &outcome.result {
        Err(failure) => assert!(
            failure.kind() == kind && failure.message().contains(part),
            "{function}: {failure}, expected {kind}: {part}"
        ),
        Ok(_) => panic!("{function}: returned a value, expected {kind}: {part}"),
    }
    outcome
}

/// Expects the function `good` of the same module to return 42.
#[track_caller]
fn answers(pool: &Pool) -> Outcome {
    let outcome = call(pool, "good", &[]);
    assert!(
        matches!(outcome.result, Ok(Some(Value::S32(42)))),
        "{outcome:?}"
    );
    outcome
}

/// Expects the good task to run in the very worker that ran `before`: it is not worth a worker.
#[track_caller]
fn the_same_worker_answers(pool: &Pool, before: &Outcome) {
    assert_eq!(answers(pool).usage.pid, before.usage.pid);
}

/// The function that every module here has beside the bad ones.
const GOOD: &str = r#"(func (export "good") (result i32) (i32.const 42))"#;
