//! Which descriptors survive: the socket (descriptor 0), and the artifact once a template has it.

use super::{Layer, Refusal, Role};

/// Closes every descriptor but 0, and for a compiler 2: a pipe through which the runtime says why it aborts.
pub(super) fn close_all_but_socket(role: Role) -> Result<(), Refusal> {
    match role {
        Role::Compiler => close_range(1, 1).and_then(|()| close_range(3, u32::MAX)),
        Role::Template => close_range(1, u32::MAX),
    }
}

/// The descriptor of the artifact in a template and its workers: instances map its data anew.
pub(crate) const ARTIFACT: i32 = 1;

/// Closes the descriptors from `first` on, in a worker that was forked from a template: those that were only for the fork.
pub(crate) fn close_from(first: u32) -> Result<(), Refusal> {
    close_range(first, u32::MAX)
}

fn close_range(first: u32, last: u32) -> Result<(), Refusal> {
    // SAFETY: nothing in a process that has only just started, or been forked, will use the descriptors again that are
    // closed here: those that it needs are kept.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0_u32) };
    if closed == 0 {
        return Ok(());
    }
    Err(Refusal::new(
        Layer::ResourceLimits,
        "close_range (Linux 5.9 or newer)",
        std::io::Error::last_os_error(),
    ))
}
