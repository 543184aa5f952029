//! `wpool completions` and `wpool man`: what is made of the options as they are.

use super::args::Args;
use super::exit;
use super::setup::Refused;
use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell, as in: wpool completions bash > ~/.local/share/bash-completion/completions/wpool
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// Where the pages go, such as ~/.local/share/man/man1; it must exist
    directory: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<u8, Refused> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "wpool", &mut script);
    // A closed output ends it quietly.
    let _ = io::stdout().lock().write_all(&script);
    Ok(exit::SUCCESS)
}

pub(super) fn man(args: &ManArgs) -> Result<u8, Refused> {
    let written = clap_mangen::generate_to(Args::command(), &args.directory);
    let shown = wpool::printable(&args.directory.to_string_lossy());
    written.with_context(|| format!("{shown}: the manual pages cannot be written there"))?;
    Ok(exit::SUCCESS)
}
