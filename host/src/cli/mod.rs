//! What was typed, what it means, running it, and the exit code. Everything a person sees is written here; results go to
//! standard output, all else to standard error.

mod apply;
mod args;
mod cache;
mod complaint;
mod doctor;
mod exit;
mod inputs;
mod interrupt;
mod map;
mod note;
mod report;
mod setup;

use args::{Args, Command};
use clap::Parser;
use clap::error::ErrorKind;
use std::process::ExitCode;

pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors; a closed terminal is nobody's problem.
            let _ = error.print();
            let wanted = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            return if wanted { exit::SUCCESS } else { exit::USAGE }.into();
        }
    };
    let code = match args.command {
        Command::Map(args) => map::run(&args),
        Command::Apply(args) => apply::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Doctor(args) => doctor::run(&args),
    };
    code.unwrap_or_else(|error| complaint::report(&error))
        .into()
}
