//! Whether the command was started with its standard output closed, as by `>&-`.
//!
//! Before `main` the runtime opens `/dev/null` in place of standard streams that are closed, so
//! that no file gets their numbers by accident: results would be lost there without a word. So this
//! is looked at before, by a function that the loader calls: the only way to be there first.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether results would have nowhere to go.
pub(super) fn stdout_is_closed() -> bool {
    IS_CLOSED.load(Ordering::Relaxed)
}

extern "C" fn look() {
    // SAFETY: the descriptor is only asked about, whether or not it is open.
    let stdout = unsafe { BorrowedFd::borrow_raw(1) };
    let is_closed = rustix::io::fcntl_getfd(stdout) == Err(rustix::io::Errno::BADF);
    IS_CLOSED.store(is_closed, Ordering::Relaxed);
}

// SAFETY: the loader calls the functions in this section once, before `main`; this one asks the
// kernel a question and stores a flag.
#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE_MAIN: extern "C" fn() = look;
