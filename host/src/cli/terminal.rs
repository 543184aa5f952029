//! What goes to a terminal: results may hold bytes that would command it, and are shown escaped there. Elsewhere they stay as
//! they are.

use std::borrow::Cow;

/// A result as a terminal may be sent it. Its lines and tabs stay.
pub(super) fn harmless(result: &[u8]) -> Cow<'_, [u8]> {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if result.iter().all(plain) {
        return result.into();
    }
    let mut shown = String::with_capacity(result.len() + 16);
    for chunk in result.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                ' '..='~' | '\n' | '\t' => shown.push(c),
                // What is invisible or turns the direction of text, too.
                _ => shown.extend(c.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown.into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_commands_a_terminal_is_shown_and_the_rest_stays() {
        let shown = |text: &str| String::from_utf8(harmless(text.as_bytes()).into_owned()).unwrap();
        assert_eq!(shown("a \"b\" \\ 'c'\td\n"), "a \"b\" \\ 'c'\td\n");
        assert_eq!(shown("Zoë 🦀 日本"), "Zoë 🦀 日本");
        assert_eq!(shown("\u{1b}[2J\r\u{7}"), r"\u{1b}[2J\r\u{7}");
        assert_eq!(shown("\u{9b}2J \u{202e}x"), r"\u{9b}2J \u{202e}x");
        assert_eq!(&*harmless(b"\xff\x1b"), br"\xff\u{1b}");
    }
}
