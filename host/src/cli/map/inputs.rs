//! Inputs that are read as they are needed, one at a time, none longer than it may be: from standard input or files, and the files
//! that they name.

use super::options::{Header, InputArgs};
use crate::cli::files::{self, Content, Granted};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How much is read at once, in bytes.
const PIECE: usize = 64 * 1024;

/// One input.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Line {
    /// Its text, without the delimiter.
    Text,
    /// It was longer than allowed, and was skipped.
    TooLong,
}

/// Where inputs are read from, and how.
pub(in crate::cli) struct Sources {
    /// `None` is standard input.
    files: Vec<Option<PathBuf>>,
    pub(in crate::cli) delimiter: u8,
    /// The longest that may be, in bytes.
    pub(in crate::cli) longest: u64,
    /// What is in the files that inputs name, where they are paths.
    content: Option<Content>,
    /// Inputs are rows of a table whose fields are separated by this.
    pub(in crate::cli) table: Option<u8>,
    pub(in crate::cli) header: Header,
}

/// One source, opened.
pub(in crate::cli) type Source = BufReader<File>;

impl Sources {
    /// Refuses what cannot be read, or what the module could change: nothing has run yet.
    pub(in crate::cli) fn of(
        args: &InputArgs,
        longest: u64,
        granted: &Granted,
    ) -> Result<Sources, anyhow::Error> {
        let mut files = Vec::new();
        for path in &args.input {
            if path == Path::new("-") {
                files.push(None);
                continue;
            }
            granted.refuse_file(path, "the list of inputs")?;
            files::check(path)?;
            files.push(Some(path.clone()));
        }
        if files.is_empty() {
            files.push(None);
        }
        Ok(Sources {
            files,
            delimiter: args.ends_with(),
            longest,
            content: args.files.then(|| Content::new(granted)),
            table: match (args.csv, args.tsv) {
                (true, _) => Some(b','),
                (_, true) => Some(b'\t'),
                _ => None,
            },
            header: args.header,
        })
    }

    /// Whether inputs are paths of files that hold them.
    pub(in crate::cli) fn are_paths(&self) -> bool {
        self.content.is_some()
    }

    /// How many there are.
    pub(in crate::cli) fn count(&self) -> usize {
        self.files.len()
    }

    /// How many bytes all of them have, where all are files.
    pub(in crate::cli) fn bytes(&self) -> Option<u64> {
        let length = |path: &Option<PathBuf>| files::length(path.as_deref());
        self.files.iter().map(length).sum()
    }

    /// Opens one of them.
    pub(in crate::cli) fn open(&self, index: usize) -> Result<Source, anyhow::Error> {
        let source = files::open(self.files[index].as_deref())?;
        Ok(BufReader::with_capacity(PIECE, source))
    }

    /// Refuses paths that cannot be read.
    pub(in crate::cli) fn check(&self, paths: &[OsString]) -> Result<(), anyhow::Error> {
        let Some(content) = &self.content else {
            return Ok(());
        };
        let mut paths = paths.iter();
        paths.try_for_each(|path| content.check(Path::new(path)))
    }

    /// What an input stands for: itself, or what is in the file that it names.
    pub(in crate::cli) fn content(&self, input: &[u8]) -> Result<Option<Vec<u8>>, anyhow::Error> {
        let path = Path::new(OsStr::from_bytes(input));
        let content = self.content.as_ref();
        content
            .map(|content| content.read(path, self.longest))
            .transpose()
    }
}

/// Reads the next input into `line`; `None` at the end. At most `longest` bytes are kept.
pub(in crate::cli) fn next_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    delimiter: u8,
    longest: u64,
) -> io::Result<Option<Line>> {
    line.clear();
    let read = input
        .by_ref()
        .take(longest.saturating_add(1))
        .read_until(delimiter, line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&delimiter) {
        line.pop();
        return Ok(Some(Line::Text));
    }
    if line.len() as u64 <= longest {
        return Ok(Some(Line::Text));
    }
    input.skip_until(delimiter)?;
    line.clear();
    Ok(Some(Line::TooLong))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut text: &[u8], longest: u64) -> Vec<Option<String>> {
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while let Some(read) = next_line(&mut text, &mut line, b'\n', longest).unwrap() {
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
