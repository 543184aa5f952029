//! Where the tasks of a job begin: each input gets its number and its place in the ledger, is parsed, and is sent.

use super::inputs::{Line, Source, Sources, next_line};
use super::table::Table;
use crate::cli::complaint;
use crate::cli::job::key::{Key, Keys};
use crate::cli::job::ledger::{Entry, Ledger};
use crate::cli::job::resume::Numbers;
use crate::cli::program;
use crate::cli::progress::Counts;
use crate::cli::reduce::fold::Leaves;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use wpool::{Closed, Failure, FailureKind, Format, Function, Inputs, Value, printable};

/// After how many inputs it is guessed anew how many there will be.
const GUESSED: u64 = 4096;

/// How much is kept of an input that could not be parsed, in bytes.
const KEPT: usize = 4096;

/// Sends inputs.
pub(in crate::cli) struct Feed {
    pub(in crate::cli) to: To,
    pub(in crate::cli) read: program::Inputs,
    pub(in crate::cli) sources: Sources,
    pub(in crate::cli) numbers: Numbers,
    pub(in crate::cli) keys: Keys,
    pub(in crate::cli) ledger: Arc<Ledger>,
    pub(in crate::cli) counts: Arc<Counts>,
}

/// Who gets the tasks.
pub(in crate::cli) enum To {
    Pool(Inputs),
    /// Whoever reads what would be called.
    Paper(Function),
    /// A fold: each input is a value. The function has one parameter, for it.
    Fold {
        function: Function,
        leaves: Leaves,
        place: u64,
    },
}

impl Feed {
    /// Sends what was typed and parsed.
    pub(in crate::cli) fn arguments(mut self, typed: &[OsString], parsed: &[Vec<Value>]) {
        let mut sent = 0;
        for (input, values) in typed.iter().zip(parsed) {
            let input = input.as_bytes();
            // Nobody wants more results.
            let Ok(is_sent) = self.offer(input, |feed| feed.keys.of(input), |_| Ok(values.clone()))
            else {
                return;
            };
            sent += u64::from(is_sent);
        }
        self.end(sent);
    }

    /// Sends what is in the files that were typed.
    pub(in crate::cli) fn paths(mut self, paths: &[OsString]) {
        let mut sent = 0;
        for path in paths {
            let Ok(is_sent) = self.input(path.as_bytes()) else {
                return;
            };
            sent += u64::from(is_sent);
        }
        self.end(sent);
    }

    /// Sends what the sources have, each opened in its turn.
    pub(in crate::cli) fn sources(mut self) {
        let mut sent = 0;
        for index in 0..self.sources.count() {
            let done = match self.sources.open(index) {
                Ok(source) => match self.sources.table {
                    Some(separator) => self.table(source, separator, &mut sent),
                    None => self.lines(source, &mut sent),
                },
                // The place of what could not be opened.
                Err(error) => self.wrong(&format!("{error:#}")),
            };
            if done.is_err() {
                return;
            }
        }
        self.end(sent);
    }

    fn lines(&mut self, source: Source, sent: &mut u64) -> Result<(), Closed> {
        let Source { mut reader, bytes } = source;
        let mut line = Vec::new();
        let (delimiter, longest) = (self.sources.delimiter, self.sources.longest);
        let (mut lines, mut read) = (0, 0);
        loop {
            // What was read is worked on while this waits for the next one.
            if !reader.buffer().contains(&delimiter) {
                self.flush();
            }
            match next_line(&mut reader, &mut line, delimiter, longest) {
                Ok(None) => return Ok(()),
                Ok(Some(Line::TooLong)) => {
                    self.wrong(&format!(
                        "the line is longer than the limit of {longest} bytes"
                    ))?;
                }
                Ok(Some(Line::Text)) => *sent += u64::from(self.input(&line)?),
                // The place of the line that could not be read.
                Err(error) => return self.wrong(&format!("the inputs cannot be read: {error}")),
            }
            lines += 1;
            read += line.len() as u64 + 1;
            if let (0, Some(bytes)) = (lines % GUESSED, bytes) {
                self.counts
                    .guess((*sent as f64 * bytes as f64 / read as f64) as u64);
            }
        }
    }

