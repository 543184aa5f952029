//! Artifacts that were compiled before: a directory of authenticated files, which saves a compilation and must never do more.
//!
//! ```text
//! put ─► temporary file ─► rename ─► entry ─► get: open ─► one read ─► MAC ─► the very bytes that were verified
//!                                      └► least recently used ones go, to hold the cap
//! ```
//!
//! An artifact is native code, so an entry is believed only with a MAC under a key that the user alone can read. The MAC covers the
//! entry's name as well as its payload: whatever is damaged, cut off, of another key or another entry is a miss. This protects
//! against other users and against corruption, not against the same user, who can read the key.
//!
//! What is cached is opaque here. Nothing but [`ArtifactCache::open`] and what a person asks for can fail: a cache that cannot be
//! read is a miss, and one that cannot be written to is a slower start.

mod age;
mod directory;
pub(crate) mod entry;
mod entry_key;
mod private_path;
mod random;
pub(crate) mod secret;
#[cfg(test)]
mod tests;

pub(crate) use entry_key::EntryKey;

use age::age;
use directory::{Directory, Listed};
use entry::HEADER_BYTES;
use rustix::process::{Resource, getrlimit};
use secret::Secret;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How many bytes all entries may have together, unless [`ArtifactCache::capacity_bytes`] says otherwise.
const DEFAULT_CAPACITY_BYTES: u64 = 1 << 30;

/// How many entries are kept, however small: all are looked at after each that is added.
const MAX_ENTRIES: usize = 10_000;

/// After how long a temporary file is what a process left that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// A directory of compiled artifacts that only its user can read or write. A clone is the same cache.
///
/// Any number of threads and processes may use one directory at once.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let directory = std::env::temp_dir().join(format!("wpool-example-{}", std::process::id()));
/// let cache = wpool::ArtifactCache::open(&directory)?;
/// let square = || wpool::Pool::builder("../guest-examples/wasm/square.wasm").cache(cache.clone()).build();
/// drop(square()?); // compiled, and kept
/// drop(square()?); // and found again
/// assert_eq!(cache.entries()?.len(), 1);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ArtifactCache {
    inner: Arc<Inner>,
    capacity_bytes: u64,
}

#[derive(Debug)]
struct Inner {
    directory: Directory,
    secret: Secret,
}

/// One cached artifact.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// # let directory = std::env::temp_dir().join(format!("wpool-example-{}", std::process::id()));
/// # let cache = wpool::ArtifactCache::open(&directory)?;
/// for entry in cache.entries()? {
///     println!("{}: {} bytes, used {:?}", entry.name, entry.bytes, entry.last_used);
/// }
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file's name: a hash of the module and of everything else that the artifact depends on.
    pub name: String,
    /// The file's length in bytes.
    pub bytes: u64,
    /// When it was written or last used.
    pub last_used: SystemTime,
}

impl ArtifactCache {
    /// Opens the cache in `directory`, and creates the directory and its key if they are not there.
    ///
    /// # Errors
    ///
    /// In one line, when they cannot be read or created, or when somebody else could read or change them: a directory or key
    /// that is a symbolic link, belongs to another user or is open to others, or a directory above them in which others
    /// could put something in their place.
    pub fn open(directory: impl AsRef<Path>) -> io::Result<ArtifactCache> {
        let directory = Directory::open(directory.as_ref())?;
        let secret = Secret::load_or_create(&directory)?;
        Ok(ArtifactCache {
            inner: Arc::new(Inner { directory, secret }),
            capacity_bytes: DEFAULT_CAPACITY_BYTES,
        })
    }

    /// How many bytes all entries may have together; default 1 GiB. Entries that are being written come on top of that.
    #[must_use]
    pub fn capacity_bytes(mut self, bytes: u64) -> ArtifactCache {
        self.capacity_bytes = bytes;
        self
    }

