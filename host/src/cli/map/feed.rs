//! Where the tasks of a job begin: each input gets its number and its place in the ledger, is parsed, and is sent.

use super::inputs::{Line, Source, Sources, next_line};
use super::table::Table;
use crate::cli::complaint;
use crate::cli::job::key::Keys;
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
    to: To,
    read: program::Inputs,
    sources: Sources,
    numbers: Numbers,
    keys: Keys,
    ledger: Arc<Ledger>,
    counts: Arc<Counts>,
    /// How many tasks were sent.
    sent: u64,
    /// How many bytes of inputs were read.
    bytes_read: u64,
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
    },
}

impl Feed {
    pub(in crate::cli) fn new(
        to: To,
        read: program::Inputs,
        sources: Sources,
        (numbers, keys): (Numbers, Keys),
        (ledger, counts): (&Arc<Ledger>, &Arc<Counts>),
    ) -> Feed {
        Feed {
            to,
            read,
            sources,
            numbers,
            keys,
            ledger: Arc::clone(ledger),
            counts: Arc::clone(counts),
            sent: 0,
            bytes_read: 0,
        }
    }

    /// Sends what was typed and parsed.
    pub(in crate::cli) fn arguments(mut self, typed: &[OsString], parsed: &[Vec<Value>]) {
        for (input, values) in typed.iter().zip(parsed) {
            // Nobody wants more results.
            if self.offer(input.as_bytes(), Ok(values.clone())).is_err() {
                return;
            }
        }
        self.end();
    }

    /// Sends what is in the files that were typed.
    pub(in crate::cli) fn paths(mut self, paths: &[OsString]) {
        for path in paths {
            if self.input(path.as_bytes()).is_err() {
                return;
            }
        }
        self.end();
    }

    /// Sends what the sources have, each opened in its turn.
    pub(in crate::cli) fn sources(mut self) {
        for index in 0..self.sources.count() {
            let done = match self.sources.open(index) {
                Ok(source) => match self.sources.table {
                    Some(separator) => self.table(source, separator),
                    None => self.lines(source),
                },
                // The place of what could not be opened.
                Err(error) => self.wrong(&format!("{error:#}")),
            };
            if done.is_err() {
                return;
            }
        }
        self.end();
    }

    fn lines(&mut self, mut source: Source) -> Result<(), Closed> {
        let mut line = Vec::new();
        let (delimiter, longest) = (self.sources.delimiter, self.sources.longest);
        for count in 1_u64.. {
            // What was read is worked on while this waits for the next one.
            if !source.buffer().contains(&delimiter) {
                self.flush();
            }
            match next_line(&mut source, &mut line, delimiter, longest) {
                Ok(None) => break,
                Ok(Some(Line::TooLong)) => {
                    self.wrong(&format!(
                        "the line is longer than the limit of {longest} bytes"
                    ))?;
                }
                Ok(Some(Line::Text)) => self.input(&line)?,
                // The place of the line that could not be read.
                Err(error) => return self.wrong(&format!("the inputs cannot be read: {error}")),
            }
            self.bytes_read += line.len() as u64 + 1;
            if count % GUESSED == 0 {
                self.guess();
            }
        }
        Ok(())
    }

    fn table(&mut self, source: Source, separator: u8) -> Result<(), Closed> {
        let (header, longest) = (self.sources.header, self.sources.longest);
        let mut table = Table::new(source, separator, header, longest);
        for count in 1_u64.. {
            match table.next(&self.function().params) {
                Ok(None) => break,
                Ok(Some(row)) => {
                    let fields: Vec<&[u8]> = row.fields.iter().map(Vec::as_slice).collect();
                    let parsed = self.read.parse_parts(self.function(), &fields);
                    self.offer(&row.text, parsed)?;
                    self.bytes_read += row.text.len() as u64 + 1;
                }
                Err(error) => return self.wrong(&format!("the inputs cannot be read: {error}")),
            }
            if table.is_drained() {
                self.flush();
            }
            if count % GUESSED == 0 {
                self.guess();
            }
        }
        Ok(())
    }

    /// Guesses how many there will be, by how long those are that were read.
    fn guess(&self) {
        if let Some(bytes) = self.sources.bytes()
            && self.bytes_read > 0
        {
            let share = bytes as f64 / self.bytes_read as f64;
            self.counts
                .guess((self.sent as f64 * share.max(1.0)) as u64);
        }
    }

    /// One input: itself, or what is in the file that it names.
    fn input(&mut self, input: &[u8]) -> Result<(), Closed> {
        let parsed = match self.sources.content(input) {
            Ok(None) => self.read.parse(self.function(), input),
            Ok(Some(content)) => self.read.parse(self.function(), &content),
            Err(error) => Err(error),
        };
        self.offer(input, parsed)
    }

    /// What could not be read.
    fn wrong(&mut self, message: &str) -> Result<(), Closed> {
        self.offer(b"", Err(anyhow::anyhow!("{message}")))
    }

    /// Sends a task, unless it was done before.
    fn offer(
        &mut self,
        input: &[u8],
        parsed: Result<Vec<Value>, anyhow::Error>,
    ) -> Result<(), Closed> {
        let key = |keys: &Keys| match &parsed {
            Ok(values) => keys.of(values),
            Err(_) => keys.of_nonsense(input),
        };
        let key = self.ledger.keeps_all().then(|| key(&self.keys));
        let number = self
            .numbers
            .next(|| key.unwrap_or_else(|| self.keys.of_nonsense(input)));
        let Some(number) = number else {
            return Ok(());
        };
        if matches!(self.to, To::Pool(_)) && (key.is_some() || parsed.is_err()) {
            // What means nothing does not count as being under way, however long it is.
            let kept = match parsed {
                Ok(_) => input,
                Err(_) => &input[..input.len().min(KEPT)],
            };
            let entry = Entry {
                number,
                input: kept.into(),
                key,
                ended: None,
            };
            self.ledger.put(self.sent, entry);
        }
        self.send(number, parsed)?;
        self.sent += 1;
        Ok(())
    }

    fn send(
        &mut self,
        number: u64,
        parsed: Result<Vec<Value>, anyhow::Error>,
    ) -> Result<(), Closed> {
        match (&mut self.to, parsed) {
            (To::Pool(inputs), Ok(values)) => inputs.send(&values),
            (To::Pool(inputs), Err(error)) => {
                let message = format!("{error:#}");
                inputs.fail(Failure::new(FailureKind::BadArgument, message))
            }
            (To::Fold { leaves, .. }, Ok(values)) => {
                let mut values = values.into_iter();
                values.try_for_each(|value| leaves.send(self.sent, value).map_err(|_| Closed))
            }
            // Without it there is no result.
            (To::Fold { .. }, Err(error)) => {
                complaint::line(&format!("input {number}: bad-argument: {error:#}"));
                Err(Closed)
            }
            (To::Paper(function), Ok(values)) => {
                let call = format!("{number}\t{}\n", call(function, &values));
                // Whoever reads it may have read enough.
                let written = std::io::stdout().lock().write_all(call.as_bytes());
                written.map_err(|_| Closed)
            }
            (To::Paper(_), Err(error)) => {
                self.counts.ended(false);
                complaint::line(&format!("task {number}: bad-argument: {error:#}"));
                Ok(())
            }
        }
    }

    /// All were sent.
    fn end(self) {
        self.counts.expect(self.sent);
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
