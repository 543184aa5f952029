//! The files of a cache directory. Everything goes by the directory's descriptor, so that it stays the one that was checked.

use super::Entry;
use super::entry_key::{is_entry_name, is_hex};
use super::private_path::{self, is_open_to_others};
use super::random::random;
use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, fchmod, futimens, linkat, openat,
    renameat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The name of the file that holds the key.
pub(super) const KEY_FILE: &str = "key";

/// What the name of a temporary file begins with; random hexadecimal digits follow.
const TEMPORARY_PREFIX: &str = "tmp-";
const TEMPORARY_BYTES: usize = 16;

/// A directory that is its user's alone.
#[derive(Debug)]
pub(super) struct Directory {
    handle: File,
    path: PathBuf,
}

/// What of a directory is the cache's own, its key apart.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) entries: Vec<Entry>,
    pub(super) temporaries: Vec<Entry>,
}

impl Directory {
    /// Opens it, and creates it if it is not there.
    pub(super) fn open(path: &Path) -> io::Result<Directory> {
        let (handle, path) = private_path::open_or_create(path)?;
        Ok(Directory { handle, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file, whatever it is, for reading, without following a link or waiting for a writer.
    pub(super) fn open_file(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        openat(&self.handle, name, flags, Mode::empty())
    }

    /// Opens a regular file that is the user's alone and has no second name; and its length in bytes.
    pub(super) fn open_own_file(&self, name: &str) -> Option<(File, u64)> {
        let file = File::from(self.open_file(name).ok()?);
        let metadata = file.metadata().ok()?;
        is_usable(&metadata).then_some((file, metadata.len()))
    }

    /// Notes that a file was used now, if it can be written to.
    pub(super) fn mark_used(&self, file: &File) {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        };
        let _ = futimens(
            file,
            &Timestamps {
                last_access: now,
                last_modification: now,
            },
        );
    }

    /// The entries and temporary files; of other things by their names, such as a link or another user's file, nothing.
    pub(super) fn list(&self) -> io::Result<Listed> {
        let mut listed = Listed::default();
        for found in Dir::read_from(&self.handle)? {
            let found = found?;
            let Ok(name) = found.file_name().to_str() else {
                continue;
            };
            let list = if is_entry_name(name) {
                &mut listed.entries
            } else if is_temporary_name(name) {
                &mut listed.temporaries
            } else {
                continue;
            };
            // Others remove files meanwhile.
            let Ok(metadata) = self.look_at(name) else {
                continue;
            };
            if is_own_file(&metadata) {
                list.push(Entry {
                    name: name.into(),
                    bytes: metadata.len(),
                    last_used: metadata.modified()?,
                });
            }
        }
        Ok(listed)
    }

    /// What a file is, without opening it for anything.
    fn look_at(&self, name: &str) -> io::Result<Metadata> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        File::from(openat(&self.handle, name, flags, Mode::empty())?).metadata()
    }

    /// Removes a file; false if it is gone already.
    pub(super) fn remove(&self, name: &str) -> io::Result<bool> {
        match unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file unless it was replaced since it was opened. If it is replaced right now, a good entry is lost, not a bad
    /// one kept.
    pub(super) fn remove_if_still(&self, name: &str, opened: &File) {
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        if let (Ok(there), Ok(opened)) = (self.look_at(name), opened.metadata())
            && identity(there) == identity(opened)
        {
            let _ = self.remove(name);
        }
    }

    /// A new file, which is removed when it is dropped, unless it was renamed.
    pub(super) fn temporary(&self) -> io::Result<Temporary<'_>> {
        let digits = random::<TEMPORARY_BYTES>()?
            .map(|byte| format!("{byte:02x}"))
            .concat();
        let name = format!("{TEMPORARY_PREFIX}{digits}");
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = File::from(openat(&self.handle, &name, flags, mode)?);
        // Whatever the umask is.
        fchmod(&file, mode)?;
        Ok(Temporary {
            directory: self,
            name,
            file,
        })
    }
}

/// A regular file that is the user's alone. One that was replaced after it was opened has no name any more, and is as good as
/// it was; one with a second name can be changed by that.
pub(super) fn is_usable(metadata: &Metadata) -> bool {
    is_own_file(metadata) && !is_open_to_others(metadata) && metadata.nlink() <= 1
}

/// A regular file of the user.
fn is_own_file(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.uid() == geteuid().as_raw()
}

fn is_temporary_name(name: &str) -> bool {
    name.strip_prefix(TEMPORARY_PREFIX)
        .is_some_and(|digits| is_hex(digits, 2 * TEMPORARY_BYTES))
}

/// A file that is being written.
pub(super) struct Temporary<'a> {
    directory: &'a Directory,
    name: String,
    pub(super) file: File,
}

impl Temporary<'_> {
    /// Gives it its name, in place of what has it.
    pub(super) fn rename(self, name: &str) -> io::Result<()> {
        // Dropping it then finds nothing to remove: nobody else makes this random name.
        Ok(renameat(
            &self.directory.handle,
            &self.name,
            &self.directory.handle,
            name,
        )?)
    }

    /// Gives it its name, unless something has it.
    pub(super) fn link(&self, name: &str) -> Result<(), Errno> {
        let directory = &self.directory.handle;
        linkat(directory, &self.name, directory, name, AtFlags::empty())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        let _ = self.directory.remove(&self.name);
    }
}
