//! From a worker's results to outcomes: held against what it was sent, and against the types of the function.

use super::super::ended::{Ended, More, RanAt};
use super::super::ends::Ends;
use super::super::outcome::{Failure, FailureKind};
use super::super::reply::Delivery;
use super::super::scheduler::{Finished, TaskId, Violation, WorkerId};
use super::Driver;
use crate::child::Process;
use crate::plugin::Plugin;
use crate::value::{Budget, Format, Placed, Type, Value, is_err, long_bytes};
use crate::wire::{Cost, Printed, TaskResult, WorkerFrame};
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
        let mut read = Vec::with_capacity(expected.size_hint().0);
        let mut is_good = true;
        let terms = Terms::of(&loaded.plugin);
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
            let ended = task.and_then(|task| terms.read(task.function, result, &mut decode));
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
        let ran = Arc::new(RanAt {
            worker,
            name: Some(Arc::clone(&link.name)),
            pid: link.process.as_ref().map(Process::number),
        });
        let mut succeeded = 0;
        // Those that run again, by where they are.
        let mut again = Vec::new();
        for (at, (finished, ended)) in finished.iter().zip(&mut ended).enumerate() {
            ended.attempts = finished.attempts;
            let Err(failure) = &ended.result else {
                succeeded += 1;
                continue;
            };
            if self.runs_again(finished.task, failure.kind(), finished.attempts) {
                again.push(at);
            } else {
                ended.result = Err(self.failed(finished.task, failure.clone()));
            }
        }
        if let Some(loaded) = self.plugins.get_mut(&plugin) {
            loaded.done += succeeded;
        }
        self.end(finished, ended, &again, &ran);
    }

    /// Has the ends of tasks delivered, of those that do not run again: as many together as follow each other in a stream.
    fn end(&mut self, finished: &[Finished], ended: Vec<Ended>, again: &[usize], ran: &Arc<RanAt>) {
        let mut left = ended.into_iter();
        let mut again = again.iter().copied().peekable();
        let mut at = 0;
        while at < finished.len() {
            if again.next_if_eq(&at).is_some() {
                (at, _) = (at + 1, left.next());
                continue;
            }
            let until = again.peek().copied().unwrap_or(finished.len());
            let ids = finished[at..until].iter().map(|finished| finished.task);
            let (count, run) = self.tasks.end_run(ids);
            // All that are left keep their memory.
            let ends: Vec<Ended> = match count == left.len() {
                true => std::mem::take(&mut left).collect(),
                false => left.by_ref().take(count).collect(),
            };
            self.ended.extend(run.map(|run| Delivery {
                to: run.to,
                ends: Ends::new(run.first, ends, Some(Arc::clone(ran))),
                freed: run.freed,
            }));
            at += count;
        }
    }

    /// The failure of a task, with its arguments.
    pub(super) fn failed(&mut self, id: TaskId, failure: Failure) -> Failure {
        let Some(task) = self.tasks.get(id) else {
            return failure;
        };
        let Some(loaded) = self.plugins.get_mut(&task.plugin()) else {
            return failure;
        };
        loaded.count(failure.kind(), 1);
        failure.of(loaded.arguments_of(task))
    }
}

/// What results are held against.
struct Terms<'a> {
    plugin: &'a Plugin,
    output_cap: u64,
    has_fuel: bool,
}

impl<'a> Terms<'a> {
    fn of(plugin: &'a Plugin) -> Terms<'a> {
        let limits = &plugin.terms.limits;
        Terms {
            plugin,
            output_cap: limits.output_cap(),
            has_fuel: limits.fuel.is_some(),
        }
    }

    /// How a task ended, if the bytes are of the function's type.
    #[inline]
    fn read(
        &self,
        function: u32,
        reported: TaskResult<'_>,
        decode: impl FnOnce(&Type, &[u8]) -> Option<Value>,
    ) -> Option<Ended> {
        let functions = &self.plugin.signature.functions;
        let ty = functions.get(function as usize)?.result.as_ref();
        let result = match reported.outcome {
            Err(failure) => Err(Failure::reported(&failure)),
            Ok(bytes) if bytes.len() as u64 > self.output_cap => Err(Failure::new(
                FailureKind::OutputLimit,
                "its result is longer than the limit",
            )),
            Ok(bytes) => match ty {
                None if bytes.is_empty() => Ok(None),
                None => return None,
                Some(ty) => judge(ty, decode(ty, bytes)?),
            },
        };
        let (cost, printed) = (reported.cost, &reported.printed);
        let ended = Ended {
            result,
            wall_ns: cost.wall_ns,
            memory_bytes: cost.memory_bytes,
            attempts: 1,
            more: None,
        };
        let is_all = printed.is_empty() && !self.has_fuel && cost.cpu_ns == 0;
        Some(match is_all {
            true => ended,
            false => self.with_more(ended, cost, printed),
        })
    }

    /// The same, with what else is reported of it.
    fn with_more(&self, ended: Ended, cost: Cost, printed: &Printed<'_>) -> Ended {
        let written = (printed.stdout.len() + printed.stderr.len()) as u64;
        let too_much = written > self.output_cap;
        let kept = |bytes: &[u8]| if too_much { Vec::new() } else { bytes.to_vec() };
        let more = More {
            cpu: (cost.cpu_ns > 0).then(|| Duration::from_nanos(cost.cpu_ns)),
            fuel: self.has_fuel.then_some(cost.fuel),
            stdout: kept(printed.stdout),
            stderr: kept(printed.stderr),
            ..More::default()
        };
        let too_much = too_much.then(|| {
            let message = "it wrote more than the limit";
            Err(Failure::new(FailureKind::OutputLimit, message))
        });
        Ended {
            result: too_much.unwrap_or(ended.result),
            more: Some(Box::new(more)),
            ..ended
        }
    }
}

/// A value is a success, unless it is an `err`.
#[inline]
fn judge(ty: &Type, value: Value) -> Result<Option<Value>, Failure> {
    match is_err(&value) {
        None => Ok(Some(value)),
        Some(_) => Err(returned_err(ty, value)),
    }
}

fn returned_err(ty: &Type, value: Value) -> Failure {
    let mut shown = Vec::new();
    Format::Text.print(Some(ty), Some(&value), &mut shown);
    Failure::returned_err(value, &String::from_utf8_lossy(&shown))
}
