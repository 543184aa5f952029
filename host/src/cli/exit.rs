//! Exit codes.

use wpool::{ErrorKind, Failure, FailureKind};

/// Every task succeeded.
pub(super) const SUCCESS: u8 = 0;
/// A task failed.
pub(super) const FAILED: u8 = 1;
/// Usage, or a module or input that was refused before any task ran.
pub(super) const USAGE: u8 = 2;
/// Confinement is not available.
pub(super) const UNCONFINED: u8 = 3;

/// A program trapped, as one that aborts.
pub(super) const TRAPPED: u8 = 134;
/// A program ran longer than it may, as of `timeout`.
pub(super) const LATE: u8 = 124;
/// A program met another limit, or its process was killed.
pub(super) const KILLED: u8 = 137;

/// The exit code of an error of the library.
pub(super) fn of_error(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Confinement => UNCONFINED,
        _ => USAGE,
    }
}

/// As a shell tells how a program ended.
pub(super) fn of_failure(failure: &Failure) -> u8 {
    match failure.kind() {
        // What does not fit into eight bits must not look like success.
        FailureKind::Exit => {
            let status = failure.exit_code().unwrap_or(1);
            u8::try_from(status & 0xff)
                .ok()
                .filter(|code| *code != 0)
                .unwrap_or(FAILED)
        }
        FailureKind::Trap | FailureKind::Init => TRAPPED,
        FailureKind::Timeout => LATE,
        FailureKind::BadArgument | FailureKind::HostCall => FAILED,
        _ => KILLED,
    }
}
