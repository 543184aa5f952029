//! What was typed: the options, and how each is spelt.

use super::cache::CacheArgs;
use bytesize::ByteSize;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use wpool::Format;

const EXIT_CODES: &str = "\
Exit codes: 0 every task succeeded, 1 a task failed, 2 usage, or a module or input refused before any task ran,
3 confinement is not available, 130 or 143 interrupted.";

/// multiprocessing.Pool for code you do not trust: WebAssembly functions in a pool of confined processes
#[derive(Debug, Parser)]
#[command(name = "wpool", version, after_help = EXIT_CODES)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Call a function once for each input; one result a line, in input order
    Map(MapArgs),
    /// Call a function once
    Apply(ApplyArgs),
    /// Show what a module exports, how to call it, and what it imports
    Inspect(InspectArgs),
    /// List or forget what was compiled before
    Cache(CacheArgs),
    /// Report which layers of confinement hold on this machine, and how to get the missing ones
    Doctor(DoctorArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct MapArgs {
    #[command(flatten)]
    pub(super) pool: PoolArgs,
    /// Worker processes at once [default: the usable CPUs]
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(super) workers: Option<u16>,
    /// Print results as they finish, not in input order
    #[arg(long)]
    pub(super) unordered: bool,
    /// The module: Wasm, binary or text
    pub(super) module: PathBuf,
    /// One task each: the argument of a function with one parameter, a list like `2, 3` for several. Without any, the lines
    /// of standard input
    #[arg(allow_negative_numbers = true)]
    pub(super) inputs: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    pub(super) pool: PoolArgs,
    /// The module: Wasm, binary or text
    pub(super) module: PathBuf,
    /// The arguments, one for each parameter
    #[arg(allow_negative_numbers = true)]
    pub(super) arguments: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// One JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
    /// Compile the module even if it was compiled before, and do not keep the result
    #[arg(long)]
    pub(super) no_cache: bool,
    /// The module: Wasm, binary or text
    pub(super) module: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// One JSON object instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

/// What `map` and `apply` have in common.
#[derive(Debug, clap::Args)]
pub(super) struct PoolArgs {
    /// The exported function [default: the only one, else the one named like the file, else `run`]
    #[arg(short, long, value_name = "NAME")]
    pub(super) function: Option<String>,
    /// How inputs are read and results are written: text, wave or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    /// What tasks never share: process (each gets a fresh process), instance (each a fresh instance), or worker (those of a worker
    /// share its one instance, and its state)
    #[arg(long, value_name = "WHAT", default_value = "instance")]
    pub(super) isolation: Isolation,
    /// A function without parameters that prepares what tasks share: in each worker with `worker` isolation, once for all with
    /// `process`
    #[arg(long, value_name = "NAME")]
    pub(super) initializer: Option<String>,
    /// Replace a worker after so many tasks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) recycle_after: Option<u32>,
    /// Wall time of one task, such as 2s or 500ms, or none
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub(super) timeout: Limit<Duration>,
    /// Memory of one task, such as 64MiB, or none
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    pub(super) memory: Limit<u64>,
    /// Fuel of one task, a number of instructions or so, or none; code that counts fuel is slower
    #[arg(long, value_name = "N", default_value = "none", value_parser = number)]
    pub(super) fuel: Limit<u64>,
    /// The longest arguments of one task, or none
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub(super) argument_limit: Limit<u64>,
    /// The longest result of one task, or none
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub(super) output_limit: Limit<u64>,
    /// Wall time of compiling the module, or none
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = time)]
    pub(super) compile_timeout: Limit<Duration>,
    /// Memory of compiling the module, or none
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = size)]
    pub(super) compile_memory: Limit<u64>,
    /// Give the module what `wpool:plugin` has, without any keys; its log goes to standard error
    #[arg(long)]
    pub(super) log: bool,
    /// Write one JSON object for each task to FILE
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Compile the module even if it was compiled before, and do not keep the result
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Refuse to run with less than full confinement
    #[arg(long)]
    pub(super) require_full: bool,
}

/// What tasks never share, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Isolation {
    Process,
    Instance,
    Worker,
}

