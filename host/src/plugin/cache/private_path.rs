//! The way to a directory that is its user's alone: every directory on it is opened, looked at and only then passed through.
//!
//! Whoever can rename a directory on the way can put another one in its place, with another key. So nobody but root and the user
//! may be able to.

use rustix::fs::{AtFlags, Mode, OFlags, chmodat, mkdirat, open, openat};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Passing through a directory takes no right to list it.
const PASS: OFlags = OFlags::PATH.union(DIRECTORY);
const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Others may write to a directory.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// In a directory with this bit only its owner can rename what belongs to somebody else.
const STICKY: u32 = 0o1000;

/// Opens the directory at `path`, and creates it and what is missing above it. Also returns its path without symbolic links.
///
/// # Errors
///
/// When that is not possible, or when others than root and the effective user could read or replace the directory.
pub(super) fn open_or_create(path: &Path) -> io::Result<(File, PathBuf)> {
    let path = std::path::absolute(path)?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(refused(
            &path,
            "it cannot be a cache directory; name one of its own",
        ));
    };
    let parent = without_links(parent)?;
    let mut here = PathBuf::from("/");
    let mut directory = File::from(open("/", PASS, Mode::empty())?);
    refuse_if_replaceable(&directory.metadata()?, &here)?;
    for component in parent.components() {
        match component {
            Component::RootDir => {}
            Component::Normal(name) => {
                here.push(name);
                directory = enter(&directory, name, PASS, &here)?;
                refuse_if_replaceable(&directory.metadata()?, &here)?;
            }
            // Below a directory that does not exist.
            _ => {
                return Err(refused(
                    &path,
                    "it has `..` in it; name the directory without",
                ));
            }
        }
    }
    here.push(name);
    let directory = enter(&directory, name, DIRECTORY, &here)?;
    refuse_unless_private(&directory.metadata()?, &here)?;
    Ok((directory, here))
}

/// The path with the symbolic links of its existing part resolved.
fn without_links(path: &Path) -> io::Result<PathBuf> {
    for existing in path.ancestors() {
        match existing.canonicalize() {
            Ok(resolved) => {
                return Ok(resolved.join(path.strip_prefix(existing).unwrap_or(Path::new(""))));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(refused(existing, &error.to_string())),
        }
    }
    Ok(path.into())
}

/// Opens a directory in another one, and creates it if it is not there.
fn enter(parent: &File, name: &OsStr, flags: OFlags, path: &Path) -> io::Result<File> {
    let mut opened = openat(parent, name, flags, Mode::empty());
    if let Err(Errno::NOENT) = opened {
        opened = match mkdirat(parent, name, Mode::RWXU) {
            // The umask may take rights away from the user, too, who is then locked out.
            Ok(()) => chmodat(parent, name, Mode::RWXU, AtFlags::empty())
                .and_then(|()| openat(parent, name, flags, Mode::empty())),
            // Somebody was faster.
            Err(Errno::EXIST) => openat(parent, name, flags, Mode::empty()),
            Err(error) => Err(error),
        };
    }
    opened.map(File::from).map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => refused(path, "it is a symbolic link or no directory"),
        error => refused(path, &error.to_string()),
    })
}

fn refuse_if_replaceable(directory: &Metadata, path: &Path) -> io::Result<()> {
    if directory.uid() != 0 && directory.uid() != geteuid().as_raw() {
        return Err(refused(
            path,
            &format!("it belongs to another user ({})", directory.uid()),
        ));
    }
    if directory.mode() & WRITABLE_BY_OTHERS != 0 && directory.mode() & STICKY == 0 {
        return Err(refused(
            path,
            "others may write to it, and so replace what is in it; chmod go-w ends that",
        ));
    }
    Ok(())
}

fn refuse_unless_private(directory: &Metadata, path: &Path) -> io::Result<()> {
    if directory.uid() != geteuid().as_raw() {
        return Err(refused(
            path,
            &format!("it belongs to another user ({})", directory.uid()),
        ));
    }
    if is_open_to_others(directory) {
        return Err(refused(
            path,
            "others may read or change it; make it yours with chmod 700",
        ));
    }
    Ok(())
}

/// Whether anybody but the owner, and root, has any right to a file. With access lists the group's rights bound everybody's.
pub(super) fn is_open_to_others(file: &Metadata) -> bool {
    file.mode() & 0o077 != 0
}

fn refused(path: &Path, why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{}: {why}", path.display()),
    )
}
