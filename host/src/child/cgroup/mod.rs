//! Control groups (`cgroups(7)`, version 2): what all processes of a template, or a compiler, may
//! have together. The limits of a process are its own; these are for the sum, and the kernel holds
//! what a limit of a process cannot: memory that is resident and not writable, and what lies in
//! temporary files.
//!
//! ```text
//! a directory that was delegated, without processes of its own ─┬─ wpool-…: a template and its workers
//!                                                               └─ wpool-…: a compiler
//! ```
//! The supervisor makes a group before a process is told anything, and removes it once the last of
//! its processes was waited for. Who it is itself is nobody's business here: it is never moved.

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

/// Controllers that there must be.
const NEEDED: [&str; 2] = ["memory", "pids"];

/// One that divides the CPUs equally between plugins, where there is one.
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

    /// Removes what could not be removed before.
    fn remove_left(&self) {
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        left.into_iter().for_each(|name| self.remove(name));
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
    /// It is none, is not delegated to this user, lacks a controller, or has processes.
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
            return Err(failed("it is no directory of cgroup version 2".into()));
        }
        let owner = rustix::fs::fstat(&directory).map_or(u32::MAX, |found| found.st_uid);
        if rustix::process::geteuid().is_root() && owner != 0 {
            return Err(failed(
                "it belongs to another user than root, who could stop or kill what is in it".into(),
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
        // Without it the CPUs are divided between all processes of the machine.
        let _ = cgroup.enable(USEFUL);
        cgroup.sweep();
        Ok(cgroup)
    }

    /// Has the groups below it controlled so.
    fn enable(&self, controller: &str) -> Result<(), String> {
        let has =
            |file| read(&self.parent.directory, file).is_ok_and(|list| has_word(&list, controller));
        if has("cgroup.subtree_control") {
            return Ok(());
        }
        if !has("cgroup.controllers") {
            return Err(format!(
                "it does not have the controller {controller}: delegate that to it (systemd: Delegate={controller} …)"
            ));
        }
        let enabled = write(
            &self.parent.directory,
            "cgroup.subtree_control",
            &format!("+{controller}"),
        );
        enabled.map_err(|error| match error.raw_os_error() {
            Some(libc::EBUSY) => "it has processes of its own, and then the kernel controls none below it: name one without, or move \
                                  them to one below it (systemd: DelegateSubgroup=)"
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
            // The kernel asks for the right to move between both.
            Some(libc::EACCES | libc::EPERM) => {
                ": start this process in a cgroup below it, or name one above its own that is delegated"
            }
            _ => "",
        };
        CgroupError {
            path: self.path.clone(),
            why: format!("a process cannot be put into a group below it: {error}{advice}"),
        }
    }

    /// Removes what supervisors that were killed have left: groups that nobody holds.
    fn sweep(&self) {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut entries = RawDir::new(&self.parent.directory, &mut buffer);
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name();
            if !name.to_bytes().starts_with(PREFIX.as_bytes()) {
                continue;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(left) = rustix::fs::openat(&self.parent.directory, name, flags, Mode::empty())
            else {
                continue;
            };
            if rustix::fs::flock(&left, FlockOperation::NonBlockingLockExclusive).is_ok() {
                // One with processes stays.
                let _ = rustix::fs::unlinkat(&self.parent.directory, name, AtFlags::REMOVEDIR);
            }
        }
    }
}

/// What a file of a cgroup says.
fn read(directory: impl AsFd, file: &str) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, file, flags, Mode::empty())?;
    let mut text = String::new();
    File::from(file).take(64 << 10).read_to_string(&mut text)?;
    Ok(text)
}

/// Tells a file of a cgroup something.
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
    fn what_is_no_cgroup_is_refused_and_why() {
        let folder = tempfile::tempdir().unwrap();
        for (path, why) in [
            (
                folder.path().to_path_buf(),
                "it is no directory of cgroup version 2",
            ),
            (folder.path().join("nothing"), "No such file or directory"),
        ] {
            let error = Cgroup::open(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
    }
}
