//! Tasks that failed in a way that can pass, and are run again where that was asked for, each time after a longer while.

use super::super::outcome::FailureKind;
use super::super::scheduler::TaskId;
use super::Driver;
use crate::plugin::Retries;
use std::time::{Duration, Instant};

/// How long the first of them waits; the next waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long any of them waits at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Driver {
    /// Whether a task that failed so is to run again; then it does.
    pub(super) fn runs_again(&mut self, id: TaskId, kind: FailureKind, attempts: u32) -> bool {
        let Some(task) = self.tasks.get(id) else {
            return false;
        };
        let (plugin, retries) = (task.plugin(), task.retries());
        let loaded = self.plugins.get(&plugin);
        let is_asked = loaded.is_some_and(|loaded| {
            let Retries { times, timeouts } = loaded.plugin.terms.retries;
            retries < times && can_pass(kind, timeouts)
        });
        if !is_asked || task.is_cancelled() || !self.scheduler.may_retry(plugin) {
            return false;
        }
        let (again, at) = (task.as_task(id), Instant::now() + pause(retries));
        self.tasks.retry(id);
        self.scheduler.retry(plugin, again, attempts, at);
        true
    }
}

/// Whether the same call could succeed another time.
fn can_pass(kind: FailureKind, timeouts: bool) -> bool {
    match kind {
        FailureKind::WorkerDied => true,
        FailureKind::Timeout => timeouts,
        _ => false,
    }
}

fn pause(retries: u32) -> Duration {
    let factor = 2_u32.saturating_pow(retries);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pause_is_twice_as_long_up_to_ten_seconds() {
        let pauses = [0, 1, 2, 6, 7, u32::MAX].map(|retries| pause(retries).as_millis());
        assert_eq!(pauses, [100, 200, 400, 6400, 10_000, 10_000]);
    }
}
