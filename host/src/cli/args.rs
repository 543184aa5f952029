//! What was typed: the options, and how each is spelt.

use super::cache::CacheArgs;
use super::config;
use super::generated::{CompletionsArgs, ManArgs};
use super::help::{self, HelpArgs};
use super::map::options::{InputArgs, JobArgs, ProgressArgs, RetryArgs};
use super::options::{GrantArgs, LimitArgs, PlaceArgs, PoolArgs};
use super::processes::ProcessArgs;
use clap::{ArgAction, Args as _, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use wpool::Order;

const EXIT_CODES: &str = "\
Ideas: wpool help isolation, limits, values or jobs.
Exit codes: 0 every task succeeded, 1 a task failed, 2 usage, or a module or
input refused before any task ran, 3 confinement is not available, 129, 130 or
143 interrupted.";

/// multiprocessing.Pool for code you do not trust: WebAssembly functions in a pool of confined processes
#[derive(Debug, Parser)]
#[command(name = "wpool", version, after_help = EXIT_CODES, disable_help_flag = true, disable_help_subcommand = true, args_override_self = true)]
pub(super) struct Args {
    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort, hide_short_help = true)]
    help: Option<bool>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Call a function for each input; one result a line, in order
    #[command(before_help = help::MAP, help_template = help::SHORT, after_help = "All options: wpool help map; what jobs can rely on: wpool help jobs")]
    Map(MapArgs),
    /// Combine all inputs into one result by a function of two
    #[command(before_help = help::REDUCE, help_template = help::SHORT, after_help = "All options: wpool help reduce")]
    Reduce(ReduceArgs),
    /// Call a function once
    #[command(before_help = help::APPLY, help_template = help::SHORT, after_help = "All options: wpool help apply")]
    Apply(ApplyArgs),
    /// Run a WASI program with its streams, and exit as it does
    #[command(before_help = help::RUN, help_template = help::SHORT, after_help = "All options: wpool help run")]
    Run(RunArgs),
    /// Show what a module exports, how to call it, and what it imports
    #[command(before_help = help::INSPECT, help_template = help::WHOLE)]
    Inspect(InspectArgs),
    /// List or forget what was compiled before
    #[command(before_help = help::CACHE, help_template = help::WHOLE)]
    Cache(CacheArgs),
    /// Report which layers of confinement hold on this machine
    #[command(before_help = help::DOCTOR, help_template = help::WHOLE)]
    Doctor(DoctorArgs),
    /// Print a script that completes words in a shell
    #[command(before_help = help::COMPLETIONS, help_template = help::WHOLE)]
    Completions(CompletionsArgs),
    /// Write the manual pages into a directory
    #[command(before_help = help::MAN, help_template = help::WHOLE)]
    Man(ManArgs),
    /// Explain a subcommand with all its options, or an idea
    #[command(before_help = help::HELP, help_template = help::WHOLE)]
    Help(HelpArgs),
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
    #[command(flatten)]
    pub(super) source: InputArgs,
    #[command(flatten)]
    pub(super) job: JobArgs,
    /// For a program: give it each input as its standard input, not as its last argument
    #[arg(hide_short_help = true, long)]
    pub(super) stdin: bool,
    /// For a program: run it once up to where it reads its standard input, and each input in a fork from there; implies --stdin
    #[arg(hide_short_help = true, long)]
    pub(super) warm: bool,
    /// The module: Wasm, binary or text
    pub(super) module: PathBuf,
    /// One task each: the argument of a function with one parameter, a list like `2, 3` for several; for a program its last argument,
    /// or what `{}` in an --arg stands for. Without any, the lines of --input or of standard input
    #[arg(allow_negative_numbers = true)]
    pub(super) inputs: Vec<OsString>,
}

