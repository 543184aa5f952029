//! What holds between any two events; tests and the fuzz target check it after each.

use super::fleet::Fleet;
use super::plugin::{Plugin, Template};
use super::worker::{State, Worker};
use super::{Action, PluginId, Scheduler, TaskId, WorkerId};
use std::collections::{BTreeMap, HashSet};

impl Scheduler {
    /// The workers that are not reported dead.
    #[cfg(feature = "testing")]
    pub(crate) fn workers(&self) -> impl Iterator<Item = WorkerId> {
        self.worker_ids().into_iter()
    }

    /// How many tasks are neither finished nor failed.
    pub(crate) fn unfinished(&self) -> usize {
        let queued: usize = self.plugins.values().map(|it| it.waiting()).sum();
        queued
            + self
                .workers
                .values()
                .map(|worker| worker.outstanding.len())
                .sum::<usize>()
    }

    pub(crate) fn sanity_check(&self) {
        assert!(
            self.workers.len() <= self.budget + self.most_waiting.min(self.budget) + self.leaving(),
            "more workers than the budget"
        );
        let places = self.check_places();
        assert_eq!(places.len(), self.unfinished());
        for task in self.losses.keys() {
            assert!(places.contains(task), "losses of {task:?} outlive it");
        }
        let sent = |id: &TaskId| {
            let mut sent = self.workers.values().flat_map(|worker| &worker.outstanding);
            sent.any(|task| task.id == *id)
        };
        assert!(
            self.cancelled.iter().all(sent),
            "a cancelled task that no worker has"
        );
        self.workers
            .iter()
            .for_each(|(id, worker)| self.check_worker(*id, worker));
        self.check_plugins();
        self.check_actions();
    }

    /// Each task is in one place.
    fn check_places(&self) -> HashSet<TaskId> {
        let mut places = HashSet::new();
        let queued = self.plugins.values().flat_map(|plugin| &plugin.queue);
        let later = self
            .plugins
            .values()
            .flat_map(|plugin| plugin.later.values());
        let queued = queued.chain(later);
        for task in queued.chain(self.workers.values().flat_map(|worker| &worker.outstanding)) {
            assert!(places.insert(task.id), "{task:?} is in two places");
        }
        places
    }

    fn check_worker(&self, id: WorkerId, worker: &Worker) {
        let outstanding = worker.outstanding.len();
        if worker.state == State::Starting {
            let config = &self.plugins[&worker.plugin].config;
            let is_for_one = config.tasks_per_worker.is_some_and(|it| it.get() == 1);
            assert!(
                worker.next_seq <= u32::from(is_for_one),
                "{id:?} was sent tasks before it was ready"
            );
        }
        if worker.batches == 0 {
            assert!(
                outstanding == 0 && !worker.draining,
                "{id:?} has something to do, but no batch"
            );
        }
        assert!(
            !worker.recalling || worker.draining,
            "{id:?} is recalled and may be sent tasks"
        );
        assert!(
            !worker.draining || worker.was_recalled,
            "{id:?} drains without a recall"
        );
        assert!(
            worker.next_seq - worker.front_seq >= outstanding as u32,
            "{id:?} has fewer numbers than tasks"
        );
        if !worker.draining && outstanding > 0 {
            assert_eq!(
                worker.next_seq - worker.front_seq,
                outstanding as u32,
                "{id:?} has more numbers than tasks"
            );
        }
        if worker
            .outstanding
            .iter()
            .any(|task| self.losses.contains_key(&task.id))
        {
            assert_eq!(
                outstanding, 1,
                "{id:?} was sent a lost task together with others"
            );
        }
    }

    fn check_plugins(&self) {
        let mut fleets: BTreeMap<_, Fleet> = BTreeMap::new();
        for (id, worker) in &self.workers {
            let fleet = fleets.entry(worker.plugin).or_default();
            fleet.add(*id, &mut worker.clone(), true);
        }
        for (id, plugin) in &self.plugins {
            let counted = fleets.remove(id).unwrap_or_default();
            assert!(
                plugin.fleet.agrees_with(&counted),
                "the fleet of {id:?} is not true: {:?}, and not {counted:?}",
                plugin.fleet
            );
            let own = self.workers.iter().filter(|(_, it)| it.plugin == *id);
            let listed = own.map(|(id, worker)| {
                let places = plugin.fleet.lateness.places(*id, worker);
                places.expect("who is late would not be looked at")
            });
            assert_eq!(
                listed.sum::<usize>(),
                plugin.fleet.lateness.len(),
                "a worker of {id:?} is listed twice or gone"
            );
            assert!(
                !plugin.halted || plugin.waiting() == 0,
                "{id:?} was halted, and something waits"
            );
            assert!(
                plugin.queue.iter().is_sorted_by_key(|task| !task.nested),
                "{id:?} has tasks before what host functions wait for"
            );
            let has_room = self.room() > 0 && !self.is_short_of_templates();
            if !plugin.queue.is_empty() && has_room {
                assert_ne!(
                    plugin.template,
                    Template::Absent,
                    "{id:?} has tasks and does not start"
                );
                assert!(
                    matches!(plugin.template, Template::Starting | Template::Leaving)
                        || plugin.fleet.idle().is_none()
                        || !self.may_begin_next(*id),
                    "{id:?} lets workers wait"
                );
            }
        }
        assert!(fleets.is_empty(), "a worker belongs to no plugin");
        self.check_places_of_workers();
    }

    /// A plugin whose workers all wait for the application is not without one for what that waits for while another's is idle.
    fn check_places_of_workers(&self) {
        let lacks = |id: PluginId, plugin: &Plugin| {
            plugin.template == Template::Ready
                && plugin.queue.len() > plugin.fleet.starting
                && plugin.fleet.at_work() == 0
                && plugin.paused_until.is_none()
                && self.may_begin_next(id)
        };
        let mut plugins = self.plugins.iter();
        let is_full = self.workers.len() >= self.room();
        let dying = self.plugins.values().any(|it| it.fleet.dying > 0);
        if is_full && !dying && plugins.any(|(id, plugin)| lacks(*id, plugin)) {
            assert_eq!(self.has_unneeded(), None, "an idle one keeps its place");
        }
    }

    /// What is sent goes to workers that live, and stays with them.
    fn check_actions(&self) {
        for action in &self.actions {
            if let Action::Send {
                worker,
                first_seq,
                tasks,
                ..
            } = action
            {
                let to = &self.workers[worker];
                assert!(
                    to.state != State::Dying && !tasks.is_empty() && *first_seq >= to.front_seq
                );
                let at = (*first_seq - to.front_seq) as usize;
                assert!(
                    to.outstanding.range(at..at + tasks.len()).eq(tasks),
                    "{worker:?} was sent what it does not have"
                );
            }
        }
    }
}
