//! `wpool help`, and what the help of each subcommand begins with.

use super::args::Args;
use super::exit;
use super::setup::Refused;
use anyhow::bail;
use clap::{Command, CommandFactory};
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub(super) struct HelpArgs {
    /// A subcommand, or isolation, limits, values or jobs
    topic: Option<String>,
}

/// Explanations that are no options.
const TOPICS: [(&str, &str); 4] = [
    ("isolation", include_str!("isolation.txt")),
    ("limits", include_str!("limits.txt")),
    ("values", include_str!("values.txt")),
    ("jobs", include_str!("jobs.txt")),
];

/// What `--help` of a subcommand shows: examples, how it is called, and the options that are wanted most.
pub(super) const SHORT: &str = "{before-help}{usage-heading} {usage}\n\n{options}{after-help}";

/// The same for subcommands with few options: all of them.
pub(super) const WHOLE: &str = "{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// What `help` of it shows: everything.
const LONG: &str =
    "{before-help}{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}";

pub(super) const MAP: &str = "\
Call a function once for each input; one result a line. For example:
  wpool map square.wasm 1 2 3 4 5
  seq 1 1000000 | wpool map square.wasm > squares
  wpool map --csv -a people.csv --joblog log score.wasm";

pub(super) const REDUCE: &str = "\
Combine all inputs into one result by a function of two. For example:
  wpool reduce add.wasm 1 2 3 4 5
  seq 1 1000000 | wpool reduce -f add numbers.wasm
  wpool reduce -j 8 --isolation worker -a numbers.txt add.wasm";

pub(super) const APPLY: &str = "\
Call a function once; each argument is a parameter. For example:
  wpool apply add.wasm 2 3
  wpool apply greet.wasm \"two words\"
  wpool apply -f divide --timeout 1s faults.wasm 6 3";

pub(super) const RUN: &str = "\
Run a WASI program in a confined process, and exit as it does. For example:
  wpool run hello.wasm
  wpool run --dir data:ro tool.wasm -- cat data/notes.txt
  wpool run --timeout 10s --env LANG -n 4 --tag tool.wasm args \"{#}\"";

pub(super) const INSPECT: &str = "\
Show what a module exports, how to call it, and what it imports. For example:
  wpool inspect square.wasm
  wpool inspect --json square.wasm
  wpool inspect --no-cache untrusted.wasm";

pub(super) const CACHE: &str = "\
List or forget what was compiled before. For example:
  wpool cache ls
  wpool cache clear
  XDG_CACHE_HOME=/var/tmp wpool cache ls";

pub(super) const DOCTOR: &str = "\
Report which layers of confinement hold here. For example:
  wpool doctor
  wpool doctor --json
  setpriv --reuid=65534 --clear-groups wpool doctor";

pub(super) const COMPLETIONS: &str = "\
Print what completes this command's words in a shell. For example:
  wpool completions bash > ~/.local/share/bash-completion/completions/wpool
  wpool completions zsh > ~/.zfunc/_wpool
  wpool completions fish > ~/.config/fish/completions/wpool.fish";

pub(super) const MAN: &str = "\
Write the manual pages into a directory. For example:
  wpool man ~/.local/share/man/man1
  wpool man /usr/local/share/man/man1
  wpool man .";

pub(super) const HELP: &str = "\
Explain a subcommand with all its options, or an idea. For example:
  wpool help map
  wpool help isolation
  wpool help jobs";

pub(super) fn run(args: &HelpArgs) -> Result<u8, Refused> {
    let mut command = Args::command();
    command.build();
    let Some(topic) = args.topic.as_deref() else {
        // A closed output ends it quietly.
        let _ = command.print_help();
        return Ok(exit::SUCCESS);
    };
    if let Some((_, text)) = TOPICS.iter().find(|(name, _)| *name == topic) {
        let _ = io::stdout().lock().write_all(text.as_bytes());
        return Ok(exit::SUCCESS);
    }
    match command.find_subcommand_mut(topic) {
        Some(found) => {
            let _ = found.clone().help_template(LONG).print_long_help();
            Ok(exit::SUCCESS)
        }
        None => {
            let subcommands = command.get_subcommands().map(Command::get_name);
            let names: Vec<&str> = subcommands.chain(TOPICS.map(|(name, _)| name)).collect();
            bail!(
                "there is no help on `{}`: ask for {}",
                wpool::printable(topic),
                names.join(", ")
            )
        }
    }
}
