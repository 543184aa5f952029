//! The public pool: what an application builds, gives tasks to and gets outcomes from.
//!
//! ```text
//!  Pool ─ Inputs ─► inbox ─► driver thread ─► scheduler (pure)
//!    └─ Outcomes ◄─ stream ◄────┘
//! ```
//! A pool is one thread and its processes. Dropping it ends all of them and waits.

mod async_result;
mod builder;
mod callbacks;
mod callee;
mod driver;
mod inbox;
mod map;
mod outcome;
pub(crate) mod scheduler;
mod slot;
mod stream;
mod tasks;

pub use crate::child::usable_cpus;
pub use async_result::AsyncResult;
pub use builder::Builder;
pub use map::MapError;
pub use outcome::{Failure, FailureKind, Outcome, Usage};
pub use stream::Order;
pub use tasks::{Closed, Inputs, Outcomes};

use crate::child::Launcher;
use crate::error::{Error, ErrorKind};
use crate::plugin::{Module, Plugin};
use crate::sandbox::{Confinement, Refusal};
use crate::value::{Function, Signature};
use callbacks::Callbacks;
use callee::Callee;
use inbox::Inbox;
use scheduler::PluginId;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A pool of confined worker processes that run the functions of one module.
///
/// ```no_run
/// wpool::init();
/// let pool = wpool::Pool::builder("square.wasm").workers(4).build()?;
/// let squares: Vec<i64> = pool.map("square", 1..=5)?;
/// assert_eq!(squares, [1, 4, 9, 16, 25]);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Debug)]
pub struct Pool {
    inbox: Arc<Inbox>,
    driver: Option<JoinHandle<()>>,
    launcher: Arc<Launcher>,
    plugin: Arc<Plugin>,
    confinement: Confinement,
    callbacks: Callbacks,
}

/// The only plugin of a pool.
const PLUGIN: PluginId = PluginId(0);

impl Pool {
    /// Settings for a pool that runs the functions of `module`: a path, or bytes.
    pub fn builder(module: impl Into<Module>) -> Builder {
        Builder::new(module.into())
    }

    /// The functions that the module exports.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.plugin.signature
    }

    /// What holds the pool's processes: as achieved by the first of them, the same for all.
    #[must_use]
    pub fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    /// What the kernel refused on the way to that confinement, each with a sentence on how to get it.
    #[must_use]
    pub fn refusals(&self) -> Vec<(Refusal, String)> {
        let advised = |refusal: Refusal| {
            let advice = crate::child::advice(&refusal);
            (refusal, advice)
        };
        let landlock = self.confinement.landlock_refusal.clone();
        let refusals = self.launcher.refusals().into_iter().chain(landlock);
        refusals.map(advised).collect()
    }

    /// The function that `name` means; without a name the only one, else the one named like the file, else `run`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Function`] names the functions that there are.
    pub fn function(&self, name: Option<&str>) -> Result<&Function, Error> {
        let chosen = self
            .plugin
            .signature
            .choose(name, self.plugin.name.as_deref());
        chosen.map_err(|error| Error::new(ErrorKind::Function, error.to_string()))
    }

    /// A pair of ends: inputs for `function` go in at one, outcomes come out at the other, from any two threads. At most
    /// 65,536 tasks or about 32 MiB are under way between them; then sending waits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Function`] where there is no such function.
    pub fn stream(&self, function: &str, order: Order) -> Result<(Inputs, Outcomes), Error> {
        let callee = self.callee(function)?;
        Ok(tasks::ends(Arc::clone(&self.inbox), callee, order))
    }

    fn callee(&self, function: &str) -> Result<Callee, Error> {
        let function = self.function(Some(function))?;
        Ok(Callee::new(&self.plugin, function))
    }

    /// Ends the pool now: unfinished tasks are cancelled, all processes killed.
    pub fn terminate(&self) {
        self.inbox.post(|mail| mail.terminate = true);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.terminate();
        if let Some(driver) = self.driver.take() {
            // A driver that panicked has cancelled its tasks as it unwound.
            let _ = driver.join();
        }
    }
}
