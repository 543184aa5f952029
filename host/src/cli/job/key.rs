//! What a task is, wherever in its inputs it stands: the module, the function and the input.

use std::fmt;
use wpool::Value;

/// Tells these hashes from all others.
const CONTEXT: &str = "wpool-host 2026-11 key of a task in a joblog, version 1";

/// How many bytes of the hash are kept.
const BYTES: usize = 16;

/// The hash of all that decides what a task computes. Equal inputs of one job have equal keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::cli) struct Key([u8; BYTES]);

/// What all tasks of a job have in common.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Keys {
    common: blake3::Hasher,
}

impl Keys {
    /// For tasks of `function` of the module with that hash; `circumstances` are what else decides what it computes, and how that is
    /// written.
    pub(in crate::cli) fn new(module_hash: &str, function: &str, circumstances: &[String]) -> Keys {
        let mut common = blake3::Hasher::new_derive_key(CONTEXT);
        let circumstances = circumstances.iter().map(String::as_str);
        for part in [module_hash, function].into_iter().chain(circumstances) {
            update(&mut common, part.as_bytes());
        }
        common.update(&u64::MAX.to_le_bytes());
        Keys { common }
    }

    /// What tells this job from others, in a joblog.
    pub(in crate::cli) fn job(&self) -> String {
        self.common.finalize().to_hex()[..16].into()
    }

    /// The key of the task with these arguments, however they were spelt.
    pub(in crate::cli) fn of(&self, arguments: &[Value]) -> Key {
        let mut hasher = self.common.clone();
        hasher.update(b"called");
        arguments
            .iter()
            .for_each(|value| update_value(&mut hasher, value));
        Key::finish(&hasher)
    }

    /// The key of an input that means nothing.
    pub(in crate::cli) fn of_nonsense(&self, input: &[u8]) -> Key {
        let mut hasher = self.common.clone();
        hasher.update(b"nonsense");
        update(&mut hasher, input);
        Key::finish(&hasher)
    }
}

/// With its length before it, no part can pass for the end of another.
fn update(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}

fn update_value(hasher: &mut blake3::Hasher, value: &Value) {
    match value {
        Value::Bytes(bytes) => {
            hasher.update(b"bytes");
            update(hasher, bytes);
        }
        Value::List(values) | Value::Tuple(values) | Value::Record(values) => {
            hasher.update(b"many");
            hasher.update(&(values.len() as u64).to_le_bytes());
            values.iter().for_each(|value| update_value(hasher, value));
        }
        other => update(hasher, format!("{other:?}").as_bytes()),
    }
}

impl Key {
    fn finish(hasher: &blake3::Hasher) -> Key {
        let mut key = [0; BYTES];
        hasher.finalize_xof().fill(&mut key);
        Key(key)
    }

    /// Reads what [`fmt::Display`] writes.
    pub(in crate::cli) fn parse(text: &str) -> Option<Key> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 2 * BYTES || !text.bytes().all(is_digit) {
            return None;
        }
        u128::from_str_radix(text, 16)
            .ok()
            .map(|number| Key(number.to_be_bytes()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(module: &str, function: &str, circumstances: &[&str]) -> Keys {
        let circumstances: Vec<_> = circumstances.iter().map(ToString::to_string).collect();
        Keys::new(module, function, &circumstances)
    }

    #[test]
    fn whatever_changes_what_a_task_computes_changes_its_key() {
        let one = [Value::S32(1)];
        let bytes = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        let plain = keys("aa", "f", &[]);
        let all = [
            plain.of(&one),
            plain.of(&[Value::S32(2)]),
            plain.of(&[Value::S64(1)]),
            plain.of(&[Value::S32(1), Value::S32(1)]),
            plain.of(&[Value::List(vec![Value::S32(1)])]),
            plain.of(&[bytes("1")]),
            plain.of(&[bytes("1"), bytes("")]),
            plain.of(&[bytes(""), bytes("1")]),
            plain.of_nonsense(b"1"),
            keys("ab", "f", &[]).of(&one),
            keys("aa", "g", &[]).of(&one),
            keys("aa", "f", &["x"]).of(&one),
            keys("aa", "f", &["x", ""]).of(&one),
            keys("aa", "f", &["", "x"]).of(&one),
        ];
        for (index, key) in all.iter().enumerate() {
            assert!(!all[..index].contains(key), "{index}");
        }
        assert_eq!(all[0], keys("aa", "f", &[]).of(&one));
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = keys("aa", "f", &[]).of(&[]);
        assert_eq!(Key::parse(&key.to_string()), Some(key));
        let digits = "0".repeat(31);
        for wrong in [
            "",
            &digits,
            &format!("{digits}g"),
            &format!("{digits}A"),
            &format!("+{digits}"),
        ] {
            assert_eq!(Key::parse(wrong), None, "{wrong}");
        }
    }
}
