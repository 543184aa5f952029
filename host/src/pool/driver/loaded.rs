//! A plugin as the driver knows it: what it is, and how it is doing.

use super::super::outcome::FailureKind;
use super::super::scheduler::PluginId;
use super::super::scheduler::WorkerId;
use super::super::stats::{Stats, TaskStats, WorkerStats};
use super::Driver;
use super::blocks::BlockTask;
use crate::child::Process;
use crate::plugin::Plugin;
use crate::value::{Budget, Value, decode_args};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Arguments that are longer are not decoded to be shown, in bytes: the driver has other things to do.
const SHOWN: usize = 64 * 1024;

/// A plugin that tasks can be submitted for.
pub(super) struct Loaded {
    pub(super) plugin: Arc<Plugin>,
    /// Why its processes did not start, the last time.
    pub(super) trouble: Option<String>,
    /// Tasks that succeeded.
    pub(super) done: u64,
    failed: BTreeMap<FailureKind, u64>,
    /// Workers that ended otherwise than because they were not needed.
    pub(super) deaths: u64,
}

impl Loaded {
    pub(super) fn new(plugin: Arc<Plugin>) -> Loaded {
        Loaded {
            plugin,
            trouble: None,
            done: 0,
            failed: BTreeMap::new(),
            deaths: 0,
        }
    }

    /// The most bytes that a worker has to send at once: of results, or of a host call.
    pub(super) fn longest_answer(&self) -> u64 {
        let limits = &self.plugin.terms.limits;
        let results = match self.plugin.imports_wasi() {
            false => limits.output_cap(),
            // What a task writes besides its result has the same limit.
            true => limits.output_cap().saturating_mul(2),
        };
        match self.plugin.has_effects() {
            true => results.max(limits.host_call_cap()),
            false => results,
        }
    }

    /// Tasks failed so.
    pub(super) fn count(&mut self, kind: FailureKind, tasks: u64) {
        *self.failed.entry(kind).or_default() += tasks;
    }

    /// The arguments of a task, to show what failed.
    pub(super) fn arguments_of(&self, task: BlockTask<'_>) -> Vec<Value> {
        let function = self
            .plugin
            .signature
            .functions
            .get(task.function() as usize);
        let encoded = task.arguments();
        let budget = Budget::for_bytes(encoded.len());
        let decoded = function.map(|function| decode_args(&function.params, encoded, budget));
        decoded.and_then(Result::ok).unwrap_or_default()
    }
}

impl Driver {
    /// The task that a worker is at, of which its status page says how many it has started.
    fn task_at(&self, worker: WorkerId, started: u32) -> Option<TaskStats> {
        let (id, since) = self.scheduler.at(worker, started)?;
        let task = self.tasks.get(id)?;
        let loaded = self.plugins.get(&task.plugin())?;
        let functions = &loaded.plugin.signature.functions;
        Some(TaskStats {
            function: functions.get(task.function() as usize)?.name.clone(),
            arguments: match task.arguments().len() {
                ..=SHOWN => loaded.arguments_of(task),
                _ => Vec::new(),
            },
            index: task.index(),
            running: since.elapsed(),
        })
    }

    /// How a plugin is doing.
    pub(super) fn stats(&self, plugin: PluginId) -> Stats {
        let (queued, running) = self.scheduler.tasks_of(plugin);
        let mut workers: Vec<_> = self
            .workers
            .iter()
            .filter(|(_, link)| link.plugin == plugin)
            .filter_map(|(id, link)| Some((*id, link, link.process.as_deref()?)))
            .collect();
        workers.sort_by_key(|(id, ..)| *id);
        let workers = workers.into_iter().map(|(id, link, process)| WorkerStats {
            name: Arc::clone(&link.name),
            pid: Process::number(process),
            finished: link.finished,
            task: self.task_at(id, link.page.mapped.started()),
        });
        let loaded = self.plugins.get(&plugin);
        Stats {
            queued,
            running,
            done: loaded.map_or(0, |loaded| loaded.done),
            failed: loaded.map_or_else(BTreeMap::new, |loaded| loaded.failed.clone()),
            deaths: loaded.map_or(0, |loaded| loaded.deaths),
            unreaped: self.unreaped.overdue_of(plugin, std::time::Instant::now()),
            workers: workers.collect(),
        }
    }
}
