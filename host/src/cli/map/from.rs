//! Whether inputs were typed or are to be read; those that were typed are checked before any runs.

use super::feed::Feed;
use super::inputs::Sources;
use crate::cli::complaint;
use crate::cli::setup::Refused;
use anyhow::anyhow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use wpool::Value;

/// Errors about inputs that are written before the others are only counted.
const COMPLAINTS: usize = 20;

/// Where the inputs come from.
pub(in crate::cli) enum From {
    Sources,
    /// Files that were typed.
    Paths(Vec<OsString>),
    /// Inputs that were typed, and what they mean.
    Arguments(Vec<OsString>, Vec<Vec<Value>>),
}

impl From {
    /// By what was typed, which is read by `parse`.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them; others were told.
    pub(in crate::cli) fn typed(
        typed: &[OsString],
        sources: &Sources,
        parse: impl Fn(&[u8]) -> Result<Vec<Value>, Refused>,
    ) -> Result<From, Refused> {
        if typed.is_empty() {
            return Ok(From::Sources);
        }
        if sources.are_paths() {
            sources.check(typed)?;
            return Ok(From::Paths(typed.to_vec()));
        }
        let parsed = parse_all(typed, parse)?;
        Ok(From::Arguments(typed.to_vec(), parsed))
    }

    /// Sends all of them.
    pub(in crate::cli) fn feed(self, feed: Feed) {
        match self {
            From::Sources => feed.sources(),
            From::Paths(paths) => feed.paths(&paths),
            From::Arguments(typed, parsed) => feed.arguments(&typed, &parsed),
        }
    }

    /// The same in a thread of their own: results are printed while it waits for input or for room.
    pub(in crate::cli) fn feed_from_a_thread(self, feed: Feed) -> Result<(), Refused> {
        std::thread::Builder::new()
            .name("wpool-inputs".into())
            .spawn(move || self.feed(feed))
            .map_err(wpool::Error::from)?;
        Ok(())
    }
}

fn parse_all(
    typed: &[OsString],
    parse: impl Fn(&[u8]) -> Result<Vec<Value>, Refused>,
) -> Result<Vec<Vec<Value>>, Refused> {
    let mut parsed = Vec::with_capacity(typed.len());
    let mut wrong = 0;
    let mut last = None;
    for (index, input) in typed.iter().enumerate() {
        match parse(input.as_bytes()) {
            Ok(values) => parsed.push(values),
            Err(error) => {
                wrong += 1;
                if let Some(message) = last.replace(format!("input {}: {error:#}", index + 1))
                    && wrong <= COMPLAINTS
                {
                    complaint::line(&message);
                }
            }
        }
    }
    match last {
        None => Ok(parsed),
        Some(message) if wrong <= COMPLAINTS => Err(anyhow!(message)),
        Some(_) => Err(anyhow!(
            "{wrong} inputs do not fit the function; wpool inspect shows what it takes"
        )),
    }
}
