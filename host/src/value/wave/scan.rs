//! WAVE text to tokens, in one pass without recursion. Knows nothing about types.

use crate::value::quote;

/// Something wrong with the text, at a byte of it.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of `{ } ( ) [ ] : ,`
    Mark(u8),
    /// A number, keyword or label: which of them, the reader decides by the type it expects.
    Word,
    /// `'c'`
    Char,
    /// `"text"`
    String,
    /// `"""text"""`
    Multiline,
    /// A character that begins no token
    Stray,
    /// Nothing more
    End,
}

/// A token: a piece of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) at: usize,
    pub(super) text: &'a str,
}

impl Token<'_> {
    pub(super) fn is(&self, mark: u8) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    pub(super) fn fault(&self, message: String) -> Fault {
        Fault {
            at: self.at,
            message,
        }
    }

    /// "expected X, found what this token is".
    pub(super) fn instead_of(&self, expected: &dyn std::fmt::Display) -> Fault {
        let found = match self.kind {
            Kind::End => "the end".to_owned(),
            _ => quote::quoted(self.text),
        };
        let expected = quote::capped(expected, 60);
        self.fault(format!("expected {expected}, found {found}"))
    }
}

/// A place in the text, between tokens.
#[derive(Clone)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Scanner { text, at: 0 }
    }

    /// The next token, without moving on.
    pub(super) fn peek(&self) -> Result<Token<'a>, Fault> {
        self.clone().next()
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token<'a>, Fault> {
        self.skip_blanks();
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let (kind, length) = match rest {
            [] => (Kind::End, 0),
            [
                mark @ (b'{' | b'}' | b'(' | b')' | b'[' | b']' | b':' | b','),
                ..,
            ] => (Kind::Mark(*mark), 1),
            [b'"', b'"', b'"', ..] => match self.text[start + 3..].find("\"\"\"") {
                Some(inner) => (Kind::Multiline, inner + 6),
                None => return Err(unclosed(start, "\"\"\"")),
            },
            [b'"', ..] => match closing(rest, b'"') {
                Some(length) => (Kind::String, length),
                None => return Err(unclosed(start, "\"")),
            },
            [b'\'', ..] => match closing(rest, b'\'') {
                Some(length) => (Kind::Char, length),
                None => return Err(unclosed(start, "'")),
            },
            _ => match rest.iter().take_while(|byte| is_word_byte(**byte)).count() {
                0 => {
                    let stray = self.text[start..].chars().next();
                    (Kind::Stray, stray.map_or(0, char::len_utf8))
                }
                length => (Kind::Word, length),
            },
        };
        self.at = start + length;
        Ok(Token {
            kind,
            at: start,
            text: &self.text[start..self.at],
        })
    }

    /// Skips blanks and comments.
    fn skip_blanks(&mut self) {
        let bytes = self.text.as_bytes();
        loop {
            match &bytes[self.at..] {
                [b' ' | b'\t' | b'\n' | b'\r', ..] => self.at += 1,
                [b'/', b'/', rest @ ..] => {
                    let line = rest.iter().position(|byte| *byte == b'\n');
                    self.at = line.map_or(bytes.len(), |length| self.at + 2 + length);
                }
                _ => return,
            }
        }
    }
}

/// Words that stand for something unless `%` comes first.
pub(super) fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "true" | "false" | "some" | "none" | "ok" | "err" | "inf" | "nan"
    )
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_' | b'%')
}

/// The length of a quoted token on one line, quotes included.
fn closing(rest: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        match rest.get(at)? {
            b'\n' => return None,
            b'\\' => at += 2,
            byte if *byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn unclosed(at: usize, quote: &str) -> Fault {
    Fault {
        at,
        message: format!("no closing {quote} for this one"),
    }
}
