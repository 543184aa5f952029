//! What an artifact depends on, as one hash.

use blake3::{Hash, Hasher};

/// Tells these hashes from all others.
const CONTEXT: &str = "wpool-host 2026-11 name of a cached artifact, version 1";

/// Under what an artifact is cached: a hash of the module and of everything else that the artifact depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EntryKey(Hash);

impl EntryKey {
    /// The key of what a module, by the hash of the very bytes that a compiler gets, becomes under `identity`: the build, the
    /// CPU's features, the profile, always in the same order.
    pub(crate) fn of(module: Hash, identity: &[&[u8]]) -> EntryKey {
        let mut hasher = Hasher::new_derive_key(CONTEXT);
        hasher.update(module.as_bytes());
        for part in identity {
            // With its length before it, no part can pass for the end of another.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        EntryKey(hasher.finalize())
    }

    pub(super) fn as_bytes(&self) -> &[u8; blake3::OUT_LEN] {
        self.0.as_bytes()
    }

    /// The name of its entry: 64 hexadecimal digits.
    pub(super) fn file_name(&self) -> String {
        self.0.to_hex().to_string()
    }
}

/// Whether a file with this name can be an entry.
pub(super) fn is_entry_name(name: &str) -> bool {
    is_hex(name, 2 * blake3::OUT_LEN)
}

/// Whether `text` is so many hexadecimal digits, as they are written here.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
