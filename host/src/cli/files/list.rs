//! Files that inputs and options are read from: what a user names, pipes and descriptors included.

use super::shown;
use anyhow::Context;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;

/// Opens one, or standard input.
pub(in crate::cli) fn open(path: Option<&Path>) -> Result<File, anyhow::Error> {
    match path {
        Some(path) => {
            File::open(path).with_context(|| format!("{}: it cannot be opened", shown(path)))
        }
        None => Ok(standard_input()?),
    }
}

fn standard_input() -> io::Result<File> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// Refuses a path that cannot be opened. Pipes are not opened here: their writer would take this
/// check for its reader.
pub(in crate::cli) fn check(path: &Path) -> Result<(), anyhow::Error> {
    let found = path
        .metadata()
        .with_context(|| format!("{}: it cannot be opened", shown(path)))?;
    if found.is_dir() {
        anyhow::bail!("{}: it is a directory, not a file", shown(path));
    }
    match found.is_file() {
        true => open(Some(path)).map(drop),
        false => Ok(()),
    }
}

/// How long a file is, or standard input; `None` for what has no length.
pub(in crate::cli) fn length(path: Option<&Path>) -> Option<u64> {
    let found = match path {
        Some(path) => path.metadata(),
        None => standard_input().and_then(|file| file.metadata()),
    };
    found.ok().filter(Metadata::is_file).map(|file| file.len())
}

/// What is in a file of at most so many bytes; `None` where it is longer.
pub(in crate::cli) fn read_text(path: &Path, most: u64) -> io::Result<Option<String>> {
    let mut text = String::new();
    let read = File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    Ok((read as u64 <= most).then_some(text))
}
