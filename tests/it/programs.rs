//! WASI programs and other modules that import WASI: run with their streams, mapped over inputs, with what they are given and no
//! more.

mod files;
mod given;
mod mapped;
mod outside;
mod refused;
mod streams;
mod warm;

use crate::support::{guest, wpool};
use std::process::Command;

/// The same program as a module of preview 1, and as a component of WASI 0.2.
const BOTH: [&str; 2] = ["tool", "tool-p2"];

/// `wpool run OPTIONS MODULE -- WORDS`.
fn run_tool(options: &[&str], module: &str, words: &[&str]) -> Command {
    let mut command = wpool();
    command.arg("run").args(options).arg(guest(module));
    command.arg("--").args(words);
    command
}
