//! Runs tasks, one after the other: each in a fresh instance, or in one that is kept.

use super::conversation::Conversation;
use super::guest::{Arguments, Called, Guest, Live, Returned};
use super::{end, ticker};
use crate::value::{Placed, Value, encoded_len, fits_one, long_bytes};
use crate::wire::{
    Batch, Cost, Isolation, Printed, StatusPage, TaskFailure, TaskFailureKind, TaskTerms,
};
use std::ops::Range;
use std::time::Instant;

/// An instance with no more memory than that, in bytes, is taken down in no time to speak of.
const SOON_DOWN: u64 = 16 * 1024 * 1024;

/// The arguments of a task.
enum Given<'a> {
    Encoded(&'a [u8]),
    /// The only one is these bytes.
    Long(Placed),
}

/// A worker: what it runs tasks with.
struct Worker<'a> {
    guest: &'a Guest,
    conversation: Conversation,
    /// The instance that the next task gets. What a template prepared is there from the beginning.
    kept: Option<Live>,
    /// One that no task gets any more, until there is time to take it down.
    spent: Option<Live>,
    /// When the last task ended, if the next one may begin then: a look at the clock takes as long as a small task.
    ended: Option<Instant>,
    /// The memory that a task's arguments are read into.
    arguments: Vec<Value>,
}

/// Serves tasks until the supervisor closes the connection, or the one task is done that the process is for. The process is confined for good.
pub(super) fn serve(
    conversation: Conversation,
    page: &StatusPage,
    guest: &Guest,
    prepared: Option<Live>,
) -> ! {
    conversation.greet();
    let mut worker = Worker {
        guest,
        conversation,
        kept: prepared,
        spent: None,
        ended: None,
        arguments: Vec::new(),
    };
    loop {
        worker.run_batch(page);
    }
}

impl Worker<'_> {
    fn terms(&self) -> &TaskTerms {
        self.guest.terms()
    }

    fn run_batch(&mut self, page: &StatusPage) {
        let frame = match self.is_for_one_task() {
            true => self.conversation.only_batch(),
            false => self.conversation.next_batch().into(),
        };
        let Some(batch) = Batch::parse(frame.bytes()) else {
            end(1)
        };
        self.conversation
            .begin_batch(batch.first_seq, Instant::now());
        if let Some(at) = self.long_argument(&batch, frame.bytes()) {
            let (seq, function) = (batch.first_seq, batch.function);
            let given = Given::Long(frame.part(at));
            return self.run_batch_of_one(page, (seq, function), given);
        }
        let at_once = self.terms().results_at_once;
        let ticking = ticker::start();
        self.ended = None;
        let mut began = false;
        for ((seq, arguments), behind) in batch.tasks().zip((0..batch.count()).rev()) {
            self.spent = None;
            if !page.try_start(seq) {
                break;
            }
            began = true;
            let is_due = self.run_task(batch.function, Given::Encoded(arguments));
            // The end of the batch, which comes with its last result, is not long in coming.
            if behind > 0 && (is_due || at_once) {
                self.conversation.send_ahead();
                self.ended = None;
            }
        }
        self.end_batch(began);
        ticking.run_out();
    }

    /// The same for one task whose argument is long.
    fn run_batch_of_one(
        &mut self,
        page: &StatusPage,
        (seq, function): (u32, u32),
        given: Given<'_>,
    ) {
        let ticking = ticker::start();
        self.ended = None;
        let begins = page.try_start(seq);
        if begins {
            self.run_task(function, given);
        }
        self.end_batch(begins);
        ticking.run_out();
    }

    fn end_batch(&mut self, began: bool) {
        self.conversation.send_results(true);
        if began && self.is_for_one_task() {
            end(0);
        }
        self.make_ready();
    }

    /// Does what the next task would have to wait for, while nobody waits: unless code of the guest would run for that, or it is
    /// ready.
    fn make_ready(&mut self) {
        self.spent = None;
        let is_each_its_own = self.terms().isolation == Isolation::Instance;
        if is_each_its_own && self.kept.is_none() && self.guest.is_inert_at_first() {
            // Where there can be none, the task finds that out for itself.
            self.kept = self.guest.prepare(Some(&self.conversation)).ok();
        }
    }

    /// Where in the frame the one argument of its one task is, if that is long and need not be copied.
    fn long_argument(&self, batch: &Batch<'_>, frame: &[u8]) -> Option<Range<usize>> {
        let [param] = &self.guest.function(batch.function)?.params[..] else {
            return None;
        };
        let mut tasks = batch.tasks();
        let (_, arguments) = tasks.next().filter(|_| batch.count() == 1)?;
        let at = long_bytes(&param.ty, arguments)?;
        let before = arguments.as_ptr().addr() - frame.as_ptr().addr();
        Some(before + at.start..before + at.end)
    }

    /// Whether the process ends with its task.
    fn is_for_one_task(&self) -> bool {
        self.terms().isolation == Isolation::Process
    }

    /// Runs a task, and returns whether results that wait should be sent ahead of their batch.
    fn run_task(&mut self, function: u32, given: Given<'_>) -> bool {
        // What is prepared for many tasks is no part of the time of this one.
        let prepared = self.prepared();
        let started = self.ended.take().unwrap_or_else(Instant::now);
        let measure_cpu = self.terms().measure_cpu;
        let cpu_before = if measure_cpu { ticker::cpu_ns() } else { 0 };
        let called = match prepared {
            Ok(()) => self.call(function, given, started),
            Err(called) => *called,
        };
        let cpu_after = if measure_cpu { ticker::cpu_ns() } else { 0 };
        let ended = Instant::now();
        let cost = Cost {
            wall_ns: ended.saturating_duration_since(started).as_nanos() as u64,
            cpu_ns: cpu_after.saturating_sub(cpu_before),
            fuel: called.fuel,
            memory_bytes: called.memory_bytes,
        };
        let printed = Printed {
            stdout: &called.written.stdout,
            stderr: &called.written.stderr,
        };
        let limit = self.terms().limits.output_bytes;
        let mut failed = None;
        let outcome = match &called.outcome {
            Ok(returned) => match too_large(returned, limit) {
                None => Ok(returned),
                Some(failure) => Err(&*failed.insert(failure)),
            },
            Err(failure) => Err(failure),
        };
        // What comes between two of these takes no time.
        self.ended = (self.kept.is_some() && is_small(&called)).then_some(ended);
        let is_due = self.conversation.push(ended, cost, outcome, printed);
        if self.is_for_one_task() {
            // As with its instance.
            std::mem::forget(called);
        }
        is_due
    }

    /// Has an instance for the next task where tasks share one.
    fn prepared(&mut self) -> Result<(), Box<Called>> {
        if let Some(kept) = &mut self.kept {
            // What it used before is the task's own where each makes its own.
            if self.guest.terms().isolation != Isolation::Instance {
                self.guest.renew(kept);
            }
        } else if self.terms().isolation == Isolation::Worker {
            let prepared = self.guest.prepare(Some(&self.conversation));
            self.kept = Some(prepared.map_err(Box::new)?);
        }
        Ok(())
    }

    /// Calls the function, in a fresh instance if there is none. An instance that tasks share is kept for the next, unless this
    /// one failed.
    fn call(&mut self, function: u32, given: Given<'_>, started: Instant) -> Called {
        let mut arguments = match self.read(function, given) {
            Ok(arguments) => arguments,
            Err(failure) => return Called::failed(failure),
        };
        let mut fresh = None;
        let live = match &mut self.kept {
            Some(kept) => kept,
            None => match self.instantiate(function, &mut arguments, started) {
                Ok(live) => fresh.insert(live),
                Err(called) => return called,
            },
        };
        let called = self
            .guest
            .call(live, function, &arguments, started, &self.conversation);
        if let Arguments::Values(mut values) = arguments {
            values.clear();
            self.arguments = values;
        }
        let failed = match &called.outcome {
            Ok(returned) => returned.is_err(),
            Err(_) => true,
        };
        if self.is_for_one_task() {
            // The process ends with it, and the kernel takes it down faster.
            std::mem::forget((fresh, self.kept.take()));
        } else if failed || self.terms().isolation != Isolation::Worker {
            let spent = fresh.or_else(|| self.kept.take());
            // The next task is not to wait for what this one has left.
            self.spent = spent.filter(|_| called.memory_bytes <= SOON_DOWN);
        }
        called
    }
}