impl From<Isolation> for wpool::Isolation {
    fn from(isolation: Isolation) -> wpool::Isolation {
        match isolation {
            Isolation::Process => wpool::Isolation::Process,
            Isolation::Instance => wpool::Isolation::Instance,
            Isolation::Worker => wpool::Isolation::Worker,
        }
    }
}

/// A limit, which can be `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit<T>(pub(super) Option<T>);

fn limit<T, E: ToString>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Limit<T>, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    parse(text)
        .map(|value| Limit(Some(value)))
        .map_err(|error| format!("{}, or `none`", error.to_string()))
}

fn time(text: &str) -> Result<Limit<Duration>, String> {
    limit(text, |text| {
        let time = humantime::parse_duration(text)
            .map_err(|error| format!("{error}; write 2s or 500ms"))?;
        if time.is_zero() {
            Err("the limit must be more than 0".to_string())
        } else {
            Ok(time)
        }
    })
}

fn size(text: &str) -> Result<Limit<u64>, String> {
    limit(text, |text| {
        ByteSize::from_str(text)
            .map(|size| size.as_u64())
            .map_err(|_| "write a size such as 64MiB or 1000".to_string())
    })
}

fn number(text: &str) -> Result<Limit<u64>, String> {
    limit(text, |text| {
        text.parse().map_err(|_| "write a number".to_string())
    })
}

/// Put before an input that begins like a negative number and goes on, such as `-2, 3`, which would be taken for an option.
const PROTECTED: char = '\u{1}';

impl Args {
    /// Reads the command line. Negative numbers are inputs wherever they stand, and options may follow them.
    pub(super) fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
        let mut literal = false;
        let protect = |arg: OsString| {
            literal |= arg == "--";
            match arg.to_str() {
                Some(text) if !literal && begins_like_a_number(text) => {
                    format!("{PROTECTED}{text}").into()
                }
                _ => arg,
            }
        };
        let mut args = Args::try_parse_from(typed.into_iter().map(protect))?;
        let inputs = match &mut args.command {
            Command::Map(args) => &mut args.inputs,
            Command::Apply(args) => &mut args.arguments,
            _ => return Ok(args),
        };
        for input in inputs {
            if let Some(text) = input.to_str().and_then(|text| text.strip_prefix(PROTECTED)) {
                *input = text.into();
            }
        }
        Ok(args)
    }
}

fn begins_like_a_number(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') || rest == "inf" || rest == "nan"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(typed: &[&str]) -> MapArgs {
        let typed = [&["wpool", "map"], typed].concat();
        match Args::read(typed.into_iter().map(OsString::from))
            .unwrap()
            .command
        {
            Command::Map(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn negative_numbers_are_inputs_and_options_may_follow_them() {
        let args = map(&[
            "m.wasm", "3", "-5", "-1.5e3", "-2, 3", "-inf", "-.5", "-j", "2", "-7",
        ]);
        assert_eq!(
            args.inputs,
            ["3", "-5", "-1.5e3", "-2, 3", "-inf", "-.5", "-7"]
        );
        assert_eq!(args.workers, Some(2));
    }

    #[test]
    fn everything_is_an_input_after_two_hyphens() {
        let args = map(&["m.wasm", "--", "-j", "2", "-2, 3"]);
        assert_eq!(args.inputs, ["-j", "2", "-2, 3"]);
        assert_eq!(args.workers, None);
    }

    #[test]
    fn an_unknown_option_is_no_input() {
        let typed = ["wpool", "map", "m.wasm", "1", "--timout", "2s"].map(OsString::from);
        let error = Args::read(typed).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::UnknownArgument);
    }

    #[test]
    fn a_limit_is_a_value_or_none() {
        assert_eq!(time("500ms"), Ok(Limit(Some(Duration::from_millis(500)))));
        assert_eq!(size("64MiB"), Ok(Limit(Some(64 << 20))));
        assert_eq!(size("1000"), Ok(Limit(Some(1000))));
        assert_eq!(number("none"), Ok(Limit(None)));
        assert!(time("0s").unwrap_err().contains("more than 0"));
        assert!(size("many").unwrap_err().ends_with("or `none`"));
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
