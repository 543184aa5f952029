//! Directories that are granted: what was asked for, whether it may be, and what was found.

use crate::child::with_remedy;
use crate::error::{Error, ErrorKind};
use crate::sandbox::GrantedDirectory;
use crate::value::printable;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// How many directories may be granted.
const MOST: usize = 8;

/// File systems that are windows on the kernel or its devices, not files.
const NO_FILES: &[&str] = &[
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// A directory for modules that import WASI: the only files that they see.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use wpool::{Directory, Pool};
///
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("note.txt"), "remember")?;
/// let notes = Directory::new(folder.path()).at("/notes").read_only();
/// let pool = Pool::builder("../guest-examples/wasm/tool.wasm").dir(notes).build()?;
/// let note: String = pool.apply("run", (["read", "/notes/note.txt"], ""))?;
/// assert_eq!(note, "remember");
/// assert!(pool.apply::<String>("run", (["rm", "/notes/note.txt"], "")).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    host: PathBuf,
    guest: Option<String>,
    read_only: bool,
}

impl Directory {
    /// The directory at that path, which programs see under the same path, and may change.
    #[must_use]
    pub fn new(host: impl Into<PathBuf>) -> Directory {
        Directory {
            host: host.into(),
            guest: None,
            read_only: false,
        }
    }

    /// What programs see it under: `/data`, or `.` for where they look for paths without a root.
    #[must_use]
    pub fn at(mut self, guest: impl Into<String>) -> Directory {
        self.guest = Some(guest.into());
        self
    }

    /// Nothing in it can be changed.
    #[must_use]
    pub fn read_only(mut self) -> Directory {
        self.read_only = true;
        self
    }

    /// Where it is.
    #[must_use]
    pub fn host(&self) -> &Path {
        &self.host
    }

    /// Whether nothing in it can be changed.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn refused(&self, why: &str) -> Error {
        let path = printable(&self.host.to_string_lossy());
        Error::new(
            ErrorKind::Grant,
            format!("the directory {path} cannot be granted: {why}"),
        )
    }

    fn find(&self, kept_apart: &[(PathBuf, &str)]) -> Result<Found, Error> {
        let failed = |error: std::io::Error| self.refused(&with_remedy(&error));
        let path = fs::canonicalize(&self.host).map_err(failed)?;
        let metadata = fs::metadata(&path).map_err(failed)?;
        if !metadata.is_dir() {
            return Err(self.refused("it is no directory"));
        }
        for (apart, what) in kept_apart {
            if apart.starts_with(&path) || path.starts_with(apart) {
                return Err(self.refused(&format!(
                    "it covers {what}, or lies within it; grant another one"
                )));
            }
        }
        if path.starts_with("/dev") {
            return Err(self.refused("it is no directory of files but of devices"));
        }
        if let Some((at, kind)) = no_files_within(&path).map_err(failed)? {
            let at = printable(&at.to_string_lossy());
            return Err(self.refused(&format!("{at} is no directory of files but {kind}")));
        }
        let guest = match (&self.guest, self.host.to_str()) {
            (Some(guest), _) => guest.clone(),
            (None, Some(host)) => host.to_string(),
            (None, None) => {
                return Err(self.refused(
                    "its path is no text; give it another for the program (HOST::GUEST)",
                ));
            }
        };
        if guest.is_empty() || guest.contains('\0') {
            return Err(self.refused("its path for the program is empty, or has a byte 0 in it"));
        }
        Ok(Found {
            granted: GrantedDirectory {
                path: path.as_os_str().as_bytes().to_vec(),
                device: metadata.dev(),
                inode: metadata.ino(),
                owner: metadata.uid(),
                group: metadata.gid(),
                read_only: self.read_only,
            },
            guest,
        })
    }
}

/// A directory that is there and may be granted.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) granted: GrantedDirectory,
    /// What programs see it under.
    pub(super) guest: String,
}

/// Finds all of them, none of which may hide a part of another.
pub(super) fn find_all(
    directories: &[Directory],
    kept_apart: &[(PathBuf, &str)],
) -> Result<Vec<Found>, Error> {
    if directories.len() > MOST {
        let message = format!(
            "{} directories are granted, and at most {MOST} can be",
            directories.len()
        );
        return Err(Error::new(ErrorKind::Grant, message));
    }
    let mut all: Vec<Found> = Vec::new();
    for directory in directories {
        let found = directory.find(kept_apart)?;
        let place = parts(&found.guest);
        let hides = |other: &&Found| {
            let other = parts(&other.guest);
            place.starts_with(&other) || other.starts_with(&place)
        };
        if let Some(other) = all.iter().find(hides) {
            let [here, there] = [&found.guest, &other.guest].map(|guest| printable(guest));
            return Err(directory.refused(&format!(
                "programs would see it at {here}, where it hides a part of {there} or the other way round; give it another place \
                 (HOST::GUEST)"
            )));
        }
        all.push(found);
    }
    Ok(all)
}

