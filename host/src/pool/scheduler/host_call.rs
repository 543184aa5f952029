//! Workers whose task waits for a function of the host: each gives its place to another, so that the function may use the pool.
//!
//! There are at most twice as many as the budget, and the last of them is for tasks that host functions wait for.

use super::worker::State;
use super::{Loss, PluginId, Scheduler, Task, TaskId, WorkerId};
use std::time::Instant;

impl Scheduler {
    /// The task that a worker is at, and its sequence number there.
    pub(crate) fn running(&self, worker: WorkerId) -> Option<(TaskId, u32)> {
        let worker = self.workers.get(&worker)?;
        let task = worker.outstanding.front()?;
        Some((task.id, worker.front_seq))
    }

    /// The task that a worker is at where it has started those before sequence number `started`, and since when at the latest;
    /// nothing where it has not come to what it was sent.
    pub(crate) fn at(&self, worker: WorkerId, started: u32) -> Option<(TaskId, Instant)> {
        let worker = self.workers.get(&worker)?;
        let ahead = started.wrapping_sub(1).wrapping_sub(worker.front_seq) as usize;
        // The page can lie; only tasks of this worker can be concerned.
        let task = worker.outstanding.get(ahead)?;
        Some((task.id, worker.progress_at))
    }

    /// Whether a worker was killed, or is about to be.
    pub(crate) fn is_dying(&self, worker: WorkerId) -> bool {
        let worker = self.workers.get(&worker);
        worker.is_some_and(|worker| worker.state == State::Dying)
    }

    /// The task that the worker is at waits for a function of the host. One that is not there yet is at none, whatever it was given
    /// on its way.
    pub(crate) fn host_call_begins(&mut self, now: Instant, worker: WorkerId) {
        self.change_worker(worker, |worker, _| {
            worker.in_host_call = worker.state == State::Ready;
        });
        self.most_waiting = self.most_waiting.max(self.waiting());
        self.dispatch(now);
    }

    /// It got its answer.
    pub(crate) fn host_call_ends(&mut self, now: Instant, worker: WorkerId) {
        self.change_worker(worker, |worker, _| worker.in_host_call = false);
        self.dispatch(now);
    }

    fn waiting(&self) -> usize {
        self.plugins
            .values()
            .map(|plugin| plugin.fleet.waiting)
            .sum()
    }

    /// How many workers there may be.
    pub(super) fn room(&self) -> usize {
        let most = self.budget + self.waiting().min(self.budget);
        most.saturating_sub(self.unreaped.count)
    }

    /// How many there may be besides, since as many have done their last task and are about to be gone.
    pub(crate) fn leaving(&self) -> usize {
        let leaving = self.plugins.values().map(|plugin| plugin.fleet.leaving);
        leaving.sum::<usize>().min(self.budget)
    }

    /// Whether one more worker may be at the next task in the queue. The last that there may be is kept for tasks that others wait
    /// for: were it to wait as well, none of those could ever run.
    pub(super) fn may_begin_next(&self, plugin: PluginId) -> bool {
        if self.most_waiting == 0 || self.workers.len() < self.budget {
            return true;
        }
        let next = self.plugins[&plugin].queue.front();
        let is_nested = next.is_some_and(|task| task.nested);
        let others = self.plugins.values().map(|plugin| plugin.fleet.with_own);
        is_nested || others.sum::<usize>() < 2 * self.budget - 1
    }

    /// Ends workers that are idle and were started in the place of others, which go on.
    pub(super) fn retire_surplus(&mut self) {
        if self.most_waiting == 0 {
            return;
        }
        let dying: usize = self.plugins.values().map(|plugin| plugin.fleet.dying).sum();
        let surplus = (self.workers.len() - dying).saturating_sub(self.room());
        for _ in 0..surplus {
            let idle = self
                .plugins
                .iter()
                .find(|(_, plugin)| plugin.fleet.idle().is_some());
            let Some(plugin) = idle.map(|(id, _)| *id) else {
                return;
            };
            self.retire_idle(plugin);
        }
    }

    /// Fails what host functions wait for, where every worker waits for a host function and there may be no more of them: nobody
    /// would ever run it.
    pub(super) fn fail_deadlocked(&mut self) {
        if self.most_waiting < 2 * self.budget || self.waiting() < 2 * self.budget {
            return;
        }
        let mut stuck: Vec<Task> = Vec::new();
        for plugin in self.plugins.values_mut() {
            let nested = plugin.queue.iter().filter(|task| task.nested);
            stuck.extend(nested);
            plugin.queue.retain(|task| !task.nested);
        }
        self.give_up(stuck, Loss::NoWorkerLeft);
    }
}
