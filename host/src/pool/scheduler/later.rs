//! Tasks that failed and are to run again after a while, and plugins that begin no task any more.

use super::plugin::Plugin;
use super::worker::State;
use super::{Loss, PluginId, Scheduler, Task};
use std::time::Instant;

impl Scheduler {
    /// Runs a task again, from `at` on. It was over, after so many attempts; from now on it is sent alone, as one that was lost.
    pub(crate) fn retry(&mut self, plugin: PluginId, task: Task, attempts: u32, at: Instant) {
        if let Some(state) = self.plugins.get_mut(&plugin) {
            state.later.insert((at, task.id), task);
            self.losses.entry(task.id).or_default().before = attempts;
        }
    }

    /// Whether a task of the plugin that fails may run again.
    pub(crate) fn may_retry(&self, plugin: PluginId) -> bool {
        let state = self.plugins.get(&plugin);
        state.is_some_and(|state| !state.halted)
    }

    /// No task of the plugin begins any more: those that workers are at finish, the others and those that still come are cancelled.
    pub(crate) fn halt(&mut self, now: Instant, plugin: PluginId) {
        let Some(state) = self.plugins.get_mut(&plugin) else {
            return;
        };
        state.halted = true;
        for id in self.worker_ids() {
            let worker = &self.workers[&id];
            let at_one = usize::from(worker.state != State::Starting);
            if worker.plugin == plugin && !worker.recalling && worker.outstanding.len() > at_one {
                self.recall(id);
            }
        }
        self.dispatch(now);
    }

    /// Cancels what waits for plugins that begin nothing any more.
    pub(super) fn cancel_what_was_halted(&mut self) {
        let halted = self.plugins.values_mut().filter(|state| state.halted);
        let waiting: Vec<_> = halted.flat_map(Plugin::take_waiting).collect();
        self.give_up(waiting, Loss::Cancelled);
    }

    /// When a task is to run again, as things are.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        let plugins = self.plugins.values();
        plugins
            .filter_map(|it| Some(it.later.first_key_value()?.0.0))
            .min()
    }

    pub(super) fn release_retries(&mut self, now: Instant) {
        for state in self.plugins.values_mut() {
            state.release(now);
        }
    }
}

impl Plugin {
    /// Puts those whose time has come in front of the queue: results may wait for them.
    fn release(&mut self, now: Instant) {
        while let Some(first) = self.later.first_entry()
            && first.key().0 <= now
        {
            let task = first.remove();
            self.put_back([task].into());
        }
    }

    /// Everything that no worker has.
    pub(super) fn take_waiting(&mut self) -> Vec<Task> {
        let later = std::mem::take(&mut self.later);
        self.queue.drain(..).chain(later.into_values()).collect()
    }

    /// How many tasks no worker has.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.later.len()
    }
}
