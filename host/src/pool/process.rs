//! One task in one confined process of its own, as `multiprocessing.Process`.

use super::async_result::{AsyncResult, Begun, value_of};
use super::driver::{Settings, WorkerNames};
use super::handle::PluginHandle;
use super::map::MapError;
use super::outcome::Outcome;
use super::runner::{Runner, Start};
use super::terms::{plugin_settings, process_settings};
use crate::error::{Error, ErrorKind};
use crate::plugin::{ArtifactCache, Module, Terms};
use crate::value::{FromValue, IntoArgs, Type};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// An outcome, with the type of what the function returns.
type Ending = (Outcome, Option<Type>);

/// Makes the call once the module is loaded and its types are known.
type Target =
    Box<dyn FnOnce(&PluginHandle, Arc<Begun>) -> Result<AsyncResult<Ending>, Error> + Send>;

/// Settings of a [`Process`].
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let mut process = wpool::Process::builder("../guest-examples/wasm/square.wasm", "square", (7,))
///     .name("squarer")
///     .timeout(std::time::Duration::from_secs(1))
///     .build();
/// process.start()?;
/// println!("{} is process {:?}", process.name(), process.pid());
/// assert_eq!(process.result::<i64>()?, 49);
/// # Ok::<(), wpool::Error>(())
/// ```
#[must_use = "nothing happens until build"]
pub struct ProcessBuilder {
    module: Module,
    name: String,
    target: Target,
    terms: Terms,
    start: Start,
    cache: Option<ArtifactCache>,
}

plugin_settings!(ProcessBuilder);
process_settings!(ProcessBuilder);

/// One call of one function in a confined process of its own. Dropping it ends the process and
/// waits, for at most five seconds.
///
/// ```rust,standalone_crate
/// wpool::init();
/// let mut process = wpool::Process::new("../guest-examples/wasm/greet.wasm", "greet", ("Ada",));
/// process.start()?;
/// process.join()?;
/// assert_eq!(process.exit_code(), Some(0));
/// assert_eq!(process.result::<String>()?, "Hello, Ada!");
/// # Ok::<(), wpool::Error>(())
/// ```
pub struct Process {
    name: String,
    /// What is to be started, until it is.
    prepared: Option<ProcessBuilder>,
    running: Option<Running>,
}

struct Running {
    ending: AsyncResult<Ending>,
    begun: Arc<Begun>,
    /// What is known once it is over, and the result was not taken.
    exit_code: Arc<std::sync::OnceLock<i32>>,
    _runner: Runner,
}

impl ProcessBuilder {
    /// What the process is called. Default: the name of its function.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The process, not started yet.
    #[must_use]
    pub fn build(self) -> Process {
        Process {
            name: self.name.clone(),
            prepared: Some(self),
            running: None,
        }
    }
}

impl Process {
    /// A process that will call `function` of `module` with these arguments.
    pub fn new<A: IntoArgs + Send + 'static>(
        module: impl Into<Module>,
        function: &str,
        arguments: A,
    ) -> Process {
        Process::builder(module, function, arguments).build()
    }

    /// Settings for such a process.
    pub fn builder<A: IntoArgs + Send + 'static>(
        module: impl Into<Module>,
        function: &str,
        arguments: A,
    ) -> ProcessBuilder {
        let function = function.to_string();
        ProcessBuilder {
            module: module.into(),
            name: function.clone(),
            target: Box::new(move |plugin, begun| {
                let keep = |outcome, ty: Option<&Type>| Ok((outcome, ty.cloned()));
                plugin.call_noticed(&function, arguments, keep, Some(begun))
            }),
            terms: Terms::default(),
            start: Start::default(),
            cache: None,
        }
    }

    /// Compiles the module and starts the process; returns once its task has begun.
    ///
    /// # Errors
    ///
    /// When the module is refused, the arguments do not fit, confinement is not available, or it was started before.
    pub fn start(&mut self) -> Result<(), Error> {
        let Some(mut prepared) = self.prepared.take() else {
            let message = "a process can be started once";
            return Err(Error::new(ErrorKind::Usage, message));
        };
        let settings = Settings {
            names: WorkerNames::Only(prepared.name),
            workers: 1,
            templates: usize::MAX,
            park_after: None,
        };
        let runner = Runner::start(&prepared.start, settings)?;
        let id = runner.next_plugin();
        let cache = prepared.cache.as_ref();
        runner.grant(&mut prepared.terms, cache)?;
        runner.expect(id, &prepared.terms);
        let plugin = runner.load(id, prepared.module, prepared.terms, cache)?;
        let begun = Arc::new(Begun::default());
        let exit_code = Arc::new(std::sync::OnceLock::new());
        let noted = Arc::clone(&exit_code);
        let ending =
            (prepared.target)(&plugin, Arc::clone(&begun))?.on_success(move |(outcome, _)| {
                let _ = noted.set(exit_code_of(outcome));
            });
        begun.wait();
        self.running = Some(Running {
            ending,
            begun,
            exit_code,
            _runner: runner,
        });
        Ok(())
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id; `None` before it has one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref()?.begun.pid()
    }

    /// Whether it was started and is not over.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| !running.ending.ready())
    }

    /// Waits until it is over.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] where it was not started.
    pub fn join(&self) -> Result<(), Error> {
        self.running()?.ending.wait();
        Ok(())
    }

    /// Waits until it is over, at most for `timeout`; whether it is.
    ///
    /// # Errors
    ///
    /// As [`Process::join`].
    pub fn join_timeout(&self, timeout: Duration) -> Result<bool, Error> {
        Ok(self.running()?.ending.wait_timeout(timeout))
    }

    /// How it ended, once it has: 0 where its task succeeded, the status of a program that ended with another, else 1, `-n` where its process was ended by signal n: -9 where
    /// it was killed, also by wpool for a limit that it did not keep by itself.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        self.running.as_ref()?.exit_code.get().copied()
    }

    /// Ends it now. Without a signal that a guest could see or handle there is nothing gentler: the same as [`Process::kill`].
    pub fn terminate(&self) {
        self.kill();
    }

    /// Ends it now, with SIGKILL. One that is over, or was not started, stays as it is.
    pub fn kill(&self) {
        if let Some(running) = &self.running {
            running.ending.cancel();
        }
    }

    /// What its function returned; waits for it.
    ///
    /// # Errors
    ///
    /// How the task failed; or [`ErrorKind::Usage`] where it was not started.
    pub fn result<R: FromValue>(self) -> Result<R, MapError> {
        let running = self.running.ok_or_else(not_started)?;
        let (outcome, ty) = running.ending.get()?;
        value_of(outcome, ty.as_ref())
    }

    /// Its outcome, with what it used; waits for it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] where it was not started.
    pub fn outcome(self) -> Result<Outcome, MapError> {
        let running = self.running.ok_or_else(not_started)?;
        Ok(running.ending.get()?.0)
    }

    fn running(&self) -> Result<&Running, Error> {
        self.running.as_ref().ok_or_else(not_started)
    }
}

fn not_started() -> Error {
    Error::new(ErrorKind::Usage, "the process was not started")
}

fn exit_code_of(outcome: &Outcome) -> i32 {
    match &outcome.result {
        Ok(_) => 0,
        Err(failure) => match (failure.signal(), failure.exit_code()) {
            (Some(signal), _) => -signal,
            (None, status) => status.unwrap_or(1),
        },
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("pid", &self.pid())
            .field("exit_code", &self.exit_code())
            .finish()
    }
}

impl fmt::Debug for ProcessBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessBuilder")
            .field("module", &self.module)
            .field("name", &self.name)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
