//! Who the process is: an unprivileged user, in a session of its own.

use super::policy::{Namespaces, UNPRIVILEGED_ID};
use super::{Layer, Refusal, capabilities};
use rustix::fs::{Gid, Uid};
use rustix::{process, thread};

/// Becomes an unprivileged user for good if the process is root; else nothing.
pub(super) fn drop_root() -> Result<(), Refusal> {
    let refused =
        |step: &str, errno: rustix::io::Errno| Refusal::new(Layer::Capabilities, step, errno);
    if !process::geteuid().is_root() && !process::getuid().is_root() {
        return Ok(());
    }
    capabilities::forget_bounding_set()?;
    let (uid, gid) = (
        Uid::from_raw(UNPRIVILEGED_ID),
        Gid::from_raw(UNPRIVILEGED_ID),
    );
    thread::set_thread_groups(&[]).map_err(|e| refused("setgroups", e))?;
    thread::set_thread_res_gid(gid, gid, gid).map_err(|e| refused("setresgid", e))?;
    thread::set_thread_res_uid(uid, uid, uid).map_err(|e| refused("setresuid", e))?;
    // A change of user makes /proc/self root's; without this the id maps cannot be written.
    process::set_dumpable_behavior(process::DumpableBehavior::Dumpable)
        .map_err(|e| refused("PR_SET_DUMPABLE", e))
}

/// Leaves the terminal's process group, so that its signals reach the supervisor alone.
pub(super) fn new_session(namespaces: Namespaces) -> Result<(), Refusal> {
    // Without an own root the directory that the supervisor was started in must not be held.
    process::chdir("/").map_err(|errno| Refusal::new(Layer::MountNamespace, "chdir", errno))?;
    match process::setsid() {
        Ok(_) => Ok(()),
        Err(errno) if namespaces == Namespaces::None => {
            Err(Refusal::new(Layer::ResourceLimits, "setsid", errno))
        }
        Err(errno) => Err(Refusal::new(Layer::PidNamespace, "setsid", errno)),
    }
}

/// Lets the kernel choose this process before any other when memory is short: its supervisor may be protected, and what it
/// starts inherits that.
pub(super) fn volunteer_when_memory_is_short() {
    // Without /proc it stays as it is, which costs nothing of the confinement.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}
