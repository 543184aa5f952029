//! Caches in temporary directories, and what somebody may do to their files.

mod caps;
mod entries;
mod privacy;
mod sharing;

use super::{ArtifactCache, EntryKey};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// A cache that goes with its directory.
struct Fixture {
    cache: ArtifactCache,
    directory: TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let cache = ArtifactCache::open(directory.path().join("wpool")).unwrap();
        Fixture { cache, directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("wpool")
    }

    /// Where the entry of a key is.
    fn entry(&self, key: &EntryKey) -> PathBuf {
        self.path().join(key.file_name())
    }

    /// The names of all files.
    fn files(&self) -> Vec<String> {
        let name =
            |entry: Result<fs::DirEntry, _>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(self.path()).unwrap().map(name).collect();
        names.sort();
        names
    }
}

fn key(module: &str) -> EntryKey {
    EntryKey::of(blake3::hash(module.as_bytes()), &[b"build", b"cpu"])
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Makes a file as if it was used last so long ago; or ahead, on a clock that was wrong.
fn set_age(path: &Path, age: Duration) {
    set_time(path, SystemTime::now() - age);
}

fn set_time(path: &Path, time: SystemTime) {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let time = Timespec::try_from(since_epoch).unwrap();
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Somebody else, to whom root can give a file.
const SOMEBODY: Option<u32> = Some(65_534);
