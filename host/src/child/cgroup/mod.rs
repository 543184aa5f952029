//! Control groups (`cgroups(7)`, version 2). A group bounds what a template and its workers, or a
//! compiler, hold together. That includes what no process limit counts: resident memory that is not
//! writable, and files in memory.
//!
//! ```text
//! delegated cgroup, without processes ─┬─ wpool-0123456789abcdef: a template and its workers
//!                                      └─ wpool-…: a compiler
//! ```
//! The supervisor makes a group before it spawns a process, and removes the group once it has
//! reaped the last process. It does not move itself; only [`enter_subgroup`] does.

mod delegated;
mod group;

pub use delegated::{delegated_cgroup, enter_subgroup};
pub(crate) use group::{GROUP_SLACK, Group, GroupLimits};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RawDir};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// `CGROUP2_SUPER_MAGIC` of `linux/magic.h`.
const CGROUP2: u64 = 0x6367_7270;

/// What the names of groups begin with.
const PREFIX: &str = "wpool-";

/// Controllers without which a cgroup is refused.
const NEEDED: [&str; 2] = ["memory", "pids"];

/// The controller that shares the CPUs equally between plugins. Groups work without it.
const USEFUL: &str = "cpu";

/// Where groups for processes are made.
#[derive(Clone, Debug)]
pub(crate) struct Cgroup {
    parent: Arc<Parent>,
    path: PathBuf,
}

/// The directory that groups are made in.
#[derive(Debug)]
struct Parent {
    directory: OwnedFd,
    /// Groups that could not be removed yet: something in them was still ending.
    left: Mutex<Vec<String>>,
}

impl Parent {
    /// Removes a group, now or later.
    fn remove(&self, name: String) {
        let removed = rustix::fs::unlinkat(&self.directory, &*name, AtFlags::REMOVEDIR);
        if removed == Err(Errno::BUSY) {
            self.left
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(name);
        }
    }

    /// Tries again to remove the groups that had a process before.
    fn remove_left(&self) {
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        left.into_iter().for_each(|name| self.remove(name));
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        self.remove_left();
    }
}

/// Why a cgroup cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the cgroup {} cannot be used: {why}", .path.display())]
pub(crate) struct CgroupError {
    path: PathBuf,
    why: String,
}

impl Cgroup {
    /// Opens a directory of a cgroup file system, and enables what is needed for groups below it.
    ///
    /// # Errors
    ///
    /// The directory is not a cgroup, is not delegated to this user, lacks a controller, or has
    /// processes.
    pub(crate) fn open(path: &Path) -> Result<Cgroup, CgroupError> {
        let failed = |why: String| CgroupError {
            path: path.to_path_buf(),
            why,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|errno| failed(io::Error::from(errno).to_string()))?;
        let system = rustix::fs::fstatfs(&directory);
        if !system.is_ok_and(|system| system.f_type as u64 == CGROUP2) {
            return Err(failed(
                "not a directory of cgroup version 2, which is mounted at /sys/fs/cgroup".into(),
            ));
        }
        if !is_safe(&directory) {
            return Err(failed(
                "its owner is not root, and could stop or kill root's processes in it: name a cgroup that root owns".into(),
            ));
        }
        let cgroup = Cgroup {
            parent: Arc::new(Parent {
                directory,
                left: Mutex::default(),
            }),
            path: path.to_path_buf(),
        };
        for controller in NEEDED {
            cgroup.enable(controller).map_err(&failed)?;
        }
        // Where this fails the CPUs are shared by process, and not by plugin.
        let _ = cgroup.enable(USEFUL);
        cgroup.sweep();
        Ok(cgroup)
    }

