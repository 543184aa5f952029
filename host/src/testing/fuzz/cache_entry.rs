//! Entries of the artifact cache that somebody else changed.

use crate::plugin::cache::EntryKey;
use crate::plugin::cache::entry::{HEADER_BYTES, header, read};
use crate::plugin::cache::secret::Secret;
use crate::plugin::compile::split_entry;
use crate::wire::encode;
use arbitrary::{Result, Unstructured};

/// What somebody does to a file. Positions and lengths are taken modulo what is there.
enum Change {
    Byte { at: u16, xor: u8 },
    Cut { at: u16 },
    Append { byte: u8 },
    Copy { from: u16, to: u16 },
    MacOfAnotherKey,
    MacUnderAnotherSecret,
}

/// A file is an entry only if it is what was written, under the very key it was written for. The parts of one that is believed are
/// within it.
pub fn cache_entry(data: &[u8]) {
    let _ = check(Unstructured::new(data));
    // Whatever somebody may have had authenticated.
    if let Some((facts, artifact)) = split_entry(data.to_vec()) {
        assert!(data.ends_with(&artifact));
        assert!(encode(&facts).len() + artifact.len() <= data.len());
    }
}

fn check(mut input: Unstructured<'_>) -> Result<()> {
    let changes = [
        change(&mut input)?,
        change(&mut input)?,
        change(&mut input)?,
    ];
    let (surplus, is_other_key): (u8, bool) = input.arbitrary()?;
    let payload = input.take_rest();

    let secret = Secret::known([7; 32]);
    let key = EntryKey::of(blake3::hash(b"module"), &[b"build"]);
    let other_key = EntryKey::of(blake3::hash(b"module"), &[b"another build"]);
    let asked = if is_other_key { &other_key } else { &key };

    let written = [&header(&secret, &key, &[payload]), payload].concat();
    let mut file = written.clone();
    // The key under which what is believed was sealed with the right secret.
    let mut sealed_for = Some(&key);
    for change in changes.into_iter().flatten() {
        let at = |position: u16| usize::from(position) % file.len().max(1);
        match change {
            Change::Byte { at: position, xor } => {
                let at = at(position);
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= xor;
                }
            }
            Change::Cut { at: position } => file.truncate(at(position)),
            Change::Append { byte } => file.push(byte),
            Change::Copy { from, to } => {
                let (from, to) = (at(from), at(to));
                let length = (file.len() - from.max(to)).min(HEADER_BYTES);
                file.copy_within(from..from + length, to);
            }
            Change::MacOfAnotherKey => {
                sealed_for = Some(&other_key);
                replace(&mut file, &header(&secret, &other_key, &[payload]));
            }
            Change::MacUnderAnotherSecret => {
                sealed_for = None;
                replace(
                    &mut file,
                    &header(&Secret::known([8; 32]), &key, &[payload]),
                );
            }
        }
    }
    // The length was asked for before, and the file may have changed since.
    let length = (file.len() as u64 + u64::from(surplus)).saturating_sub(128);
    let believed = read(&mut &file[..], length, &secret, asked).ok().flatten();
    let Some(believed) = believed else {
        let is_as_written = file == written && length == file.len() as u64;
        assert!(!is_as_written || is_other_key, "an entry is lost");
        return Ok(());
    };
    assert_eq!(sealed_for, Some(asked), "believed what is not its own");
    assert!(
        file[HEADER_BYTES..].starts_with(&believed),
        "believed what is not there"
    );
    assert_eq!(believed, payload, "believed what was not written");
    Ok(())
}

/// One of the changes, or none.
fn change(input: &mut Unstructured<'_>) -> Result<Option<Change>> {
    Ok(Some(match input.arbitrary::<u8>()? % 8 {
        0 => Change::Byte {
            at: input.arbitrary()?,
            xor: input.arbitrary()?,
        },
        1 => Change::Cut {
            at: input.arbitrary()?,
        },
        2 => Change::Append {
            byte: input.arbitrary()?,
        },
        3 => Change::Copy {
            from: input.arbitrary()?,
            to: input.arbitrary()?,
        },
        4 => Change::MacOfAnotherKey,
        5 => Change::MacUnderAnotherSecret,
        _ => return Ok(None),
    }))
}

/// Puts a header in place of what is there.
fn replace(file: &mut [u8], header: &[u8; HEADER_BYTES]) {
    let length = file.len().min(HEADER_BYTES);
    file[..length].copy_from_slice(&header[..length]);
}
