//! How a plugin is doing: counts that tell a person or a monitor where its tasks are.

use super::outcome::FailureKind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The state of a plugin's tasks and workers at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The workers that are ready, by number.
    pub workers: Vec<WorkerStats>,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its name.
    pub name: Arc<str>,
    /// Its process id.
    pub pid: u32,
    /// Tasks that it finished, whether or not they succeeded.
    pub finished: u64,
}

impl Stats {
    /// How many tasks failed, of whatever kind.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}
