//! Calls of a worker's task back to the application: held against what the plugin imports and what a task may use, handed to a
//! thread, and answered.

use super::super::host_threads::{HostAnswer, HostTask, OpenCall};
use super::super::scheduler::{Violation, WorkerId};
use super::Driver;
use crate::child::{Process, with_remedy};
use crate::plugin::HostCall;
use crate::value::{Budget, decode_args};
use crate::wire::host_answer;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the task that a worker is at has used of its host calls.
#[derive(Default)]
pub(super) struct HostCalls {
    /// The task's sequence number at the worker, so that the next one is told from it.
    task: Option<u32>,
    pub(super) count: u64,
    /// Arguments and answers, in bytes.
    bytes: u64,
    /// How long the task waited for answers.
    pub(super) waited: Duration,
    /// Counts all calls of the worker: an answer belongs to one.
    number: u64,
    open: Option<(OpenCall, Instant)>,
    /// The last one moved the bytes of a standard stream, which no limit is about.
    is_stream: bool,
}

impl HostCalls {
    /// Begins anew if another task is at it.
    fn of_task(&mut self, seq: u32) -> &mut HostCalls {
        if self.task != Some(seq) {
            self.end();
            self.task = Some(seq);
            self.bytes = 0;
        }
        self
    }

    /// How many tasks the worker has started, where its page claims so many: a task that made a
    /// host call has begun, whatever the page says, and its effects are not to come twice.
    pub(super) fn started(&self, claimed: u32) -> u32 {
        let begun = self.task.map_or(claimed, |seq| seq.wrapping_add(1));
        let ahead = claimed.wrapping_sub(begun);
        // Numbers wrap: what is more than half of them ahead is behind.
        if ahead > u32::MAX / 2 { begun } else { claimed }
    }

    /// Whether the task waits for an answer.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The task is over: nobody waits for an answer any more.
    pub(super) fn end(&mut self) -> (u64, Duration) {
        self.task = None;
        if let Some((open, since)) = self.open.take() {
            open.end();
            self.waited += since.elapsed();
        }
        (
            std::mem::take(&mut self.count),
            std::mem::take(&mut self.waited),
        )
    }
}

impl Drop for HostCalls {
    fn drop(&mut self) {
        self.end();
    }
}

impl Driver {
    /// The task that a worker is at calls a function of the application.
    pub(super) fn worker_calls(
        &mut self,
        worker: WorkerId,
        function: u32,
        arguments: &[u8],
    ) -> Result<(), Violation> {
        let Some(link) = self.workers.get_mut(&worker) else {
            return Ok(());
        };
        let Some(loaded) = self.plugins.get(&link.plugin) else {
            return Ok(());
        };
        let running = self.scheduler.running(worker);
        let (task, seq) = running.ok_or(Violation("a host call without a task"))?;
        if link.calls.is_open() {
            return Err(Violation("a host call while another one is open"));
        }
        let import = loaded.plugin.imports.get(function as usize);
        let import = import.filter(|import| import.bound.is_some());
        let import = import.ok_or(Violation("a call of a function that it was not given"))?;
        let calls = link.calls.of_task(seq);
        calls.is_stream = import.is_stream;
        if !import.is_stream {
            calls.count += 1;
            calls.bytes = calls.bytes.saturating_add(arguments.len() as u64);
        }
        calls.number += 1;
        let number = calls.number;
        let limits = &loaded.plugin.terms.limits;
        if let Some(most) = limits.host_calls
            && calls.count > most
        {
            let why = format!("it made more host calls than the limit of {most}");
            return self.answer(worker, Err(&why));
        }
        if let Some(why) = over_byte_limit(calls.bytes, limits.host_call_bytes) {
            return self.answer(worker, Err(&why));
        }
        let budget = Budget::for_bytes(arguments.len());
        let arguments = decode_args(&import.function.params, arguments, budget);
        let arguments = arguments
            .map_err(|_| Violation("arguments of a host call that are not of its types"))?;
        let Some((host, called_by)) = import.bound.clone().zip(self.tasks.get(task)) else {
            return Err(Violation("a host call without a task"));
        };
        let functions = &loaded.plugin.signature.functions;
        let called = functions.get(called_by.function() as usize);
        let open = OpenCall::default();
        calls.open = Some((open.clone(), Instant::now()));
        let call = HostCall {
            plugin: loaded.plugin.called(),
            task: called_by.number(),
            function: called.map_or("", |function| &function.name).into(),
            worker: Arc::clone(&link.name),
            pid: link.process.as_deref().map_or(0, Process::number),
            over: open.over(),
        };
        let due = HostTask {
            worker,
            number,
            host,
            function: import.function.clone(),
            arguments,
            call,
            open,
        };
        self.scheduler.host_call_begins(Instant::now(), worker);
        match self.host_threads.call(due) {
            Ok(()) => Ok(()),
            Err(error) => {
                let answer = HostAnswer {
                    worker,
                    number,
                    answer: Err(format!("no thread for it: {}", with_remedy(&error))),
                };
                self.host_answers(answer);
                Ok(())
            }
        }
    }

    /// The application has answered; if the task is still there, it goes on.
    pub(super) fn host_answers(&mut self, answer: HostAnswer) {
        let worker = answer.worker;
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        if link.calls.number != answer.number {
            return;
        }
        let Some((_, since)) = link.calls.open.take() else {
            return;
        };
        link.calls.waited += since.elapsed();
        let length = match (&answer.answer, link.calls.is_stream) {
            (Ok(bytes), false) => bytes.len() as u64,
            _ => 0,
        };
        link.calls.bytes = link.calls.bytes.saturating_add(length);
        let limits = self.plugins.get(&link.plugin);
        let limit = limits.and_then(|loaded| loaded.plugin.terms.limits.host_call_bytes);
        let too_much = over_byte_limit(link.calls.bytes, limit);
        let answer = match (&answer.answer, &too_much) {
            (Ok(_), Some(why)) => Err(&**why),
            (Ok(bytes), None) => Ok(&**bytes),
            (Err(why), _) => Err(&**why),
        };
        // Only to a worker that waits for one, which this one does.
        let _ = self.answer(worker, answer);
        self.scheduler.host_call_ends(Instant::now(), worker);
    }

    fn answer(&mut self, worker: WorkerId, answer: Result<&[u8], &str>) -> Result<(), Violation> {
        if let Some(link) = self.workers.get_mut(&worker) {
            // A broken connection is met again when it is read.
            let _ = link.connection.send(&host_answer(answer));
            self.watch_room(worker);
        }
        Ok(())
    }
}

fn over_byte_limit(bytes: u64, limit: Option<u64>) -> Option<String> {
    let limit = limit.filter(|limit| bytes > *limit)?;
    Some(format!(
        "its host calls took more bytes than the limit of {limit}, arguments and answers together"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_made_a_host_call_has_begun_whatever_is_claimed() {
        let mut calls = HostCalls::default();
        assert_eq!(calls.started(0), 0, "none was made");
        calls.of_task(7);
        assert_eq!(
            [0, 7, 8, 9].map(|claimed| calls.started(claimed)),
            [8, 8, 8, 9]
        );
        calls.of_task(u32::MAX);
        assert_eq!(
            [u32::MAX, 0, 1].map(|claimed| calls.started(claimed)),
            [0, 0, 1]
        );
        calls.end();
        assert_eq!(calls.started(3), 3, "the task is over");
    }
}
