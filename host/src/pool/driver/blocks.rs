//! The tasks that a driver has: where each is in the block that it came in.

use super::super::arguments::Arguments;
use super::super::block::Block;
use super::super::reply::ReplyTo;
use super::super::scheduler::{Finished, PluginId, Task, TaskId};
use crate::wire::BatchWriter;
use slab::Slab;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

/// Blocks that have tasks without an end.
#[derive(Default)]
pub(super) struct Blocks(Slab<Block>);

/// A block, for as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// A task of a block.
#[derive(Clone, Copy)]
pub(super) struct BlockTask<'a> {
    block: &'a Block,
    at: usize,
}

/// Tasks that follow each other in a block.
pub(super) struct Part<'a> {
    block: Option<&'a Block>,
    tasks: Range<usize>,
}

/// Tasks that ended, and whose inputs follow each other in their stream.
pub(super) struct Run {
    pub(super) to: ReplyTo,
    /// The number of the first among the inputs of its stream.
    pub(super) first: u64,
    /// How many bytes of arguments are not kept any more.
    pub(super) freed: usize,
}

impl Blocks {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, block: Block) -> Place {
        Place(self.0.insert(block) as u32)
    }

    /// Adds what the scheduler is told of the tasks of a block.
    pub(super) fn list(&self, place: Place, into: &mut Vec<Task>) {
        if let Some(block) = self.0.get(place.0 as usize) {
            let task = |at| BlockTask { block, at }.as_task(id(place, at));
            into.extend((0..block.count()).map(task));
        }
    }

    pub(super) fn get(&self, id: TaskId) -> Option<BlockTask<'_>> {
        let (place, at) = parts(id);
        let block = self.0.get(place)?;
        block.is_open(at).then_some(BlockTask { block, at })
    }

    /// Some tasks, those together that follow each other in one block.
    pub(super) fn by_block(
        &self,
        tasks: impl Iterator<Item = TaskId>,
    ) -> impl Iterator<Item = Part<'_>> {
        let mut tasks = tasks.peekable();
        std::iter::from_fn(move || {
            let (place, first) = parts(tasks.next()?);
            let mut until = first + 1;
            while tasks
                .next_if(|next| parts(*next) == (place, until))
                .is_some()
            {
                until += 1;
            }
            Some(Part {
                block: self.0.get(place),
                tasks: first..until,
            })
        })
    }

    /// A task is run again because it failed.
    pub(super) fn retry(&mut self, id: TaskId) {
        let (place, at) = parts(id);
        if let Some(block) = self.0.get_mut(place) {
            block.retry(at);
        }
    }

    /// Ends a task.
    pub(super) fn end(&mut self, task: TaskId) -> Option<Run> {
        self.end_run(&[Finished { task, attempts: 0 }]).1
    }

    /// Ends the first of some tasks, and those behind it whose inputs follow each other in the same stream. Returns how many they are,
    /// at least one; no run where that one has ended already.
    pub(super) fn end_run(&mut self, tasks: &[Finished]) -> (usize, Option<Run>) {
        let mut run: Option<Run> = None;
        let mut count = 0;
        while let Some(next) = tasks.get(count) {
            let (place, at) = parts(next.task);
            let Some(block) = self.0.get_mut(place) else {
                break;
            };
            let number = block.first + at as u64;
            let follows =
                |run: &Run| run.first + count as u64 == number && block.to.is_same_stream(&run.to);
            if !run.as_ref().is_none_or(follows) {
                break;
            }
            let together = (next.task.0..).zip(&tasks[count..]);
            let together = together.take_while(|(id, next)| next.task.0 == *id);
            let ended = block.end(at, together.count());
            if ended == 0 {
                break;
            }
            count += ended;
            let run = run.get_or_insert_with(|| Run {
                to: block.to.clone(),
                first: number,
                freed: 0,
            });
            if block.is_done() {
                run.freed += block.arguments.bytes();
                drop(self.0.remove(place));
            }
        }
        (count.max(1), run)
    }

    /// What nobody wants any more.
    pub(super) fn unwanted(&self) -> HashSet<TaskId> {
        let unwanted = self.0.iter().filter(|(_, block)| block.to.is_cancelled());
        let tasks = unwanted.flat_map(|(place, block)| {
            let open = (0..block.count()).filter(|at| block.is_open(*at));
            open.map(move |at| id(Place(place as u32), at))
        });
        tasks.collect()
    }
}

impl<'a> BlockTask<'a> {
    pub(super) fn plugin(self) -> PluginId {
        self.block.plugin
    }

    pub(super) fn function(self) -> u32 {
        self.block.function
    }

    pub(super) fn arguments(self) -> &'a [u8] {
        self.block.arguments.get(self.at)
    }

    /// The number of its input in its stream.
    pub(super) fn index(self) -> u64 {
        self.block.first + self.at as u64
    }

    /// Its number, counted from 1 through the life of the pool.
    pub(super) fn number(self) -> u64 {
        self.block.number + self.at as u64
    }

    /// How often it was run again because it failed.
    pub(super) fn retries(self) -> u32 {
        self.block.retries(self.at)
    }

    pub(super) fn is_cancelled(self) -> bool {
        self.block.to.is_cancelled()
    }

    pub(super) fn as_task(self, id: TaskId) -> Task {
        Task {
            id,
            function: self.block.function,
            bytes: self.arguments().len() as u32,
            nested: self.block.nested,
        }
    }

    /// Its arguments, where they are too long to be copied into what is sent.
    pub(super) fn long_arguments(self) -> Option<&'a Arc<Vec<u8>>> {
        self.block.arguments.long()
    }

    /// It is on its way to a worker with that process id.
    pub(super) fn begins(self, pid: u32) {
        self.block.to.begins(pid);
    }
}

impl Part<'_> {
    /// They are on their way to a worker with that process id.
    pub(super) fn begin(&self, pid: u32) {
        if let Some(block) = self.block {
            block.to.begins(pid);
        }
    }

    /// Adds them to a batch.
    pub(super) fn push_to(&self, batch: &mut BatchWriter) {
        match self.block.map(|block| &block.arguments) {
            Some(Arguments::Packed(packed)) => batch.push_packed(packed, self.tasks.clone()),
            Some(alone) => batch.push(alone.get(0)),
            // There is none that could be sent; each still has its number.
            None => self.tasks.clone().for_each(|_| batch.push(&[])),
        }
    }
}

/// A task is named by its block and its place there.
fn id(Place(place): Place, at: usize) -> TaskId {
    TaskId(u64::from(place) << 32 | at as u64)
}

fn parts(TaskId(id): TaskId) -> (usize, usize) {
    ((id >> 32) as usize, (id & u64::from(u32::MAX)) as usize)
}

#[cfg(test)]
mod tests;