    fn table(&mut self, source: Source, separator: u8, sent: &mut u64) -> Result<(), Closed> {
        let (header, longest) = (self.sources.header, self.sources.longest);
        let mut table = Table::new(source.reader, separator, header, longest);
        loop {
            let row = table.next(&self.function().params);
            match row {
                Ok(None) => return Ok(()),
                Ok(Some(row)) => {
                    let fields: Vec<&[u8]> = row.fields.iter().map(Vec::as_slice).collect();
                    let key = |feed: &Feed| feed.keys.of(&row.text);
                    let parse = |feed: &Feed| feed.read.parse_parts(feed.function(), &fields);
                    *sent += u64::from(self.offer(&row.text, key, parse)?);
                }
                Err(error) => return self.wrong(&format!("the inputs cannot be read: {error}")),
            }
            if table.is_drained() {
                self.flush();
            }
        }
    }

    /// One input: itself, or what is in the file that it names. Whether it was sent, and not done before.
    fn input(&mut self, input: &[u8]) -> Result<bool, Closed> {
        match self.sources.content(input) {
            Ok(None) => self.offer(
                input,
                |feed| feed.keys.of(input),
                |feed| feed.read.parse(feed.function(), input),
            ),
            Ok(Some(content)) => self.offer(
                input,
                |feed| feed.keys.of(&content),
                |feed| feed.read.parse(feed.function(), &content),
            ),
            Err(error) => self.offer(input, |feed| feed.keys.of(input), |_| Err(error)),
        }
    }

    /// What could not be read.
    fn wrong(&mut self, message: &str) -> Result<(), Closed> {
        let key = |feed: &Feed| feed.keys.of(message.as_bytes());
        self.offer(b"", key, |_| Err(anyhow::anyhow!("{message}")))
            .map(drop)
    }

    fn offer(
        &mut self,
        input: &[u8],
        key: impl Fn(&Feed) -> Key,
        parse: impl FnOnce(&Feed) -> Result<Vec<Value>, anyhow::Error>,
    ) -> Result<bool, Closed> {
        let known = self.ledger.keeps().then(|| key(self));
        let Some(number) = self
            .numbers
            .next(|| known.unwrap_or_else(|| self.keys.of(input)))
        else {
            return Ok(false);
        };
        let parsed = parse(self);
        if known.is_some() && matches!(self.to, To::Pool(_)) {
            // What means nothing does not count as being under way, however long it is.
            let kept = match parsed {
                Ok(_) => input,
                Err(_) => &input[..input.len().min(KEPT)],
            };
            self.ledger.put(Entry {
                number,
                input: kept.into(),
                key: known,
            });
        }
        match (&mut self.to, parsed) {
            (To::Pool(inputs), Ok(values)) => inputs.send(&values)?,
            (To::Pool(inputs), Err(error)) => {
                let message = format!("{error:#}");
                inputs.fail(Failure::new(FailureKind::BadArgument, message))?;
            }
            (To::Paper(function), Ok(values)) => {
                let call = format!("{number}\t{}\n", call(function, &values));
                // Whoever reads it has read enough.
                std::io::stdout()
                    .lock()
                    .write_all(call.as_bytes())
                    .map_err(|_| Closed)?;
            }
            (To::Fold { leaves, place, .. }, Ok(values)) => {
                for value in values {
                    leaves.send(*place, value).map_err(|_| Closed)?;
                    *place += 1;
                }
            }
            (To::Fold { leaves, .. }, Err(error)) => {
                complaint::line(&format!("input {number}: bad-argument: {error:#}"));
                leaves.fail();
                return Err(Closed);
            }
            (To::Paper(_), Err(error)) => {
                self.counts.ended(false);
                complaint::line(&format!("task {number}: bad-argument: {error:#}"));
            }
        }
        Ok(true)
    }

    fn end(self, sent: u64) {
        self.counts.expect(sent);
        if let To::Fold { leaves, .. } = self.to {
            leaves.end();
        }
    }

    fn flush(&mut self) {
        if let To::Pool(inputs) = &mut self.to {
            inputs.flush();
        }
    }

    fn function(&self) -> &Function {
        match &self.to {
            To::Pool(inputs) => inputs.function(),
            To::Paper(function) | To::Fold { function, .. } => function,
        }
    }
}

/// What would be called, as in WAVE.
fn call(function: &Function, values: &[Value]) -> String {
    let shown = function.params.iter().zip(values).map(|(param, value)| {
        let mut shown = Vec::new();
        Format::Wave.print(Some(&param.ty), Some(value), &mut shown);
        printable(&String::from_utf8_lossy(&shown))
    });
    let shown: Vec<_> = shown.collect();
    format!("{}({})", printable(&function.name), shown.join(", "))
}
