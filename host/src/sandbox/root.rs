//! A root directory with nothing in it.

use super::{Layer, Refusal};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

/// Any directory that exists everywhere; the mount only has to be somewhere until it becomes the root.
const STAGE: &str = "/proc";

fn refused(step: &'static str) -> impl Fn(Errno) -> Refusal {
    move |errno| Refusal::new(Layer::MountNamespace, step, errno)
}

/// Replaces the root of the mount namespace by an empty read-only file system and lets go of the old one.
pub(super) fn make_empty() -> Result<(), Refusal> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).map_err(refused("making mounts private"))?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount(
        "wpool",
        STAGE,
        "tmpfs",
        flags,
        c"size=4k,nr_inodes=2,mode=0555",
    )
    .map_err(refused("mounting a tmpfs"))?;
    rustix::process::chdir(STAGE).map_err(refused("chdir"))?;
    rustix::process::pivot_root(".", ".").map_err(refused("pivot_root"))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(refused("detaching the old root"))?;
    rustix::process::chdir("/").map_err(refused("chdir"))?;
    verify_empty()
}

fn verify_empty() -> Result<(), Refusal> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root =
        rustix::fs::open("/", flags, Mode::empty()).map_err(refused("opening the new root"))?;
    let entries = rustix::fs::Dir::new(root).map_err(refused("reading the new root"))?;
    for entry in entries {
        let entry = entry.map_err(refused("reading the new root"))?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Err(refused("an empty root")(Errno::NOTEMPTY));
        }
    }
    Ok(())
}
