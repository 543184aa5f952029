//! What was typed, what it means, running it, and the exit code. Everything a person sees is written here; results go to
//! standard output, all else to standard error.

mod apply;
mod args;
mod cache;
mod closed;
mod complaint;
mod config;
mod doctor;
mod exit;
mod files;
mod generated;
mod help;
mod hint;
mod inspect;
mod interrupt;
mod job;
mod map;
mod note;
mod options;
mod output;
mod processes;
mod program;
mod progress;
mod reader;
mod reduce;
mod relay;
mod report;
mod run;
mod setup;
mod terminal;

use args::{Args, Command};
use clap::error::ErrorKind;
use std::process::ExitCode;

pub(crate) fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => return usage(&error).into(),
    };
    let subcommand = std::env::args().nth(1).unwrap_or_default();
    if closed::stdout_is_closed() && prints(&args.command) {
        complaint::line(
            "standard output is closed, and results would be lost: name a file, or /dev/null",
        );
        return exit::USAGE.into();
    }
    let code = match args.command {
        Command::Map(args) => map::run(&args),
        Command::Reduce(args) => reduce::run(&args),
        Command::Apply(args) => apply::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => generated::completions(&args),
        Command::Man(args) => generated::man(&args),
        Command::Help(args) => help::run(&args),
    };
    code.unwrap_or_else(|error| {
        let code = complaint::report(&error);
        match error.downcast_ref::<wpool::Error>() {
            Some(error) => hint::about_error(error.kind()),
            None => hint::about_usage(Some(&*subcommand).filter(|name| *name != "help")),
        }
        code
    })
    .into()
}

/// Whether standard output is where results go.
fn prints(command: &Command) -> bool {
    match command {
        Command::Map(args) => args.job.results.is_none(),
        _ => true,
    }
}

/// Help and versions are printed as they are, and errors on one line.
fn usage(error: &clap::Error) -> u8 {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // A closed terminal is nobody's problem.
        let _ = error.print();
        return exit::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return exit::USAGE;
    }
    let text = error.render().to_string();
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"));
    let is_said = |line: &&str| !line.is_empty() && !line.starts_with("For more information");
    let said: Vec<&str> = lines.filter(is_said).collect();
    let said = said.join("; ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    let said = said.replace(args::PROTECTED, "");
    complaint::line(&wpool::printable(&said));
    let typed = std::env::args().nth(1);
    hint::about_usage(typed.filter(|word| Args::has_subcommand(word)).as_deref());
    exit::USAGE
}
