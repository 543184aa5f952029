//! A path, walked component by component, so that it is known when it enters a directory that a module may change.
//!
//! As long as it is outside of such a directory, links are the user's and are followed. From where it enters one on, it stays within: no
//! link is followed, `..` is refused, and at its end is a regular file.

use super::shown;
use anyhow::bail;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

/// A directory by its device and inode.
pub(super) type Identity = (u64, u64);

/// How many links are followed, as by the kernel.
const LINKS: usize = 40;

/// On the way along a path.
pub(super) struct Walk<'a> {
    writable: &'a [Identity],
    at: OwnedFd,
    /// Whether that is in a directory that the module may change.
    is_inside: bool,
    left: VecDeque<OsString>,
    links: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn begin(path: &Path, writable: &'a [Identity]) -> Result<Walk<'a>, anyhow::Error> {
        let mut walk = Walk {
            writable,
            at: directory(OsStr::new("."))?,
            is_inside: false,
            left: VecDeque::new(),
            links: 0,
        };
        // The working directory may be in one, and is found from the root.
        let whole = match path.is_absolute() {
            true => path.to_path_buf(),
            false => std::env::current_dir()?.join(path),
        };
        walk.follow(whole)?;
        Ok(walk)
    }

    /// Goes on along a path, before what is left.
    fn follow(&mut self, path: PathBuf) -> Result<(), anyhow::Error> {
        if path.is_absolute() {
            self.at = directory(OsStr::new("/"))?;
        }
        let parts = path.components().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        });
        for part in parts.collect::<Vec<_>>().into_iter().rev() {
            self.left.push_front(part);
        }
        Ok(())
    }

    /// Whether it enters a directory that the module may change. What is not there enters none.
    pub(super) fn enters(mut self) -> bool {
        while !self.is_inside {
            if !matches!(self.step(), Ok(Step::On)) {
                break;
            }
        }
        self.is_inside
    }

    /// Opens what is at its end: a file, or outside of such directories a pipe, if `pipes` are opened.
    pub(super) fn open(mut self, pipes: bool) -> Result<File, anyhow::Error> {
        loop {
            match self.step()? {
                Step::On => {}
                Step::Last(name, kind) => return self.last(&name, kind, pipes),
                Step::Directory => bail!("it is a directory, not a file"),
            }
        }
    }

    fn step(&mut self) -> Result<Step, anyhow::Error> {
        let Some(name) = self.left.pop_front() else {
            return Ok(Step::Directory);
        };
        let found = statat(&self.at, &*name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink if self.is_inside => bail!(
                "{} is a link in a directory where the module may write, and is not followed",
                shown(Path::new(&name))
            ),
            FileType::Symlink => {
                self.links += 1;
                if self.links > LINKS {
                    return Err(std::io::Error::from(Errno::LOOP).into());
                }
                let target = readlinkat(&self.at, &*name, Vec::new())?;
                self.follow(OsString::from_vec(target.into_bytes()).into())?;
            }
            FileType::Directory if self.is_inside && name == ".." => {
                bail!("it leaves a directory where the module may write by ..")
            }
            FileType::Directory => self.enter(&name)?,
            kind if self.left.is_empty() => return Ok(Step::Last(name, kind)),
            _ => return Err(std::io::Error::from(Errno::NOTDIR).into()),
        }
        Ok(Step::On)
    }

    fn enter(&mut self, name: &OsStr) -> Result<(), anyhow::Error> {
        let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.at = openat(&self.at, name, how, Mode::empty())?;
        let found = rustix::fs::fstat(&self.at)?;
        self.is_inside |= self.writable.contains(&(found.st_dev, found.st_ino));
        Ok(())
    }

    fn last(self, name: &OsStr, kind: FileType, pipes: bool) -> Result<File, anyhow::Error> {
        if kind != FileType::RegularFile && (self.is_inside || !pipes) {
            bail!("it is not a regular file");
        }
        // A pipe that was put there meanwhile must not hold anything up.
        let wait = if self.is_inside {
            OFlags::NONBLOCK
        } else {
            OFlags::empty()
        };
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | wait;
        let file: File = openat(&self.at, name, how, Mode::empty())?.into();
        if self.is_inside && !file.metadata()?.is_file() {
            bail!("it is not a regular file");
        }
        Ok(file)
    }
}

/// What a component turned out to be.
enum Step {
    /// There is more to walk.
    On,
    /// The end, which is no directory.
    Last(OsString, FileType),
    /// There was none left.
    Directory,
}

fn directory(path: &OsStr) -> Result<OwnedFd, anyhow::Error> {
    let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, path, how, Mode::empty())?)
}
