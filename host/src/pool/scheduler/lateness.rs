//! Who may be late: of which workers something is awaited, and since when at the earliest.
//!
//! Workers get on all the time and are late hardly ever. So one that gets on stays listed where it is, and only when it would be late
//! by that is it looked at, and listed anew.

use super::WorkerId;
use super::worker::{Awaited, Worker};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::time::Instant;

/// Since when a worker is listed, for each [`Awaited`].
pub(super) type Listed = [Option<Instant>; 3];

/// The lists of one plugin, one for each [`Awaited`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lateness([BTreeSet<(Instant, WorkerId)>; 3]);

impl Lateness {
    /// Lists a worker that has changed, if it is not listed for what is awaited of it. One of which nothing is awaited is in no list.
    pub(super) fn note(&mut self, id: WorkerId, worker: &mut Worker) {
        let Some(awaited) = worker.awaited() else {
            return self.forget(id, worker);
        };
        let listed = &mut worker.listed[awaited as usize];
        if listed.is_none() {
            *listed = Some(worker.progress_at);
            self.0[awaited as usize].insert((worker.progress_at, id));
        }
    }

    /// Takes a worker out of all lists.
    pub(super) fn forget(&mut self, id: WorkerId, worker: &mut Worker) {
        for (list, listed) in self.0.iter_mut().zip(&mut worker.listed) {
            if let Some(since) = listed.take() {
                list.remove(&(since, id));
            }
        }
    }

    /// Since when the first of them is listed: nobody is late who would not be late by that.
    pub(super) fn first(&self, awaited: Awaited) -> Option<Instant> {
        self.0[awaited as usize].first().map(|(since, _)| *since)
    }

    /// Of whom that is awaited since `until` or longer, and since when.
    pub(super) fn since(
        &mut self,
        awaited: Awaited,
        until: Instant,
        workers: &mut FxHashMap<WorkerId, Worker>,
    ) -> Vec<(Instant, WorkerId)> {
        for (_, id) in self.listed(awaited, until) {
            if let Some(worker) = workers.get_mut(&id) {
                self.list_anew(awaited, id, worker);
            }
        }
        self.listed(awaited, until)
    }

    fn listed(&self, awaited: Awaited, until: Instant) -> Vec<(Instant, WorkerId)> {
        let list = &self.0[awaited as usize];
        list.range(..=(until, WorkerId(u32::MAX)))
            .copied()
            .collect()
    }

    fn list_anew(&mut self, awaited: Awaited, id: WorkerId, worker: &mut Worker) {
        let list = &mut self.0[awaited as usize];
        if let Some(since) = worker.listed[awaited as usize].take() {
            list.remove(&(since, id));
        }
        if worker.awaited() == Some(awaited) {
            worker.listed[awaited as usize] = Some(worker.progress_at);
            list.insert((worker.progress_at, id));
        }
    }

    /// How many places there are in all lists.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(BTreeSet::len).sum()
    }

    /// How many lists a worker is in, each where it believes to be; nothing if it would be late before it is looked at.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn places(&self, id: WorkerId, worker: &Worker) -> Option<usize> {
        let is_in_time = match worker.awaited() {
            Some(awaited) => {
                worker.listed[awaited as usize].is_some_and(|since| since <= worker.progress_at)
            }
            None => worker.listed == Listed::default(),
        };
        let lists = self.0.iter().zip(worker.listed);
        let mut listed = lists.filter_map(|(list, since)| Some(list.contains(&(since?, id))));
        let count = listed.clone().count();
        (is_in_time && listed.all(|is_there| is_there)).then_some(count)
    }
}
