//! Who the process is: a user without privilege, in a session of its own, whom no other user can
//! look into.

use super::policy::{Namespaces, Policy, RunAs};
use super::{Layer, Refusal, capabilities};
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::{self, DumpableBehavior};
use rustix::thread;

fn refused(step: &'static str) -> impl Fn(Errno) -> Refusal {
    move |errno| Refusal::new(Layer::Capabilities, step, errno)
}

/// The id that the process has to become; `None` if it keeps its user.
///
/// # Errors
///
/// The process is root, and was not told which user to become.
pub(super) fn to_become(policy: &Policy) -> Result<Option<u32>, Refusal> {
    if !process::geteuid().is_root() && !process::getuid().is_root() {
        return Ok(None);
    }
    match policy.run_as {
        Some(RunAs::Other { id, .. }) => Ok(Some(id)),
        Some(RunAs::Itself) => Ok(None),
        None => Err(Refusal {
            layer: Layer::Capabilities,
            step: "becoming another user than root, of whom the supervisor said nothing,".into(),
            errno: 0,
        }),
    }
}

/// Root lets go of its groups, and from here on no process of another user may look into this one,
/// trace it or write its id maps. It comes before the change of user, so that there is no moment in
/// which the new user's other processes may.
pub(super) fn hide() -> Result<(), Refusal> {
    thread::set_thread_groups(&[]).map_err(refused("setgroups"))?;
    not_dumpable()
}

/// Becomes that user for good.
pub(super) fn become_user(id: u32) -> Result<(), Refusal> {
    capabilities::forget_bounding_set()?;
    let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
    thread::set_thread_res_gid(gid, gid, gid).map_err(refused("setresgid"))?;
    thread::set_thread_res_uid(uid, uid, uid).map_err(refused("setresuid"))?;
    // A change of user sets it to what fs.suid_dumpable says.
    not_dumpable()
}

fn not_dumpable() -> Result<(), Refusal> {
    process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(refused("PR_SET_DUMPABLE"))
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
