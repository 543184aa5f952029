//! `--joblog`: a row for each task that ended, in the columns of GNU parallel, so that what reads those reads these. Behind the
//! command, as a comment of the shell, stands what tells the task from all others.
//!
//! A row is written when the task's result is safe: printed and flushed, or in its file. What a kill or a full disk leaves of a row
//! is cut off when the job goes on.

#[cfg(test)]
mod tests;

use super::key::Key;
use crate::cli::files::{self, Granted};
use anyhow::{Context, anyhow, bail};
use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wpool::printable;

/// The names of the columns, as GNU parallel writes them.
const HEADER: &str = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

/// Rows are shorter: of an input they show 4 KiB, each byte of which may be escaped.
const LONGEST: u64 = 256 * 1024;

/// A task that ended.
#[derive(Debug)]
pub(in crate::cli) struct Row<'a> {
    pub(in crate::cli) number: u64,
    pub(in crate::cli) input: &'a [u8],
    pub(in crate::cli) key: Key,
    pub(in crate::cli) ended: SystemTime,
    /// How long it ran.
    pub(in crate::cli) took: Duration,
    /// The length of its result, in bytes.
    pub(in crate::cli) received: usize,
    pub(in crate::cli) exit_code: u8,
    pub(in crate::cli) signal: i32,
}

/// What a row says to a job that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Past {
    pub(in crate::cli) key: Key,
    pub(in crate::cli) number: u64,
    pub(in crate::cli) succeeded: bool,
}

/// The log that is being written.
#[derive(Debug)]
pub(in crate::cli) struct Joblog {
    file: File,
    path: PathBuf,
    /// How the command of each row begins.
    command: String,
    /// Which job it is of.
    job: String,
    pending: Vec<u8>,
}

impl Joblog {
    /// A new one, in place of what is there.
    pub(in crate::cli) fn create(
        path: &Path,
        command: String,
        job: String,
        granted: &Granted,
    ) -> Result<Joblog, anyhow::Error> {
        let mut log = Joblog {
            file: open(path, granted)?,
            path: path.into(),
            command,
            job,
            pending: HEADER.into(),
        };
        // A pipe or a device has nothing to cut off.
        if log.file.metadata().is_ok_and(|file| file.is_file()) {
            log.file
                .set_len(0)
                .with_context(|| cannot(path, "written"))?;
        }
        log.flush()?;
        Ok(log)
    }

    /// Goes on with one, which may not be there yet. Gives back its rows of this job; `None` where there was no log.
    pub(in crate::cli) fn resume(
        path: &Path,
        command: String,
        job: String,
        granted: &Granted,
    ) -> Result<(Joblog, Option<Vec<Past>>), anyhow::Error> {
        let mut file = open(path, granted)?;
        files::refuse_other_than_file(&file, path, "the joblog")?;
        let read = read(&file, &job).map_err(|why| why.at(path))?;
        let whole = file
            .set_len(read.bytes)
            .and_then(|()| file.seek(SeekFrom::End(0)));
        whole.with_context(|| cannot(path, "written"))?;
        let mut log = Joblog {
            file,
            path: path.into(),
            command,
            job,
            pending: Vec::new(),
        };
        if read.bytes == 0 {
            log.pending = HEADER.into();
            log.flush()?;
            return Ok((log, None));
        }
        Ok((log, Some(read.rows)))
    }

    /// The rows of a job, to look at.
    pub(in crate::cli) fn peek(
        path: &Path,
        job: &str,
        granted: &Granted,
    ) -> Result<Vec<Past>, anyhow::Error> {
        let Some(file) = files::peek(path, "the joblog", granted)? else {
            return Ok(Vec::new());
        };
        Ok(read(file, job).map_err(|why| why.at(path))?.rows)
    }

