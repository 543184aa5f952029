//! Which plugins have processes, where there are more plugins than should: those without tasks give up theirs, the least recently
//! used first, or after a while; and one that is unloaded goes once its tasks are done.

use super::plugin::{Plugin, Template};
use super::{Action, PluginId, Scheduler};
use std::time::{Duration, Instant};

/// How many plugins may have processes, and for how long without tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parking {
    /// Templates at once, at most; more where a host function waits for a task of a plugin that has none.
    pub(crate) templates: usize,
    /// After how long without tasks a plugin gives up its processes.
    pub(crate) after: Option<Duration>,
}

impl Default for Parking {
    /// Nobody gives up anything.
    fn default() -> Parking {
        Parking {
            templates: usize::MAX,
            after: None,
        }
    }
}

impl Scheduler {
    /// From now on plugins give up their processes as `parking` says.
    pub(crate) fn set_parking(&mut self, parking: Parking) {
        self.parking = Parking {
            templates: parking.templates.max(1),
            ..parking
        };
    }

    /// The plugin gets no more tasks. Those that it has are run.
    pub(crate) fn remove_plugin(&mut self, now: Instant, plugin: PluginId) {
        if let Some(state) = self.plugins.get_mut(&plugin) {
            state.leaving = true;
        }
        self.dispatch(now);
    }

    /// Whether one more template may be started; one that is not used is ended for it if need be.
    pub(super) fn make_room_for_a_template(&mut self) -> bool {
        if !self.is_short_of_templates() {
            return true;
        }
        let idle = self.plugins.iter().filter(|(_, plugin)| plugin.can_park());
        let longest = idle.min_by_key(|(_, plugin)| plugin.used_at);
        let Some(plugin) = longest.map(|(id, _)| *id) else {
            return false;
        };
        self.park(plugin);
        true
    }

    pub(super) fn is_short_of_templates(&self) -> bool {
        let has_one = |plugin: &&Plugin| plugin.template != Template::Absent;
        self.parking.templates < usize::MAX
            && self.plugins.values().filter(has_one).count() >= self.parking.templates
    }

    /// When a plugin has been without tasks for long enough, as things are.
    pub(super) fn next_parking(&self) -> Option<Instant> {
        let after = self.parking.after?;
        let idle = self.plugins.values().filter(|plugin| plugin.can_park());
        idle.filter_map(|plugin| Some(plugin.used_at? + after))
            .min()
    }

    pub(super) fn park_idle(&mut self, now: Instant) {
        let Some(after) = self.parking.after else {
            return;
        };
        let is_due = |plugin: &Plugin| {
            plugin.can_park() && plugin.used_at.is_some_and(|at| at + after <= now)
        };
        let due = self.plugins.iter().filter(|(_, plugin)| is_due(plugin));
        let due: Vec<PluginId> = due.map(|(id, _)| *id).collect();
        due.into_iter().for_each(|plugin| self.park(plugin));
    }

    fn park(&mut self, plugin: PluginId) {
        if let Some(state) = self.plugins.get_mut(&plugin) {
            state.template = Template::Absent;
            self.actions.push_back(Action::Park(plugin));
        }
        for worker in self.worker_ids() {
            if self.workers[&worker].plugin == plugin {
                self.worker_closing(worker);
            }
        }
    }

    pub(super) fn forget_those_that_leave(&mut self) {
        let leaving = self.plugins.iter().filter(|(_, plugin)| plugin.leaving);
        let leaving: Vec<PluginId> = leaving.map(|(id, _)| *id).collect();
        for plugin in leaving {
            let state = &self.plugins[&plugin];
            if state.can_park() {
                self.park(plugin);
            } else if state.waiting() == 0
                && state.template == Template::Absent
                && state.fleet.workers == 0
            {
                self.plugins.remove(&plugin);
                self.actions.push_back(Action::Forget(plugin));
            }
        }
    }
}

impl Plugin {
    /// Whether it has processes, and nothing for them to do.
    fn can_park(&self) -> bool {
        self.template != Template::Absent && self.waiting() == 0 && self.fleet.busy == 0
    }
}
