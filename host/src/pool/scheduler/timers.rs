//! What happens because time passes: workers over their deadline are killed, and tasks stuck behind a slow one move.

use super::plugin::Plugin;
use super::worker::{SLOW, State, Worker};
use super::{Action, Death, Scheduler, WorkerId};
use std::time::{Duration, Instant};

/// How long a worker may take to end its batches when nothing of them is left to run.
const DRAIN: Duration = Duration::from_secs(5);

impl Scheduler {
    /// When [`Scheduler::timer`] has something to do next, as things are.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let idle = self.has_idle();
        let workers = self
            .workers
            .values()
            .filter_map(|worker| self.due(worker, idle))
            .map(|(at, _)| at);
        let waiting = self
            .plugins
            .values()
            .filter(|plugin| !plugin.queue.is_empty());
        workers
            .chain(waiting.filter_map(|plugin| plugin.paused_until))
            .chain(self.next_parking())
            .chain(self.next_retry())
            .min()
    }

    /// Does what is due.
    pub(crate) fn timer(&mut self, now: Instant) {
        let idle = self.has_idle();
        let due: Vec<(WorkerId, Due)> = self
            .workers
            .iter()
            .filter_map(|(id, worker)| {
                self.due(worker, idle)
                    .filter(|(at, _)| *at <= now)
                    .map(|(_, due)| (*id, due))
            })
            .collect();
        for (id, due) in due {
            match due {
                Due::Kill(death) => self.kill(id, death),
                Due::Recall => self.recall(id),
            }
        }
        self.release_retries(now);
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

    /// The next thing that is due for a worker if nothing else happens.
    fn due(&self, worker: &Worker, idle: bool) -> Option<(Instant, Due)> {
        if worker.state != State::Ready || worker.recalling {
            return None;
        }
        let plugin = self.plugins.get(&worker.plugin)?;
        if worker.outstanding.is_empty() {
            return (worker.batches > 0)
                .then(|| (worker.progress_at + DRAIN, Due::Kill(Death::Stuck)));
        }
        let deadline = plugin
            .config
            .kill_after
            .and_then(|limit| worker.progress_at.checked_add(limit));
        let deadline = deadline.map(|at| (at, Due::Kill(Death::Deadline)));
        let recall = (idle && can_be_relieved(plugin, worker))
            .then(|| (worker.progress_at + SLOW, Due::Recall));
        [deadline, recall]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }
}

/// Whether unstarted tasks of a worker would be better off elsewhere: nothing else waits for an idle worker.
fn can_be_relieved(plugin: &Plugin, worker: &Worker) -> bool {
    plugin.queue.is_empty() && worker.outstanding.len() > 1 && !worker.draining
}

/// What is due.
#[derive(Clone, Copy)]
enum Due {
    Kill(Death),
    Recall,
}
