//! What is kept of a job beyond what is printed: its log, its results in files, and which of its tasks are done.

use crate::cli::args::MapArgs;
use crate::cli::files::Granted;
use crate::cli::job::joblog::Joblog;
use crate::cli::job::key::Keys;
use crate::cli::job::results::Results;
use crate::cli::job::resume::{Numbers, Resume};
use crate::cli::setup::Refused;
use wpool::{Function, Pool, printable};

pub(super) struct Kept {
    pub(super) keys: Keys,
    pub(super) numbers: Numbers,
    pub(super) joblog: Option<Joblog>,
    pub(super) results: Option<Results>,
}

impl Kept {
    /// As it was asked for: begun, gone on with, or in a dry run only looked at.
    pub(super) fn of(
        args: &MapArgs,
        pool: &Pool,
        function: &Function,
        granted: &Granted,
    ) -> Result<Kept, Refused> {
        let job = &args.job;
        let keys = Keys::new(pool.module_hash(), &function.name, &circumstances(args));
        let kept = Kept {
            numbers: Numbers::Counting(0),
            joblog: None,
            results: None,
            keys,
        };
        match &job.joblog {
            Some(_) if job.goes_on()? => kept.go_on(args, function, granted),
            _ if job.dry_run => Ok(kept),
            _ => kept.begin(args, function, granted),
        }
    }

    fn begin(
        mut self,
        args: &MapArgs,
        function: &Function,
        granted: &Granted,
    ) -> Result<Kept, Refused> {
        if let Some(directory) = &args.job.results {
            self.results = Some(Results::create(directory, &self.keys.job(), granted)?);
        }
        if let Some(path) = &args.job.joblog {
            let log = Joblog::create(path, command(args, function), self.keys.job(), granted)?;
            self.joblog = Some(log);
        }
        Ok(self)
    }

    fn go_on(
        mut self,
        args: &MapArgs,
        function: &Function,
        granted: &Granted,
    ) -> Result<Kept, Refused> {
        let (job, Some(path)) = (&args.job, &args.job.joblog) else {
            return Ok(self);
        };
        if job.dry_run {
            let past = Joblog::peek(path, &self.keys.job(), granted)?;
            self.numbers = Numbers::Resuming(Resume::new(past, job.resume_failed));
            return Ok(self);
        }
        let (log, past) = Joblog::resume(path, command(args, function), self.keys.job(), granted)?;
        let is_logged = past.is_some();
        let mut resume = Resume::new(past.unwrap_or_default(), job.resume_failed);
        if let Some(directory) = &job.results {
            let results = Results::resume(directory, &self.keys.job(), is_logged, granted)?;
            results.keep(resume.used())?;
            resume.require(results.stored()?);
            self.results = Some(results);
        }
        self.numbers = Numbers::Resuming(resume);
        self.joblog = Some(log);
        Ok(self)
    }
}

/// What decides what a task computes, beside the module, the function and its arguments, and how its result is written.
fn circumstances(args: &MapArgs) -> Vec<String> {
    let (pool, grants) = (&args.pool, &args.pool.grants);
    vec![
        pool.format.to_string(),
        format!("{:?}", args.job.lines()),
        format!("{:?}", pool.initializer),
        format!("{:?}", grants.env),
        format!("{:?}", grants.dir),
        format!("{:?}", args.warm.then_some(&grants.args)),
        format!("{:?}", (grants.deterministic, grants.log)),
    ]
}

/// How the commands of the log begin.
fn command(args: &MapArgs, function: &Function) -> String {
    format!(
        "wpool map -f {} {} --",
        printable(&function.name),
        printable(&args.module.to_string_lossy())
    )
}
