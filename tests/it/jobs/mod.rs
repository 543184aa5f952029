//! Jobs of many tasks: tables as inputs, what is written of results, early ends, and jobs that go on where they were interrupted.

mod faults;
mod results;
mod resume;
mod tables;

use crate::support::{guest, wpool};
use std::process::Command;

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
