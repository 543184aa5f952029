//! A worker that does what the operations say.

use crate::pool::scheduler::{Death, TaskId};
use std::collections::VecDeque;

pub(super) struct Worker {
    pub(super) plugin: u32,
    pub(super) is_ready: bool,
    /// Nothing that it sends is read any more.
    pub(super) is_closed: bool,
    /// What it was killed for.
    pub(super) killed: Option<Death>,
    /// It got away with a lie: what it sends next may be held against it.
    pub(super) lied: bool,
    pub(super) in_host_call: bool,
    /// Its batches, with the tasks whose results are due.
    pub(super) batches: VecDeque<VecDeque<(u32, TaskId)>>,
    pub(super) next_seq: u32,
    pub(super) was_recalled: bool,
    /// What its page says was started, counted from the first task that is due.
    pub(super) page: i8,
}

impl Worker {
    pub(super) fn new(plugin: u32) -> Worker {
        Worker {
            plugin,
            is_ready: false,
            is_closed: false,
            killed: None,
            lied: false,
            in_host_call: false,
            batches: VecDeque::new(),
            next_seq: 0,
            was_recalled: false,
            page: 1,
        }
    }

    pub(super) fn due(&self) -> impl Iterator<Item = (u32, TaskId)> {
        self.batches.iter().flatten().copied()
    }

    pub(super) fn first_due(&self) -> u32 {
        self.due().next().map_or(self.next_seq, |(seq, _)| seq)
    }

    pub(super) fn started(&self) -> u32 {
        self.first_due().saturating_add_signed(self.page.into())
    }

    /// Takes the tasks that results were believed for.
    pub(super) fn take_results(&mut self, count: u32, ends_batch: bool) {
        for _ in 0..count {
            let batch = self.batches.iter_mut().find(|batch| !batch.is_empty());
            batch.and_then(VecDeque::pop_front);
        }
        if ends_batch {
            // One that ends a batch too early has the rest of it as part of the next.
            let rest = self.batches.pop_front().unwrap_or_default();
            if let Some(next) = self.batches.front_mut() {
                rest.into_iter()
                    .rev()
                    .for_each(|task| next.push_front(task));
            }
        }
    }

    /// Drops what it has not started, as far as its page says, and returns that.
    pub(super) fn recall(&mut self) -> Vec<TaskId> {
        self.was_recalled = true;
        let started = self.started();
        let unstarted = self.batches.iter_mut().flat_map(|batch| {
            let at = batch.partition_point(|(seq, _)| *seq < started);
            batch.split_off(at)
        });
        unstarted.map(|(_, task)| task).collect()
    }
}
