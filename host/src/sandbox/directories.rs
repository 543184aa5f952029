//! Granted directories: taken hold of as whoever granted them, placed in a root that has nothing else, and no way to more than was
//! granted by them.
//!
//! ```text
//! root with a mount namespace: take, as root and mapped to its owner ─► not root ─► own namespaces ─► place
//! anybody else with one:                                                own namespaces ─► take ─► place
//! without namespaces:          the directory stays where it is; Landlock alone keeps the process to it
//! ```

use super::policy::{GrantedDirectory, Namespaces, NotGranted, Policy};
use super::{Halt, Layer, Refusal};
use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, OpenTreeFlags};
use rustix::process::{Pid, Signal, WaitOptions};
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

impl GrantedDirectory {
    fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    fn refused(&self, step: &str, errno: impl Into<io::Error>) -> NotGranted {
        NotGranted {
            path: self.path.clone(),
            step: step.into(),
            errno: errno.into().raw_os_error().unwrap_or(0),
        }
    }

    /// Whether that is what was granted, and not what somebody put in its place.
    fn verify(&self, opened: BorrowedFd<'_>) -> Result<(), NotGranted> {
        let found =
            rustix::fs::fstat(opened).map_err(|errno| self.refused("looking at it", errno))?;
        if (found.st_dev, found.st_ino) == (self.device, self.inode) {
            return Ok(());
        }
        Err(self.refused(
            "it was replaced by another while it was granted",
            Errno::STALE,
        ))
    }
}

/// A mount of a directory that is not placed anywhere yet.
pub(super) struct Tree(OwnedFd);

impl Tree {
    /// Puts it over an empty directory.
    pub(super) fn place(&self, at: &str) -> Result<(), Errno> {
        let whole = rustix::mount::MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        rustix::mount::move_mount(&self.0, "", CWD, at, whole)
    }
}

/// Where a directory is found once the process has a root of its own.
pub(super) fn place_of(index: usize) -> String {
    format!("/{index}")
}

/// Takes hold of the directories while root still is root, if it is and is to have a mount namespace. What belongs to a directory's
/// owner is made to belong to who root becomes, where the file system can do that.
pub(super) fn take_as_root(policy: &Policy) -> Result<Vec<Tree>, Halt> {
    let Some(user) = super::identity::to_become(policy)? else {
        return Ok(Vec::new());
    };
    if policy.directories.is_empty() || policy.namespaces == Namespaces::None {
        return Ok(Vec::new());
    }
    // SAFETY: no descriptor changes hands without CLONE_FILES.
    match unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) } {
        Ok(()) => {}
        // Root of a container lacks CAP_SYS_ADMIN, and cannot map owners. It takes the directories
        // later, in its own namespaces, like an ordinary user.
        Err(Errno::PERM) => return Ok(Vec::new()),
        Err(errno) => return Err(Refusal::new(Layer::MountNamespace, "unshare", errno).into()),
    }
    let trees = take(policy)?;
    for (directory, tree) in policy.directories.iter().zip(&trees) {
        // What cannot be mapped stays as it is: whether that is enough is found out later.
        if let Ok(namespace) = mapping_of(directory, user) {
            let _ = set_attributes(&tree.0, libc::MOUNT_ATTR_IDMAP, Some(namespace.as_fd()));
        }
    }
    Ok(trees)
}

/// Takes hold of the directories, by paths that are those of the supervisor still.
pub(super) fn take(policy: &Policy) -> Result<Vec<Tree>, Halt> {
    if policy.directories.is_empty() {
        return Ok(Vec::new());
    }
    // Before: what is mounted elsewhere later would appear in a copy that is not private.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private)
        .map_err(|errno| Refusal::new(Layer::MountNamespace, "making mounts private", errno))?;
    let take_one = |directory: &GrantedDirectory| -> Result<Tree, Halt> {
        // With what is mounted within it: a process that owns its namespace cannot look below.
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE;
        let tree =
            rustix::mount::open_tree(CWD, directory.path(), flags).map_err(
                |errno| match errno {
                    Errno::ACCESS | Errno::NOENT | Errno::NOTDIR => {
                        Halt::NotGranted(directory.refused("opening it", errno))
                    }
                    errno => Halt::Refused(Refusal::new(Layer::MountNamespace, "open_tree", errno)),
                },
            )?;
        directory.verify(tree.as_fd())?;
        let mut attributes =
            libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
        if directory.read_only {
            attributes |= libc::MOUNT_ATTR_RDONLY;
        }
        set_attributes(&tree, attributes, None).map_err(|error| -> Halt {
            match error.raw_os_error() {
                // Before Linux 5.12. Fewer namespaces would not help.
                Some(libc::ENOSYS) => directory.refused("mount_setattr", error).into(),
                _ => Refusal::new(Layer::MountNamespace, "mount_setattr", error).into(),
            }
        })?;
        Ok(Tree(tree))
    };
    policy.directories.iter().map(take_one).collect()
}

