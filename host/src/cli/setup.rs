//! From options to a pool: what was typed as what it means.

use super::args::PoolArgs;
use super::complaint;
use super::interrupt::Interrupt;
use super::note::Note;
use std::path::Path;
use std::sync::Arc;
use wpool::{
    ArtifactCache, HostCall, Inspection, Level, Limits, LogLevel, PluginHost, Pool, printable,
};

/// Why nothing was run, as a person is told: one line.
pub(super) type Refused = anyhow::Error;

/// Builds the pool, and warns if the confinement is reduced.
pub(super) fn pool(
    module: &Path,
    args: &PoolArgs,
    workers: Option<usize>,
    interrupt: &Interrupt,
) -> Result<Arc<Pool>, Refused> {
    let limits = Limits {
        timeout: args.timeout.0,
        memory_bytes: args.memory.0,
        fuel: args.fuel.0,
        argument_bytes: args.argument_limit.0,
        output_bytes: args.output_limit.0,
        compile_timeout: args.compile_timeout.0,
        compile_memory_bytes: args.compile_memory.0,
        ..Limits::default()
    };
    let builder = Pool::builder(module)
        .limits(limits)
        .isolation(args.isolation.into())
        .recycle_after(args.recycle_after)
        .require_full(args.require_full)
        .measure_cpu(args.report.is_some());
    allow_descriptors();
    let builder = match &args.initializer {
        Some(function) => builder.initializer(function),
        None => builder,
    };
    let builder = if args.log {
        builder.plugin_host(Log)
    } else {
        builder
    };
    let builder = match cache(args.no_cache) {
        Some(cache) => builder.cache(cache),
        None => builder,
    };
    let note = Note::after_a_second(module);
    let builder = match workers {
        Some(workers) => builder.workers(workers),
        None => builder,
    };
    let pool = builder
        .build()
        .map_err(|error| complaint::about_module(module, error))?;
    drop(note);
    if pool.confinement().level() < Level::Full {
        warn_reduced(&pool);
    }
    let pool = Arc::new(pool);
    interrupt.watch(&pool);
    Ok(pool)
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
    Ok((inspection, std::fs::metadata(module)?.len()))
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
