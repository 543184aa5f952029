//! A path, walked component by component, so that it is known when it enters a directory that a
//! module may change.
//!
//! As long as it is outside of such a directory, links are the user's and are followed. From where
//! it enters one on, it stays within: no link is followed, `..` is refused, and at its end is a
//! regular file.

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
        walk.follow(from_the_root(path)?)?;
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

    /// Refuses what cannot be opened. A pipe is not opened for that: its writer would take this for
    /// its reader.
    pub(super) fn check(self) -> Result<(), anyhow::Error> {
        let (walk, name, kind) = self.reach_end()?;
        match kind == FileType::RegularFile || walk.is_inside {
            true => walk.last(&name).map(drop),
            false => Ok(()),
        }
    }

    /// Opens what is at its end: a file, or outside of such directories a pipe as well.
    pub(super) fn open(self) -> Result<File, anyhow::Error> {
        let (walk, name, _) = self.reach_end()?;
        walk.last(&name)
    }

    /// To what is at its end, which is no directory.
    fn reach_end(mut self) -> Result<(Walk<'a>, OsString, FileType), anyhow::Error> {
        loop {
            match self.step()? {
                Step::On => {}
                Step::Last(name, kind) => return Ok((self, name, kind)),
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

    fn last(self, name: &OsStr) -> Result<File, anyhow::Error> {
        // What a module may have put there must not hold anything up.
        let wait = match self.is_inside {
            true => OFlags::NONBLOCK,
            false => OFlags::empty(),
        };
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | wait;
        let file: File = openat(&self.at, name, how, Mode::empty())?.into();
        if self.is_inside && !file.metadata()?.is_file() {
            bail!("it is not a regular file");
        }
        Ok(file)
    }
}

/// A path from the root. The working directory has no links, so that what leads out of it can be
/// taken away by name: who works in a directory that the module may change can name what lies
/// beside it.
fn from_the_root(path: &Path) -> Result<PathBuf, anyhow::Error> {
    if path.is_absolute() {
        return Ok(path.to_path_buf());
    }
    let mut base = std::env::current_dir()?;
    let mut rest = path.components();
    while let Some(Component::ParentDir | Component::CurDir) = rest.clone().next() {
        if rest.next() == Some(Component::ParentDir) {
            base.pop();
        }
    }
    Ok(base.join(rest.as_path()))
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
