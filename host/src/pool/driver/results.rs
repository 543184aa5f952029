//! From a worker's results to outcomes: held against what it was sent, and against the types of the function.

use super::super::outcome::{Failure, FailureKind, Outcome, Usage};
use super::super::scheduler::{Death, Loss, Task, TaskId, Violation, WorkerId};
use super::Driver;
use crate::plugin::Plugin;
use crate::value::{Budget, Format, Type, Value, decode, is_err};
use crate::wire::{Cost, TaskResult, WorkerFrame};
use std::time::{Duration, Instant};

impl Driver {
    /// Takes results, as far as they are what the worker was asked for.
    pub(super) fn worker_results(
        &mut self,
        worker: WorkerId,
        (first_seq, count, batch_done): (u32, u32, bool),
        bytes: &[u8],
    ) -> Result<(), Violation> {
        let Some(link) = self.workers.get(&worker) else {
            return Ok(());
        };
        let now = Instant::now();
        let finished = self
            .scheduler
            .results(now, worker, first_seq, count, batch_done)?;
        let Some(loaded) = self.plugins.get(&link.plugin) else {
            return Ok(());
        };
        let whose = Usage {
            worker: Some(worker.0 + 1),
            pid: link
                .process
                .as_ref()
                .map(|process| process.pid().as_raw_nonzero().get().unsigned_abs()),
            ..Usage::default()
        };
        let mut waiting = finished.iter();
        let mut broken = false;
        let (tasks, outcomes, plugin) = (&mut self.tasks, &mut self.outcomes, &loaded.plugin);
        let whole = WorkerFrame::parse_results(bytes, count, |result| {
            if broken {
                return;
            }
            let Some(finished) = waiting.clone().next() else {
                return;
            };
            let key = finished.task.0 as usize;
            let Some(outcome) = tasks
                .get(key)
                .and_then(|task| read_result(plugin, task.function, result))
            else {
                broken = true;
                return;
            };
            waiting.next();
            if let Some(task) = tasks.try_remove(key) {
                let usage = Usage {
                    attempts: finished.attempts,
                    ..outcome.usage
                };
                let usage = Usage {
                    worker: whose.worker,
                    pid: whose.pid,
                    ..usage
                };
                let result = outcome
                    .result
                    .map_err(|failure| failure.of(loaded.arguments_of(&task)));
                outcomes.push((task.reply, Outcome { usage, result }));
            }
        });
        if whole && !broken {
            return Ok(());
        }
        // The first result that could not be read fails its task; those after it were not received.
        let violation = Violation("a result that is not of the function's type");
        let mut unread: Vec<TaskId> = waiting.map(|finished| finished.task).collect();
        if !unread.is_empty() {
            self.fail(
                unread.remove(0),
                1,
                Loss::Died(Death::Violation(violation.0)),
            );
        }
        self.run_again(worker, &unread, now);
        Err(violation)
    }

    fn run_again(&mut self, worker: WorkerId, tasks: &[TaskId], now: Instant) {
        let Some(plugin) = self.workers.get(&worker).map(|link| link.plugin) else {
            return;
        };
        let known = |id: &TaskId| {
            let task = self.tasks.get(id.0 as usize)?;
            Some(Task {
                id: *id,
                function: task.function,
                bytes: task.arguments.len() as u32,
            })
        };
        let tasks: Vec<Task> = tasks.iter().filter_map(known).collect();
        self.scheduler.submit(now, plugin, tasks);
    }
}

/// A result as an outcome, if its bytes are of the function's type.
fn read_result(plugin: &Plugin, function: u32, result: TaskResult<'_>) -> Option<Outcome> {
    let cost = result.cost;
    let ty = plugin
        .signature
        .functions
        .get(function as usize)?
        .result
        .as_ref();
    let result = match result.outcome {
        Err(failure) => Err(Failure::reported(&failure)),
        Ok(bytes) if bytes.len() as u64 > plugin.limits.output_cap() => Err(Failure::new(
            FailureKind::OutputLimit,
            "its result is longer than the limit",
        )),
        Ok(bytes) => match ty {
            None if bytes.is_empty() => Ok(None),
            None => return None,
            Some(ty) => judge(ty, decode(ty, bytes, Budget::for_bytes(bytes.len())).ok()?),
        },
    };
    let usage = usage(cost, plugin);
    Some(Outcome { result, usage })
}

/// A value is a success, unless it is an `err`.
fn judge(ty: &Type, value: Value) -> Result<Option<Value>, Failure> {
    if is_err(&value).is_none() {
        return Ok(Some(value));
    }
    let mut shown = Vec::new();
    Format::Text.print(Some(ty), Some(&value), &mut shown);
    Err(Failure::returned_err(
        value,
        &String::from_utf8_lossy(&shown),
    ))
}

fn usage(cost: Cost, plugin: &Plugin) -> Usage {
    Usage {
        wall: Duration::from_nanos(cost.wall_ns),
        cpu: (cost.cpu_ns > 0).then(|| Duration::from_nanos(cost.cpu_ns)),
        fuel: plugin.limits.fuel.map(|_| cost.fuel),
        memory_bytes: cost.memory_bytes,
        ..Usage::default()
    }
}
