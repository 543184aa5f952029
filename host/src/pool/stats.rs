//! How a plugin is doing: counts that tell a person or a monitor where its tasks are.

use super::outcome::FailureKind;
use crate::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The state of a plugin's tasks and workers at one moment.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let _: Vec<i64> = pool.map("square", 0..100)?;
/// let stats = pool.stats();
/// assert_eq!((stats.queued, stats.running, stats.done, stats.failures()), (0, 0, 100, 0));
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Tasks that no worker has yet.
    pub queued: usize,
    /// Tasks that workers have: those that run, and the few that wait behind each.
    pub running: usize,
    /// Tasks that succeeded.
    pub done: u64,
    /// Tasks that failed, by kind.
    pub failed: BTreeMap<FailureKind, u64>,
    /// Workers that ended otherwise than because they were not needed any more.
    pub deaths: u64,
    /// Processes of it that were killed half a second ago or more and that the kernel has not
    /// ended, as those that wait for a file system that does not answer. Each takes the place of a
    /// worker until it ends.
    pub unreaped: usize,
    /// The workers that are ready, by number.
    pub workers: Vec<WorkerStats>,
}

/// One worker.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let _: Vec<i64> = pool.map("square", 0..100)?;
/// for worker in pool.stats().workers {
///     println!("{} ({}) finished {}", worker.name, worker.pid, worker.finished);
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its name.
    pub name: Arc<str>,
    /// Its process id.
    pub pid: u32,
    /// Tasks that it finished, whether or not they succeeded.
    pub finished: u64,
    /// The task that it is at.
    pub task: Option<TaskStats>,
}

/// A task that a worker is at.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// for worker in pool.stats().workers {
///     if let Some(task) = worker.task {
///         println!("{} is at {} for {:?}", worker.name, task.function, task.running);
///     }
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TaskStats {
    /// The function that it calls.
    pub function: String,
    /// Its arguments; none where they take more than 64 KiB.
    pub arguments: Vec<Value>,
    /// The number of its input in its stream, counted from 0; 0 for a call by itself.
    pub index: u64,
    /// For how long, at most: since its worker's last result, or since it was sent.
    pub running: Duration,
}

impl Stats {
    /// How many tasks failed, of whatever kind.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}
