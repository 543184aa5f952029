//! Foreign text as it may appear inside a message: one line, escaped, and short.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

/// How much of a foreign text a message repeats, in characters.
const QUOTED: usize = 60;

/// The most that is shown of a text from outside, in bytes.
const SHOWN: usize = 4096;

/// A text from outside as it may be shown: one line, escaped, at most about 4 KiB of it.
#[must_use]
pub fn printable(text: &str) -> String {
    // Cut before it is escaped, so that a huge text costs no more than a small one.
    let end = text.floor_char_boundary(SHOWN);
    let mut shown = escaped(&text[..end]).into_owned();
    if end < text.len() {
        shown.push('…');
    }
    shown
}

/// The text with everything escaped that a terminal could take for a command or that breaks the line.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_escaped(&mut out, c);
    }
    Cow::Owned(out)
}

/// The first characters of the text in backticks, escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    for (index, c) in text.chars().enumerate() {
        if index == QUOTED {
            out.push('…');
            break;
        }
        push_escaped(&mut out, c);
    }
    out.push('`');
    out
}

/// What `item` displays, cut after `limit` bytes or a little less. Stops asking for more there, so
/// that a huge item costs no more than a small one.
pub(super) fn capped(item: &dyn Display, limit: usize) -> String {
    struct Capped {
        out: String,
        limit: usize,
    }
    impl fmt::Write for Capped {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for c in text.chars() {
                if self.out.len() + c.len_utf8() > self.limit {
                    return Err(fmt::Error);
                }
                self.out.push(c);
            }
            Ok(())
        }
    }
    let mut capped = Capped {
        out: String::new(),
        limit,
    };
    if write!(capped, "{item}").is_err() {
        capped.out.push('…');
    }
    capped.out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        // `escape_debug` would double these, which are harmless in a message.
        '"' | '\'' | '\\' => out.push(c),
        _ => out.extend(c.escape_debug()),
    }
}
