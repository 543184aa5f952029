//! A worker's side of the conversation: batches in, results out, and calls of the host in between.
//!
//! Shared by the worker's loop and the running task, whose clock may send results ahead and whose imports call the host.

use super::link::Link;
use crate::value::{Value, encode};
use crate::wire::{Cost, ResultsWriter, TaskFailure, host_call, parse_host_answer};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Longest frame that is read: the supervisor is trusted, but a bound costs nothing.
const MAX_FRAME: usize = u32::MAX as usize;

/// One for each worker.
#[derive(Clone)]
pub(super) struct Conversation(Rc<RefCell<Inner>>);

struct Inner {
    link: Link,
    /// The results that wait to be sent.
    results: ResultsWriter,
    /// Batches that came while an answer of the host was waited for.
    early: VecDeque<Vec<u8>>,
}

impl Conversation {
    pub(super) fn new(link: Link) -> Conversation {
        Conversation(Rc::new(RefCell::new(Inner {
            link,
            results: ResultsWriter::new(0),
            early: VecDeque::new(),
        })))
    }

    /// The frame of the next batch.
    pub(super) fn next_batch(&self) -> Vec<u8> {
        let inner = &mut *self.0.borrow_mut();
        let early = inner.early.pop_front();
        early.unwrap_or_else(|| inner.link.receive(MAX_FRAME))
    }

    /// From here on results are of the tasks from `seq` on.
    pub(super) fn begin_batch(&self, seq: u32) {
        self.0.borrow_mut().results.restart(seq);
    }

    /// How many bytes of results wait to be sent.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.0.borrow().results.bytes()
    }

    /// Sends the results of the tasks before the running one.
    pub(super) fn send_ahead(&self) {
        if self.0.borrow().results.count() > 0 {
            self.send_results(false);
        }
    }

    /// Sends what waits, and with `batch_done` the end of the batch.
    pub(super) fn send_results(&self, batch_done: bool) {
        let Inner { link, results, .. } = &mut *self.0.borrow_mut();
        link.send_bytes(results.take(batch_done));
        results.restart(results.next_seq());
    }

    /// Adds a result to what waits.
    pub(super) fn push(&self, cost: Cost, outcome: Result<Option<&Value>, &TaskFailure>) {
        let results = &mut self.0.borrow_mut().results;
        match outcome {
            Ok(value) => results.push(
                cost,
                Ok(&mut |out| value.iter().for_each(|value| encode(value, out))),
            ),
            Err(failure) => results.push(cost, Err(failure)),
        }
    }

    /// Calls a function of the host and waits: the encoded result, or why the task fails.
    pub(super) fn call_host(&self, function: u32, arguments: &[u8]) -> Result<Vec<u8>, String> {
        self.send_ahead();
        let Inner { link, early, .. } = &mut *self.0.borrow_mut();
        link.send_bytes(&host_call(function, arguments));
        loop {
            let frame = link.receive(MAX_FRAME);
            match parse_host_answer(&frame) {
                Some(answer) => return answer.map(<[u8]>::to_vec),
                None => early.push_back(frame),
            }
        }
    }
}
