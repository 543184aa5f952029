//! From a worker's results to outcomes: held against what it was sent, and against the types of the function.

use super::super::ended::{Ended, More, RanAt};
use super::super::inbox::NewTask;
use super::super::outcome::{Failure, FailureKind};
use super::super::scheduler::{Finished, Violation, WorkerId};
use super::Driver;
use crate::child::Process;
use crate::plugin::Plugin;
use crate::value::{Budget, Format, Placed, Type, Value, is_err, long_bytes};
use crate::wire::{TaskResult, WorkerFrame};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Results as they were sent.
pub(super) enum Reported<'a> {
    In(&'a [u8]),
    With(Placed),
}

impl Reported<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Reported::In(bytes) => bytes,
            Reported::With(placed) => placed.bytes(),
        }
    }
}

impl Driver {
    /// Takes a frame that is long and has a memory of its own.
    pub(super) fn handle_long(
        &mut self,
        worker: WorkerId,
        placed: Placed,
    ) -> Result<(), Violation> {
        let frame = placed.bytes();
        let Some(WorkerFrame::Results {
            first_seq,
            batch_done,
            count,
            bytes,
        }) = WorkerFrame::parse(frame)
        else {
            return self.handle_frame(worker, frame);
        };
        let results = frame.len() - bytes.len()..frame.len();
        let results = Reported::With(placed.part(results));
        self.worker_results(worker, (first_seq, count, batch_done), results)
    }

    /// Takes results, as far as they are what the worker was asked for.
    pub(super) fn worker_results(
        &mut self,
        worker: WorkerId,
        (first_seq, count, batch_done): (u32, u32, bool),
        results: Reported<'_>,
    ) -> Result<(), Violation> {
        // Read before anything is taken for finished: a result that cannot be read is none.
        let mut expected = self
            .scheduler
            .expected(worker, first_seq, count, batch_done)?;
        let Some(link) = self.workers.get(&worker) else {
            return Ok(());
        };
        let Some(loaded) = self.plugins.get(&link.plugin) else {
            return Ok(());
        };
        if link.calls.is_open() {
            return Err(Violation("results while a host call is open"));
        }
        let ran = Arc::new(RanAt {
            worker,
            name: Some(Arc::clone(&link.name)),
            pid: link.process.as_ref().map(Process::number),
        });
        let mut read = Vec::with_capacity(expected.size_hint().0);
        let mut is_good = true;
        let bytes = results.bytes();
        let mut budget = Budget::for_all(bytes.len());
        // Where in them the value is that takes their memory, where there is one.
        let mut place = None;
        let may_take = matches!(results, Reported::With(..)) && count == 1;
        let mut decode = |ty: &Type, value: &[u8]| match long_bytes(ty, value).filter(|_| may_take)
        {
            Some(at) => {
                let before = value.as_ptr().addr() - bytes.as_ptr().addr();
                place = Some(before + at.start..before + at.end);
                Some(Value::Bytes(Vec::new()))
            }
            None => budget.decode(ty, value).ok(),
        };
        let whole = WorkerFrame::parse_results(bytes, count, |result| {
            // The first one that cannot be read ends it.
            let task = expected.next().filter(|_| is_good);
            let task = task.and_then(|task| self.tasks.get(task.0 as usize));
            let ended = task.and_then(|task| {
                read_result(&loaded.plugin, task.function, result, &ran, &mut decode)
            });
            is_good &= ended.is_some();
            read.extend(ended);
        });
        drop(expected);
        if let (Some(place), [ended], Reported::With(placed)) = (place, &mut read[..], results)
            && ended.result.is_ok()
        {
            ended.result = Ok(Some(placed.part(place).into_value()));
        }
        let good = read.len();
        let broken = !whole || good < count as usize;
        if broken {
            // It gets nothing more, and its death will fail the task whose result is broken.
            self.scheduler.worker_closing(worker);
        }
        let finished = match (broken, good) {
            (true, 0) => Vec::new(),
            (true, _) => {
                self.scheduler
                    .results(Instant::now(), worker, first_seq, good as u32, false)?
            }
            (false, _) => {
                self.scheduler
                    .results(Instant::now(), worker, first_seq, count, batch_done)?
            }
        };
        self.finish(worker, &finished, read);
        if !broken {
            return Ok(());
        }
        if let Some(link) = self.workers.get_mut(&worker) {
            link.culprit = Some(first_seq.wrapping_add(good as u32));
        }
        Err(Violation("a result that is not of the function's type"))
    }

