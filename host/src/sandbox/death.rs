//! A confined process never outlives the one that started it, and nothing else may look into it.

use super::{Layer, Refusal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{self, DumpableBehavior, Signal};
use std::os::fd::BorrowedFd;

/// Arms the parent-death signal, then checks that the other end of `socket` is still there: a parent that died before
/// the signal was armed has closed it.
///
/// It is part of its callers, so that a fork needs no page of code for it.
#[inline(always)]
pub(crate) fn die_with_supervisor(socket: BorrowedFd<'_>) -> Result<(), Refusal> {
    let refused =
        |step: &str, errno: rustix::io::Errno| Refusal::new(Layer::ResourceLimits, step, errno);
    process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| refused("PR_SET_PDEATHSIG", e))?;
    process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| refused("PR_SET_DUMPABLE", e))?;
    let mut sockets = [PollFd::from_borrowed_fd(socket, PollFlags::empty())];
    poll(&mut sockets, Some(&Timespec::default())).map_err(|e| refused("poll", e))?;
    if sockets[0]
        .revents()
        .intersects(PollFlags::HUP | PollFlags::ERR)
    {
        return Err(refused(
            "waiting for the supervisor",
            rustix::io::Errno::PIPE,
        ));
    }
    Ok(())
}
