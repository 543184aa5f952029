//! The thread that runs a pool, with its processes: started, loaded with plugins, closed, waited for, ended.

use super::callbacks::Callbacks;
use super::driver::{Driver, Settings};
use super::handle::PluginHandle;
use super::inbox::Inbox;
use super::scheduler::PluginId;
use crate::child::{DEFAULT_IDS, GroupLimits, Launcher, Order, WorkerProgram, advice};
use crate::error::{Error, ErrorKind};
use crate::plugin::{ArtifactCache, Module, Terms, compile};
use crate::sandbox::{Confinement, ProcessLimits, Refusal, Role};
use crate::wire::WORKER_ARGV0;
use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// How processes are started.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    pub(super) program: WorkerProgram,
    pub(super) require_full: bool,
    pub(super) worker_ids: WorkerIds,
    pub(super) cgroup: Option<PathBuf>,
}

/// The user ids that processes of root may have.
#[derive(Clone, Debug)]
pub(super) struct WorkerIds(pub(super) RangeInclusive<u32>);

impl Default for WorkerIds {
    fn default() -> WorkerIds {
        WorkerIds(DEFAULT_IDS)
    }
}

impl Start {
    /// Opens the worker program.
    pub(super) fn launcher(&self) -> Result<Launcher, Error> {
        if std::env::args_os().next().as_deref() == Some(OsStr::new(WORKER_ARGV0)) {
            let message = "this process was started to be a worker, but its main does not begin with wpool::init()";
            return Err(Error::new(ErrorKind::WorkerProgram, message));
        }
        Ok(Launcher::open(
            &self.program,
            self.require_full,
            self.worker_ids.0.clone(),
            self.cgroup.as_deref(),
        )?)
    }
}

/// A running driver. Dropping it ends it and waits.
#[derive(Debug)]
pub(super) struct Runner {
    inbox: Arc<Inbox>,
    launcher: Arc<Launcher>,
    driver: Mutex<Option<JoinHandle<()>>>,
    callbacks: Callbacks,
    /// The plugins that were loaded, ever.
    loaded: AtomicU32,
    is_ending: AtomicBool,
}

impl Runner {
    pub(super) fn start(start: &Start, settings: Settings) -> Result<Runner, Error> {
        let launcher = Arc::new(start.launcher()?);
        let inbox = Arc::new(Inbox::new()?);
        let driver = Driver::new(Arc::clone(&inbox), Arc::clone(&launcher), settings)?;
        let driver = std::thread::Builder::new()
            .name("wpool-driver".into())
            .spawn(move || driver.run())?;
        Ok(Runner {
            inbox,
            launcher,
            driver: Mutex::new(Some(driver)),
            callbacks: Callbacks::default(),
            loaded: AtomicU32::new(0),
            is_ending: AtomicBool::new(false),
        })
    }

    /// A number for a plugin that is about to be loaded.
    pub(super) fn next_plugin(&self) -> PluginId {
        PluginId(self.loaded.fetch_add(1, Ordering::Relaxed))
    }

    /// Finds the directories that were granted, and refuses what must not be, or cannot: a process that is ended at once finds out.
    pub(super) fn grant(
        &self,
        terms: &mut Terms,
        cache: Option<&ArtifactCache>,
    ) -> Result<(), Error> {
        terms
            .wasi
            .find_directories(self.launcher.program_path(), cache)?;
        let directories = terms.wasi.granted();
        if !directories.is_empty() {
            let order = Order {
                role: Role::Template,
                limits: ProcessLimits::default(),
                threads: 1,
                directories,
                group: GroupLimits::default(),
            };
            drop(self.launcher.start(order)?);
        }
        Ok(())
    }

    /// Starts the plugin's template though it is not compiled yet: both take their time.
    pub(super) fn expect(&self, plugin: PluginId, terms: &Terms) {
        let directories = terms.wasi.granted();
        self.inbox
            .post(|mail| mail.expected.push((plugin, directories)));
    }

    /// Compiles a module; from then on its functions can be called.
    pub(super) fn load(
        &self,
        id: PluginId,
        module: Module,
        terms: Terms,
        cache: Option<&ArtifactCache>,
    ) -> Result<PluginHandle, Error> {
        let plugin = Arc::new(compile(&self.launcher, module, terms, cache)?);
        self.inbox
            .post(|mail| mail.plugins.push((id, Arc::clone(&plugin))));
        Ok(PluginHandle {
            inbox: Arc::clone(&self.inbox),
            id,
            plugin,
            callbacks: self.callbacks.clone(),
        })
    }

    /// The plugin gets no more tasks, and is forgotten once those that it has are done.
    pub(super) fn unload(&self, plugin: PluginId) {
        self.inbox.unload(plugin);
    }

    /// What holds the processes: waits for the first of them.
    pub(super) fn confinement(&self) -> Result<Confinement, Error> {
        Ok(self.launcher.confinement()?)
    }

    pub(super) fn launcher(&self) -> &Launcher {
        &self.launcher
    }

    /// What the kernel refused on the way to a confinement, each with a sentence on how to get it.
    pub(super) fn refusals(&self, confinement: &Confinement) -> Vec<(Refusal, String)> {
        let advised = |refusal: Refusal| {
            let advice = advice(&refusal);
            (refusal, advice)
        };
        let landlock = confinement.landlock_refusal.clone();
        let refusals = self.launcher.refusals().into_iter().chain(landlock);
        refusals.map(advised).collect()
    }

    pub(super) fn close(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.inbox.close_to_callers();
    }

    pub(super) fn terminate(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.inbox.post(|mail| mail.terminate = true);
    }

    pub(super) fn join(&self) -> Result<(), Error> {
        if !self.is_ending.load(Ordering::Relaxed) {
            let message = "close() or terminate() comes before join(), which would wait for ever";
            return Err(Error::new(ErrorKind::Usage, message));
        }
        self.join_driver();
        self.callbacks.wait();
        Ok(())
    }

    fn join_driver(&self) {
        // Held while waiting, so that everybody who joins waits.
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = driver.take() {
            // A driver that panicked has cancelled its tasks as it unwound.
            let _ = driver.join();
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.terminate();
        self.join_driver();
    }
}
