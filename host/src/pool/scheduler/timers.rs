//! What happens because time passes: workers over their deadline are killed, and tasks stuck behind a slow one move.

use super::plugin::Plugin;
use super::worker::{Awaited, SLOW};
use super::{Action, Death, Scheduler, WorkerId};
use std::time::{Duration, Instant};

/// How long a worker may take to end its batches when nothing of them is left to run.
const DRAIN: Duration = Duration::from_secs(5);

impl Scheduler {
    /// When [`Scheduler::timer`] may have something to do next, as things are; nothing is due before.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let idle = self.has_idle();
        let plugins = self.plugins.values();
        let first = |plugin: &Plugin| {
            let all = plugin.late(idle).into_iter().flatten();
            let firsts = all.filter_map(|(after, awaited, _)| {
                plugin.fleet.lateness.first(awaited)?.checked_add(after)
            });
            let unpaused = plugin.paused_until.filter(|_| !plugin.queue.is_empty());
            firsts.chain(unpaused).min()
        };
        plugins
            .filter_map(first)
            .chain(self.next_parking())
            .chain(self.next_retry())
            .chain(self.next_without_place())
            .min()
    }

    /// Does what is due.
    pub(crate) fn timer(&mut self, now: Instant) {
        let idle = self.has_idle();
        let mut due: Vec<(WorkerId, Instant, Due)> = Vec::new();
        for plugin in self.plugins.values_mut() {
            for (after, awaited, what) in plugin.late(idle).into_iter().flatten() {
                let Some(until) = now.checked_sub(after) else {
                    continue;
                };
                let late = plugin
                    .fleet
                    .lateness
                    .since(awaited, until, &mut self.workers);
                due.extend(
                    late.into_iter()
                        .map(|(since, id)| (id, since + after, what)),
                );
            }
        }
        // What comes first for each; the rest, if it is still due, with the next timer.
        due.sort_by_key(|(id, at, _)| (*id, *at));
        due.dedup_by_key(|(id, _, _)| *id);
        for (id, _, due) in due {
            match due {
                Due::Kill(death) => self.kill(id, death),
                Due::Recall => self.recall(id),
            }
        }
        self.release_retries(now);
        self.fail_without_place(now);
        self.park_idle(now);
        self.dispatch(now);
    }

    /// Takes back what the worker has not started.
    pub(super) fn recall(&mut self, worker: WorkerId) {
        self.change_worker(worker, |worker, _| worker.recall());
        self.actions.push_back(Action::Recall(worker));
    }

    /// Whether a worker waits for tasks in vain, or one more could be started.
    fn has_idle(&self) -> bool {
        self.workers.len() < self.room()
            || self
                .plugins
                .values()
                .any(|plugin| plugin.fleet.idle().is_some())
    }
}

impl Plugin {
    /// What happens to a worker of which something is awaited for how long. `idle` says that another one waits for tasks.
    fn late(&self, idle: bool) -> [Option<(Duration, Awaited, Due)>; 4] {
        let kill = |awaited| {
            let after = self.config.kill_after?;
            Some((after, awaited, Due::Kill(Death::Deadline)))
        };
        let [last, first] = Awaited::RESULTS.map(kill);
        // Nothing else waits for the idle one.
        let relieve = idle && self.queue.is_empty();
        [
            last,
            first,
            Some((DRAIN, Awaited::End, Due::Kill(Death::Stuck))),
            relieve.then_some((SLOW, Awaited::ResultBeforeOthers, Due::Recall)),
        ]
    }
}

/// What is due.
#[derive(Clone, Copy)]
enum Due {
    Kill(Death),
    Recall,
}
