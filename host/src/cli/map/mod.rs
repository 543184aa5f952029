//! `wpool map`: inputs in, one result a line out.
//!
//! ```text
//!  inputs, table ─► feed (a thread) ─► pool ─► gather ─► standard output, files, joblog
//! ```

pub(super) mod feed;
pub(super) mod from;
mod gather;
pub(super) mod inputs;
mod kept;
pub(super) mod options;
mod table;

use super::args::MapArgs;
use super::files::Granted;
use super::interrupt::{Interrupt, Job};
use super::job::ledger::Ledger;
use super::job::tally::Tally;
use super::job::watch::Watch;
use super::output::{Lines, Shape};
use super::progress::{Counts, Progress};
use super::reader::Reader;
use super::report::Report;
use super::setup::{self, Asked, Refused};
use super::{complaint, exit, program, reduce};
use anyhow::{anyhow, bail};
use feed::{Feed, To};
use from::From;
use gather::Gather;
use inputs::Sources;
use kept::Kept;
use std::io::{self, BufWriter, IsTerminal};
use std::sync::Arc;
use wpool::{Builder, Order, Pool};

pub(super) fn run(args: &MapArgs) -> Result<u8, Refused> {
    let is_resumed = args.job.goes_on()?;
    args.job.retry.check()?;
    let interrupt = Interrupt::listen()?;
    let longest = args.pool.limits.argument_limit.0.unwrap_or(u64::MAX);
    let granted = Granted::of(&args.pool.grants.dir);
    let sources = Sources::of(&args.source, longest, &granted)?;
    let report = args.pool.place.report.as_deref();
    let report = Report::create(report.filter(|_| !args.job.dry_run), is_resumed, &granted)?;
    let pool = start(args, &interrupt)?;
    let function = pool
        .function(args.pool.function.as_deref())
        .map_err(|error| complaint::about_module(&args.module, error))?
        .clone();
    let words = &args.pool.grants.args;
    let words = if args.warm { &[] } else { &words[..] };
    let to_stdin = args.stdin || args.warm;
    let read = program::Inputs::of(&pool, &function, args.pool.format, words, to_stdin)?;
    if let Some(reducer) = &args.job.reduce {
        let job = reduce::OfMap {
            pool,
            function,
            reducer,
            format: args.pool.format,
            shown: args.job.progress.is_shown(),
        };
        return job.run(&args.inputs, sources, read, report, &interrupt);
    }
    let lines = args.job.lines();
    let keeps_all = lines.show_input() || args.job.joblog.is_some();
    let (ledger, counts) = (
        Arc::new(Ledger::new(keeps_all)),
        Arc::new(Counts::default()),
    );
    let watch = Watch::new(&counts, &ledger, args.job.halt);
    let order = args.order();
    let (inputs, outcomes) = pool.stream_watched(&function.name, order, {
        let watch = Arc::clone(&watch);
        move |index, result| watch.see(index, result)
    })?;
    let from = From::typed(&args.inputs, &sources, |input| {
        let values = read.parse(&function, input)?;
        inputs
            .check(&values)
            .map_err(|failure| anyhow!("{}", failure.message()))?;
        Ok(values)
    })?;
    // Nothing is begun before the inputs that were typed are known to be right.
    let kept = Kept::of(args, &pool, &function, &granted)?;
    let closer = inputs.closer();
    let to = match args.job.dry_run {
        true => To::Paper(function.clone()),
        false => To::Pool(inputs),
    };
    let feed = Feed::new(
        to,
        read,
        sources,
        (kept.numbers, kept.keys),
        (&ledger, &counts),
    );
    if args.job.dry_run {
        from.feed(feed);
        return Ok(match counts.failed() {
            0 => exit::SUCCESS,
            _ => exit::FAILED,
        });
    }
    interrupt.watch_job(Job {
        inputs: vec![closer.clone()],
        ledger: Arc::clone(&ledger),
    });
    watch
        .arm(closer.clone(), &pool)
        .map_err(wpool::Error::from)?;
    let reader = Reader::default();
    if kept.results.is_none() {
        reader
            .watch(vec![closer], &pool)
            .map_err(wpool::Error::from)?;
    }
    from.feed_from_a_thread(feed)?;
    let gather = Gather {
        shape: Shape {
            function: &function,
            format: args.pool.format,
            is_program: pool.program() == Some(&function),
            is_warm: args.warm,
        },
        lines,
        is_in_order: order == Order::Input && lines == Lines::Plain,
        output: BufWriter::with_capacity(64 * 1024, io::stdout().lock()),
        terminal: io::stdout().is_terminal(),
        ledger,
        watch,
        reader,
        interrupt: &interrupt,
        tally: Tally::default(),
        report,
        joblog: kept.joblog,
        results: kept.results,
        progress: Some(Progress::show(&counts, args.job.progress.is_shown())),
    };
    let gathered = gather.run(outcomes);
    drop(pool);
    // Tasks have run, so what goes wrong with their results is not a matter of usage.
    let code = gathered.unwrap_or_else(|error| complaint::after_tasks(&error));
    Ok(interrupt.exit_code().unwrap_or(code))
}

fn start(args: &MapArgs, interrupt: &Interrupt) -> Result<Arc<Pool>, Refused> {
    let workers = args.workers.map(usize::from);
    let asked = Asked::of(&args.module, &args.pool, workers);
    let words = &args.pool.grants.args;
    if (args.stdin || args.warm) && program::have_place(words) {
        bail!(
            "each input is standard input (--stdin or --warm): leave out the {{}} in --arg, or the option"
        );
    }
    setup::pool(&asked, interrupt, |builder| {
        let builder = setup::functions(&args.pool)(builder)
            .retries(args.job.retry.retries)
            .retry_timeouts(args.job.retry.retry_timeouts);
        if !args.warm {
            return builder;
        }
        // Its arguments are those of all tasks.
        words.iter().fold(builder.warm(), Builder::arg)
    })
}
