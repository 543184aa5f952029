//! From a worker's results to outcomes: held against what it was sent, and against the types of the function.

use super::super::ended::{Ended, RanAt};
use super::super::ends::{Ends, Results};
use super::super::outcome::Failure;
use super::super::reply::Delivery;
use super::super::scheduler::{Finished, Task, TaskId, Violation, WorkerId};
use super::Driver;
use super::terms::Terms;
use crate::child::Process;
use crate::value::{Budget, Placed, Type, Value, long_bytes};
use crate::wire::WorkerFrame;
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
        if !self.is_believed(worker)? {
            return Ok(());
        }
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
        let expected = self
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
        let terms = Terms::of(&loaded.plugin);
        let plain = terms.read_plain(expected.clone(), results.bytes(), count);
        let (read, is_whole) = match plain {
            None => read_each(&terms, expected, count, results),
            Some(plain) => {
                drop(expected);
                (Results::Plain(plain), true)
            }
        };
        let good = read.len() as u32;
        if !is_whole {
            // It gets nothing more, and its death will fail the task whose result is broken.
            self.scheduler.worker_closing(worker);
        }
        let finished = match good {
            0 if !is_whole => Vec::new(),
            _ => {
                let batch_done = batch_done && is_whole;
                self.scheduler
                    .results(Instant::now(), worker, first_seq, good, batch_done)?
            }
        };
        self.finish(worker, &finished, read);
        if is_whole {
            return Ok(());
        }
        if let Some(link) = self.workers.get_mut(&worker) {
            link.culprit = Some(first_seq.wrapping_add(good));
        }
        Err(Violation("a result that is not of the function's type"))
    }

    fn finish(&mut self, worker: WorkerId, finished: &[Finished], results: Results) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        if finished.is_empty() {
            // What the running task has called is still its own.
            return;
        }
        let plugin = link.plugin;
        link.finished += finished.len() as u64;
        let called = link.calls.end();
        let ran = Arc::new(RanAt {
            worker,
            name: Some(Arc::clone(&link.name)),
            pid: link.process.as_deref().map(Process::number),
        });
        let has_called = called.0 > 0 || !called.1.is_zero();
        let is_first_run = finished.iter().all(|finished| finished.attempts == 1);
        let (results, again, succeeded) = match results {
            // There is nothing to add to any of them.
            Results::Plain(plain) if is_first_run && !has_called => {
                let succeeded = plain.len();
                (Results::Plain(plain), Vec::new(), succeeded)
            }
            results => self.complete(finished, results.collect(), called),
        };
        if let Some(loaded) = self.plugins.get_mut(&plugin) {
            loaded.done += succeeded as u64;
        }
        self.end(finished, results, &again, &ran);
    }

    /// Adds to results what is known here. Returns them, where those are that run again, and how many succeeded.
    fn complete(
        &mut self,
        finished: &[Finished],
        mut ended: Vec<Ended>,
        (host_calls, host): (u64, Duration),
    ) -> (Results, Vec<usize>, usize) {
        // Where there are any, each result comes by itself.
        if let (Some(ended), true) = (ended.first_mut(), host_calls > 0 || !host.is_zero()) {
            let more = ended.more.get_or_insert_default();
            (more.host_calls, more.host) = (host_calls, host);
        }
        let (mut again, mut succeeded) = (Vec::new(), 0);
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
        (Results::each(ended), again, succeeded)
    }

    /// Has the ends of tasks delivered, of those that do not run again: as many together as follow each other in a stream.
    fn end(
        &mut self,
        finished: &[Finished],
        mut results: Results,
        again: &[usize],
        ran: &Arc<RanAt>,
    ) {
        let mut again = again.iter().copied().peekable();
        let mut at = 0;
        while at < finished.len() {
            if again.next_if_eq(&at).is_some() {
                results.next();
                at += 1;
                continue;
            }
            let until = again.peek().copied().unwrap_or(finished.len());
            let (count, run) = self.tasks.end_run(&finished[at..until]);
            let ends = results.take_front(count);
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

/// Reads results one by one, as far as they are of their functions' types, and whether all are.
fn read_each<'t>(
    terms: &Terms<'_>,
    mut expected: impl ExactSizeIterator<Item = &'t Task>,
    count: u32,
    results: Reported<'_>,
) -> (Results, bool) {
    let mut read = Vec::with_capacity(expected.len());
    let mut is_good = true;
    let bytes = results.bytes();
    let mut budget = Budget::for_all(bytes.len());
    // Where in them the value is that takes their memory, where there is one.
    let mut place = None;
    let may_take = matches!(results, Reported::With(..)) && count == 1;
    let mut decode = |ty: &Type, value: &[u8]| match long_bytes(ty, value).filter(|_| may_take) {
        Some(at) => {
            let before = value.as_ptr().addr() - bytes.as_ptr().addr();
            place = Some(before + at.start..before + at.end);
            Some(Value::Bytes(Vec::new()))
        }
        None => budget.decode(ty, value).ok(),
    };
    let are_results = WorkerFrame::parse_results(bytes, count, |result| {
        // The first one that cannot be read ends it.
        let task = expected.next().filter(|_| is_good);
        let ended = task.and_then(|task| terms.read(task.function, result, &mut decode));
        is_good &= ended.is_some();
        read.extend(ended);
    });
    if let (Some(place), [ended], Reported::With(placed)) = (place, &mut read[..], results)
        && ended.result.is_ok()
    {
        ended.result = Ok(Some(placed.part(place).into_value()));
    }
    let is_whole = are_results && read.len() == count as usize;
    (Results::each(read), is_whole)
}
