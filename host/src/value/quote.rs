//! Foreign text as it may appear inside a message: one line, escaped, and short.

use std::borrow::Cow;
use std::fmt::{self, Debug, Display, Write as _};

/// How much of a foreign text a message repeats, in characters.
const QUOTED: usize = 60;

/// The most that is shown of a text from outside, in bytes.
const SHOWN: usize = 4096;

/// A text from outside as it may be shown: one line, escaped, at most about 4 KiB of it.
///
/// ```rust,standalone_crate
/// assert_eq!(wpool::printable("\u{1b}[2Jhello"), "\\u{1b}[2Jhello");
/// ```
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(SHOWN));
    for c in text.chars() {
        let before = shown.len();
        push_escaped(&mut shown, c);
        if shown.len() > SHOWN {
            shown.truncate(before);
            shown.push('…');
            break;
        }
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

/// Shows what `{:?}` shows of it, at most about 4 KiB.
pub(crate) struct ShortDebug<'a, T>(pub(crate) &'a T);

impl<T: Debug> Debug for ShortDebug<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&capped(&format_args!("{:?}", self.0), SHOWN))
    }
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        // `escape_debug` would double these, which are harmless in a message.
        '"' | '\'' | '\\' => out.push(c),
        _ => out.extend(c.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_however_much_longer_it_gets_by_being_escaped() {
        let shown = printable(&"\u{1b}".repeat(10_000));
        assert!(shown.len() <= SHOWN + '…'.len_utf8(), "{}", shown.len());
        assert!(shown.starts_with("\\u{1b}\\u{1b}") && shown.ends_with("}…"));
        assert_eq!(printable(&"a".repeat(SHOWN)), "a".repeat(SHOWN));
        assert!(printable(&"a".repeat(SHOWN + 1)).ends_with("a…"));
    }

    #[test]
    fn what_a_panic_shows_of_a_long_value_is_short() {
        let shown = format!("{:?}", ShortDebug(&vec![7; 10_000]));
        assert!(shown.starts_with("[7, 7, ") && shown.ends_with('…'));
        assert!(shown.len() <= SHOWN + '…'.len_utf8(), "{}", shown.len());
        assert_eq!(format!("{:?}", ShortDebug(&Some(7))), "Some(7)");
    }
}