impl MapArgs {
    /// In which order outcomes are wanted. Files need none.
    pub(super) fn order(&self) -> Order {
        match self.unordered || self.job.results.is_some() {
            true => Order::Completion,
            false => Order::Input,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct ReduceArgs {
    #[command(flatten)]
    pub(super) pool: PoolArgs,
    /// Worker processes at once [default: the usable CPUs]
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(super) workers: Option<u16>,
    #[command(flatten)]
    pub(super) source: InputArgs,
    #[command(flatten)]
    pub(super) retry: RetryArgs,
    #[command(flatten)]
    pub(super) progress: ProgressArgs,
    /// The module: Wasm, binary or text
    pub(super) module: PathBuf,
    /// The values to combine. Without any, the lines of --input or of standard input
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
pub(super) struct RunArgs {
    /// Run it so many times at once. `{#}` in an argument is the number of the run; there is no standard input then
    #[arg(short = 'n', long = "times", value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(super) times: u16,
    /// Begin each line with the number of its run and a tab
    #[arg(long)]
    pub(super) tag: bool,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
    #[command(flatten)]
    pub(super) grants: GrantArgs,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    /// The program: Wasm, binary or text
    pub(super) module: PathBuf,
    /// Its arguments: all that comes after it, with or without `--` between
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) arguments: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// One JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
    /// Compile the module even if it was compiled before, and do not keep the result
    #[arg(hide_short_help = true, long)]
    pub(super) no_cache: bool,
    /// The module: Wasm, binary or text
    pub(super) module: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// One JSON object instead of a table
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) processes: ProcessArgs,
}

/// Put before an input that begins like a negative number and goes on, such as `-2, 3`, which would be taken for an option.
pub(super) const PROTECTED: char = '\u{1}';

impl Args {
    /// Reads the command line. Negative numbers are inputs wherever they stand, and options may follow them; but `map -0` is the option.
    pub(super) fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
        let typed: Vec<OsString> = typed.into_iter().collect();
        let has_null = typed
            .get(1)
            .is_some_and(|command| command == "map" || command == "reduce");
        let mut literal = false;
        let protect = |arg: OsString| -> Vec<OsString> {
            literal |= arg == "--";
            match arg.to_str() {
                _ if literal => vec![arg],
                // As it is, it would be taken for a number.
                Some("-0") if has_null => vec!["--null".into()],
                Some(text) if has_null && has_more_flags(text) => {
                    vec!["--null".into(), format!("-{}", &text[2..]).into()]
                }
                Some(text) if begins_like_a_number(text) => {
                    vec![format!("{PROTECTED}{text}").into()]
                }
                _ => vec![arg],
            }
        };
        let typed: Vec<OsString> = typed.into_iter().flat_map(protect).collect();
        let mut args = match Args::of_one(&typed) {
            Some(args) => args,
            None => Args::try_parse_from(&typed)?,
        };
        if let Some(path) = args.config() {
            args = config::add(path, &typed)?;
        }
        let mut inputs: Vec<&mut OsString> = match &mut args.command {
            Command::Map(args) => args
                .pool
                .grants
                .args
                .iter_mut()
                .chain(&mut args.inputs)
                .collect(),
            Command::Reduce(args) => args.inputs.iter_mut().collect(),
            Command::Apply(args) => {
                let words = args.pool.grants.args.iter_mut();
                words.chain(&mut args.arguments).collect()
            }
            Command::Run(args) => args
                .grants
                .args
                .iter_mut()
                .chain(&mut args.arguments)
                .collect(),
            _ => return Ok(args),
        };
        for input in &mut inputs {
            if let Some(text) = input.to_str().and_then(|text| text.strip_prefix(PROTECTED)) {
                **input = text.into();
            }
        }
        Ok(args)
    }
}

/// Whether -0 is written together with other options.
fn has_more_flags(text: &str) -> bool {
    let next = text.strip_prefix("-0").and_then(|rest| rest.chars().next());
    next.is_some_and(|next| matches!(next, 'a' | 'd' | 'f' | 'j'))
}

impl Args {
    /// The same for the one subcommand that has most options, without the others, which take longer to describe than a pool takes
    /// to run a task. What is not right is for all of them to explain.
    fn of_one(typed: &[OsString]) -> Option<Args> {
        let (_, typed) = typed
            .split_first()
            .filter(|(_, rest)| rest.first().is_some_and(|subcommand| subcommand == "map"))?;
        let alone = clap::Command::new("map")
            .disable_help_flag(true)
            .args_override_self(true);
        let matches = MapArgs::augment_args(alone).try_get_matches_from(typed);
        let args = MapArgs::from_arg_matches(&matches.ok()?).ok()?;
        Some(Args {
            help: None,
            command: Command::Map(args),
        })
    }

