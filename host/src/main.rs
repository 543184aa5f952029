//! The command `wpool`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    wpool::init();
    cli::main()
}
