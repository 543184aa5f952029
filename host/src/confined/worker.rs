//! Runs tasks, one after the other, each in a fresh instance.

use super::guest::Guest;
use super::link::Link;
use super::ticker;
use crate::value::{Budget, Value, decode_args, encode, fits_one};
use crate::wire::{
    Batch, Cost, ResultsWriter, StatusPage, TaskFailure, TaskFailureKind, TaskLimits, WorkerFrame,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

/// Results are sent when this many bytes wait, though the batch goes on.
const SEND_AT: usize = 64 * 1024;

/// Longest frame of tasks: the supervisor is trusted, but a bound costs nothing.
const MAX_BATCH_FRAME: usize = u32::MAX as usize;

/// The results that wait to be sent. Shared with the running task's store, whose clock may send them ahead.
#[derive(Clone)]
pub(super) struct Outbox(Rc<RefCell<(ResultsWriter, Link)>>);

impl Outbox {
    fn new(link: Link) -> Outbox {
        Outbox(Rc::new(RefCell::new((ResultsWriter::new(0), link))))
    }

    /// Sends the results of the tasks before the running one.
    pub(super) fn send_ahead(&self) {
        if self.0.borrow().0.count() > 0 {
            self.send(false);
        }
    }

    fn send(&self, batch_done: bool) {
        let (results, link) = &mut *self.0.borrow_mut();
        link.send_bytes(results.take(batch_done));
        results.restart(results.next_seq());
    }

    fn push(&self, cost: Cost, outcome: Result<Option<&Value>, &TaskFailure>) {
        let (results, _) = &mut *self.0.borrow_mut();
        match outcome {
            Ok(value) => results.push(
                cost,
                Ok(&mut |out| value.iter().for_each(|value| encode(value, out))),
            ),
            Err(failure) => results.push(cost, Err(failure)),
        }
    }
}

/// What a worker is asked to measure and to hold tasks to, besides what the engine enforces.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) limits: TaskLimits,
    pub(super) measure_cpu: bool,
}

/// Serves tasks until the supervisor closes the connection. The process is confined for good.
pub(super) fn serve(mut link: Link, page: &StatusPage, guest: &Guest, terms: Terms) -> ! {
    link.send_bytes(&WorkerFrame::ready_frame());
    let outbox = Outbox::new(Link::to_supervisor());
    loop {
        let frame = link.receive(MAX_BATCH_FRAME);
        let Some(batch) = Batch::parse(&frame) else {
            super::end(1)
        };
        outbox.0.borrow_mut().0.restart(batch.first_seq);
        let ticking = ticker::start();
        for (seq, arguments) in batch.tasks() {
            if !page.try_start(seq) {
                break;
            }
            run_task(guest, batch.function, arguments, terms, &outbox);
            if outbox.0.borrow().0.bytes() >= SEND_AT {
                outbox.send(false);
            }
        }
        outbox.send(true);
        drop(ticking);
    }
}

fn run_task(guest: &Guest, function: u32, arguments: &[u8], terms: Terms, outbox: &Outbox) {
    let cpu_before = if terms.measure_cpu {
        ticker::cpu_ns()
    } else {
        0
    };
    let started = Instant::now();
    let params = guest
        .function(function)
        .map_or(&[][..], |function| &function.params);
    let refused = |message: String| TaskFailure {
        kind: TaskFailureKind::Init,
        message,
    };
    let called = match decode_args(params, arguments, Budget::for_bytes(arguments.len())) {
        Ok(arguments) => guest.call(function, &arguments, started, outbox),
        Err(error) => super::guest::Called {
            outcome: Err(refused(format!(
                "the arguments do not fit the function: {error}"
            ))),
            fuel: 0,
            memory_bytes: 0,
        },
    };
    let cost = Cost {
        wall_ns: started.elapsed().as_nanos() as u64,
        cpu_ns: if terms.measure_cpu {
            ticker::cpu_ns().saturating_sub(cpu_before)
        } else {
            0
        },
        fuel: called.fuel,
        memory_bytes: called.memory_bytes,
    };
    match &called.outcome {
        Ok(value) => match too_large(value.as_ref(), terms.limits.output_bytes) {
            None => outbox.push(cost, Ok(value.as_ref())),
            Some(failure) => outbox.push(cost, Err(&failure)),
        },
        Err(failure) => outbox.push(cost, Err(failure)),
    }
}

/// A result that is larger than the limits, as a failure.
fn too_large(value: Option<&Value>, limit: Option<u64>) -> Option<TaskFailure> {
    // Scalars are smaller than any limit that lets a frame through.
    if matches!(
        value,
        None | Some(Value::S32(_) | Value::S64(_) | Value::F32(_) | Value::F64(_))
    ) {
        return None;
    }
    let mut encoded = Vec::new();
    encode(value?, &mut encoded);
    let failure = |message| TaskFailure {
        kind: TaskFailureKind::OutputLimit,
        message,
    };
    let bytes = encoded.len();
    if let Some(limit) = limit
        && bytes as u64 > limit
    {
        return Some(failure(format!(
            "its result of {bytes} bytes is longer than the limit of {limit}"
        )));
    }
    let fits = fits_one(std::slice::from_ref(value?), bytes);
    let (count, most) = fits.err()?;
    Some(failure(format!(
        "its result is made of {count} values, and the limit is {most}"
    )))
}
