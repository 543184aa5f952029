//! The options that only `map` and `reduce` have: where inputs come from, and what a job of many tasks needs.

use crate::cli::job::halt::Halt;
use crate::cli::output::Lines;
use std::path::PathBuf;

/// Where the inputs of `map` come from.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct InputArgs {
    /// Read inputs from FILE, one a line
    ///
    /// `-` is standard input. May be given several times.
    #[arg(
        short = 'a',
        long = "input",
        value_name = "FILE",
        conflicts_with = "inputs"
    )]
    pub(in crate::cli) input: Vec<PathBuf>,
    /// Inputs that are read end with a byte 0, not with a line break, as `find -print0` writes them
    #[arg(
        hide_short_help = true,
        short = '0',
        long,
        conflicts_with = "delimiter"
    )]
    pub(in crate::cli) null: bool,
    /// Inputs that are read end with this character of ASCII, or \n, \r, \t, \0 or \xHH
    #[arg(hide_short_help = true, short, long, value_name = "CHAR", value_parser = delimiter, default_value = "\\n")]
    pub(in crate::cli) delimiter: u8,
    /// Inputs are paths of files: what is in a file is the input
    #[arg(hide_short_help = true, long)]
    pub(in crate::cli) files: bool,
    /// Inputs are rows of CSV, a field for each parameter
    ///
    /// By the names in the first row, where those of all parameters are there, else in their order.
    #[arg(long, conflicts_with_all = ["inputs", "null", "delimiter", "files", "tsv"])]
    pub(in crate::cli) csv: bool,
    /// The same, with tabs between fields
    #[arg(hide_short_help = true, long, conflicts_with_all = ["inputs", "null", "delimiter", "files"])]
    pub(in crate::cli) tsv: bool,
    /// Whether the first row of CSV or TSV has the names of columns: auto, yes or no
    #[arg(
        hide_short_help = true,
        long,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(in crate::cli) header: Header,
}

impl InputArgs {
    /// What ends each input that is read.
    pub(in crate::cli) fn ends_with(&self) -> u8 {
        if self.null { 0 } else { self.delimiter }
    }
}

/// Whether a table begins with the names of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Header {
    Auto,
    Yes,
    No,
}

/// How results are written, and what becomes of a job whose tasks fail or that is interrupted.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct JobArgs {
    /// Begin each line with its input and a tab
    #[arg(hide_short_help = true, long, conflicts_with_all = ["json_lines", "results"])]
    pub(in crate::cli) tag: bool,
    /// Write a JSON object for each task
    ///
    /// For failed ones too: its number, its input, its value or failure, and what it used.
    #[arg(long)]
    pub(in crate::cli) json_lines: bool,
    /// Write results to files in DIR, named by the task's number: N.out, and N.err for what it wrote besides
    #[arg(hide_short_help = true, long, value_name = "DIR")]
    pub(in crate::cli) results: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) retry: RetryArgs,
    /// End early, such as now,fail=1 or soon,fail=10%
    ///
    /// `now`, and what runs is killed, or `soon`, and it finishes; after N tasks, or N% of those so far and three at least, that
    /// `fail`, end with `success`, or are `done`.
    #[arg(long, value_name = "WHEN")]
    pub(in crate::cli) halt: Option<Halt>,
    /// Log each task in FILE; --resume goes on from there
    ///
    /// A row for each task that ended, in the columns of GNU parallel. `wpool help jobs` says what can be relied on.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) joblog: Option<PathBuf>,
    /// Go on with the job of --joblog
    ///
    /// What is done is not run again, failed or not.
    #[arg(long)]
    pub(in crate::cli) resume: bool,
    /// The same, but what failed is run again
    #[arg(hide_short_help = true, long)]
    pub(in crate::cli) resume_failed: bool,
    /// Combine all results into one by function F of two, in parallel
    #[arg(hide_short_help = true, long, value_name = "F", conflicts_with_all = ["tag", "json_lines", "results", "joblog", "halt", "dry_run", "unordered", "warm"])]
    pub(in crate::cli) reduce: Option<String>,
    /// Show what would be called, and call nothing
    #[arg(hide_short_help = true, long)]
    pub(in crate::cli) dry_run: bool,
    #[command(flatten)]
    pub(in crate::cli) progress: ProgressArgs,
}

/// Which tasks are run again.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RetryArgs {
    /// Run a task whose worker died again, up to N times
    ///
    /// Each time after a longer while, from 0.1 s up to 10 s.
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    pub(in crate::cli) retries: u32,
    /// With --retries: those that ran past their time limit, too
    #[arg(hide_short_help = true, long)]
    pub(in crate::cli) retry_timeouts: bool,
}

/// Whether it is shown how far a job is.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ProgressArgs {
    /// Say how far it is, each second, where that is not shown anyway: on a terminal it is
    #[arg(hide_short_help = true, long, overrides_with = "no_progress")]
    pub(in crate::cli) progress: bool,
    /// Do not say how far it is
    #[arg(hide_short_help = true, long)]
    pub(in crate::cli) no_progress: bool,
}

impl RetryArgs {
    /// Refuses what makes no sense.
    pub(in crate::cli) fn check(&self) -> Result<(), anyhow::Error> {
        anyhow::ensure!(
            self.retries > 0 || !self.retry_timeouts,
            "--retry-timeouts says what --retries N is for: give both"
        );
        Ok(())
    }
}

impl JobArgs {
    /// What is written for each outcome.
    pub(in crate::cli) fn lines(&self) -> Lines {
        match (self.tag, self.json_lines) {
            (true, _) => Lines::Tagged,
            (_, true) => Lines::Objects,
            _ => Lines::Plain,
        }
    }

    /// Whether it goes on from a joblog.
    pub(in crate::cli) fn goes_on(&self) -> Result<bool, anyhow::Error> {
        let goes_on = self.resume || self.resume_failed;
        anyhow::ensure!(
            self.joblog.is_some() || !goes_on,
            "--resume goes on from a joblog: name it with --joblog FILE"
        );
        Ok(goes_on)
    }
}

impl ProgressArgs {
    /// Whether progress is to be shown, if that was said.
    pub(in crate::cli) fn is_shown(&self) -> Option<bool> {
        match (self.progress, self.no_progress) {
            (_, true) => Some(false),
            (true, _) => Some(true),
            _ => None,
        }
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    let hexadecimal = |digits| u8::from_str_radix(digits, 16).ok();
    let byte = match (text, text.as_bytes()) {
        ("\\n", _) => Some(b'\n'),
        ("\\r", _) => Some(b'\r'),
        ("\\t", _) => Some(b'\t'),
        ("\\0", _) => Some(0),
        ("\\\\", _) => Some(b'\\'),
        (_, [byte]) if byte.is_ascii() => Some(*byte),
        _ => text.strip_prefix("\\x").and_then(hexadecimal),
    };
    byte.ok_or_else(|| "write one character of ASCII, \\n, \\r, \\t, \\0 or \\xHH".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_is_one_byte() {
        let written = [",", "\\n", "\\t", "\\0", "\\\\", "\\", "\\x1f", "\n"];
        let bytes = written.map(|text| delimiter(text).unwrap());
        assert_eq!(bytes, *b",\n\t\0\\\\\x1f\n");
        for wrong in ["", "ab", "\\xfff", "\\x", "\\q", "ü"] {
            assert!(delimiter(wrong).is_err(), "{wrong}");
        }
    }
}
