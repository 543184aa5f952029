//! The bytes of an entry: what tells it from all other files, the MAC, the payload. No file is opened here.

use super::EntryKey;
use super::secret::{MAC_BYTES, Secret};
use std::io::{self, Read};

/// What every entry begins with; the MAC and the payload follow. Another layout gets another one.
const MAGIC: [u8; 8] = *b"wpool\0a1";

/// The length of an entry without its payload.
pub(crate) const HEADER_BYTES: usize = MAGIC.len() + MAC_BYTES;

/// What goes before a payload that is given in parts.
pub(crate) fn header(secret: &Secret, key: &EntryKey, payload: &[&[u8]]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (magic, mac) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    mac.copy_from_slice(secret.mac(key, payload).as_bytes());
    header
}

/// Reads an entry of so many bytes once, and checks what was read. `None` for what is no entry of this key.
///
/// # Errors
///
/// Those of the reader, and memory that is exhausted: nothing is known of the entry then.
pub(crate) fn read(
    from: &mut impl Read,
    bytes: u64,
    secret: &Secret,
    key: &EntryKey,
) -> io::Result<Option<Vec<u8>>> {
    let Some(payload_bytes) = bytes.checked_sub(HEADER_BYTES as u64) else {
        return Ok(None);
    };
    let mut header = [0; HEADER_BYTES];
    from.read_exact(&mut header)?;
    let (magic, mac) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Ok(None);
    }
    let mut payload = Vec::new();
    payload.try_reserve_exact(usize::try_from(payload_bytes).map_err(io::Error::other)?)?;
    from.take(payload_bytes).read_to_end(&mut payload)?;
    let verified = secret.verifies(mac, key, &payload);
    Ok(verified.then_some(payload))
}
