//! The user id and the cgroup of a process. Both are released once the process is reaped.

use super::cgroup::Group;
use super::ids::Lease;
use crate::sandbox::ProcessUser;

/// Released when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(super) id: Option<Lease>,
    pub(super) group: Option<Group>,
}

impl Held {
    /// Which user the process runs as.
    pub(super) fn user(&self) -> ProcessUser {
        let id = self.id.as_ref();
        id.map_or(ProcessUser::Supervisor, Lease::user)
    }

    /// Kills every process of the cgroup.
    pub(super) fn kill(&self) {
        if let Some(group) = &self.group {
            group.kill();
        }
    }
}
