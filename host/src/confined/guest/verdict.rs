//! Which limit or trap ended a task, as a failure of one kind with a sentence for a person.

use super::backtrace;
use super::live::TaskState;
use crate::confined::conversation::HostCallFailed;
use crate::confined::wasi::{Expired, TooMuchOutput};
use crate::wire::{TaskFailure, TaskFailureKind, TaskLimits, VALUES_BYTES};
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

/// How far a task got.
#[derive(Clone, Copy)]
pub(super) enum Phase {
    Starting,
    Initializing,
    /// A warm program, before it has a task.
    Warming,
    Running,
}

/// The arguments of a call would take too much room in the engine's form.
#[derive(Debug)]
pub(super) struct TooManyValues(pub(super) String);

impl std::fmt::Display for TooManyValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooManyValues {}

/// What an error of the engine means for the task that it ended.
pub(super) fn explain(
    phase: Phase,
    error: &wasmtime::Error,
    state: &TaskState,
    limits: &TaskLimits,
) -> TaskFailure {
    let failure = |kind, message: String| TaskFailure { kind, message };
    if state.expired || error.is::<Expired>() {
        return expired(phase, limits);
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::OutOfFuel) {
        let fuel = limits.fuel.unwrap_or_default();
        let message = format!("it used up its fuel of {fuel}");
        return failure(TaskFailureKind::Fuel, message);
    }
    if let Some(HostCallFailed(message)) = error.downcast_ref() {
        return failure(TaskFailureKind::HostCall, message.clone());
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return failure(TaskFailureKind::Exit, status.to_string());
    }
    if error.is::<TooMuchOutput>() {
        let limit = limits.output_bytes.unwrap_or_default();
        let message = format!("it wrote more than the limit of {limit} bytes");
        return failure(TaskFailureKind::OutputLimit, message);
    }
    if let Some(TooManyValues(message)) = error.downcast_ref() {
        return failure(TaskFailureKind::BadArgument, message.clone());
    }
    let root = error.root_cause().to_string();
    // The engine's error has no type of its own.
    if root.contains("fuel allocated for hostcalls") {
        let limit = VALUES_BYTES >> 20;
        let message = format!("its result takes more than {limit} MiB as values");
        return failure(TaskFailureKind::OutputLimit, message);
    }
    if state.memory.refused {
        let limit = limits.memory_bytes;
        let limit = limit.map_or_else(String::new, |bytes| format!(" of {bytes} bytes"));
        let message = format!("it needed more memory than the limit{limit}");
        return failure(TaskFailureKind::Memory, message);
    }
    let cause = trap.map_or(root, ToString::to_string);
    let cause = cause
        .strip_prefix("wasm trap: ")
        .unwrap_or(&cause)
        .replace('\n', " ");
    match phase {
        Phase::Starting => failure(
            TaskFailureKind::Init,
            format!("it could not be instantiated: {cause}"),
        ),
        Phase::Initializing => failure(
            TaskFailureKind::Init,
            format!("its initializer failed: {cause}"),
        ),
        Phase::Running | Phase::Warming => {
            failure(TaskFailureKind::Trap, cause + &backtrace::lines(error))
        }
    }
}

/// The time of a phase was over.
fn expired(phase: Phase, limits: &TaskLimits) -> TaskFailure {
    let start = limits.start_timeout;
    let (kind, message) = match (phase, limits.timeout) {
        (Phase::Running, Some(timeout)) => (
            TaskFailureKind::Timeout,
            format!("it ran longer than {timeout:?}"),
        ),
        (Phase::Starting, Some(timeout)) if timeout <= start => (
            TaskFailureKind::Timeout,
            format!("its start function ran longer than {timeout:?}"),
        ),
        (Phase::Warming, _) => (
            TaskFailureKind::Init,
            format!("it ran longer than {start:?}"),
        ),
        (Phase::Initializing, _) => (
            TaskFailureKind::Init,
            format!("its initializer took longer than {start:?}"),
        ),
        _ => (
            TaskFailureKind::Init,
            format!("instantiation took longer than {start:?}"),
        ),
    };
    TaskFailure { kind, message }
}
