//! What a plugin knows of its workers without looking at each of them: how many there are, and who takes tasks.

use super::plugin::Plugin;
use super::worker::{State, Worker};
use super::{Scheduler, WorkerId};
use std::collections::BTreeSet;

/// The workers of one plugin.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fleet {
    /// All of them, those that start and those that die included.
    pub(super) workers: usize,
    pub(super) starting: usize,
    pub(super) ready: usize,
    pub(super) dying: usize,
    /// Those of the ready ones that wait in a host call.
    pub(super) waiting: usize,
    /// Those that have something to do.
    pub(super) busy: usize,
    /// Those that may be sent tasks, the least busy first.
    takers: BTreeSet<(usize, WorkerId)>,
}

impl Fleet {
    pub(super) fn add(&mut self, id: WorkerId, worker: &Worker) {
        self.workers += 1;
        *self.in_state(worker.state) += 1;
        self.waiting += usize::from(worker.waits());
        self.busy += usize::from(worker.load() > 0);
        if worker.takes_tasks() {
            self.takers.insert((worker.load(), id));
        }
    }

    pub(super) fn remove(&mut self, id: WorkerId, worker: &Worker) {
        self.workers -= 1;
        *self.in_state(worker.state) -= 1;
        self.waiting -= usize::from(worker.waits());
        self.busy -= usize::from(worker.load() > 0);
        self.takers.remove(&(worker.load(), id));
    }

    fn in_state(&mut self, state: State) -> &mut usize {
        match state {
            State::Starting => &mut self.starting,
            State::Ready => &mut self.ready,
            State::Dying => &mut self.dying,
        }
    }

    /// Who has less than `load` to do and takes more, the least busy first.
    pub(super) fn takers_below(&self, load: usize) -> impl Iterator<Item = WorkerId> {
        self.takers
            .iter()
            .take_while(move |(busy, _)| *busy < load)
            .map(|(_, id)| *id)
    }

    /// A worker that waits for tasks.
    pub(super) fn idle(&self) -> Option<WorkerId> {
        self.takers_below(1).next()
    }
}

/// Every change of a worker goes through here, so that its plugin's fleet stays true.
impl Scheduler {
    pub(super) fn insert_worker(&mut self, id: WorkerId, worker: Worker) {
        if let Some(plugin) = self.plugins.get_mut(&worker.plugin) {
            plugin.fleet.add(id, &worker);
            self.workers.insert(id, worker);
        }
    }

    pub(super) fn remove_worker(&mut self, id: WorkerId) -> Option<Worker> {
        let worker = self.workers.remove(&id)?;
        self.plugins
            .get_mut(&worker.plugin)?
            .fleet
            .remove(id, &worker);
        Some(worker)
    }

    pub(super) fn change_worker<T>(
        &mut self,
        id: WorkerId,
        change: impl FnOnce(&mut Worker, &mut Plugin) -> T,
    ) -> Option<T> {
        let worker = self.workers.get_mut(&id)?;
        let plugin = self.plugins.get_mut(&worker.plugin)?;
        plugin.fleet.remove(id, worker);
        let changed = change(worker, plugin);
        plugin.fleet.add(id, worker);
        Some(changed)
    }
}
