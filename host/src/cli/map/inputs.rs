//! Inputs that are read as they are needed, one at a time, none longer than it may be: from standard input or files, and the files
//! that they name.

use super::options::{Header, InputArgs};
use anyhow::Context;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
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
    /// Whether inputs are paths.
    are_paths: bool,
    /// Inputs are rows of a table whose fields are separated by this.
    pub(in crate::cli) table: Option<u8>,
    pub(in crate::cli) header: Header,
}

/// One source, opened.
pub(in crate::cli) type Source = BufReader<Box<dyn Read>>;

impl Sources {
    /// Refuses what cannot be read: nothing has run yet.
    pub(in crate::cli) fn of(args: &InputArgs, longest: u64) -> Result<Sources, anyhow::Error> {
        let mut files = Vec::new();
        for path in &args.input {
            if path == Path::new("-") {
                files.push(None);
                continue;
            }
            check(path)?;
            files.push(Some(path.clone()));
        }
        if files.is_empty() {
            files.push(None);
        }
        Ok(Sources {
            files,
            delimiter: args.ends_with(),
            longest,
            are_paths: args.files,
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
        self.are_paths
    }

    /// How many there are.
    pub(in crate::cli) fn count(&self) -> usize {
        self.files.len()
    }

    /// How many bytes all of them have, where all are files.
    pub(in crate::cli) fn bytes(&self) -> Option<u64> {
        let length = |path: &Option<PathBuf>| {
            let found = match path {
                Some(path) => path.metadata(),
                None => standard_input().and_then(|file| file.metadata()),
            };
            found.ok().filter(Metadata::is_file).map(|file| file.len())
        };
        self.files.iter().map(length).sum()
    }

    /// Opens one of them.
    pub(in crate::cli) fn open(&self, index: usize) -> Result<Source, anyhow::Error> {
        let source: Box<dyn Read> = match &self.files[index] {
            Some(path) => Box::new(open(path)?),
            None => Box::new(standard_input()?),
        };
        Ok(BufReader::with_capacity(PIECE, source))
    }

    /// Refuses paths that cannot be read.
    pub(in crate::cli) fn check(&self, paths: &[OsString]) -> Result<(), anyhow::Error> {
        paths.iter().try_for_each(|path| check(Path::new(path)))
    }

    /// What an input stands for: itself, or what is in the file that it names.
    pub(in crate::cli) fn content(&self, input: &[u8]) -> Result<Option<Vec<u8>>, anyhow::Error> {
        if !self.are_paths {
            return Ok(None);
        }
        let path = Path::new(OsStr::from_bytes(input));
        let mut content = Vec::new();
        open(path)?
            .take(self.longest.saturating_add(1))
            .read_to_end(&mut content)
            .with_context(|| format!("{}: it cannot be read", shown(path)))?;
        if content.len() as u64 > self.longest {
            anyhow::bail!(
                "{}: it is longer than the limit of {} bytes",
                shown(path),
                self.longest
            );
        }
        Ok(Some(content))
    }
}

fn standard_input() -> io::Result<File> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

fn open(path: &Path) -> Result<File, anyhow::Error> {
    File::open(path).with_context(|| format!("{}: it cannot be opened", shown(path)))
}

/// Whether a path can be opened. A pipe is not, to see: whoever writes to it would take that for its reader.
fn check(path: &Path) -> Result<(), anyhow::Error> {
    let found = path
        .metadata()
        .with_context(|| format!("{}: it cannot be opened", shown(path)))?;
    if found.is_dir() {
        anyhow::bail!("{}: it is a directory, not a file", shown(path));
    }
    match found.is_file() {
        true => open(path).map(drop),
        false => Ok(()),
    }
}

fn shown(path: &Path) -> String {
    wpool::printable(&path.to_string_lossy())
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
