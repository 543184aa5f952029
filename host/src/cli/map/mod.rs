//! `wpool map`: inputs in, one result a line out.
//!
//! ```text
//!  inputs, table ─► feed (a thread) ─► pool ─► gather ─► standard output, files, joblog
//! ```

pub(super) mod feed;
pub(super) mod from;
mod gather;
pub(super) mod inputs;
pub(super) mod options;
mod table;

use super::args::MapArgs;
use super::interrupt::{Interrupt, Job};
use super::job::joblog::Joblog;
use super::job::key::Keys;
use super::job::ledger::Ledger;
use super::job::results::Results;
use super::job::resume::{Numbers, Resume};
use super::job::tally::Tally;
use super::output::{Lines, Shape};
use super::progress::{Counts, Progress};
use super::report::Report;
use super::setup::{self, Asked, Refused};
use super::{complaint, exit, program, reduce};
use anyhow::{anyhow, bail};
use feed::{Feed, To};
use from::From;
use gather::Gather;
use inputs::Sources;
use std::io::{self, BufWriter, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use wpool::{Builder, Function, Order, Pool, printable};

pub(super) fn run(args: &MapArgs) -> Result<u8, Refused> {
    args.job.goes_on()?;
    args.job.retry.check()?;
    let interrupt = Interrupt::listen()?;
    let longest = args.pool.limits.argument_limit.0.unwrap_or(u64::MAX);
    let sources = Sources::of(&args.source, longest)?;
    let report = Report::create(args.pool.place.report.as_deref())?;
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
    let order = if args.unordered {
        Order::Completion
    } else {
        Order::Input
    };
    let (inputs, outcomes) = pool.stream(&function.name, order)?;
    let from = From::typed(&args.inputs, &sources, |input| {
        let values = read.parse(&function, input)?;
        inputs
            .check(&values)
            .map_err(|failure| anyhow!("{}", failure.message()))?;
        Ok(values)
    })?;
    // Nothing is begun before the inputs that were typed are known to be right.
    let Kept {
        keys,
        joblog,
        results,
        numbers,
    } = kept(args, &pool, &function)?;
    let closer = inputs.closer();
    let lines = match (args.job.tag, args.job.json_lines) {
        (true, _) => Lines::Tagged,
        (_, true) => Lines::Objects,
        _ => Lines::Plain,
    };
    let is_resumed = matches!(numbers, Numbers::Resuming(_));
    let ledger = Ledger::new(lines.show_input() || joblog.is_some() || is_resumed);
    let ledger = Arc::new(ledger);
    let counts = Arc::new(Counts::default());
    let feed = Feed {
        to: match args.job.dry_run {
            true => To::Paper(function.clone()),
            false => To::Pool(inputs),
        },
        read,
        sources,
        numbers,
        keys,
        ledger: Arc::clone(&ledger),
        counts: Arc::clone(&counts),
    };
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
    from.feed_from_a_thread(feed)?;
    let progress = Progress::show(&counts, args.job.progress.is_shown());
    let gather = Gather {
        pool: &pool,
        inputs: vec![closer],
        shape: Shape {
            function: &function,
            format: args.pool.format,
            is_program: pool.program() == Some(&function),
            is_warm: args.warm,
        },
        lines,
        is_in_order: order == Order::Input && lines == Lines::Plain && results.is_none(),
        output: BufWriter::with_capacity(64 * 1024, io::stdout().lock()),
        terminal: io::stdout().is_terminal(),
        ledger,
        counts,
        tally: Tally::default(),
        report,
        joblog,
        results,
        halt: args.job.halt,
        interrupt: &interrupt,
        progress: Some(progress),
    };
    let gathered = gather.run(outcomes);
    drop(pool);
    // Tasks have run, so what goes wrong with their results is not a matter of usage.
    let code = gathered.unwrap_or_else(|error| {
        complaint::report(&error);
        exit::FAILED
    });
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

/// What is kept of a job beyond what is printed.
struct Kept {
    keys: Keys,
    joblog: Option<Joblog>,
    results: Option<Results>,
    numbers: Numbers,
}

fn kept(args: &MapArgs, pool: &Pool, function: &Function) -> Result<Kept, Refused> {
    let job = &args.job;
    let words = args
        .pool
        .grants
        .args
        .iter()
        .map(|word| word.as_bytes().to_vec());
    let words: Vec<_> = words.collect();
    let keys = Keys::new(pool.module_hash(), &function.name, args.pool.format, &words);
    let command = format!(
        "wpool map -f {} {} --",
        printable(&function.name),
        printable(&args.module.to_string_lossy())
    );
    let is_resumed = job.goes_on()?;
    let mut kept = Kept {
        joblog: None,
        results: None,
        numbers: Numbers::Counting(0),
        keys,
    };
    let directory = job.results.as_ref();
    match &job.joblog {
        Some(path) if is_resumed => {
            let (log, mut past, has_others) = Joblog::resume(path, command, kept.keys.job())?;
            if let (true, Some(directory)) = (has_others, directory) {
                bail!(
                    "{}: its results are of another module, function or format, as the joblog says: name another directory and joblog, or remove both",
                    printable(&directory.to_string_lossy())
                );
            }
            if let Some(directory) = directory {
                let results = Results::resume(directory)?;
                // What is logged and not there is lost, whoever removed it.
                let there = results.numbers()?;
                past.retain(|task| there.contains(&task.number));
                kept.results = Some(results);
            }
            let resume = Resume::new(past, job.resume_failed);
            if let (Some(results), false) = (&kept.results, job.dry_run) {
                results.keep(resume.done())?;
            }
            kept.numbers = Numbers::Resuming(resume);
            kept.joblog = Some(log);
        }
        _ if job.dry_run => {}
        joblog => {
            kept.results = directory.map(|path| Results::create(path)).transpose()?;
            let create = |path: &PathBuf| Joblog::create(path, command, kept.keys.job());
            kept.joblog = joblog.as_ref().map(create).transpose()?;
        }
    }
    Ok(kept)
}
