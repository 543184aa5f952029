//! Exit codes.

use wpool::ErrorKind;

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
