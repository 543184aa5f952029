//! What a pool is to be, and building it.

use super::Pool;
use super::driver::{Settings, WorkerNames};
use super::runner::{Runner, Start};
use super::terms::{plugin_settings, process_settings};
use crate::child::usable_cpus;
use crate::error::Error;
use crate::plugin::{ArtifactCache, Inspection, Module, Terms, inspect};

/// Settings of a [`Pool`].
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use std::time::Duration;
/// use wpool::{Isolation, Pool};
///
/// let pool = Pool::builder("../guest-examples/wasm/counter.wasm")
///     .workers(2)
///     .name("counter") // its workers are counter-1 and counter-2
///     .timeout(Duration::from_secs(1))
///     .isolation(Isolation::Process)
///     .initializer("next") // each task is a fork of what this has prepared
///     .build()?;
/// assert_eq!(pool.starmap::<_, i64>("next", [(), ()])?, [2, 2]);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until build"]
pub struct Builder {
    module: Module,
    name: Option<String>,
    workers: Option<usize>,
    terms: Terms,
    start: Start,
    cache: Option<ArtifactCache>,
}

plugin_settings!(Builder);
process_settings!(Builder);

impl Builder {
    pub(super) fn new(module: Module) -> Builder {
        Builder {
            module,
            name: None,
            workers: None,
            terms: Terms::default(),
            start: Start::default(),
            cache: None,
        }
    }

    /// What the names of the workers begin with: `rules` makes them `rules-1`, `rules-2`. Default: `worker`.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// How many worker processes at most, at least 1. Default: the usable CPUs, by affinity and cgroup quota.
    pub fn workers(mut self, count: usize) -> Builder {
        self.workers = Some(count.max(1));
        self
    }

    /// Compiles the module in a confined process and says what it is, without building a pool: also for a module that cannot
    /// be run for what it imports.
    ///
    /// # Errors
    ///
    /// When the module is not valid, a limit of the compiler is hit, or confinement is not available.
    pub fn inspect(self) -> Result<Inspection, Error> {
        let launcher = self.start.launcher()?;
        let limits = &self.terms.limits;
        inspect(&launcher, self.module, limits, self.cache.as_ref())
    }

    /// Compiles the module in a confined process and prepares the pool; workers start with the first task.
    ///
    /// # Errors
    ///
    /// When the module is refused, a limit of the compiler is hit, confinement is not available, or the worker program is
    /// not one.
    pub fn build(mut self) -> Result<Pool, Error> {
        let settings = Settings {
            names: WorkerNames::Numbered(self.name.unwrap_or_else(|| "worker".into())),
            workers: self.workers.unwrap_or_else(usable_cpus),
            templates: usize::MAX,
            park_after: None,
        };
        let runner = Runner::start(&self.start, settings)?;
        let id = runner.next_plugin();
        runner.grant(&mut self.terms, self.cache.as_ref())?;
        // The template confines itself while the module is compiled.
        runner.expect(id, &self.terms);
        let plugin = runner.load(id, self.module, self.terms, self.cache.as_ref())?;
        let confinement = runner.confinement()?;
        Ok(Pool {
            plugin,
            confinement,
            runner,
        })
    }
}
