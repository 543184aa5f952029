//! `wpool reduce`, and `wpool map --reduce`: many values become one, by a function of two.

pub(super) mod fold;
mod tree;

use super::args::ReduceArgs;
use super::files::Granted;
use super::interrupt::{Interrupt, Job};
use super::job::key::Keys;
use super::job::ledger::Ledger;
use super::job::resume::Numbers;
use super::map::feed::{Feed, To};
use super::map::from::From;
use super::map::inputs::Sources;
use super::output::{Shape, closed, put};
use super::progress::{Counts, Progress};
use super::report::Report;
use super::setup::{self, Asked, Refused};
use super::{complaint, exit, hint, program};
use anyhow::{anyhow, bail};
use fold::{Fold, Folded, combined_type, payload, payload_type};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use wpool::{FailureKind, Format, Function, Order, Outcomes, Pool, Type, Value, printable};

pub(super) fn run(args: &ReduceArgs) -> Result<u8, Refused> {
    args.retry.check()?;
    let interrupt = Interrupt::listen()?;
    let longest = args.pool.limits.argument_limit.0.unwrap_or(u64::MAX);
    let granted = Granted::of(&args.pool.grants.dir);
    let sources = Sources::of(&args.source, longest, &granted)?;
    if args.pool.place.report.is_some() {
        bail!("--report is for tasks of map, apply and run: reduce has one result, of all inputs");
    }
    let asked = Asked::of(&args.module, &args.pool, args.workers.map(usize::from));
    let pool = setup::pool(&asked, &interrupt, |builder| {
        setup::functions(&args.pool)(builder)
            .retries(args.retry.retries)
            .retry_timeouts(args.retry.retry_timeouts)
    })?;
    let function = pool
        .function(args.pool.function.as_deref())
        .map_err(|error| complaint::about_module(&args.module, error))?
        .clone();
    let ty = combined_type(&function)?;
    let of_one = Function {
        params: function.params[..1].to_vec(),
        ..function.clone()
    };
    let format = args.pool.format;
    let read = program::Inputs::Typed(format);
    let from = From::typed(&args.inputs, &sources, |input| read.parse(&of_one, input))?;
    let (fold, leaves) = Fold::new(&pool, &function)?;
    let ledger = Arc::new(Ledger::new(false));
    let counts = Arc::new(Counts::default());
    let to = To::Fold {
        function: of_one,
        leaves,
    };
    let keys = Keys::new(pool.module_hash(), &function.name, &[]);
    let numbers = Numbers::Counting(0);
    let feed = Feed::new(to, read, sources, (numbers, keys), (&ledger, &counts));
    interrupt.watch_job(Job {
        inputs: vec![fold.closer()],
        ledger,
    });
    from.feed_from_a_thread(feed)?;
    let progress = Progress::show(&counts, args.progress.is_shown());
    let folded = fold.run(&counts);
    drop(progress);
    let code = end(&pool, folded, ty, format, &interrupt);
    drop(pool);
    let code = code.unwrap_or_else(|error| complaint::after_tasks(&error));
    Ok(interrupt.exit_code().unwrap_or(code))
}

/// What is mapped and then reduced, in one pass.
pub(super) struct OfMap<'a> {
    pub(super) pool: Arc<Pool>,
    pub(super) function: Function,
    /// The name of the function that combines.
    pub(super) reducer: &'a str,
    pub(super) format: Format,
    /// Whether progress is shown, where that was said.
    pub(super) shown: Option<bool>,
}

