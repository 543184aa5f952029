//! Many plugins in one application, with one budget of workers and processes.

use super::driver::{Settings, WorkerNames};
use super::handle::PluginHandle;
use super::runner::{Runner, Start};
use super::terms::{plugin_settings, process_settings};
use crate::child::{GroupLimits, Order, usable_cpus};
use crate::error::Error;
use crate::plugin::{ArtifactCache, Module, Terms};
use crate::sandbox::{Confinement, ProcessLimits, Refusal, Role};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Plugins with processes at once, where nothing else is said.
const PROCESSES: usize = 32;

/// How long a plugin keeps its processes without tasks, where nothing else is said.
const PARK_AFTER: Duration = Duration::from_secs(30);

/// Settings of [`Plugins`].
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let plugins = wpool::Plugins::builder()
///     .workers(2)
///     .processes(8)
///     .park_after(std::time::Duration::from_secs(5))
///     .build()?;
/// # drop(plugins);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until build"]
pub struct PluginsBuilder {
    name: Option<String>,
    workers: Option<usize>,
    processes: usize,
    park_after: Option<Duration>,
    start: Start,
    cache: Option<ArtifactCache>,
}

/// Many plugins, which share a budget of workers. Hundreds can be loaded: those without tasks have
/// no process after a while, or when others need the room, and get theirs back with the next call.
/// What one does wrong costs no other.
///
/// Dropping it ends all of them, cancels what is left, and waits for both, for at most five
/// seconds.
///
/// ```rust,standalone_crate
/// wpool::init();
/// let plugins = wpool::Plugins::builder().workers(4).build()?;
/// plugins.plugin("square", "../guest-examples/wasm/square.wasm").load()?;
/// plugins
///     .plugin("count", "../guest-examples/wasm/wordcount.wasm")
///     .timeout(std::time::Duration::from_secs(2))
///     .load()?;
/// if let Some(square) = plugins.get("square") {
///     assert_eq!(square.apply::<i64>("square", (7,))?, 49);
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Debug)]
pub struct Plugins {
    loaded: Mutex<BTreeMap<String, PluginHandle>>,
    cache: Option<ArtifactCache>,
    confinement: Confinement,
    runner: Runner,
}

/// Settings of a plugin that is to be loaded.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let plugins = wpool::Plugins::builder().build()?;
/// let square = plugins
///     .plugin("square", "../guest-examples/wasm/square.wasm")
///     .timeout(std::time::Duration::from_secs(1))
///     .load()?;
/// assert_eq!(square.apply::<i64>("square", (7,))?, 49);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing happens until load"]
pub struct PluginBuilder<'a> {
    plugins: &'a Plugins,
    name: String,
    module: Module,
    terms: Terms,
}

plugin_settings!(PluginBuilder<'_>);
process_settings!(PluginsBuilder);

impl PluginBuilder<'_> {
    /// Compiles the module in a confined process. From then on its functions can be called, and calls for a plugin of that name go
    /// to it; one that had the name before gets no more of them, and is unloaded once those that it has are done.
    ///
    /// # Errors
    ///
    /// When the module is refused or a limit of the compiler is hit. A plugin that had the name before stays then.
    pub fn load(mut self) -> Result<PluginHandle, Error> {
        let runner = &self.plugins.runner;
        let cache = self.plugins.cache.as_ref();
        runner.grant(&mut self.terms, cache)?;
        let plugin = runner.load(runner.next_plugin(), self.module, self.terms, cache)?;
        let before = self.plugins.loaded().insert(self.name, plugin.clone());
        if let Some(before) = before {
            runner.unload(before.id);
        }
        Ok(plugin)
    }
}

impl PluginsBuilder {
    /// What the names of the workers begin with: `rules` makes them `rules-1`, `rules-2`. Default: `worker`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many worker processes at most for all plugins together, at least 1. Default: the usable CPUs.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some(count.max(1));
        self
    }

    /// How many plugins may have processes at once, at least 1. Default 32. One that gets a task while so many others are busy
    /// waits for one of them.
    pub fn processes(mut self, plugins: usize) -> Self {
        self.processes = plugins.max(1);
        self
    }

    /// After how long without tasks a plugin gives up its processes; `None` for never. Default 30 s.
    pub fn park_after(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.park_after = time.into();
        self
    }

    /// Finds out what confinement can be had, by a process that is ended at once, and prepares for plugins.
    ///
    /// # Errors
    ///
    /// When confinement is not available, or the worker program is not one.
    pub fn build(self) -> Result<Plugins, Error> {
        let settings = Settings {
            names: WorkerNames::Numbered(self.name.unwrap_or_else(|| "worker".into())),
            workers: self.workers.unwrap_or_else(usable_cpus),
            templates: self.processes,
            park_after: self.park_after,
        };
        let runner = Runner::start(&self.start, settings)?;
        let order = Order {
            role: Role::Compiler,
            limits: ProcessLimits::default(),
            threads: 1,
            directories: Vec::new(),
            group: GroupLimits::default(),
        };
        drop(runner.launcher().start(order)?);
        let confinement = runner.confinement()?;
        Ok(Plugins {
            loaded: Mutex::default(),
            cache: self.cache,
            confinement,
            runner,
        })
    }
}

impl Plugins {
    /// Settings.
    pub fn builder() -> PluginsBuilder {
        PluginsBuilder {
            name: None,
            workers: None,
            processes: PROCESSES,
            park_after: Some(PARK_AFTER),
            start: Start::default(),
            cache: None,
        }
    }

    /// Settings for a plugin that is to be loaded under `name`, from `module`: a path, or bytes.
    pub fn plugin(&self, name: impl Into<String>, module: impl Into<Module>) -> PluginBuilder<'_> {
        let name = name.into();
        let terms = Terms {
            name: Some((&*name).into()),
            ..Terms::default()
        };
        PluginBuilder {
            plugins: self,
            name,
            module: module.into(),
            terms,
        }
    }

    /// The plugin that has that name now.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<PluginHandle> {
        self.loaded().get(name).cloned()
    }

    /// The names of all plugins, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.loaded().keys().cloned().collect()
    }

    /// Lets no more calls of a plugin begin, and forgets it once those that have begun are done. False if there is none of that
    /// name.
    pub fn unload(&self, name: &str) -> bool {
        let plugin = self.loaded().remove(name);
        if let Some(plugin) = &plugin {
            self.runner.unload(plugin.id);
        }
        plugin.is_some()
    }

    /// What holds the processes: the same for all.
    #[must_use]
    pub fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    /// What the kernel refused on the way to that confinement, each with a sentence on how to get it.
    #[must_use]
    pub fn refusals(&self) -> Vec<(Refusal, String)> {
        self.runner.refusals(&self.confinement)
    }

    /// As [`Pool::close`](crate::Pool::close), for all plugins.
    pub fn close(&self) {
        self.runner.close();
    }

    /// As [`Pool::join`](crate::Pool::join), for all plugins.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) where neither [`Plugins::close`] nor [`Plugins::terminate`] came before.
    pub fn join(&self) -> Result<(), Error> {
        self.runner.join()
    }

    /// Ends all plugins now: unfinished tasks are cancelled, all processes killed.
    pub fn terminate(&self) {
        self.runner.terminate();
    }

    fn loaded(&self) -> MutexGuard<'_, BTreeMap<String, PluginHandle>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
