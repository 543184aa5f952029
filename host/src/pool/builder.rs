//! What a pool is to be, and building it.

use super::callbacks::Callbacks;
use super::driver::{Driver, Settings};
use super::{Inbox, PLUGIN, Pool};
use crate::child::{Launcher, WorkerProgram, usable_cpus};
use crate::error::{Error, ErrorKind};
use crate::plugin::{ArtifactCache, Inspection, Limits, Module, compile, inspect};
use crate::wire::WORKER_ARGV0;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a [`Pool`].
#[derive(Clone, Debug)]
#[must_use = "nothing happens until build"]
pub struct Builder {
    module: Module,
    workers: Option<usize>,
    limits: Limits,
    require_full: bool,
    measure_cpu: bool,
    program: WorkerProgram,
    cache: Option<ArtifactCache>,
}

impl Builder {
    pub(super) fn new(module: Module) -> Builder {
        Builder {
            module,
            workers: None,
            limits: Limits::default(),
            require_full: false,
            measure_cpu: false,
            program: WorkerProgram::Itself,
            cache: None,
        }
    }

    /// How many worker processes at most, at least 1. Default: the usable CPUs, by affinity and cgroup quota.
    pub fn workers(mut self, count: usize) -> Builder {
        self.workers = Some(count.max(1));
        self
    }

    /// All limits at once.
    pub fn limits(mut self, limits: Limits) -> Builder {
        self.limits = limits;
        self
    }

    /// Wall time of one task; `None` for no limit.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Builder {
        self.limits.timeout = timeout.into();
        self
    }

    /// Memory of one task in bytes; `None` for no limit.
    pub fn memory_bytes(mut self, bytes: impl Into<Option<u64>>) -> Builder {
        self.limits.memory_bytes = bytes.into();
        self
    }

    /// Fuel of one task; `None` for no limit.
    pub fn fuel(mut self, fuel: impl Into<Option<u64>>) -> Builder {
        self.limits.fuel = fuel.into();
        self
    }

    /// Refuses to run with less than full confinement, instead of with [`reduced`](crate::Level::Reduced).
    pub fn require_full(mut self, require: bool) -> Builder {
        self.require_full = require;
        self
    }

    /// Measures the CPU time of each task, which costs two system calls a task.
    pub fn measure_cpu(mut self, measure: bool) -> Builder {
        self.measure_cpu = measure;
        self
    }

    /// The executable that becomes the confined processes: its `main` must begin with [`crate::init`]. Default: the running
    /// program itself.
    pub fn worker_program(mut self, path: impl Into<PathBuf>) -> Builder {
        self.program = WorkerProgram::Path(path.into());
        self
    }

    /// Keeps compiled artifacts, so that the same module is not compiled again. Default: none are kept.
    pub fn cache(mut self, cache: ArtifactCache) -> Builder {
        self.cache = Some(cache);
        self
    }

    /// Compiles the module in a confined process and says what it is, without building a pool: also for a module that cannot
    /// be run for what it imports.
    ///
    /// # Errors
    ///
    /// When the module is not valid, a limit of the compiler is hit, or confinement is not available.
    pub fn inspect(self) -> Result<Inspection, Error> {
        let launcher = Launcher::open(&self.program, self.require_full)?;
        inspect(&launcher, self.module, &self.limits, self.cache.as_ref())
    }

    /// Compiles the module in a confined process and prepares the pool; workers start with the first task.
    ///
    /// # Errors
    ///
    /// When the module is refused, a limit of the compiler is hit, confinement is not available, or the worker program is
    /// not one.
    pub fn build(self) -> Result<Pool, Error> {
        if std::env::args_os().next().as_deref() == Some(OsStr::new(WORKER_ARGV0)) {
            let message = "this process was started to be a worker, but its main does not begin with wpool::init()";
            return Err(Error::new(ErrorKind::WorkerProgram, message));
        }
        let launcher = Arc::new(Launcher::open(&self.program, self.require_full)?);
        let inbox = Arc::new(Inbox::new()?);
        let settings = Settings {
            workers: self.workers.unwrap_or_else(usable_cpus),
            measure_cpu: self.measure_cpu,
        };
        let driver = Driver::new(Arc::clone(&inbox), Arc::clone(&launcher), settings)?;
        let driver = std::thread::Builder::new()
            .name("wpool-driver".into())
            .spawn(move || driver.run())?;
        let driver = EndOnDrop {
            inbox: &inbox,
            thread: Some(driver),
        };
        // The template confines itself while the module is compiled.
        inbox.post(|mail| mail.expected.push(PLUGIN));
        let plugin = compile(&launcher, self.module, self.limits, self.cache.as_ref())?;
        let confinement = launcher.confinement()?;
        let plugin = Arc::new(plugin);
        inbox.post(|mail| mail.plugins.push((PLUGIN, Arc::clone(&plugin))));
        let driver = driver.keep();
        Ok(Pool {
            inbox,
            driver: Some(driver),
            launcher,
            plugin,
            confinement,
            callbacks: Callbacks::default(),
        })
    }
}

/// Ends the driver if the pool does not come to be.
struct EndOnDrop<'a> {
    inbox: &'a Inbox,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl EndOnDrop<'_> {
    /// The thread, which is kept.
    fn keep(mut self) -> std::thread::JoinHandle<()> {
        // Taken here and nowhere else before the drop.
        self.thread
            .take()
            .unwrap_or_else(|| unreachable!("kept once"))
    }
}

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.inbox.post(|mail| mail.terminate = true);
            let _ = thread.join();
        }
    }
}
