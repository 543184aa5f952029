//! From queues to workers, as far as the budget goes.

use super::plugin::{Plugin, Template};
use super::worker::Worker;
use super::{Action, Death, PluginId, Scheduler, Task, WorkerId};
use std::time::{Duration, Instant};

/// Bytes of arguments after which a batch is full.
const BATCH_BYTES: u64 = 1024 * 1024;

/// How long a plugin keeps its last worker when there are more plugins than the budget has workers.
const TURN: Duration = Duration::from_millis(50);

impl Scheduler {
    /// Does everything that can be done now. Plugins with few workers come first, and may take from those that come later.
    pub(super) fn dispatch(&mut self, now: Instant) {
        self.cancel_what_was_halted();
        let waiting = self
            .plugins
            .iter()
            .filter(|(_, plugin)| !plugin.queue.is_empty());
        let mut waiting: Vec<_> = waiting
            .map(|(id, plugin)| (plugin.fleet.workers, plugin.last_start, *id))
            .collect();
        waiting.sort_unstable();
        let share = (self.budget / waiting.len().max(1)).max(1);
        let most = self.budget.div_ceil(waiting.len().max(1));
        self.retire_surplus();
        // How many workers a plugin has at work that lacks some.
        let mut lacking = None;
        for (_, _, plugin) in waiting {
            let Some(state) = self.plugins.get_mut(&plugin) else {
                continue;
            };
            state.paused_until.take_if(|until| *until <= now);
            match state.template {
                Template::Absent => self.start_template(plugin),
                Template::Starting | Template::Leaving => {}
                Template::Ready => {
                    let gives =
                        lacking.is_some_and(|has| self.plugins[&plugin].gives_to(has, share, now));
                    if gives && self.retire_idle(plugin) {
                        lacking = None;
                    }
                    self.send_to_workers(now, plugin, gives);
                    self.start_workers(now, plugin, most);
                    if !gives && self.plugins[&plugin].has_plenty() {
                        // Those that had nothing: their next batch is to be there when the first is done.
                        self.send_to_workers(now, plugin, false);
                    }
                    if lacking.is_none()
                        && self.lacks(plugin, share, now)
                        && !self.retire_unneeded()
                    {
                        lacking = Some(self.plugins[&plugin].fleet.at_work());
                    }
                }
            }
        }
        if lacking.is_some() {
            // One that came later may have none left for its own.
            self.retire_unneeded();
        }
        self.fail_deadlocked();
        self.forget_those_that_leave();
    }

    fn start_template(&mut self, plugin: PluginId) {
        let next = self.plugins.get(&plugin).and_then(|it| it.queue.front());
        // What a host function waits for may be what keeps all others busy.
        let is_nested = next.is_some_and(|task| task.nested);
        // Nothing that does not end is joined by more of its kind.
        if self.room() == 0 {
            return;
        }
        if !self.make_room_for_a_template() && !is_nested {
            // It is tried again when something happens.
            return;
        }
        if let Some(state) = self.plugins.get_mut(&plugin) {
            state.template = Template::Starting;
            self.actions.push_back(Action::StartTemplate(plugin));
        }
    }

    /// Sends batches to the plugin's workers, those with the least to do first; to idle ones only where one of them is wanted
    /// elsewhere.
    fn send_to_workers(&mut self, now: Instant, plugin: PluginId, idle_only: bool) {
        let state = &self.plugins[&plugin];
        let below = if idle_only { 1 } else { state.refill_below() };
        let takers = state.fleet.takers_below(below, now).filter(|id| {
            let worker = &self.workers[id];
            state.has_too_little(worker) && self.may_have_more(worker)
        });
        let takers: Vec<WorkerId> = takers.take(state.queue.len()).collect();
        let workers = state.fleet.workers.max(1);
        for worker in takers {
            let tasks = self.next_batch(plugin, workers, worker);
            if tasks.is_empty() {
                return;
            }
            self.send(now, worker, tasks);
        }
    }

    /// Whether tasks may wait behind what the worker does: not behind one that was lost before.
    fn may_have_more(&self, worker: &Worker) -> bool {
        let first = worker.outstanding.front();
        !first.is_some_and(|task| self.losses.contains_key(&task.id))
    }

    fn send(&mut self, now: Instant, worker: WorkerId, tasks: Vec<Task>) {
        let sent = self.change_worker(worker, |state, _| {
            (
                state.sent(now, &tasks),
                std::mem::take(&mut state.was_recalled),
            )
        });
        if let Some((first_seq, after_recall)) = sent {
            self.actions.push_back(Action::Send {
                worker,
                first_seq,
                tasks,
                after_recall,
            });
        }
    }

