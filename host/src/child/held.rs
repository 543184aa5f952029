//! What a process has from its supervisor until it was waited for: a user id and a cgroup.

use super::cgroup::Group;
use super::ids::Lease;
use crate::sandbox::ProcessUser;

/// Given back when it is dropped.
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

    /// Kills whatever is in its group.
    pub(super) fn kill(&self) {
        if let Some(group) = &self.group {
            group.kill();
        }
    }
}
