//! What a plugin knows of its workers without looking at each of them: how many there are, and who takes tasks.

use super::lateness::Lateness;
use super::plugin::Plugin;
use super::worker::{SLOW, State, Worker};
use super::{Scheduler, WorkerId};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Instant;

/// One that may be sent tasks: how much it has to do, and since when it is at the first of that.
type Taker = (usize, Option<Reverse<Instant>>, WorkerId);

/// The workers of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fleet {
    /// All of them, those that start and those that die included.
    pub(super) workers: usize,
    /// Those that start and have nothing to do yet.
    pub(super) starting: usize,
    pub(super) ready: usize,
    pub(super) dying: usize,
    /// Those of the dying ones that have done all they were for.
    pub(super) leaving: usize,
    /// Those of the ready ones that wait in a host call.
    pub(super) waiting: usize,
    /// Those that have something to do.
    pub(super) busy: usize,
    /// Those that have a task that no other waits for.
    pub(super) with_own: usize,
    /// Those that may be sent tasks and had too little to do when they changed last, the least busy first: few, where all have
    /// enough. What is too little changes, too: whoever sends looks again.
    takers: BTreeSet<Taker>,
    pub(super) lateness: Lateness,
}

impl Fleet {
    /// Adds a worker, which may be sent tasks if it has too little to do.
    pub(super) fn add(&mut self, id: WorkerId, worker: &mut Worker, has_too_little: bool) {
        self.workers += 1;
        self.starting += usize::from(worker.starts_without());
        self.ready += usize::from(worker.state == State::Ready);
        self.dying += usize::from(worker.state == State::Dying);
        self.leaving += usize::from(worker.leaves());
        self.waiting += usize::from(worker.waits());
        self.busy += usize::from(worker.load() > 0);
        self.with_own += usize::from(worker.has_other_than_nested());
        if worker.takes_tasks() && has_too_little {
            self.takers.insert(taker(id, worker));
        }
        self.lateness.note(id, worker);
    }

    /// Counts a worker no longer: it is about to change, or to go.
    pub(super) fn remove(&mut self, id: WorkerId, worker: &Worker) {
        self.workers -= 1;
        self.starting -= usize::from(worker.starts_without());
        self.ready -= usize::from(worker.state == State::Ready);
        self.dying -= usize::from(worker.state == State::Dying);
        self.leaving -= usize::from(worker.leaves());
        self.waiting -= usize::from(worker.waits());
        self.busy -= usize::from(worker.load() > 0);
        self.with_own -= usize::from(worker.has_other_than_nested());
        self.takers.remove(&taker(id, worker));
    }

    /// Who has less than `load` to do and takes more, the least busy first; nobody who has been at one task for long.
    pub(super) fn takers_below(
        &self,
        load: usize,
        now: Instant,
    ) -> impl Iterator<Item = WorkerId> + use<'_> {
        let mut takers = self.takers.range::<Taker, _>(..);
        std::iter::from_fn(move || {
            loop {
                let (busy, since, id) = *takers.next()?;
                if busy >= load {
                    return None;
                }
                if since.is_none_or(|Reverse(since)| now < since + SLOW) {
                    return Some(id);
                }
                // So have all that come after it and are as busy.
                takers = self.takers.range((busy + 1, None, WorkerId(0))..);
            }
        })
    }

    /// How many have not left their place to another while they wait for the application.
    pub(super) fn at_work(&self) -> usize {
        self.workers - self.waiting
    }

    /// A worker that waits for tasks.
    pub(super) fn idle(&self) -> Option<WorkerId> {
        let (busy, _, id) = self.takers.first()?;
        (*busy == 0).then_some(*id)
    }

    /// Whether it is what was counted anew, with all that may be sent tasks: those that wait must be among its own. Who may be late
    /// is another matter.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn agrees_with(&self, counted: &Fleet) -> bool {
        let mut waiting = counted.takers.iter().filter(|(load, ..)| *load == 0);
        let takers = self.takers.clone();
        waiting.all(|taker| takers.contains(taker))
            && takers.is_subset(&counted.takers)
            && *self
                == Fleet {
                    takers,
                    lateness: self.lateness.clone(),
                    ..counted.clone()
                }
    }
}

fn taker(id: WorkerId, worker: &Worker) -> Taker {
    let since = !worker.outstanding.is_empty();
    (
        worker.load(),
        since.then_some(Reverse(worker.progress_at)),
        id,
    )
}

/// Every change of a worker goes through here, so that its plugin's fleet stays true.
impl Scheduler {
    pub(super) fn insert_worker(&mut self, id: WorkerId, mut worker: Worker) {
        if let Some(plugin) = self.plugins.get_mut(&worker.plugin) {
            let has_too_little = plugin.has_too_little(&worker);
            plugin.fleet.add(id, &mut worker, has_too_little);
            self.workers.insert(id, worker);
        }
    }

    pub(super) fn remove_worker(&mut self, id: WorkerId) -> Option<Worker> {
        let mut worker = self.workers.remove(&id)?;
        let fleet = &mut self.plugins.get_mut(&worker.plugin)?.fleet;
        fleet.remove(id, &worker);
        fleet.lateness.forget(id, &mut worker);
        Some(worker)
    }

    /// All workers, in the order in which they were started.
    pub(super) fn worker_ids(&self) -> Vec<WorkerId> {
        let mut ids: Vec<WorkerId> = self.workers.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// How many workers have something to do.
    pub(crate) fn busy_workers(&self) -> usize {
        self.plugins.values().map(|plugin| plugin.fleet.busy).sum()
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
        let has_too_little = plugin.has_too_little(worker);
        plugin.fleet.add(id, worker, has_too_little);
        Some(changed)
    }
}
