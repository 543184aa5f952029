//! Why no confined process could be had.

use super::cgroup::CgroupError;
use super::launcher::START_TIMEOUT;
use super::shortage::is_shortage;
use crate::sandbox::{NotGranted, Refusal};
use crate::value::printable;
use crate::wire::WIRE_VERSION;
use std::io;
use std::path::Path;

/// Why no confined process could be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The program could not be opened or executed.
    #[error("{0} cannot be started as a worker program: {1}")]
    Program(String, io::Error),
    /// Nothing can be started by its descriptor.
    #[error(
        "/proc is not mounted, and processes are started and confined by it: mount -t proc proc /proc"
    )]
    NoProc,
    /// What was started does not greet.
    #[error(
        "{0} is not a worker program: it did not greet. Call wpool::init() first in its main, or name another program; one with file \
         capabilities or a set-user-id bit cannot be one"
    )]
    NotAWorkerProgram(String),
    /// It greets with another version.
    #[error(
        "the worker program is {theirs}, this is {WIRE_VERSION}: build both from the same version"
    )]
    Version {
        /// The version it said it has.
        theirs: String,
    },
    /// A layer that may not be missing was refused.
    #[error("confinement is not available: {refusal}. {}", super::advice(.refusal))]
    Refused {
        /// What was refused, and how.
        refusal: Refusal,
    },
    /// A directory cannot be given to the process.
    #[error("{}", not_granted(.0))]
    NotGranted(NotGranted),
    /// What was achieved is less than what is required.
    #[error("confinement is not sufficient: {0}")]
    NotEnough(String),
    /// The cgroup for processes cannot be used.
    #[error("{0}")]
    Cgroup(#[from] CgroupError),
    /// It did not answer in time.
    #[error("a confined process took longer than {START_TIMEOUT:?} to start")]
    Late,
    /// It panicked.
    #[error("a confined process failed to start: {0}")]
    Panicked(String),
    /// Descriptors or processes are exhausted, or a socket failed.
    #[error("a confined process cannot be started: {}", super::with_remedy(.0))]
    Io(#[from] io::Error),
}

impl StartError {
    /// The worker program could not be opened or executed: it is to blame unless the machine is exhausted.
    pub(super) fn of_program(name: &str, error: io::Error) -> StartError {
        if is_shortage(&error) {
            return StartError::Io(error);
        }
        if !Path::new("/proc/self").exists() {
            return StartError::NoProc;
        }
        StartError::Program(name.into(), error)
    }

    /// A layer was refused. Where the machine is exhausted that says nothing about what it allows, so that confinement must not
    /// be reduced for it.
    pub(super) fn of_refusal(refusal: Refusal) -> StartError {
        let error = io::Error::from_raw_os_error(refusal.errno);
        if is_shortage(&error) {
            return StartError::Io(error);
        }
        StartError::Refused { refusal }
    }
}

/// Which directory, why, and what to do about it.
fn not_granted(refusal: &NotGranted) -> String {
    let path = printable(&String::from_utf8_lossy(&refusal.path));
    let step = printable(&refusal.step);
    let why = match refusal.errno {
        0 => String::new(),
        errno => format!(": {}", io::Error::from_raw_os_error(errno)),
    };
    let advice = not_granted_advice(refusal.errno, rustix::process::geteuid().is_root());
    format!("the directory {path} cannot be granted: {step}{why}{advice}")
}

/// What to do about a directory that could not be granted, as another sentence.
fn not_granted_advice(errno: i32, is_root: bool) -> &'static str {
    match errno {
        libc::ENOSYS => ". Directories can be granted from Linux 5.12 on",
        libc::EACCES | libc::EPERM if is_root => {
            ". The workers of root are other users, of no group: give all users access, put the directory on a file system with \
             id-mapped mounts (ext4 and xfs from Linux 5.12 on, btrfs from 5.15, tmpfs from 6.3), or start wpool as the owner of the \
             directory"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_cannot_be_granted_is_named_with_why_and_from_which_kernel_on_it_can() {
        let refusal = |errno| NotGranted {
            path: b"/some\nwhere".to_vec(),
            step: "mount_setattr".into(),
            errno,
        };
        assert_eq!(
            not_granted(&refusal(libc::ENOSYS)),
            "the directory /some\\nwhere cannot be granted: mount_setattr: Function not implemented (os error 38). Directories can \
             be granted from Linux 5.12 on"
        );
        for (errno, is_root, advised) in [
            (libc::EACCES, true, "tmpfs from 6.3"),
            (libc::EACCES, false, ""),
            (libc::ENOENT, true, ""),
        ] {
            let advice = not_granted_advice(errno, is_root);
            assert_eq!(advice.is_empty(), advised.is_empty(), "{advice}");
            assert!(advice.contains(advised), "{advice}");
        }
    }
}