impl Worker<'_> {
    fn read<'a>(&mut self, function: u32, given: Given<'a>) -> Result<Arguments<'a>, TaskFailure> {
        match given {
            Given::Encoded(encoded) => self.guest.read(function, encoded, &mut self.arguments),
            Given::Long(bytes) => {
                let mut values = std::mem::take(&mut self.arguments);
                values.push(bytes.into_value());
                Ok(Arguments::Values(values))
            }
        }
    }

    /// A fresh instance; for a program, one that is given its arguments.
    fn instantiate(
        &self,
        function: u32,
        arguments: &mut Arguments<'_>,
        started: Instant,
    ) -> Result<Live, Called> {
        let input = self.guest.program_input(function, arguments);
        let input = input.map_err(Called::failed)?;
        self.conversation.forget_streams();
        self.guest
            .instantiate(started, Some(&self.conversation), input.as_input())
    }
}

/// Whether a result is sent in no time.
fn is_small(called: &Called) -> bool {
    called.outcome.as_ref().is_ok_and(Returned::is_number)
}

/// A result that is larger than the limits, as a failure.
fn too_large(returned: &Returned, limit: Option<u64>) -> Option<TaskFailure> {
    // They are smaller than any limit that lets a frame through.
    if returned.is_number() {
        return None;
    }
    let failure = |message| TaskFailure {
        kind: TaskFailureKind::OutputLimit,
        message,
    };
    let bytes = match returned {
        Returned::Numbers(numbers) => numbers.bytes().len(),
        Returned::Value(value) => encoded_len(value.as_ref()?),
    };
    if let Some(limit) = limit
        && bytes as u64 > limit
    {
        return Some(failure(format!(
            "its result of {bytes} bytes is longer than the limit of {limit}"
        )));
    }
    // Of numbers there are never too many in their bytes.
    let Returned::Value(Some(value)) = returned else {
        return None;
    };
    let fits = fits_one(std::slice::from_ref(value), bytes);
    let (count, most) = fits.err()?;
    Some(failure(format!(
        "its result is made of {count} values, and the limit is {most}"
    )))
}