    /// Enables a controller for the groups below.
    fn enable(&self, controller: &str) -> Result<(), String> {
        let has =
            |file| read(&self.parent.directory, file).is_ok_and(|list| has_word(&list, controller));
        if has("cgroup.subtree_control") {
            return Ok(());
        }
        if !has("cgroup.controllers") {
            return Err(format!(
                "the controller {controller} is not delegated to it (systemd: Delegate=memory pids cpu)"
            ));
        }
        let enabled = write(
            &self.parent.directory,
            "cgroup.subtree_control",
            &format!("+{controller}"),
        );
        enabled.map_err(|error| match error.raw_os_error() {
            Some(libc::EBUSY) => "it has processes, so the kernel allows no limits below it: name a cgroup without processes, or move \
                                  them into one below (systemd: DelegateSubgroup=)"
                .into(),
            Some(libc::EACCES | libc::EPERM | libc::EROFS) => {
                "it is not delegated to this user (systemd: Delegate=yes)".into()
            }
            _ => format!("enabling {controller}: {error}"),
        })
    }

    /// Makes a group for processes that are about to start.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub(crate) fn group(&self, limits: &GroupLimits) -> Result<Group, CgroupError> {
        let made = Group::below(&self.parent).and_then(|group| group.limit(limits).map(|()| group));
        made.map_err(|error| CgroupError {
            path: self.path.clone(),
            why: format!("making a group below it: {error}"),
        })
    }

    /// Why a process could not be moved into a group.
    pub(crate) fn not_entered(&self, error: &io::Error) -> CgroupError {
        let advice = match error.raw_os_error() {
            // To move a process takes write access to the cgroup above both.
            Some(libc::EACCES | libc::EPERM) => ": start wpool in a cgroup below it",
            _ => "",
        };
        CgroupError {
            path: self.path.clone(),
            why: format!("moving a process into a group below it: {error}{advice}"),
        }
    }

    /// Removes the groups of supervisors that were killed: those that are not locked.
    fn sweep(&self) {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut entries = RawDir::new(&self.parent.directory, &mut buffer);
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name();
            if !is_name(name.to_bytes()) {
                continue;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(left) = rustix::fs::openat(&self.parent.directory, name, flags, Mode::empty())
            else {
                continue;
            };
            if rustix::fs::flock(&left, FlockOperation::NonBlockingLockExclusive).is_ok() {
                // The kernel keeps a group that has processes.
                let _ = rustix::fs::unlinkat(&self.parent.directory, name, AtFlags::REMOVEDIR);
            }
        }
    }
}

/// Whether a group has such a name. A unit of systemd may begin with `wpool-`, too.
fn is_name(name: &[u8]) -> bool {
    let digits = name.strip_prefix(PREFIX.as_bytes()).unwrap_or_default();
    digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Whether no other user can stop or kill what this process puts into a directory's groups.
fn is_safe(directory: impl AsFd) -> bool {
    !rustix::process::geteuid().is_root()
        || rustix::fs::fstat(directory).is_ok_and(|found| found.st_uid == 0)
}

/// The content of a file of a cgroup.
fn read(directory: impl AsFd, file: &str) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, file, flags, Mode::empty())?;
    let mut text = String::new();
    File::from(file).take(64 << 10).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a file of a cgroup.
fn write(directory: impl AsFd, file: &str, text: &str) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, file, flags, Mode::empty())?;
    File::from(file).write_all(text.as_bytes())
}

fn has_word(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|each| each == word)
}

/// Whether an error says that there is no such file.
fn is_absent(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOENT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_groups_are_given_are_swept() {
        assert!(is_name(b"wpool-0123456789abcdef"));
        for other in [
            &b"wpool-example.service"[..],
            b"wpool-0123456789abcde",
            b"wpool-0123456789abcdeg",
            b"0123456789abcdef",
            b"",
        ] {
            assert!(!is_name(other), "{other:?}");
        }
    }

    #[test]
    fn a_directory_that_is_not_a_cgroup_is_refused_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        for (path, why) in [
            (
                folder.path().to_path_buf(),
                "not a directory of cgroup version 2",
            ),
            (folder.path().join("nothing"), "No such file or directory"),
        ] {
            let error = Cgroup::open(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
    }
}
