//! What a task is, wherever in its inputs it stands: the module, the function and the input.

use std::fmt;
use wpool::Format;

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
    /// For tasks of `function` of the module with that hash, whose inputs are read in that format; `words` are what else a program is
    /// given.
    pub(in crate::cli) fn new(
        module_hash: &str,
        function: &str,
        format: Format,
        words: &[Vec<u8>],
    ) -> Keys {
        let mut common = blake3::Hasher::new_derive_key(CONTEXT);
        let format = format.to_string();
        let parts = [
            module_hash.as_bytes(),
            function.as_bytes(),
            format.as_bytes(),
        ];
        for part in parts.into_iter().chain(words.iter().map(Vec::as_slice)) {
            // With its length before it, no part can pass for the end of another.
            common.update(&(part.len() as u64).to_le_bytes());
            common.update(part);
        }
        common.update(&u64::MAX.to_le_bytes());
        Keys { common }
    }

    /// What tells this job from others, in a joblog.
    pub(in crate::cli) fn job(&self) -> String {
        self.common.finalize().to_hex()[..16].into()
    }

    /// The key of the task with this input.
    pub(in crate::cli) fn of(&self, input: &[u8]) -> Key {
        let mut hasher = self.common.clone();
        hasher.update(input);
        let mut key = [0; BYTES];
        hasher.finalize_xof().fill(&mut key);
        Key(key)
    }
}

impl Key {
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

    fn keys(module: &str, function: &str, format: Format, words: &[&str]) -> Keys {
        let words: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        Keys::new(module, function, format, &words)
    }

    #[test]
    fn whatever_changes_what_a_task_computes_changes_its_key() {
        let text = Format::Text;
        let all = [
            keys("aa", "f", text, &[]).of(b"1"),
            keys("aa", "f", text, &[]).of(b"2"),
            keys("ab", "f", text, &[]).of(b"1"),
            keys("aa", "g", text, &[]).of(b"1"),
            keys("aa", "f", Format::Json, &[]).of(b"1"),
            keys("aa", "f", text, &["x"]).of(b"1"),
            keys("aa", "f", text, &["x", ""]).of(b"1"),
            keys("aa", "f", text, &["", "x"]).of(b"1"),
        ];
        for (index, key) in all.iter().enumerate() {
            assert!(!all[..index].contains(key), "{index}");
        }
        assert_eq!(all[0], keys("aa", "f", text, &[]).of(b"1"));
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = keys("aa", "f", Format::Text, &[]).of(b"1");
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