/// A path of a program without what does not lead anywhere. One without a root is another than the same with one.
fn parts(guest: &str) -> Vec<String> {
    let rooted = if guest.starts_with('/') { "/" } else { "." };
    let mut parts = vec![rooted.to_string()];
    for part in Path::new(guest).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => parts.push("..".into()),
            _ => {}
        }
    }
    parts
}

/// A place in that directory, or itself, that is no directory of files, and what it is.
fn no_files_within(path: &Path) -> std::io::Result<Option<(PathBuf, String)>> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let mut covering: Option<(PathBuf, &str)> = None;
    for line in mounts.lines() {
        let Some((mount, kind)) = mount_point(line) else {
            continue;
        };
        if mount.starts_with(path) && NO_FILES.contains(&kind) {
            return Ok(Some((mount, kind.into())));
        }
        // The last of those that cover it is on top, where they are equally deep.
        let deeper = covering
            .as_ref()
            .is_none_or(|(best, _)| mount.starts_with(best));
        if path.starts_with(&mount) && deeper {
            covering = Some((mount, kind));
        }
    }
    let covering = covering.filter(|(_, kind)| NO_FILES.contains(kind));
    Ok(covering.map(|(_, kind)| (path.to_path_buf(), kind.into())))
}

/// Where a line of `mountinfo` says that something is mounted, and what.
fn mount_point(line: &str) -> Option<(PathBuf, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let place = before.split(' ').nth(4)?;
    Some((PathBuf::from(unescaped(place)), after.split(' ').next()?))
}

/// Spaces and the like are written there as three octal digits.
fn unescaped(place: &str) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(place.len());
    let mut rest = place.as_bytes();
    while let [first, others @ ..] = rest {
        let digits = others
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (first, code) {
            (b'\\', Some(code)) => {
                bytes.push(code);
                rest = &others[3..];
            }
            _ => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    std::ffi::OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(directory: &Directory, kept_apart: &[(PathBuf, &str)]) -> String {
        let error = directory.find(kept_apart).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Grant);
        error.to_string()
    }

    #[test]
    fn what_is_not_there_no_directory_or_no_files_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for (path, why) in [
            (folder.path().join("nowhere"), "No such file"),
            (file, "no directory"),
            ("/proc".into(), "no directory of files but proc"),
            ("/proc/self/fd".into(), "no directory of files but proc"),
            ("/sys".into(), "no directory of files but sysfs"),
            ("/dev".into(), "but of devices"),
            ("/dev/shm".into(), "but of devices"),
            ("/".into(), "no directory of files but"),
        ] {
            let message = refused(&Directory::new(path), &[]);
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn what_must_stay_apart_is_not_granted_from_above_or_within_or_by_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let cache = folder.join("cache");
        fs::create_dir_all(cache.join("inner")).unwrap();
        fs::create_dir(folder.join("beside")).unwrap();
        std::os::unix::fs::symlink(&cache, folder.join("link")).unwrap();
        let apart = [(cache.clone(), "the artifact cache")];
        for path in [
            &folder,
            &cache,
            &cache.join("inner"),
            &folder.join("link"),
            &folder.join("beside/../cache"),
        ] {
            assert!(refused(&Directory::new(path), &apart).contains("the artifact cache"));
        }
        assert!(Directory::new(folder.join("beside")).find(&apart).is_ok());
    }

    #[test]
    fn one_must_not_hide_a_part_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let at = |guest: &str| Directory::new(folder.path()).at(guest);
        let both = |one: &str, other: &str| find_all(&[at(one), at(other)], &[]);
        for (one, other) in [
            ("/a", "/a"),
            ("/a", "/a/b"),
            ("/a/b/", "/a"),
            ("/", "/x"),
            (".", "./x"),
            ("/a/./b", "/a//b"),
        ] {
            assert!(both(one, other).is_err(), "{one} {other}");
        }
        for (one, other) in [("/a", "/b"), ("/ab", "/a"), (".", "/"), ("x", "y")] {
            assert!(both(one, other).is_ok(), "{one} {other}");
        }
    }

    #[test]
    fn there_are_only_so_many() {
        let folder = tempfile::tempdir().unwrap();
        let many: Vec<Directory> = (0..=MOST)
            .map(|number| Directory::new(folder.path()).at(format!("/{number}")))
            .collect();
        assert!(find_all(&many[1..], &[]).is_ok());
        assert!(find_all(&many, &[]).is_err());
    }

    #[test]
    fn places_of_mounts_are_read_with_their_escapes() {
        let line = "36 35 98:0 /mnt1 /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(mount_point(line), Some(("/mnt/a b".into(), "ext3")));
    }
}
