//! Own namespaces, and the hand-over to a child that is the first process of the new pid namespace.

use super::policy::Namespaces;
use super::{Layer, Refusal};
use rustix::thread::UnshareFlags;
use std::fs;

/// All namespaces but the user namespace.
const WITHOUT_USER: UnshareFlags = UnshareFlags::NEWNS
    .union(UnshareFlags::NEWPID)
    .union(UnshareFlags::NEWNET)
    .union(UnshareFlags::NEWIPC)
    .union(UnshareFlags::NEWUTS)
    .union(UnshareFlags::NEWCGROUP);

/// Enters a new user namespace with all capabilities in it. It has no ids yet.
pub(super) fn unshare_user() -> Result<(), Refusal> {
    unshare(UnshareFlags::NEWUSER, Layer::UserNamespace)
}

/// Enters all other namespaces. They belong to the user namespace that the process is in.
pub(super) fn unshare_others(kind: Namespaces) -> Result<(), Refusal> {
    let why = match kind {
        Namespaces::User => Layer::UserNamespace,
        Namespaces::Privileged | Namespaces::None => Layer::PidNamespace,
    };
    unshare(WITHOUT_USER, why)
}

fn unshare(flags: UnshareFlags, layer: Layer) -> Result<(), Refusal> {
    // SAFETY: CLONE_FILES is not among the flags, so no descriptor changes hands.
    unsafe { rustix::thread::unshare_unsafe(flags) }
        .map_err(|errno| Refusal::new(layer, "unshare", errno))
}

/// The user and group id of the process.
pub(super) fn own_ids() -> [u32; 2] {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    [uid.as_raw(), gid.as_raw()]
}

/// Maps only the process's own user and group id. It is for processes of ordinary users: the kernel
/// lets no other process write these maps. The supervisor writes those of root's processes.
pub(super) fn map_own_ids([uid, gid]: [u32; 2]) -> Result<(), Refusal> {
    write_map("/proc/self/setgroups", "deny")?;
    write_map("/proc/self/uid_map", &format!("{uid} {uid} 1"))?;
    write_map("/proc/self/gid_map", &format!("{gid} {gid} 1"))
}

fn write_map(path: &str, content: &str) -> Result<(), Refusal> {
    fs::write(path, content).map_err(|error| {
        Refusal::new(
            Layer::UserNamespace,
            &format!("writing {content:?} to {path}"),
            error,
        )
    })
}

/// Continues as a new process, a sibling of this one and pid 1 of the pid namespace that [`unshare`] made; this one ends.
pub(super) fn become_init() -> Result<(), Refusal> {
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    // SAFETY: a plain fork of a single-threaded process (no CLONE_VM, no new stack); CLONE_PARENT only chooses the
    // parent. glibc's fork cannot pass it. The child runs on with a copy of everything.
    match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
        -1 => Err(Refusal::new(
            Layer::PidNamespace,
            "clone",
            std::io::Error::last_os_error(),
        )),
        0 => Ok(()),
        // SAFETY: ends this copy without running destructors that the child's copy will run.
        _ => unsafe { libc::_exit(0) },
    }
}