/// Opens the directories where the process will find them, as who it has become, and makes sure that it can do there what was granted.
pub(super) fn hold(policy: &Policy) -> Result<Vec<(OwnedFd, bool)>, NotGranted> {
    let hold_one = |(index, directory): (usize, &GrantedDirectory)| {
        let place = match policy.namespaces {
            Namespaces::None => directory.path().to_path_buf(),
            _ => PathBuf::from(place_of(index)),
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&place, flags, Mode::empty())
            .map_err(|errno| directory.refused("opening it", errno))?;
        directory.verify(opened.as_fd())?;
        let (access, step) = match directory.read_only {
            true => (Access::READ_OK | Access::EXEC_OK, "reading it"),
            false => (
                Access::READ_OK | Access::EXEC_OK | Access::WRITE_OK,
                "writing to it",
            ),
        };
        rustix::fs::accessat(CWD, &place, access, AtFlags::EACCESS)
            .map_err(|errno| directory.refused(step, errno))?;
        Ok((opened, directory.read_only))
    };
    policy
        .directories
        .iter()
        .enumerate()
        .map(hold_one)
        .collect()
}

/// Adds attributes to a mount, and to all within it.
fn set_attributes(
    tree: &OwnedFd,
    attributes: u64,
    user_namespace: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: user_namespace.map_or(0, |fd| fd.as_raw_fd() as u64),
    };
    // A file system is mapped by itself: not all of those within it may be able to.
    let recursive = match user_namespace {
        Some(_) => 0,
        None => libc::AT_RECURSIVE,
    };
    // SAFETY: an empty path and a structure of the length that is given, both alive during the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    match answer {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A user namespace in which the owner of a directory is whom root becomes.
fn mapping_of(directory: &GrantedDirectory, user: u32) -> io::Result<OwnedFd> {
    let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
    let parent = rustix::process::getpid();
    // SAFETY: a plain fork of a single-threaded process; the child does nothing but wait for its end.
    let pid = match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
        -1 => return Err(io::Error::last_os_error()),
        0 => wait_to_be_killed(parent),
        pid => pid as i32,
    };
    let mapped =
        |kind: &str, id: u32| fs::write(format!("/proc/{pid}/{kind}"), format!("{id} {user} 1"));
    let namespace = mapped("uid_map", directory.owner)
        .and_then(|()| mapped("gid_map", directory.group))
        .and_then(|()| fs::File::open(format!("/proc/{pid}/ns/user")));
    if let Some(child) = Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(child, Signal::KILL);
        let _ = rustix::process::waitpid(Some(child), WaitOptions::empty());
    }
    Ok(namespace?.into())
}

/// Exists, as the only process of its user namespace, as long as its parent does.
fn wait_to_be_killed(parent: Pid) -> ! {
    let with_parent = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    // SAFETY: the connection is the parent's; nothing here uses it.
    unsafe { rustix::io::close(0) };
    loop {
        if with_parent.is_err() || rustix::process::getppid() != Some(parent) {
            // SAFETY: nothing of this copy is needed any more.
            unsafe { libc::_exit(1) };
        }
        // SAFETY: it has no arguments and touches no memory.
        unsafe { libc::pause() };
    }
}

/// Makes sure that a directory has nothing in it but these.
pub(super) fn verify_only(at: &str, names: &[String]) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(at, flags, Mode::empty())?;
    let mut buffer = [std::mem::MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(&root, &mut buffer);
    let mut seen = 0;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        if !names.iter().any(|known| known.as_bytes() == name) {
            return Err(Errno::NOTEMPTY);
        }
        seen += 1;
    }
    match seen == names.len() {
        true => Ok(()),
        false => Err(Errno::NOENT),
    }
}