impl OfMap<'_> {
    pub(super) fn run(
        self,
        typed: &[OsString],
        sources: Sources,
        read: program::Inputs,
        report: Report,
        interrupt: &Interrupt,
    ) -> Result<u8, Refused> {
        let OfMap {
            pool,
            function,
            reducer,
            format,
            shown,
        } = self;
        let reducer = pool.function(Some(reducer))?.clone();
        let ty = combined_type(&reducer)?;
        if payload_type(&function) != Some(ty) {
            bail!(
                "`{}` cannot combine the results of `{}`: they are of another type",
                printable(&reducer.to_string()),
                printable(&function.to_string())
            );
        }
        let (inputs, outcomes) = pool.stream(&function.name, Order::Completion)?;
        let from = From::typed(typed, &sources, |input| {
            let values = read.parse(&function, input)?;
            inputs
                .check(&values)
                .map_err(|failure| anyhow!("{}", failure.message()))?;
            Ok(values)
        })?;
        let (fold, leaves) = Fold::new(&pool, &reducer)?;
        let ledger = Arc::new(Ledger::new(false));
        let counts = Arc::new(Counts::default());
        interrupt.watch_job(Job {
            inputs: vec![inputs.closer(), fold.closer()],
            ledger: Arc::clone(&ledger),
        });
        let keys = Keys::new(pool.module_hash(), &function.name, &[]);
        let numbers = Numbers::Counting(0);
        let to = To::Pool(inputs);
        let feed = Feed::new(to, read, sources, (numbers, keys), (&ledger, &counts));
        from.feed_from_a_thread(feed)?;
        let progress = Progress::show(&counts, shown);
        let mapped = Mapped {
            is_program: pool.program() == Some(&function),
            function,
            format,
            report,
            counts: Arc::clone(&counts),
        };
        let mapped = std::thread::Builder::new()
            .name("wpool-mapped".into())
            .spawn(move || mapped.pass_on(outcomes, leaves))
            .map_err(wpool::Error::from)?;
        let folded = fold.run(&Counts::default());
        if !matches!(folded, Folded::Value(_)) {
            // What is not done is not wanted.
            pool.terminate();
        }
        let passed = mapped
            .join()
            .unwrap_or_else(|_| Err(anyhow!("results were lost")));
        drop(progress);
        let code = passed.and_then(|()| end(&pool, folded, ty, format, interrupt));
        drop(pool);
        let code = code.unwrap_or_else(|error| complaint::after_tasks(&error));
        Ok(interrupt.exit_code().unwrap_or(code))
    }
}

/// The results of a map on their way to a fold.
struct Mapped {
    function: Function,
    is_program: bool,
    format: Format,
    report: Report,
    counts: Arc<Counts>,
}

impl Mapped {
    fn pass_on(mut self, outcomes: Outcomes, leaves: fold::Leaves) -> Result<(), Refused> {
        let shape = Shape {
            function: &self.function,
            format: self.format,
            is_program: self.is_program,
            is_warm: false,
        };
        for (index, outcome) in outcomes {
            self.report.add(index + 1, &outcome)?;
            self.counts.ended(outcome.result.is_ok());
            if let Err(failure) = &outcome.result {
                if failure.kind() != FailureKind::Cancelled {
                    program::show_written(index + 1, shape, &outcome);
                    complaint::failed(index + 1, shape, failure);
                    hint::about_failure(failure.kind());
                }
                return self.report.finish();
            }
            let Some(value) = outcome.result.ok().and_then(payload) else {
                return self.report.finish();
            };
            if leaves.send(index, value).is_err() {
                return self.report.finish();
            }
        }
        leaves.end();
        self.report.finish()
    }
}

/// Prints the result, or says why there is none.
fn end(
    pool: &Pool,
    folded: Folded,
    ty: &Type,
    format: Format,
    interrupt: &Interrupt,
) -> Result<u8, Refused> {
    if interrupt.exit_code().is_some() {
        // What was combined may be a part of it.
        pool.terminate();
        return Ok(exit::FAILED);
    }
    match folded {
        Folded::Value(None) => Ok(exit::SUCCESS),
        Folded::Value(Some(value)) => {
            show(ty, format, &value)?;
            Ok(exit::SUCCESS)
        }
        Folded::Failed(first, last, failure) => {
            pool.terminate();
            complaint::line(&format!("combining inputs {first} to {last}: {failure}"));
            hint::about_failure(failure.kind());
            Ok(exit::FAILED)
        }
        Folded::Incomplete => {
            pool.terminate();
            complaint::line("nothing is printed: a part of the result is missing");
            Ok(exit::FAILED)
        }
    }
}

fn show(ty: &Type, format: Format, value: &Value) -> Result<(), Refused> {
    let mut line = Vec::new();
    format.print(Some(ty), Some(value), &mut line);
    line.push(b'\n');
    let mut output = io::stdout().lock();
    let terminal = output.is_terminal();
    closed(put(&mut output, terminal, &line).and_then(|()| output.flush())).map(drop)
}
