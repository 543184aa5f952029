//! The public pool: what an application builds, gives tasks to and gets outcomes from.
//!
//! ```text
//!  PluginHandle ─ Inputs ─► inbox ─► driver thread ─► scheduler (pure)
//!          └─ Outcomes ◄─ stream ◄────┘
//!  Pool: one plugin │ Plugins: many │ Process: one task          each a Runner: one thread and its processes
//! ```

mod arguments;
mod async_result;
mod block;
mod builder;
mod callbacks;
mod callee;
mod driver;
mod ended;
mod ends;
mod gate;
mod handle;
mod host_threads;
mod inbox;
mod inputs;
mod lost;
mod map;
mod outcome;
mod outcomes;
mod plugins;
mod process;
mod reply;
mod runner;
pub(crate) mod scheduler;
mod slot;
mod stats;
mod stream;
mod terms;

pub use crate::child::{delegated_cgroup, enter_subgroup, usable_cpus};
pub use async_result::AsyncResult;
pub use builder::Builder;
pub use handle::PluginHandle;
pub use inputs::{Closed, Closer, Inputs};
pub use map::MapError;
pub use outcome::{Failure, FailureKind, Outcome, Usage};
pub use outcomes::Outcomes;
pub use plugins::{PluginBuilder, Plugins, PluginsBuilder};
pub use process::{Process, ProcessBuilder};
pub use stats::{Stats, TaskStats, WorkerStats};
pub use stream::Order;

use crate::error::Error;
use crate::plugin::Module;
use crate::sandbox::{Confinement, Refusal};
use runner::Runner;
use std::ops::Deref;

/// A pool of confined worker processes that run the functions of one module. What it can be asked
/// is at [`PluginHandle`], which it derefs to.
///
/// Dropping it ends all its processes, cancels what is left, and waits for both, for at most five
/// seconds: what the kernel does not end within that time is left to a thread.
///
/// ```rust,standalone_crate
/// wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").workers(4).build()?;
/// let squares: Vec<i64> = pool.map("square", 1..=5)?;
/// assert_eq!(squares, [1, 4, 9, 16, 25]);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Debug)]
pub struct Pool {
    plugin: PluginHandle,
    confinement: Confinement,
    runner: Runner,
}

impl Pool {
    /// Settings for a pool that runs the functions of `module`: a path, or bytes.
    pub fn builder(module: impl Into<Module>) -> Builder {
        Builder::new(module.into())
    }

    /// What holds the pool's processes: as achieved by the first of them, the same for all.
    #[must_use]
    pub fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    /// What the kernel refused on the way to that confinement, each with a sentence on how to get it.
    #[must_use]
    pub fn refusals(&self) -> Vec<(Refusal, String)> {
        self.runner.refusals(&self.confinement)
    }

    /// Lets no more calls begin, as `multiprocessing.Pool.close`. Those that have begun go on, streams and lazy calls with inputs
    /// still to come among them.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// # let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// let square = pool.apply_async::<i64>("square", (7,))?;
    /// pool.close();
    /// pool.join()?; // everything is done, and no process is left
    /// assert_eq!(square.get()?, 49);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    pub fn close(&self) {
        self.runner.close();
    }

    /// Waits until all calls of a pool that was closed are done, or a terminated one is gone, none of its processes is left, and all
    /// callbacks have run.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) where it was neither: that would wait for ever.
    pub fn join(&self) -> Result<(), Error> {
        self.runner.join()
    }

    /// Ends the pool now: unfinished tasks are cancelled, all processes killed. Calls that come later end as cancelled.
    pub fn terminate(&self) {
        self.runner.terminate();
    }
}

impl Deref for Pool {
    type Target = PluginHandle;

    fn deref(&self) -> &PluginHandle {
        &self.plugin
    }
}