    pub(super) fn has_subcommand(name: &str) -> bool {
        Args::command().find_subcommand(name).is_some()
    }

    /// The file with more options.
    fn config(&self) -> Option<&Path> {
        let place = match &self.command {
            Command::Map(args) => &args.pool.place,
            Command::Reduce(args) => &args.pool.place,
            Command::Apply(args) => &args.pool.place,
            Command::Run(args) => &args.place,
            _ => return None,
        };
        place.config.as_deref()
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
    fn a_subcommand_by_itself_is_read_as_among_the_others() {
        let lines = [
            "wpool map m.wasm",
            "wpool map m.wasm 1 2 -- -3",
            "wpool map -j 2 m.wasm --timeout 1s -j 3 --unordered --keep 1",
            "wpool map m.wasm --isolation worker --input f --retries 2 x",
        ];
        for line in lines {
            let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let among = Args::try_parse_from(&typed).ok();
            let alone = Args::of_one(&typed);
            assert_eq!(format!("{alone:?}"), format!("{among:?}"), "{line}");
        }
        for line in [
            "wpool map",
            "wpool map -h",
            "wpool map m.wasm --nonsense",
            "wpool apply m.wasm",
        ] {
            let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert!(Args::of_one(&typed).is_none(), "{line}");
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
        let args = map(&["m.wasm", "--", "-j", "2", "-2, 3", "-0"]);
        assert_eq!(args.inputs, ["-j", "2", "-2, 3", "-0"]);
        assert_eq!((args.workers, args.source.null), (None, false));
    }

    #[test]
    fn inputs_end_with_a_byte_0_where_map_is_told_so_and_others_take_it_for_a_number() {
        let args = map(&["m.wasm", "-0.0", "-0"]);
        assert!(args.source.null);
        let together = map(&["m.wasm", "-0a", "file", "--arg", "-5"]);
        assert!(together.source.null && together.source.input == [Path::new("file")]);
        assert_eq!(together.pool.grants.args, ["-5"]);
        assert_eq!(args.inputs, ["-0.0"]);
        let typed = ["wpool", "apply", "m.wasm", "-0"].map(OsString::from);
        match Args::read(typed).unwrap().command {
            Command::Apply(args) => assert_eq!(args.arguments, ["-0"]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_comes_after_a_program_is_the_programs() {
        let run = |typed: &[&str]| {
            let typed = [&["wpool", "run", "--tag", "p.wasm"], typed].concat();
            match Args::read(typed.into_iter().map(OsString::from))
                .unwrap()
                .command
            {
                Command::Run(args) => (args.tag, args.arguments),
                other => panic!("{other:?}"),
            }
        };
        let words = ["-e", "puts 1", "--timeout", "-5"];
        let expected = words.map(OsString::from).to_vec();
        assert_eq!(run(&words), (true, expected.clone()));
        assert_eq!(run(&[&["--"][..], &words].concat()), (true, expected));
        let kept = [OsString::from("a"), "--".into(), "b".into()];
        assert_eq!(run(&["a", "--", "b"]), (true, kept.to_vec()));
        assert_eq!(run(&[]), (true, Vec::new()));
    }

    #[test]
    fn an_unknown_option_is_no_input() {
        let typed = ["wpool", "map", "m.wasm", "1", "--timout", "2s"].map(OsString::from);
        let error = Args::read(typed).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::UnknownArgument);
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
