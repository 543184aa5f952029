//! Files that a job adds to: opened once, before its first task, and never again by their paths.

use super::{Granted, shown};
use anyhow::bail;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;

/// What the kernel gives a new file before the umask.
const MODE: Mode = Mode::from_raw_mode(0o666);

/// A file that is written from its beginning, or with `goes_on` behind its end.
pub(in crate::cli) fn create(
    path: &Path,
    goes_on: bool,
    what: &str,
    granted: &Granted,
) -> Result<File, anyhow::Error> {
    let how = if goes_on {
        OFlags::APPEND
    } else {
        OFlags::TRUNC
    };
    open(path, OFlags::WRONLY | OFlags::CREATE | how, what, granted)
}

/// A file that is read and written.
pub(in crate::cli) fn lockable(
    path: &Path,
    what: &str,
    granted: &Granted,
) -> Result<File, anyhow::Error> {
    open(path, OFlags::RDWR | OFlags::CREATE, what, granted)
}

/// The same file only to look at; `None` where there is none.
pub(in crate::cli) fn peek(
    path: &Path,
    what: &str,
    granted: &Granted,
) -> Result<Option<File>, anyhow::Error> {
    granted.refuse_file(path, what)?;
    match raw(path, OFlags::RDONLY | OFlags::NONBLOCK) {
        Err(Errno::NOENT) => Ok(None),
        opened => {
            let file = opened.map_err(|errno| complaint(path, what, errno))?;
            refuse_other_than_file(&file, path, what)?;
            Ok(Some(file))
        }
    }
}

/// Refuses to read what may have no end, or hold the command up.
pub(in crate::cli) fn refuse_other_than_file(
    file: &File,
    path: &Path,
    what: &str,
) -> Result<(), anyhow::Error> {
    match file.metadata().is_ok_and(|found| found.is_file()) {
        true => Ok(()),
        false => bail!(
            "{}: {what} is not a regular file, and cannot be read",
            shown(path)
        ),
    }
}

fn open(path: &Path, how: OFlags, what: &str, granted: &Granted) -> Result<File, anyhow::Error> {
    granted.refuse_file(path, what)?;
    let file = raw(path, how).map_err(|errno| complaint(path, what, errno))?;
    let is_directory = file.metadata().is_ok_and(|found| found.is_dir());
    if is_directory {
        bail!("{}: {what} cannot be a directory", shown(path));
    }
    Ok(file)
}

fn raw(path: &Path, how: OFlags) -> Result<File, Errno> {
    let links = match is_descriptor(path) {
        true => OFlags::empty(),
        false => OFlags::NOFOLLOW,
    };
    Ok(rustix::fs::open(path, how | links | OFlags::CLOEXEC, MODE)?.into())
}

/// Whether it is the name of a descriptor that the command was started with: a link that the kernel
/// makes, and no guest.
pub(super) fn is_descriptor(path: &Path) -> bool {
    let streams = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];
    let folders = ["/dev/fd", "/proc/self/fd"].map(Path::new);
    streams.iter().any(|stream| path == Path::new(stream))
        || path
            .parent()
            .is_some_and(|folder| folders.contains(&folder))
}

fn complaint(path: &Path, what: &str, errno: Errno) -> anyhow::Error {
    let why = match errno {
        Errno::LOOP => "it is a link, which is not followed: name the file that it leads to".into(),
        errno => std::io::Error::from(errno).to_string(),
    };
    anyhow::anyhow!("{}: {what} cannot be opened: {why}", shown(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use tempfile::TempDir;

    #[test]
    fn a_link_is_not_followed_and_says_so() {
        let folder = TempDir::new().unwrap();
        let (victim, log) = (folder.path().join("victim"), folder.path().join("log"));
        std::fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, &log).unwrap();
        let none = Granted::default();
        for opened in [
            create(&log, false, "the log", &none),
            create(&log, true, "the log", &none),
            lockable(&log, "the log", &none),
        ] {
            let why = opened.unwrap_err().to_string();
            assert!(why.contains("it is a link"), "{why}");
        }
        assert!(peek(&log, "the log", &none).is_err());
        assert!(peek(Path::new("/dev/null"), "the log", &none).is_err());
        assert_eq!(std::fs::read(&victim).unwrap(), b"mine");
    }

    #[test]
    fn a_descriptor_that_the_user_names_is_written_to() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let name = format!("/dev/fd/{}", writer.as_raw_fd());
        let mut log = create(Path::new(&name), false, "the log", &Granted::default()).unwrap();
        log.write_all(b"a row").unwrap();
        drop((log, writer));
        let mut read = String::new();
        std::io::Read::read_to_string(&mut reader, &mut read).unwrap();
        assert_eq!(read, "a row");
    }

    #[test]
    fn only_names_of_own_descriptors_are_descriptors() {
        for name in ["/dev/fd/3", "/dev/stdout", "/proc/self/fd/7"] {
            assert!(is_descriptor(Path::new(name)), "{name}");
        }
        for name in [
            "/dev/fd",
            "/dev/fd/3/x",
            "fd/3",
            "/tmp/dev/fd/3",
            "/proc/self/root",
        ] {
            assert!(!is_descriptor(Path::new(name)), "{name}");
        }
    }
}
