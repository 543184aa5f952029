//! Tasks that are handed over together: what is the same of all of them is there once, and each has exactly one end.

use super::arguments::Arguments;
use super::ended::Ended;
use super::ends::{Ends, Results};
use super::outcome::{Failure, FailureKind};
use super::reply::{Deliveries, Delivery, ReplyTo};
use super::scheduler::PluginId;
use std::collections::BTreeMap;

/// Tasks of one function that follow each other in a stream, or a single one. Those that have no end when it is dropped are cancelled.
#[derive(Debug)]
pub(crate) struct Block {
    pub(super) plugin: PluginId,
    /// Which function of the signature.
    pub(super) function: u32,
    pub(super) arguments: Arguments,
    pub(super) to: ReplyTo,
    /// The number of the first of them among the inputs of their stream.
    pub(super) first: u64,
    /// Whether a host function of the same pool waits for them.
    pub(super) nested: bool,
    /// The number of the first of them, counted from 1 through the life of the pool, once the driver has it.
    pub(super) number: u64,
    /// How often those were run again that failed.
    retries: BTreeMap<usize, u32>,
    /// Which of them have ended.
    ended: Vec<bool>,
    left: usize,
}

impl Block {
    pub(super) fn new(
        (plugin, function): (PluginId, u32),
        arguments: Arguments,
        to: ReplyTo,
        first: u64,
        nested: bool,
    ) -> Block {
        let count = arguments.count();
        Block {
            plugin,
            function,
            arguments,
            to,
            first,
            nested,
            number: 0,
            retries: BTreeMap::new(),
            ended: vec![false; count],
            left: count,
        }
    }

    /// How many tasks it was made of.
    pub(super) fn count(&self) -> usize {
        self.ended.len()
    }

    /// How often a task was run again because it failed.
    pub(super) fn retries(&self, task: usize) -> u32 {
        self.retries.get(&task).copied().unwrap_or_default()
    }

    /// A task is run again because it failed.
    pub(super) fn retry(&mut self, task: usize) {
        *self.retries.entry(task).or_default() += 1;
    }

    /// Whether a task has no end yet.
    pub(super) fn is_open(&self, task: usize) -> bool {
        self.ended.get(task) == Some(&false)
    }

    /// So many tasks end, from one on. Returns how many did: it stops before one that has ended already, or is not there.
    pub(super) fn end(&mut self, first: usize, count: usize) -> usize {
        let until = first.saturating_add(count).min(self.ended.len());
        let some = self.ended.get_mut(first..until).unwrap_or_default();
        let open = some.iter().take_while(|ended| !**ended).count();
        some[..open].fill(true);
        self.left -= open;
        open
    }

    /// Whether all of them have ended.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Ends those that are left, all of them so.
    pub(super) fn fail_all(&mut self, failure: &Failure) -> Vec<Delivery> {
        let open: Vec<usize> = (0..self.count())
            .filter(|task| self.end(*task, 1) > 0)
            .collect();
        let mut freed = self.arguments.bytes();
        let together = open.chunk_by(|one, next| one + 1 == *next);
        let delivered = together.map(|some| {
            let first = self.first + some[0] as u64;
            let ends = some.iter().map(|_| Ended::failed(failure.clone(), 0));
            Delivery {
                to: self.to.clone(),
                ends: Ends::new(first, Results::each(ends.collect()), None),
                freed: std::mem::take(&mut freed),
            }
        });
        delivered.collect()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if !self.is_done() {
            let message = "the pool was terminated before it finished";
            let failure = Failure::new(FailureKind::Cancelled, message);
            let mut cancelled = Deliveries::default();
            cancelled.extend(self.fail_all(&failure));
            cancelled.send();
        }
    }
}
