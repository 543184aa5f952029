//! `wpool apply`: one call.

use super::args::ApplyArgs;
use super::interrupt::Interrupt;
use super::report::Report;
use super::setup::{self, Refused};
use super::{complaint, exit, map};
use anyhow::{anyhow, bail};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use wpool::{FailureKind, Order, printable};

pub(super) fn run(args: &ApplyArgs) -> Result<u8, Refused> {
    let interrupt = Interrupt::listen()?;
    let mut report = Report::create(args.pool.report.as_deref())?;
    let pool = setup::pool(&args.module, &args.pool, Some(1), &interrupt)?;
    let function = pool
        .function(args.pool.function.as_deref())
        .map_err(|error| complaint::about_module(&args.module, error))?
        .clone();
    let arguments: Vec<&[u8]> = args
        .arguments
        .iter()
        .map(|argument| argument.as_bytes())
        .collect();
    let format = args.pool.format;
    let arguments = format
        .parse_args(&function.params, &arguments)
        .map_err(|error| anyhow!("{}: {error}", printable(&function.name)))?;

    let (mut inputs, mut outcomes) = pool.stream(&function.name, Order::Input)?;
    inputs
        .check(&arguments)
        .map_err(|failure| anyhow!("{}: {}", printable(&function.name), failure.message()))?;
    inputs.send(&arguments)?;
    drop(inputs);
    let Some((_, outcome)) = outcomes.next() else {
        bail!("the task has no outcome")
    };
    report.add(1, &outcome)?;
    report.finish()?;
    if let Err(failure) = &outcome.result
        && !(failure.kind() == FailureKind::Cancelled && interrupt.exit_code().is_some())
    {
        complaint::failed(1, &function, failure);
    }
    let mut output = io::stdout().lock();
    let terminal = output.is_terminal();
    let written = map::write_result(&mut output, terminal, &function, format, &outcome);
    match written.and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            bail!("standard output cannot be written: {error}")
        }
        _ => {}
    }
    drop(pool);
    let code = if outcome.result.is_ok() {
        exit::SUCCESS
    } else {
        exit::FAILED
    };
    Ok(interrupt.exit_code().unwrap_or(code))
}
