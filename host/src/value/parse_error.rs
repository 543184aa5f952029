//! Why a text is not the value that was asked for, on one line.

use std::fmt;

/// A text that is not a value of its type.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let square = pool.function(None)?;
/// let error = wpool::Format::Text.parse_input(&square.params, b"seven").unwrap_err();
/// println!("{error}"); // what was expected, and where
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Which parameter, counted from 0, where there are several.
    pub argument: Option<usize>,
    /// Which character of the text, counted from 1.
    pub column: Option<usize>,
    /// What is wrong. Text of others in it is escaped and short.
    pub message: String,
}

impl ParseError {
    /// An error about the text as a whole.
    pub(super) fn whole(message: String) -> Self {
        ParseError {
            argument: None,
            column: None,
            message,
        }
    }

    /// An error at a byte of `text`.
    pub(super) fn at(text: impl AsRef<[u8]>, offset: usize, message: String) -> Self {
        let before = text.as_ref().iter().take(offset);
        // Every byte but a continuation byte begins a character.
        let characters = before.filter(|byte| *byte & 0xc0 != 0x80).count();
        ParseError {
            argument: None,
            column: Some(characters + 1),
            message,
        }
    }

    /// The same error, as one of the parameter `index`.
    pub(super) fn of_argument(self, index: usize) -> Self {
        ParseError {
            argument: Some(index),
            ..self
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.argument, self.column) {
            (Some(index), Some(column)) => {
                write!(f, "argument {}, character {column}: ", index + 1)?;
            }
            (Some(index), None) => write!(f, "argument {}: ", index + 1)?,
            (None, Some(column)) => write!(f, "character {column}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}
