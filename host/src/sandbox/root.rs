//! A root directory with nothing in it but what was granted.

use super::directories::{Tree, verify_only};
use super::{Layer, Refusal};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

/// Any directory that exists everywhere; the mount only has to be somewhere until it becomes the root.
const STAGE: &str = "/proc";

fn refused(step: &'static str) -> impl Fn(Errno) -> Refusal {
    move |errno| Refusal::new(Layer::MountNamespace, step, errno)
}

/// Replaces the root of the mount namespace by a read-only file system with nothing but the granted directories, and lets go of the
/// old one.
pub(super) fn make(trees: Vec<Tree>) -> Result<(), Refusal> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).map_err(refused("making mounts private"))?;
    let sealed = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // Places for directories are made before it becomes read-only.
    let first = match trees.is_empty() {
        true => sealed,
        false => sealed - MountFlags::RDONLY,
    };
    let options = format!("size=4k,nr_inodes={},mode=0555\0", 2 + trees.len());
    let options = std::ffi::CStr::from_bytes_with_nul(options.as_bytes()).ok();
    rustix::mount::mount("wpool", STAGE, "tmpfs", first, options)
        .map_err(refused("mounting a tmpfs"))?;
    rustix::process::chdir(STAGE).map_err(refused("chdir"))?;
    let names: Vec<String> = (0..trees.len()).map(|index| index.to_string()).collect();
    for (tree, name) in trees.iter().zip(&names) {
        rustix::fs::mkdir(&**name, Mode::from_raw_mode(0o555)).map_err(refused("mkdir"))?;
        tree.place(name).map_err(refused("move_mount"))?;
    }
    drop(trees);
    if first != sealed {
        rustix::mount::mount_remount(".", sealed, c"").map_err(refused("remounting the tmpfs"))?;
    }
    match rustix::process::pivot_root(".", ".") {
        Ok(()) => rustix::mount::unmount(".", UnmountFlags::DETACH)
            .map_err(refused("detaching the old root"))?,
        Err(Errno::INVAL) => cover_the_first_root()?,
        Err(errno) => return Err(refused("pivot_root")(errno)),
    }
    rustix::process::chdir("/").map_err(refused("chdir"))?;
    verify_only("/", &names).map_err(refused("a root with nothing else in it"))?;
    verify_top("/").map_err(refused("a root with nothing above it"))
}

/// Moves the mount at the current directory over the root, and makes it the root of the process:
/// `pivot_root(2)` cannot exchange an initramfs. The initramfs stays below, as it does on every
/// machine. No path leads there, and unmounting takes capabilities, which the process drops next.
fn cover_the_first_root() -> Result<(), Refusal> {
    rustix::mount::mount_move(".", "/").map_err(refused("moving the new root"))?;
    rustix::process::chroot(".").map_err(refused("chroot"))
}

/// Makes sure that going up from a directory leads back to it.
fn verify_top(at: &str) -> Result<(), Errno> {
    let here = rustix::fs::stat(at)?;
    let above = rustix::fs::stat(format!("{at}/.."))?;
    match (here.st_dev, here.st_ino) == (above.st_dev, above.st_ino) {
        true => Ok(()),
        false => Err(Errno::NOTEMPTY),
    }
}
