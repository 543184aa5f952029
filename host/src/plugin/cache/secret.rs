//! The key that tells own entries from all others: made once, readable by its user alone, and never shown.

use super::directory::{Directory, KEY_FILE};
use super::entry_key::EntryKey;
use super::private_path::is_open_to_others;
use super::random::random;
use blake3::{Hash, Hasher};
use rustix::io::Errno;
use rustix::process::geteuid;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;

/// The length of a MAC, in bytes.
pub(super) const MAC_BYTES: usize = blake3::OUT_LEN;

/// What a MAC begins with, so that none of another kind under the same key can pass for one of an entry.
const DOMAIN: &[u8] = b"wpool cached artifact, version 1\0";

/// The key of a cache directory.
pub(crate) struct Secret([u8; blake3::KEY_LEN]);

impl Secret {
    /// A key that everybody knows.
    #[cfg(feature = "testing")]
    pub(crate) fn known(bytes: [u8; blake3::KEY_LEN]) -> Secret {
        Secret(bytes)
    }

    /// The key of the directory. Of several processes that make one at once, all get that of the first.
    pub(super) fn load_or_create(directory: &Directory) -> io::Result<Secret> {
        if let Some(secret) = Secret::load(directory)? {
            return Ok(secret);
        }
        Secret::create(directory)
            .map_err(|error| refused(directory, &format!("it cannot be created: {error}")))?;
        Secret::load(directory)?
            .ok_or_else(|| refused(directory, "it was removed while it was read"))
    }

    /// The key that is there; `None` if none is.
    fn load(directory: &Directory) -> io::Result<Option<Secret>> {
        let file = match directory.open_file(KEY_FILE) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(refused(directory, "it is a symbolic link")),
            Err(error) => return Err(refused(directory, &format!("it cannot be opened: {error}"))),
        };
        let mut file = File::from(file);
        let metadata = file.metadata()?;
        let mut secret = [0; blake3::KEY_LEN];
        if !metadata.is_file() {
            return Err(refused(directory, "it is not a regular file"));
        }
        if metadata.uid() != geteuid().as_raw() {
            return Err(refused(
                directory,
                &format!("it belongs to another user ({})", metadata.uid()),
            ));
        }
        if is_open_to_others(&metadata) {
            return Err(refused(
                directory,
                "others may read or change it; make it yours with chmod 600, or remove it",
            ));
        }
        if metadata.len() != secret.len() as u64 {
            return Err(refused(directory, "it has the wrong length; remove it"));
        }
        file.read_exact(&mut secret)?;
        Ok(Some(Secret(secret)))
    }

    fn create(directory: &Directory) -> io::Result<()> {
        let mut temporary = directory.temporary()?;
        temporary
            .file
            .write_all(&random::<{ blake3::KEY_LEN }>()?)?;
        // A key that a crash of the machine cuts off would have to be removed by hand.
        temporary.file.sync_all()?;
        match temporary.link(KEY_FILE) {
            // Somebody was faster.
            Err(Errno::EXIST) => Ok(()),
            other => Ok(other?),
        }
    }

    /// The MAC of an entry whose payload is given in parts.
    pub(super) fn mac(&self, key: &EntryKey, payload: &[&[u8]]) -> Hash {
        let mut hasher = Hasher::new_keyed(&self.0);
        // Both have a fixed length, so all that follows is the payload.
        hasher.update(DOMAIN);
        hasher.update(key.as_bytes());
        for part in payload {
            hasher.update(part);
        }
        hasher.finalize()
    }

    /// Whether `mac` is that of an entry with this key and payload.
    pub(super) fn verifies(&self, mac: &[u8], key: &EntryKey, payload: &[u8]) -> bool {
        // Comparing a `Hash` takes the same time wherever they differ.
        Hash::from_slice(mac).is_ok_and(|mac| mac == self.mac(key, &[payload]))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn refused(directory: &Directory, why: &str) -> io::Error {
    let path = directory.path().join(KEY_FILE);
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{}: {why}", path.display()),
    )
}
