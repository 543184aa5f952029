//! Jobs of many tasks: tables as inputs, what is written of results, early ends, and jobs that go on where they were interrupted.

mod faults;
mod planted;
mod results;
mod resume;
mod safety;
mod tables;

use crate::support::{Ran, guest, wpool};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

fn map(module: &str, options: &[&str]) -> Command {
    let mut command = wpool();
    command.arg("map").args(options).arg(guest(module));
    command
}

/// Divides, and traps where it cannot.
fn divide(options: &[&str]) -> Command {
    let mut command = map("faults", &["-f", "divide"]);
    command.args(options);
    command
}

/// A folder with a joblog, and maybe results.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command with its joblog.
    fn logged(&self, command: Command, options: &[&str]) -> Command {
        let mut command = command;
        command.arg("--joblog").arg(self.path("log")).args(options);
        command
    }

    /// The sequence number, exit value and signal of each row.
    fn rows(&self) -> Vec<(u64, i32, i32)> {
        let text = fs::read_to_string(self.path("log")).unwrap();
        let rows = text.lines().skip(1).map(|row| {
            let columns: Vec<&str> = row.split('\t').collect();
            assert_eq!(columns.len(), 9, "{row}");
            let number = |at: usize| columns[at].parse().unwrap();
            (columns[0].parse().unwrap(), number(6), number(7))
        });
        rows.collect()
    }

    /// Numbers and contents of results.
    fn results(&self) -> Vec<(u64, String)> {
        let entries = fs::read_dir(self.path("results"))
            .unwrap()
            .filter_map(|entry| {
                let path = entry.unwrap().path();
                let is_result = path.extension().is_some_and(|extension| extension == "out");
                let number = path.file_stem()?.to_str()?.parse().ok()?;
                is_result.then(|| (number, fs::read_to_string(path).unwrap()))
            });
        let mut results: Vec<_> = entries.collect();
        results.sort();
        results
    }
}

/// The lines of standard output, whatever went wrong.
fn lines(ran: &Ran) -> Vec<&str> {
    ran.stdout.lines().collect()
}

/// The inputs 1 to `count`, a line each.
fn numbers(count: u64) -> String {
    (1..=count).map(|number| format!("{number}\n")).collect()
}
