//! What to do where the machine is exhausted, or what a user or process may have of it.

use std::io;

/// What would help, if an operation failed for want of something: at another time, or with higher limits, it succeeds.
fn remedy(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        libc::EMFILE => "allow more open files (ulimit -n), or use fewer workers",
        libc::ENFILE => "the whole machine has no open files left (sysctl fs.file-max)",
        libc::EAGAIN => {
            "allow more processes (ulimit -u, or the pids limit of the container), or use fewer workers"
        }
        libc::ENOMEM => {
            "free memory, or allow more of it (ulimit -v, or the memory limit of the container)"
        }
        libc::ETOOMANYREFS => {
            "allow more open files (ulimit -n): too many of this user are in flight"
        }
        _ => return None,
    })
}

/// Whether an operation failed for want of something, and not because it is forbidden or makes no sense.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    remedy(error).is_some()
}

/// What went wrong, and what would help where something is exhausted.
pub(crate) fn with_remedy(error: &io::Error) -> String {
    match remedy(error) {
        Some(remedy) => format!("{error}: {remedy}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exhausted_is_said_with_what_would_help() {
        let error = io::Error::from_raw_os_error(libc::EMFILE);
        assert!(is_shortage(&error));
        assert_eq!(
            with_remedy(&error),
            "Too many open files (os error 24): allow more open files (ulimit -n), or use fewer workers"
        );
    }

    #[test]
    fn what_is_forbidden_is_no_shortage() {
        // Namespaces beyond their limit, which is 0 where they are switched off.
        for errno in [libc::EPERM, libc::EACCES, libc::ENOSPC, libc::ENOSYS] {
            let error = io::Error::from_raw_os_error(errno);
            assert!(!is_shortage(&error), "{error}");
            assert_eq!(with_remedy(&error), error.to_string());
        }
    }
}
