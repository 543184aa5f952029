//! What a confined process is asked to become: data, chosen by the supervisor.

use super::kernel;
use serde::{Deserialize, Serialize};

/// `nobody` on every distribution: what root's confined processes run as where no id is to be had
/// for each of them.
pub const NOBODY: u32 = 65534;

/// The user that a process of root becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunAs {
    /// One number as user and as group id.
    Other {
        /// The number.
        id: u32,
        /// Whether no other process and no account has it.
        is_own: bool,
    },
    /// Its own: this root cannot become another user. Its processes are confined like those of an
    /// ordinary user.
    Itself,
}

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
    /// How many processes the user may have in its user namespace (`RLIMIT_NPROC`); `None` leaves
    /// it as it is. It is set only where the process has a user namespace or a user id of its own:
    /// elsewhere it would count the processes of others.
    pub processes: Option<u64>,
}

/// A directory that a template and its workers may use, as whoever granted it saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedDirectory {
    /// Its path from the root of the supervisor's file system, without symbolic links.
    pub path: Vec<u8>,
    /// The device and inode that were found there: what is found there later must be the same.
    pub device: u64,
    /// See `device`.
    pub inode: u64,
    /// Who owns it, for a process that is to act as its owner.
    pub owner: u32,
    /// The group that it belongs to.
    pub group: u32,
    /// Whether nothing in it can be changed.
    pub read_only: bool,
}

/// What a process may do with files at all; the filters differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// Nothing: no path is opened.
    None,
    /// Open and read what was granted.
    Read,
    /// Change it, too.
    Write,
}

/// Why a directory was not granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotGranted {
    /// Its path.
    pub path: Vec<u8>,
    /// What was tried, in a few words.
    pub step: String,
    /// The kernel's answer, 0 where there is none.
    pub errno: i32,
}

/// Everything a confined process needs to know before it locks itself down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Compiler or template.
    pub role: Role,
    /// The namespaces to enter.
    pub namespaces: Namespaces,
    /// The user to become; `None` where the supervisor is not root, and its processes keep its
    /// user.
    pub run_as: Option<RunAs>,
    /// The limits in force from the start.
    pub limits: ProcessLimits,
    /// Threads to compile with, 1 for none besides the process's own. They start before the filter, which has no clone.
    pub threads: u16,
    /// The directories that it may use: nothing else of any file system is there.
    pub directories: Vec<GrantedDirectory>,
}

impl Policy {
    /// Whether the kernel can count the processes of this one's user without counting those of
    /// others.
    pub(crate) fn counts_processes(&self) -> bool {
        match self.run_as {
            // RLIMIT_NPROC does not hold for the machine's root, even without capabilities.
            Some(RunAs::Itself) => false,
            Some(RunAs::Other { is_own: true, .. }) => true,
            _ => self.namespaces == Namespaces::User && kernel::counts_by_namespace(),
        }
    }

    /// What of files its filters let through.
    pub(crate) fn files(&self) -> Files {
        files_of(&self.directories)
    }
}

/// What a process with these directories may do.
pub(super) fn files_of(directories: &[GrantedDirectory]) -> Files {
    match directories {
        [] => Files::None,
        all if all.iter().all(|directory| directory.read_only) => Files::Read,
        _ => Files::Write,
    }
}