    /// Adds a row, which is written with the next [`Joblog::flush`].
    pub(in crate::cli) fn add(&mut self, row: &Row<'_>) {
        let ended = row.ended.duration_since(UNIX_EPOCH);
        let began = ended.unwrap_or_default().saturating_sub(row.took);
        let input = printable(&String::from_utf8_lossy(row.input)).replace('\'', "'\\''");
        let Row {
            number,
            key,
            received,
            exit_code,
            signal,
            ..
        } = row;
        let row = format!(
            "{number}\t:\t{:.3}\t{:10.3}\t{}\t{received}\t{exit_code}\t{signal}\t{} '{input}' #{}-{key}\n",
            began.as_secs_f64(),
            row.took.as_secs_f64(),
            row.input.len(),
            self.command,
            self.job,
        );
        self.pending.extend_from_slice(row.as_bytes());
    }

    /// Whether much waits to be written.
    pub(in crate::cli) fn is_full(&self) -> bool {
        self.pending.len() > 64 * 1024
    }

    /// Writes what was added.
    pub(in crate::cli) fn flush(&mut self) -> Result<(), anyhow::Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.pending);
        self.pending.clear();
        written.with_context(|| format!("{}: writing the joblog failed", shown(&self.path)))
    }
}

/// Opens a log that nobody else is at.
fn open(path: &Path, granted: &Granted) -> Result<File, anyhow::Error> {
    let file = files::lockable(path, "the joblog", granted)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "{}: another wpool is at this job: wait for it, or name another joblog",
            shown(path)
        ),
        // Some file systems have no locks.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn cannot(path: &Path, what: &str) -> String {
    format!("{}: the joblog cannot be {what}", shown(path))
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// What is in a log.
#[derive(Debug, Default)]
struct Contents {
    /// The length of its whole rows.
    bytes: u64,
    rows: Vec<Past>,
}

/// Why a log is not read.
#[derive(Debug)]
enum Unread {
    File(std::io::Error),
    /// By the number of its line.
    Row(u64),
}

impl Unread {
    fn at(self, path: &Path) -> anyhow::Error {
        match self {
            Unread::File(error) => anyhow::Error::from(error).context(cannot(path, "read")),
            Unread::Row(number) => anyhow!(
                "{}: line {number} is no row of a joblog of wpool: name the file that the job was begun with",
                shown(path)
            ),
        }
    }
}

fn read(log: impl Read, job: &str) -> Result<Contents, Unread> {
    let mut log = BufReader::new(log);
    let mut contents = Contents::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let count = log
            .by_ref()
            .take(LONGEST)
            .read_until(b'\n', &mut line)
            .map_err(Unread::File)?;
        if line.last() != Some(&b'\n') {
            // Its end, or a row that was not written to its end, or no row at all.
            let may_be_a_row = match number {
                1 => HEADER.as_bytes().starts_with(&line),
                _ => (count as u64) < LONGEST && line.first().is_none_or(u8::is_ascii_digit),
            };
            return match may_be_a_row {
                true => Ok(contents),
                false => Err(Unread::Row(number)),
            };
        }
        if number == 1 {
            if line != HEADER.as_bytes() {
                return Err(Unread::Row(number));
            }
        } else {
            let line = std::str::from_utf8(&line).ok();
            let (of, past) = line.and_then(parse).ok_or(Unread::Row(number))?;
            if of == job {
                contents.rows.push(past);
            }
        }
        contents.bytes += count as u64;
    }
    Ok(contents)
}

/// The job of a row, and its task.
fn parse(row: &str) -> Option<(&str, Past)> {
    let columns: Vec<&str> = row.trim_end().split('\t').collect();
    let [number, _, _, _, _, _, exit_code, signal, command] = columns[..] else {
        return None;
    };
    let (_, of) = command.rsplit_once(" #")?;
    let (job, key) = of.split_once('-')?;
    let past = Past {
        key: Key::parse(key)?,
        number: number.parse().ok().filter(|number| *number > 0)?,
        succeeded: exit_code == "0" && signal == "0",
    };
    Some((job, past))
}
