//! A directory that a job writes whole files to, held by its descriptor from before the first task.

use super::shown;
use anyhow::{Context, anyhow};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// How a file's name ends until it is whole.
pub(in crate::cli) const PART: &str = ".part";

/// The directory.
#[derive(Debug)]
pub(in crate::cli) struct Folder {
    path: PathBuf,
    descriptor: OwnedFd,
}

impl Folder {
    /// Creates it where it is not there. Links on the way are the user's; the directory itself is
    /// none.
    pub(in crate::cli) fn create(path: &Path) -> Result<Folder, anyhow::Error> {
        // With a slash at its end the kernel would follow a link.
        let path: &Path = &path.components().collect::<PathBuf>();
        std::fs::create_dir_all(path)
            .with_context(|| format!("{}: it cannot be created", shown(path)))?;
        let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor =
            rustix::fs::open(path, how, Mode::empty()).map_err(|errno| match errno {
                Errno::LOOP | Errno::NOTDIR => anyhow!(
                    "{}: it is a link, which is not followed: name the directory that it leads to",
                    shown(path)
                ),
                errno => anyhow!(
                    "{}: it cannot be opened: {}",
                    shown(path),
                    io::Error::from(errno)
                ),
            })?;
        Ok(Folder {
            path: path.into(),
            descriptor,
        })
    }

    /// Its path as a person is shown it.
    pub(in crate::cli) fn shown(&self) -> String {
        shown(&self.path)
    }

    /// The names in it that are text.
    pub(in crate::cli) fn names(&self) -> Result<Vec<String>, anyhow::Error> {
        let read = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.descriptor)? {
                names.extend(entry?.file_name().to_str().ok().map(str::to_string));
            }
            Ok(names)
        };
        read().with_context(|| format!("{}: it cannot be read", self.shown()))
    }

    /// What is in a regular file of at most so many bytes; `None` for anything else.
    pub(in crate::cli) fn read(&self, name: &str, most: u64) -> Option<String> {
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = openat(&self.descriptor, name, how, Mode::empty())
            .ok()?
            .into();
        let found = file.metadata().ok()?;
        if !found.is_file() || found.len() > most {
            return None;
        }
        let mut text = String::new();
        file.take(most).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// A file with these bytes and no others, there whole or not at all. It is made under a name
    /// that cannot be known before, and that nothing else has; a link that is there under its own
    /// name is replaced.
    pub(in crate::cli) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let part = format!("{name}.{}{PART}", random_name()?);
        let how =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(&self.descriptor, &part, how, Mode::from_raw_mode(0o666))?;
        let mut made = File::from(made);
        let written = made.write_all(bytes).and_then(|()| {
            self.verify(&made, &part)?;
            Ok(renameat(&self.descriptor, &part, &self.descriptor, name)?)
        });
        if written.is_err() {
            // It would only be in the way.
            let _ = unlinkat(&self.descriptor, &part, AtFlags::empty());
        }
        written
    }

    /// Whether the file still has the name under which it was made.
    fn verify(&self, made: &File, part: &str) -> io::Result<()> {
        let named = rustix::fs::statat(&self.descriptor, part, AtFlags::SYMLINK_NOFOLLOW)?;
        let made = fstat(made)?;
        match (named.st_dev, named.st_ino) == (made.st_dev, made.st_ino) {
            true => Ok(()),
            false => Err(io::Error::other("another process replaced it")),
        }
    }

    /// Removes a file. That it is not there is no error.
    pub(in crate::cli) fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }
}

fn random_name() -> io::Result<String> {
    let mut bytes = [0; 8];
    let filled = rustix::io::retry_on_intr(|| getrandom(&mut bytes[..], GetRandomFlags::empty()))?;
    match filled {
        8 => Ok(format!("{:016x}", u64::from_le_bytes(bytes))),
        _ => Err(io::Error::other("the kernel gave too few random bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    #[test]
    fn a_link_under_a_files_name_is_replaced_and_never_written_through() {
        let folder = TempDir::new().unwrap();
        let (victim, held) = (folder.path().join("victim"), folder.path().join("held"));
        fs::write(&victim, "mine").unwrap();
        let results = Folder::create(&held).unwrap();
        for name in ["1.out", "1.out.part"] {
            symlink(&victim, held.join(name)).unwrap();
        }
        results.write("1.out", b"4\n").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        assert_eq!(fs::read(held.join("1.out")).unwrap(), b"4\n");
        assert!(fs::symlink_metadata(held.join("1.out")).unwrap().is_file());
    }

    #[test]
    fn it_is_the_directory_that_was_opened_whatever_has_its_name_now() {
        let folder = TempDir::new().unwrap();
        let (held, away, other) = (
            folder.path().join("held"),
            folder.path().join("away"),
            folder.path().join("other"),
        );
        let results = Folder::create(&held).unwrap();
        fs::create_dir(&other).unwrap();
        fs::rename(&held, &away).unwrap();
        symlink(&other, &held).unwrap();
        results.write("1.out", b"4\n").unwrap();
        assert!(away.join("1.out").exists() && !other.join("1.out").exists());
        let slash = PathBuf::from(format!("{}/", held.display()));
        for name in [&held, &slash] {
            let error = Folder::create(name).unwrap_err().to_string();
            assert!(error.contains("it is a link"), "{error}");
        }
    }

    #[test]
    fn only_short_regular_files_are_read() {
        let folder = TempDir::new().unwrap();
        let results = Folder::create(folder.path()).unwrap();
        fs::write(folder.path().join("short"), "text").unwrap();
        fs::write(folder.path().join("long"), "text and more").unwrap();
        symlink("short", folder.path().join("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.path().join("pipe"),
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert_eq!(results.read("short", 4).as_deref(), Some("text"));
        for name in ["long", "link", "pipe", "none", "."] {
            assert_eq!(results.read(name, 4), None, "{name}");
        }
    }
}
