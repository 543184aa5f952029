//! The scheduler, driven by an arbitrary row of operations: whatever workers and templates do, in any order, honest or not.
//!
//! ```text
//! operations ─► driver (keeps the contract of the real one) ─► Scheduler ─► actions ─► driver: each held against what happened
//! ```

mod act;
mod driver;
mod worker;

use crate::pool::scheduler::{Death, Task, TaskId};
use arbitrary::{Arbitrary, Unstructured};
use driver::{Driver, PLUGINS};
use std::time::Duration;

/// How many tasks there are at most, and operations that count: all tasks are looked at after each.
const MAX_TASKS: usize = 500;
const MAX_OPERATIONS: usize = 500;

/// Something that happens. Plugins and workers are chosen modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// Tasks come.
    Submit {
        /// Of which plugin, the last of which nobody knows.
        plugin: u8,
        /// How many.
        count: u8,
        /// Of which function.
        function: bool,
        /// The length of the arguments of each.
        bytes: u32,
    },
    /// A template that starts has started, or not.
    TemplateStarts {
        /// Of which plugin.
        plugin: u8,
        /// Whether it is there.
        works: bool,
    },
    /// A template dies, and all its workers.
    TemplateDies {
        /// Of which plugin.
        plugin: u8,
        /// By a kill from outside.
        killed: bool,
    },
    /// A worker that starts has started, or not.
    WorkerStarts {
        /// Which.
        worker: u8,
        /// Whether it is there.
        works: bool,
    },
    /// A worker sends the next results of its first batch.
    Results {
        /// Which.
        worker: u8,
        /// How many, of those there are.
        count: u8,
        /// Whether it ends the batch with the last of them.
        ends_batch: bool,
    },
    /// A worker sends what it likes.
    Lie {
        /// Which.
        worker: u8,
        /// From which task on, counted from the one that is due.
        first: i8,
        /// How many results.
        count: u8,
        /// Whether it ends a batch.
        ends_batch: bool,
    },
    /// A worker writes to its page which task it started last.
    Page {
        /// Which.
        worker: u8,
        /// Counted from the one that is due.
        started: i8,
    },
    /// A worker's connection closes.
    Closes {
        /// Which.
        worker: u8,
    },
    /// A worker is dead: of what it was killed for, or of something else.
    Dies {
        /// Which.
        worker: u8,
        /// How.
        how: u8,
    },
    /// Tasks in a row are not wanted any more.
    Cancel {
        /// The number of the first.
        first: u8,
        /// How many.
        count: u8,
    },
    /// The task that a worker is at calls a function of the host, or gets its answer.
    HostCall {
        /// Which.
        worker: u8,
    },
    /// Tasks come that functions of the host wait for.
    SubmitNested {
        /// Of which plugin.
        plugin: u8,
        /// How many.
        count: u8,
    },
    /// The next tasks that are over run again.
    Retry {
        /// How many.
        count: u8,
    },
    /// A plugin begins no task any more.
    Halt {
        /// Which.
        plugin: u8,
    },
    /// So many processes that were killed do not end.
    Unreaped {
        /// How many.
        count: u8,
    },
    /// Time passes, in units of 50 microseconds.
    Passes {
        /// How much.
        units: u16,
    },
}

impl<'a> Arbitrary<'a> for Operation {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Operation> {
        let kind: u8 = input.arbitrary()?;
        let who: u8 = input.arbitrary()?;
        if (230..240).contains(&kind) {
            return Ok(Operation::HostCall { worker: who });
        }
        if (240..250).contains(&kind) {
            let count = input.arbitrary()?;
            return Ok(Operation::SubmitNested { plugin: who, count });
        }
        if kind == 255 {
            return Ok(Operation::Halt { plugin: who });
        }
        if kind == 254 {
            return Ok(Operation::Unreaped { count: who });
        }
        if kind == 253 {
            return Ok(Operation::Retry { count: who });
        }
        if kind >= 250 {
            let count = input.arbitrary()?;
            return Ok(Operation::Cancel { first: who, count });
        }
        Ok(match kind % 10 {
            0 => Operation::Submit {
                plugin: who,
                count: input.arbitrary()?,
                function: input.arbitrary()?,
                bytes: input.arbitrary()?,
            },
            1 => Operation::TemplateStarts {
                plugin: who,
                works: input.arbitrary()?,
            },
            2 => Operation::TemplateDies {
                plugin: who,
                killed: input.arbitrary()?,
            },
            3 => Operation::WorkerStarts {
                worker: who,
                works: input.arbitrary()?,
            },
            4 => Operation::Results {
                worker: who,
                count: input.arbitrary()?,
                ends_batch: input.arbitrary()?,
            },
            5 => Operation::Lie {
                worker: who,
                first: input.arbitrary()?,
                count: input.arbitrary()?,
                ends_batch: input.arbitrary()?,
            },
            6 => Operation::Page {
                worker: who,
                started: input.arbitrary()?,
            },
            7 => Operation::Closes { worker: who },
            8 => Operation::Dies {
                worker: who,
                how: input.arbitrary()?,
            },
            _ => Operation::Passes {
                units: u16::from_le_bytes([who, input.arbitrary()?]),
            },
        })
    }
}

