//! `--report`: one JSON object for each task.

use super::files::{self, Granted};
use super::setup::Refused;
use anyhow::Context;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use wpool::{Outcome, printable};

/// How much of what a task wrote stands in a report, in bytes.
const SHOWN: usize = 4096;

/// The report that is being written, if one was asked for.
pub(super) struct Report {
    file: Option<(BufWriter<File>, PathBuf)>,
}

impl Report {
    /// Creates the file, or goes on with it.
    pub(super) fn create(
        path: Option<&Path>,
        goes_on: bool,
        granted: &Granted,
    ) -> Result<Report, Refused> {
        let Some(path) = path else {
            return Ok(Report { file: None });
        };
        let file = files::create(path, goes_on, "the report", granted)?;
        Ok(Report {
            file: Some((BufWriter::new(file), path.into())),
        })
    }

    /// Adds the outcome of task `seq`, counted from 1.
    pub(super) fn add(&mut self, seq: u64, outcome: &Outcome) -> Result<(), Refused> {
        let Some((file, path)) = &mut self.file else {
            return Ok(());
        };
        writeln!(file, "{}", entry(seq, outcome))
            .with_context(|| format!("{}: writing the report failed", path.display()))
    }

    /// Writes out what is buffered.
    pub(super) fn finish(&mut self) -> Result<(), Refused> {
        let Some((file, path)) = &mut self.file else {
            return Ok(());
        };
        file.flush()
            .with_context(|| format!("{}: writing the report failed", path.display()))
    }
}

/// What is said of an outcome.
pub(super) fn entry(seq: u64, outcome: &Outcome) -> Value {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let usage = &outcome.usage;
    let (name, message) = match &outcome.result {
        Ok(_) => ("ok", None),
        Err(failure) => (failure.kind().name(), Some(failure.message())),
    };
    json!({
        "seq": seq,
        "outcome": name,
        "message": message,
        "exit_code": exit_code(outcome),
        "wall_ms": ms(usage.wall),
        "cpu_ms": usage.cpu.map(ms),
        "fuel": usage.fuel,
        "memory_bytes": usage.memory_bytes,
        "attempts": usage.attempts,
        "host_ms": ms(usage.host),
        "host_calls": usage.host_calls,
        "worker": usage.worker_name.as_deref(),
        "pid": usage.pid,
        "stderr": written(&outcome.stderr),
    })
}

/// How a program ended; nothing for other functions.
fn exit_code(outcome: &Outcome) -> Option<i32> {
    outcome.result.as_ref().err()?.exit_code()
}

/// What a task wrote, harmless to a terminal, and not all of it where it is long.
fn written(bytes: &[u8]) -> Option<String> {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    (!bytes.is_empty()).then(|| printable(&shown))
}
