//! What a confined process is asked to become: data, chosen by the supervisor.

use serde::{Deserialize, Serialize};

/// The user and group id that root's confined processes run as: `nobody` on every distribution.
pub const UNPRIVILEGED_ID: u32 = 65534;

/// What kind of confined process this is; the filters differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Turns untrusted bytes into a signature and an artifact, then ends.
    Compiler,
    /// Has an artifact mapped and forks workers.
    Template,
}

/// Which namespaces to enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Namespaces {
    /// A user namespace first, and with it all others: works for everybody where the kernel allows it.
    User,
    /// All but the user namespace: only root can, where user namespaces are refused.
    Privileged,
    /// None: reduced confinement, which rests on Landlock and seccomp.
    None,
}

/// Resource limits of a confined process; each is set as soft and hard limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLimits {
    /// Private writable memory in bytes (`RLIMIT_DATA`); `None` leaves it as it is.
    pub data_bytes: Option<u64>,
    /// Address space in bytes (`RLIMIT_AS`); `None` leaves it as it is.
    pub address_space_bytes: Option<u64>,
    /// CPU time in seconds over the life of the process (`RLIMIT_CPU`).
    pub cpu_seconds: Option<u64>,
    /// How many processes may exist in the user namespace (`RLIMIT_NPROC`); `None` leaves it as it is. Without a user
    /// namespace of its own the limit would count the processes of others, and is not set.
    pub processes: Option<u64>,
}

/// Everything a confined process needs to know before it locks itself down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Compiler or template.
    pub role: Role,
    /// The namespaces to enter.
    pub namespaces: Namespaces,
    /// The limits in force from the start.
    pub limits: ProcessLimits,
    /// Threads to compile with, 1 for none besides the process's own. They start before the filter, which has no clone.
    pub threads: u16,
}