/// Each task that was submitted has one outcome, and if from some moment on all goes well, each has it soon. No worker is one too
/// many, is sent what it cannot run, or gets another's task blamed on it; what holds between two events holds between these.
///
/// The first byte is the budget of workers, and whether plugins without tasks give up their processes after a while.
pub fn scheduler((setting, operations): (u8, Vec<Operation>)) {
    let budget = 1 + usize::from(setting) % 6;
    let parks_after = (setting / 6 % 2 == 0).then_some(Duration::from_millis(500));
    let mut driver = Driver::new(budget, parks_after);
    for operation in operations.into_iter().take(MAX_OPERATIONS) {
        apply(&mut driver, operation);
    }
    all_goes_well(&mut driver);
}

fn apply(driver: &mut Driver, operation: Operation) {
    match operation {
        Operation::Submit {
            plugin,
            count,
            function,
            bytes,
        } => {
            let (function, bytes) = (function.into(), bytes % (2 << 20));
            let task = |id| Task {
                id,
                function,
                bytes,
                nested: false,
            };
            submit(driver, plugin, count, task);
        }
        Operation::SubmitNested { plugin, count } => submit(driver, plugin, count, |id| Task {
            id,
            function: 0,
            bytes: 10,
            nested: true,
        }),
        Operation::HostCall { worker } => {
            if let Some(id) = driver.worker(worker) {
                driver.host_call(id);
            }
        }
        Operation::TemplateStarts { plugin, works } => {
            driver.template_starts(u32::from(plugin) % PLUGINS, works);
        }
        Operation::TemplateDies { plugin, killed } => {
            driver.template_dies(u32::from(plugin) % PLUGINS, killed);
        }
        Operation::WorkerStarts { worker, works } => {
            if let Some(id) = driver.worker(worker) {
                driver.worker_starts(id, works);
            }
        }
        Operation::Results {
            worker,
            count,
            ends_batch,
        } => {
            if let Some(id) = driver.worker(worker) {
                driver.honest_results(id, count.into(), ends_batch);
            }
        }
        Operation::Lie {
            worker,
            first,
            count,
            ends_batch,
        } => {
            if let Some(id) = driver.worker(worker) {
                driver.lie(id, first, count.into(), ends_batch);
            }
        }
        Operation::Page { worker, started } => {
            if let Some(id) = driver.worker(worker) {
                driver.write_page(id, started);
            }
        }
        Operation::Closes { worker } => {
            if let Some(id) = driver.worker(worker) {
                driver.closes(id);
            }
        }
        Operation::Dies { worker, how } => {
            let deaths = [
                Death::Signal(libc::SIGKILL),
                Death::Signal(libc::SIGSEGV),
                Death::Exit(3),
                Death::Unknown,
            ];
            if let Some(id) = driver.worker(worker) {
                driver.dies(id, deaths[usize::from(how) % deaths.len()]);
            }
        }
        Operation::Cancel { first, count } => driver.cancel(first.into(), count.into()),
        Operation::Retry { count } => driver.retries = count.into(),
        Operation::Unreaped { count } => driver.unreaped(usize::from(count) % 8),
        Operation::Halt { plugin } => driver.halt(u32::from(plugin) % PLUGINS),
        Operation::Passes { units } => driver.pass(Duration::from_micros(50) * units.into()),
    }
    driver.check();
}

fn submit(driver: &mut Driver, plugin: u8, count: u8, task: impl Fn(TaskId) -> Task) {
    let room = MAX_TASKS - driver.submitted().min(MAX_TASKS);
    let first = driver.submitted() as u64;
    let tasks = (first..first + room.min(count.into()) as u64).map(|id| task(TaskId(id)));
    driver.submit(u32::from(plugin) % (PLUGINS + 1), tasks.collect());
}

/// From now on nothing dies that is not killed, and nothing lies.
fn all_goes_well(driver: &mut Driver) {
    driver.retries = 0;
    driver.unreaped(0);
    // A lost task may run alone, and a killed worker has to be replaced first.
    let most = 100 + 10 * driver.submitted();
    for _ in 0..most {
        if driver.unfinished() == 0 {
            return;
        }
        for plugin in 0..PLUGINS {
            driver.template_starts(plugin, true);
        }
        for id in driver.workers() {
            driver.settle_or_serve(id);
        }
        driver.pass(Duration::from_millis(150));
        driver.check();
    }
    panic!("{} tasks have no outcome", driver.unfinished());
}
