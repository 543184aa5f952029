//! Processes that were killed and that the kernel does not end: each has the place of a worker.
//! Where none is left, tasks wait for a while and then fail: nothing waits for ever.

use super::{Loss, Scheduler};
use std::time::{Duration, Instant};

/// How long tasks wait while no worker can be had.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Unreaped {
    pub(super) count: usize,
    /// Since when they leave no place to any worker.
    all_taken_since: Option<Instant>,
}

impl Scheduler {
    /// From now on so many places are taken by processes that do not end.
    pub(crate) fn set_unreaped(&mut self, now: Instant, count: usize) {
        let since = self.unreaped.all_taken_since.unwrap_or(now);
        self.unreaped = Unreaped {
            count,
            all_taken_since: (count >= self.budget).then_some(since),
        };
        self.dispatch(now);
    }

    /// When tasks that wait for a place have waited long enough.
    pub(super) fn next_without_place(&self) -> Option<Instant> {
        let mut plugins = self.plugins.values();
        let waits = plugins.any(|plugin| plugin.fleet.workers == 0 && plugin.waiting() > 0);
        let since = self.unreaped.all_taken_since.filter(|_| waits)?;
        Some(since + PATIENCE)
    }

    pub(super) fn fail_without_place(&mut self, now: Instant) {
        if self.next_without_place().is_none_or(|due| now < due) {
            return;
        }
        // Those with a worker left go on.
        let without = self.plugins.values_mut();
        let without = without.filter(|plugin| plugin.fleet.workers == 0);
        let waiting: Vec<_> = without.flat_map(|plugin| plugin.take_waiting()).collect();
        self.give_up(waiting, Loss::NoPlace);
    }
}
