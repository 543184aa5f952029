//! The end of a task on its way to whoever wants it: an [`Outcome`], as small as most of them are.
//!
//! Of outcomes there are thousands under way, together with others in [`Ends`](super::ends::Ends).

use super::outcome::{Failure, Outcome, Usage};
use super::scheduler::WorkerId;
use crate::value::Value;
use std::sync::Arc;
use std::time::Duration;

/// How a task ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The value, if the function returns one, or how it failed.
    pub(super) result: Result<Option<Value>, Failure>,
    /// Wall time in the worker, in nanoseconds.
    pub(super) wall_ns: u64,
    pub(super) memory_bytes: u64,
    pub(super) attempts: u32,
    /// What most have nothing of.
    pub(super) more: Option<Box<More>>,
}

/// The worker that ran some tasks.
#[derive(Debug)]
pub(super) struct RanAt {
    pub(super) worker: WorkerId,
    pub(super) name: Option<Arc<str>>,
    pub(super) pid: Option<u32>,
}

/// What a task used and wrote, where that is asked for or it did.
#[derive(Debug, Default)]
pub(super) struct More {
    pub(super) cpu: Option<Duration>,
    pub(super) fuel: Option<u64>,
    pub(super) host_calls: u64,
    /// The time that went by in them.
    pub(super) host: Duration,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Ended {
    /// The end of a task that did not run.
    pub(super) fn failed(failure: Failure, attempts: u32) -> Ended {
        Ended {
            result: Err(failure),
            wall_ns: 0,
            memory_bytes: 0,
            attempts,
            more: None,
        }
    }

    /// About how many bytes it keeps beyond its fixed size.
    pub(super) fn heap_bytes(&self) -> usize {
        let result = match &self.result {
            Ok(value) => value.as_ref().map_or(0, Value::heap_bytes),
            Err(failure) => failure.message().len(),
        };
        let written = |more: &More| more.stdout.len() + more.stderr.len();
        result + self.more.as_deref().map_or(0, written)
    }

    /// The same for whoever asked for it; `ran` is where it ran, if it did.
    pub(super) fn into_outcome(self, ran: Option<&RanAt>) -> Outcome {
        let more = self.more.map_or_else(More::default, |more| *more);
        Outcome {
            result: self.result,
            usage: Usage {
                wall: Duration::from_nanos(self.wall_ns),
                host: more.host,
                host_calls: more.host_calls,
                cpu: more.cpu,
                fuel: more.fuel,
                memory_bytes: self.memory_bytes,
                attempts: self.attempts,
                worker: ran.map(|ran| ran.worker.0 + 1),
                worker_name: ran.and_then(|ran| ran.name.clone()),
                pid: ran.and_then(|ran| ran.pid),
            },
            stdout: more.stdout,
            stderr: more.stderr,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_most_tasks_is_small() {
        assert!(size_of::<Ended>() <= 72, "{} bytes", size_of::<Ended>());
    }
}
