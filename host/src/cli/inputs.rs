//! Lines of standard input as inputs: read as they are needed, one at a time, none longer than it may be.

use std::io::{self, BufRead, Read};

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Its text, without the line break.
    Text,
    /// It was longer than allowed, and was skipped.
    TooLong,
}

/// Reads the next line into `line`; `None` at the end. At most `longest` bytes are kept.
pub(super) fn next_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    longest: u64,
) -> io::Result<Option<Line>> {
    line.clear();
    let read = input
        .by_ref()
        .take(longest.saturating_add(1))
        .read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(Line::Text));
    }
    if line.len() as u64 <= longest {
        return Ok(Some(Line::Text));
    }
    skip_line(input)?;
    line.clear();
    Ok(Some(Line::TooLong))
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (used, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if ended {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut text: &[u8], longest: u64) -> Vec<Option<String>> {
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while let Some(read) = next_line(&mut text, &mut line, longest).unwrap() {
            let kept = read == Line::Text;
            lines.push(kept.then(|| String::from_utf8(line.clone()).unwrap()));
        }
        lines
    }

    fn some(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[test]
    fn the_last_line_needs_no_line_break_and_empty_lines_count() {
        assert_eq!(lines(b"a\n\nb", 10), [some("a"), some(""), some("b")]);
        assert_eq!(lines(b"", 10), []);
        assert_eq!(lines(b"a\n", 10), [some("a")]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_as_a_whole() {
        assert_eq!(
            lines(b"abc\nabcd\nabcdefgh\nx", 3),
            [some("abc"), None, None, some("x")]
        );
        assert_eq!(lines(b"abcd", 3), [None]);
    }
}