    fn finish(&mut self, worker: WorkerId, finished: &[Finished], mut ended: Vec<Ended>) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        if finished.is_empty() {
            // What the running task has called is still its own.
            return;
        }
        let plugin = link.plugin;
        link.finished += finished.len() as u64;
        let (host_calls, host) = link.calls.end();
        // Where there are any, each result comes by itself.
        if let (Some(ended), true) = (ended.first_mut(), host_calls > 0 || !host.is_zero()) {
            let more = ended.more.get_or_insert_default();
            (more.host_calls, more.host) = (host_calls, host);
        }
        let mut succeeded = 0;
        for (finished, mut ended) in finished.iter().zip(ended) {
            ended.attempts = finished.attempts;
            if let Err(failure) = &ended.result
                && self.runs_again(finished.task, failure.kind(), finished.attempts)
            {
                continue;
            }
            let Some(task) = self.tasks.try_remove(finished.task.0 as usize) else {
                continue;
            };
            match ended.result {
                Ok(_) => succeeded += 1,
                Err(failure) => ended.result = Err(self.failed(&task, failure)),
            }
            self.outcomes.push((task.reply, ended));
        }
        if let Some(loaded) = self.plugins.get_mut(&plugin) {
            loaded.done += succeeded;
        }
    }

    /// The failure of a task, with its arguments.
    pub(super) fn failed(&mut self, task: &NewTask, failure: Failure) -> Failure {
        let Some(loaded) = self.plugins.get_mut(&task.plugin) else {
            return failure;
        };
        loaded.count(failure.kind());
        failure.of(loaded.arguments_of(task))
    }
}

/// How a task ended, if the bytes are of the function's type.
fn read_result(
    plugin: &Plugin,
    function: u32,
    reported: TaskResult<'_>,
    ran: &Arc<RanAt>,
    decode: impl FnOnce(&Type, &[u8]) -> Option<Value>,
) -> Option<Ended> {
    let ty = plugin
        .signature
        .functions
        .get(function as usize)?
        .result
        .as_ref();
    let result = match reported.outcome {
        Err(failure) => Err(Failure::reported(&failure)),
        Ok(bytes) if bytes.len() as u64 > plugin.terms.limits.output_cap() => Err(Failure::new(
            FailureKind::OutputLimit,
            "its result is longer than the limit",
        )),
        Ok(bytes) => match ty {
            None if bytes.is_empty() => Ok(None),
            None => return None,
            Some(ty) => judge(ty, decode(ty, bytes)?),
        },
    };
    let printed = &reported.printed;
    let too_much =
        (printed.stdout.len() + printed.stderr.len()) as u64 > plugin.terms.limits.output_cap();
    let result = match too_much {
        false => result,
        true => Err(Failure::new(
            FailureKind::OutputLimit,
            "it wrote more than the limit",
        )),
    };
    let cost = reported.cost;
    let (has_written, has_limit) = (
        !printed.is_empty() && !too_much,
        plugin.terms.limits.fuel.is_some(),
    );
    let more = (has_written || has_limit || cost.cpu_ns > 0).then(|| {
        let written = |bytes: &[u8]| if too_much { Vec::new() } else { bytes.to_vec() };
        Box::new(More {
            cpu: (cost.cpu_ns > 0).then(|| Duration::from_nanos(cost.cpu_ns)),
            fuel: has_limit.then_some(cost.fuel),
            stdout: written(printed.stdout),
            stderr: written(printed.stderr),
            ..More::default()
        })
    });
    Some(Ended {
        result,
        wall_ns: cost.wall_ns,
        memory_bytes: cost.memory_bytes,
        attempts: 1,
        ran: Some(Arc::clone(ran)),
        more,
    })
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
