//! `--joblog`: a row for each task that ended, in the columns of GNU parallel, so that what reads those reads these. Behind the
//! command, as a comment of the shell, stands what tells the task from all others.
//!
//! A row is written when the task's result is safe: printed and flushed, or in its file. What a kill or a full disk leaves of a row
//! is cut off when the job goes on.

use super::key::Key;
use anyhow::Context;
use std::fs::File;
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
    ) -> Result<Joblog, anyhow::Error> {
        let file = File::create(path);
        let mut log = Joblog {
            file: file.with_context(|| cannot(path, "written"))?,
            path: path.into(),
            command,
            job,
            pending: HEADER.into(),
        };
        log.flush()?;
        Ok(log)
    }

    /// Goes on with one, which may not be there yet. Gives back its rows, and whether there are rows of other jobs.
    pub(in crate::cli) fn resume(
        path: &Path,
        command: String,
        job: String,
    ) -> Result<(Joblog, Vec<Past>, bool), anyhow::Error> {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false);
        let mut file = file
            .open(path)
            .with_context(|| cannot(path, "read and written"))?;
        let read = read(&file, &job).map_err(|why| match why {
            Unread::File(error) => anyhow::Error::from(error).context(cannot(path, "read")),
            Unread::Row(number) => anyhow::anyhow!(
                "{}: line {number} is no row of a joblog of wpool: name the file that the job was begun with",
                shown(path)
            ),
        })?;
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
        }
        Ok((log, read.rows, read.has_others))
    }

    /// Adds a row, which is written with the next [`Joblog::flush`].
    pub(in crate::cli) fn add(&mut self, row: &Row<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let began = now.unwrap_or_default().saturating_sub(row.took);
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
    /// Whether there are rows of another job.
    has_others: bool,
}

/// Why a log is not read.
#[derive(Debug)]
enum Unread {
    File(std::io::Error),
    /// By the number of its line.
    Row(u64),
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
            return match count as u64 {
                LONGEST.. => Err(Unread::Row(number)),
                _ => Ok(contents),
            };
        }
        if number == 1 {
            if line != HEADER.as_bytes() {
                return Err(Unread::Row(number));
            }
        } else {
            let line = std::str::from_utf8(&line).ok();
            let (of, past) = line.and_then(parse).ok_or(Unread::Row(number))?;
            match of == job {
                true => contents.rows.push(past),
                false => contents.has_others = true,
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

#[cfg(test)]
mod tests {
    use super::super::key::Keys;
    use super::*;
    use tempfile::TempDir;
    use wpool::Format;

    fn key(input: &str) -> Key {
        Keys::new("aa", "f", Format::Text, &[]).of(input.as_bytes())
    }

    fn add(log: &mut Joblog, number: u64, input: &str, exit_code: u8) {
        log.add(&Row {
            number,
            input: input.as_bytes(),
            key: key(input),
            took: Duration::from_millis(1500),
            received: 3,
            exit_code,
            signal: 0,
        });
    }

    fn past(number: u64, input: &str, succeeded: bool) -> Past {
        Past {
            key: key(input),
            number,
            succeeded,
        }
    }

    fn begun(path: &Path) -> Joblog {
        Joblog::create(path, "wpool map m.wasm --".into(), "aa".into()).unwrap()
    }

    fn resumed(path: &Path) -> Result<(Joblog, Vec<Past>, bool), String> {
        Joblog::resume(path, "wpool map m.wasm --".into(), "aa".into()).map_err(|it| it.to_string())
    }

    #[test]
    fn a_row_has_the_columns_of_gnu_parallel_and_nothing_that_breaks_them() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        let mut log = begun(&path);
        add(&mut log, 7, "it's\ta\n\u{1b}[2J", 1);
        log.flush().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split('\t').collect()).collect();
        assert_eq!(
            rows[0].join(" "),
            "Seq Host Starttime JobRuntime Send Receive Exitval Signal Command"
        );
        let row = &rows[1];
        assert_eq!((row.len(), rows.len()), (9, 2));
        assert_eq!(
            (row[0], row[3].trim(), row[4], row[5], row[6]),
            ("7", "1.500", "11", "3", "1")
        );
        let command = r"wpool map m.wasm -- 'it'\''s\ta\n\u{1b}[2J' #aa-";
        assert!(row[8].starts_with(command), "{}", row[8]);
    }

    #[test]
    fn wherever_a_log_was_cut_off_the_rows_before_are_read_and_others_can_follow() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        let mut log = begun(&path);
        add(&mut log, 1, "a", 0);
        add(&mut log, 2, "b", 134);
        log.flush().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let ends: Vec<usize> = whole
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(at, _)| at + 1)
            .collect();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut log, rows, has_others) = resumed(&path).unwrap();
            let all = [past(1, "a", true), past(2, "b", false)];
            let expected = ends[1..].iter().filter(|end| **end <= cut).count();
            assert_eq!((&rows[..], has_others), (&all[..expected], false), "{cut}");
            add(&mut log, 3, "c", 0);
            log.flush().unwrap();
            let (_, rows, _) = resumed(&path).unwrap();
            assert_eq!(rows[expected..], [past(3, "c", true)], "{cut}");
        }
    }

    #[test]
    fn what_is_no_log_is_refused_and_stays_as_it_is() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        let row = "1\t:\t1.0\t1.0\t1\t1\t0\t0\techo 1\n";
        for (text, line) in [
            ("hello\n", 1),
            (&format!("{HEADER}{row}"), 2),
            (&format!("{HEADER}\n"), 2),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = resumed(&path).unwrap_err();
            assert!(error.contains(&format!("line {line} is no row")), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::write(&path, "x".repeat(LONGEST as usize)).unwrap();
        assert!(resumed(&path).is_err());
    }

    #[test]
    fn rows_of_another_job_are_told_apart() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        let mut log = Joblog::create(&path, "wpool".into(), "bb".into()).unwrap();
        add(&mut log, 1, "a", 0);
        log.flush().unwrap();
        let (_, rows, has_others) = resumed(&path).unwrap();
        assert_eq!((rows, has_others), (vec![], true));
    }
}