    /// The next tasks of one function: about a batch, but no more than a fair share of what waits. A task that was lost before
    /// or that another waits for makes a batch by itself, and is for idle
    /// workers.
    fn next_batch(&mut self, plugin: PluginId, workers: usize, to: WorkerId) -> Vec<Task> {
        let taker = &self.workers[&to];
        let (idle, left) = (taker.load() == 0, taker.left);
        if !taker.has_other_than_nested() && !self.may_begin_next(plugin) {
            return Vec::new();
        }
        let Some(state) = self.plugins.get_mut(&plugin) else {
            return Vec::new();
        };
        let Some(first) = state.queue.front() else {
            return Vec::new();
        };
        let was_lost = |task: &Task| !self.losses.is_empty() && self.losses.contains_key(&task.id);
        let mut count = 1;
        if was_lost(first) || first.nested {
            count = usize::from(idle);
        } else {
            let fair = state.queue.len().div_ceil(workers);
            let most = state.batch().min(fair).min(left as usize);
            let mut bytes = u64::from(first.bytes);
            for task in state.queue.iter().take(most).skip(1) {
                bytes += u64::from(task.bytes);
                let another_kind = task.function != first.function || task.nested;
                if another_kind || bytes > BATCH_BYTES || was_lost(task) {
                    break;
                }
                count += 1;
            }
        }
        state.take_out(count)
    }

    /// Starts workers for what is left in the queue, within the budget, until the plugin has `most`.
    fn start_workers(&mut self, now: Instant, plugin: PluginId, most: usize) {
        let room = (self.room() + self.leaving()).saturating_sub(self.workers.len());
        let state = &self.plugins[&plugin];
        if state.is_paused(now) || !self.may_begin_next(plugin) {
            return;
        }
        let wanted = state.queue.len().saturating_sub(state.fleet.starting);
        let own = most + state.fleet.waiting + state.fleet.leaving.min(self.budget);
        let few = wanted.min(room);
        for _ in 0..few.min(own.saturating_sub(state.fleet.workers)) {
            self.start_worker(now, plugin);
        }
    }

    fn start_worker(&mut self, now: Instant, plugin: PluginId) {
        let worker = WorkerId(self.next_worker);
        self.next_worker = self.next_worker.wrapping_add(1);
        let tasks = self.plugins[&plugin].config.tasks_per_worker;
        self.insert_worker(worker, Worker::new(plugin, now, tasks));
        self.actions
            .push_back(Action::StartWorker { plugin, worker });
        if let Some(state) = self.plugins.get_mut(&plugin) {
            state.last_start = Some(worker);
        }
        // One that is for a single task gets it on its way, and need not wait for it when it is there.
        if tasks.is_some_and(|tasks| tasks.get() == 1) {
            let tasks = self.next_batch(plugin, 1, worker);
            if !tasks.is_empty() {
                self.send(now, worker, tasks);
            }
        }
    }

    /// Whether a plugin could use one more worker, has less than its share of them at work, and none is about to make room.
    fn lacks(&self, plugin: PluginId, share: usize, now: Instant) -> bool {
        let state = &self.plugins[&plugin];
        state.queue.len() > state.fleet.starting
            && state.fleet.at_work() < share
            && !state.is_paused(now)
            && self.workers.len() >= self.room()
            && self.may_begin_next(plugin)
            && self.plugins.values().all(|plugin| plugin.fleet.dying == 0)
    }

    /// Ends a worker that waits for tasks of a plugin that has none, or none that may begin.
    fn retire_unneeded(&mut self) -> bool {
        let unneeded = self.has_unneeded();
        unneeded.is_some_and(|plugin| self.retire_idle(plugin))
    }

    /// A plugin that has a worker for which it has no task.
    pub(super) fn has_unneeded(&self) -> Option<PluginId> {
        let mut idle = self
            .plugins
            .iter()
            .filter(|(_, plugin)| plugin.fleet.idle().is_some());
        let unneeded =
            idle.find(|(id, plugin)| plugin.queue.is_empty() || !self.may_begin_next(**id));
        unneeded.map(|(id, _)| *id)
    }

    pub(super) fn retire_idle(&mut self, plugin: PluginId) -> bool {
        let idle = self.plugins[&plugin].fleet.idle();
        if let Some(worker) = idle {
            self.kill(worker, Death::Retired);
        }
        idle.is_some()
    }
}

impl Plugin {
    /// Whether a worker of this plugin should go to one that has only `has` of them at work.
    fn gives_to(&self, has: usize, share: usize, now: Instant) -> bool {
        self.fleet.at_work() > share
            || (has == 0 && self.served_at.is_some_and(|at| at + TURN <= now))
    }
}
