//! From options to a pool: what was typed as what it means.

use super::complaint;
use super::files;
use super::interrupt::Interrupt;
use super::note::Note;
use super::options::{GrantArgs, LimitArgs, PlaceArgs, PoolArgs};
use anyhow::anyhow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wpool::{
    ArtifactCache, Builder, HostCall, Inspection, Level, Limits, LogLevel, PluginHost, Pool,
    printable,
};

/// Why nothing was run, as a person is told: one line.
pub(super) type Refused = anyhow::Error;

/// What a pool is built from.
pub(super) struct Asked<'a> {
    pub(super) module: &'a Path,
    pub(super) limits: &'a LimitArgs,
    pub(super) grants: &'a GrantArgs,
    pub(super) place: &'a PlaceArgs,
    /// The time of a task where none was typed.
    pub(super) timeout: Option<Duration>,
    pub(super) workers: Option<usize>,
}

impl<'a> Asked<'a> {
    /// For the subcommands that call functions.
    pub(super) fn of(module: &'a Path, args: &'a PoolArgs, workers: Option<usize>) -> Asked<'a> {
        Asked {
            module,
            limits: &args.limits,
            grants: &args.grants,
            place: &args.place,
            timeout: Limits::default().timeout,
            workers,
        }
    }
}

/// Builds the pool, and warns if the confinement is reduced. `add` adds what is the subcommand's own.
pub(super) fn pool(
    asked: &Asked<'_>,
    interrupt: &Interrupt,
    add: impl FnOnce(Builder) -> Builder,
) -> Result<Arc<Pool>, Refused> {
    let Asked { grants, place, .. } = asked;
    let mut builder = Pool::builder(asked.module)
        .limits(asked.limits.limits(asked.timeout))
        .trap_missing_imports(grants.trap_missing_imports)
        .require_full(place.require_full)
        .measure_cpu(place.report.is_some());
    builder = place.processes.add(builder);
    allow_descriptors();
    for variable in &grants.env {
        let (name, value) = environment(variable)?;
        builder = builder.env(name, value);
    }
    for directory in &grants.dir {
        builder = builder.dir(directory.clone());
    }
    if grants.deterministic {
        builder = builder.deterministic();
    }
    if grants.log {
        builder = builder.plugin_host(Log);
    }
    if let Some(cache) = cache(place.no_cache) {
        builder = builder.cache(cache);
    }
    if let Some(workers) = asked.workers {
        builder = builder.workers(workers);
    }
    let note = Note::after_a_second(asked.module);
    let pool = add(builder)
        .build()
        .map_err(|error| complaint::about_module(asked.module, error))?;
    drop(note);
    if pool.confinement().level() < Level::Full {
        warn_reduced(&pool);
    }
    let pool = Arc::new(pool);
    interrupt.watch(&pool);
    Ok(pool)
}

/// What `map` and `apply` add: how functions are called.
pub(super) fn functions(args: &PoolArgs) -> impl FnOnce(Builder) -> Builder {
    move |builder| {
        let builder = builder
            .isolation(args.isolation.into())
            .recycle_after(args.recycle_after);
        match &args.initializer {
            Some(function) => builder.initializer(function),
            None => builder,
        }
    }
}

/// A variable as it was typed: with its value, or with the one that it has here.
fn environment(typed: &OsStr) -> Result<(OsString, OsString), Refused> {
    let bytes = typed.as_bytes();
    if let Some(at) = bytes.iter().position(|byte| *byte == b'=') {
        let (name, value) = (&bytes[..at], &bytes[at + 1..]);
        return Ok((
            OsStr::from_bytes(name).into(),
            OsStr::from_bytes(value).into(),
        ));
    }
    let value = std::env::var_os(typed).ok_or_else(|| {
        let name = printable(&typed.to_string_lossy());
        anyhow!("--env {name}: it is not set here; write {name}=VALUE to give it one")
    })?;
    Ok((typed.into(), value))
}

/// What a plugin says goes to standard error, harmless to a terminal.
struct Log;

impl PluginHost for Log {
    fn log(&self, call: &HostCall, level: LogLevel, message: &str) {
        let line = format!("{}: {level}: {}", call.worker(), printable(message));
        complaint::line(&line);
    }
}

/// Asks a compiler what a module is; its length in bytes comes along.
pub(super) fn inspect(module: &Path, no_cache: bool) -> Result<(Inspection, u64), Refused> {
    let note = Note::after_a_second(module);
    let builder = match cache(no_cache) {
        Some(cache) => Pool::builder(module).cache(cache),
        None => Pool::builder(module),
    };
    let inspection = builder
        .inspect()
        .map_err(|error| complaint::about_module(module, error))?;
    drop(note);
    Ok((inspection, files::length(Some(module)).unwrap_or(0)))
}

fn warn_reduced(pool: &Pool) {
    let missing: Vec<&str> = pool
        .confinement()
        .missing()
        .map(wpool::Layer::name)
        .collect();
    let why = pool.refusals().into_iter().last();
    let why = why
        .map(|(refusal, advice)| format!(" ({refusal}); to get them, {advice}"))
        .unwrap_or_default();
    complaint::warn(&format!(
        "reduced confinement, without {}{why}",
        missing.join(", ")
    ));
}

/// Allows as many descriptors as the system lets this process have: each worker needs three.
fn allow_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With the old limit it works too, for fewer workers.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Where compiled artifacts are kept. A directory that cannot be used means that none are.
fn cache(refused: bool) -> Option<ArtifactCache> {
    if refused {
        return None;
    }
    ArtifactCache::open(super::cache::default_dir()?).ok()
}