    /// The directory, as an absolute path without symbolic links.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.inner.directory.path().to_path_buf()
    }

    /// The payload that was put under `key`, verified as it is returned. `None` for a miss of any kind.
    pub(crate) fn get(&self, key: &EntryKey) -> Option<Vec<u8>> {
        let directory = &self.inner.directory;
        let name = key.file_name();
        let (mut file, bytes) = directory.open_own_file(&name)?;
        let read = if bytes > self.capacity_bytes {
            Ok(None)
        } else {
            entry::read(&mut file, bytes, &self.inner.secret, key)
        };
        match read {
            Ok(Some(payload)) => {
                directory.mark_used(&file);
                Some(payload)
            }
            Ok(None) => {
                directory.remove_if_still(&name, &file);
                None
            }
            // Out of memory or a failing disk: nothing is known of the entry.
            Err(_) => None,
        }
    }

    /// Keeps a payload, which is given in parts, under `key`. That it could not be kept is nobody's concern.
    pub(crate) fn put(&self, key: &EntryKey, payload: &[&[u8]]) {
        let bytes = payload.iter().fold(HEADER_BYTES as u64, |sum, part| {
            sum.saturating_add(part.len() as u64)
        });
        // A process that exceeds its own file size limit is killed by a signal; an entry is not worth that.
        let file_size_limit = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
        if bytes > self.capacity_bytes.min(file_size_limit) {
            return;
        }
        let name = key.file_name();
        let _ = self.write(key, &name, payload);
        // Also after a failure, which may be a disk that is full of what was left behind.
        let _ = self.tidy(&name);
    }

    /// Writes an entry; nobody sees it before it is whole.
    fn write(&self, key: &EntryKey, name: &str, payload: &[&[u8]]) -> io::Result<()> {
        let mut temporary = self.inner.directory.temporary()?;
        let header = entry::header(&self.inner.secret, key, payload);
        temporary.file.write_all(&header)?;
        for part in payload {
            temporary.file.write_all(part)?;
        }
        // Not synced: what a crash of the machine leaves half written fails its verification.
        temporary.rename(name)
    }

    /// Holds the caps, and removes what killed processes left. Among equally old entries `newest` goes last.
    ///
    /// Two processes that do this at once choose the same entries; one that is already gone counts as removed.
    fn tidy(&self, newest: &str) -> io::Result<()> {
        let directory = &self.inner.directory;
        let now = SystemTime::now();
        let Listed {
            mut entries,
            temporaries,
        } = directory.list()?;
        for temporary in temporaries {
            if age(now, temporary.last_used) >= ABANDONED_AFTER {
                let _ = directory.remove(&temporary.name);
            }
        }
        entries.sort_by_cached_key(|entry| (age(now, entry.last_used), entry.name != newest));
        let mut kept_bytes = 0_u64;
        let mut kept = 0;
        for entry in entries {
            let bytes = kept_bytes.saturating_add(entry.bytes);
            // Strictly the oldest go: a small one behind a large one that did not fit is not kept.
            if kept < MAX_ENTRIES && bytes <= self.capacity_bytes {
                kept += 1;
                kept_bytes = bytes;
            } else {
                kept = MAX_ENTRIES;
                let _ = directory.remove(&entry.name);
            }
        }
        Ok(())
    }

    /// All entries, the most recently used first.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = self.inner.directory.list()?.entries;
        entries.sort_by(|a, b| {
            b.last_used
                .cmp(&a.last_used)
                .then_with(|| a.name.cmp(&b.name))
        });
        Ok(entries)
    }

    /// Removes all entries and temporary files, and returns how many files that were and how many bytes they had. The key
    /// stays, and so does everything that is not the cache's own.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read or a file cannot be removed; the others are removed all the same.
    pub fn clear(&self) -> io::Result<(usize, u64)> {
        let directory = &self.inner.directory;
        let Listed {
            entries,
            temporaries,
        } = directory.list()?;
        let (mut files, mut bytes) = (0, 0_u64);
        let mut failed = None;
        for file in entries.into_iter().chain(temporaries) {
            match directory.remove(&file.name) {
                Ok(true) => {
                    files += 1;
                    bytes = bytes.saturating_add(file.bytes);
                }
                Ok(false) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok((files, bytes)), Err)
    }
}
