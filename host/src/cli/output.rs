//! How results are written to standard output: one value a line, escaped where that is a terminal.

use super::program;
use super::report;
use super::terminal::harmless;
use serde_json::Value as Json;
use std::io::{self, ErrorKind, Write};
use wpool::{FailureKind, Format, Function, Outcome, Value, printable};

/// What results are of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    pub(super) function: &'a Function,
    pub(super) format: Format,
    pub(super) is_program: bool,
    /// Whether all tasks are forks of one run.
    pub(super) is_warm: bool,
}

impl Shape<'_> {
    /// The line of an outcome, with its line break; nothing for a failure without a value, unless it is a program that ended by
    /// itself: what it wrote is whole.
    pub(super) fn line(self, outcome: &Outcome, line: &mut Vec<u8>) {
        let Shape {
            function, format, ..
        } = self;
        let value = match &outcome.result {
            Ok(value) => value.as_ref(),
            Err(failure) if self.is_program && failure.kind() == FailureKind::Exit => {
                return program::print(format, &outcome.stdout, line);
            }
            Err(failure) if format != Format::Text && failure.value().is_some() => failure.value(),
            Err(_) => return,
        };
        match value {
            Some(Value::Bytes(written)) if self.is_program => program::print(format, written, line),
            value => {
                format.print(function.result.as_ref(), value, line);
                line.push(b'\n');
            }
        }
    }

    /// The whole outcome as one JSON object: what a report says of it, its input and its value.
    fn object(self, number: u64, input: &[u8], outcome: &Outcome, line: &mut Vec<u8>) {
        let mut object = report::entry(number, outcome);
        let mut value = Vec::new();
        let as_json = Shape {
            format: Format::Json,
            ..self
        };
        as_json.line(outcome, &mut value);
        if let Json::Object(fields) = &mut object {
            let read = |text: &[u8]| serde_json::from_slice::<Json>(text).ok();
            let input = match self.format {
                Format::Json => read(input),
                _ => None,
            }
            .unwrap_or_else(|| String::from_utf8_lossy(input).into());
            fields.insert("input".into(), input);
            fields.insert("value".into(), read(&value).unwrap_or(Json::Null));
        }
        line.extend_from_slice(object.to_string().as_bytes());
        line.push(b'\n');
    }
}

/// What is written for each outcome of `map`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// Its value.
    Plain,
    /// Its value, each line behind the input and a tab.
    Tagged,
    /// A JSON object, for a failure too.
    Objects,
}

impl Lines {
    /// Whether what is written needs the input.
    pub(super) fn show_input(self) -> bool {
        self != Lines::Plain
    }

    /// The bytes for an outcome.
    pub(super) fn of(
        self,
        shape: Shape<'_>,
        number: u64,
        input: &[u8],
        outcome: &Outcome,
        line: &mut Vec<u8>,
    ) {
        match self {
            Lines::Plain => shape.line(outcome, line),
            Lines::Objects => shape.object(number, input, outcome, line),
            Lines::Tagged => {
                let mut plain = Vec::new();
                shape.line(outcome, &mut plain);
                let tag = printable(&String::from_utf8_lossy(input));
                for one in plain.split_inclusive(|byte| *byte == b'\n') {
                    line.extend_from_slice(tag.as_bytes());
                    line.push(b'\t');
                    line.extend_from_slice(one);
                }
            }
        }
    }
}

/// Writes what a `terminal` can bear of a line, or all of it.
pub(super) fn put(output: &mut impl Write, terminal: bool, line: &[u8]) -> io::Result<()> {
    match terminal {
        true => output.write_all(&harmless(line)),
        false => output.write_all(line),
    }
}

/// Whether nobody reads the output any more, as when it is piped to `head`: that is no failure.
pub(super) fn closed(written: io::Result<()>) -> Result<bool, anyhow::Error> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(anyhow::anyhow!(
            "standard output cannot be written: {error}"
        )),
    }
}
