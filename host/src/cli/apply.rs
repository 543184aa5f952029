//! `wpool apply`: one call.

use super::args::ApplyArgs;
use super::files::Granted;
use super::interrupt::Interrupt;
use super::output::{Shape, closed, put};
use super::report::Report;
use super::setup::{self, Asked, Refused};
use super::{complaint, exit, hint, program};
use anyhow::{anyhow, bail};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStrExt;
use wpool::{FailureKind, Order, printable};

pub(super) fn run(args: &ApplyArgs) -> Result<u8, Refused> {
    let interrupt = Interrupt::listen()?;
    let granted = Granted::of(&args.pool.grants.dir);
    let mut report = Report::create(args.pool.place.report.as_deref(), false, &granted)?;
    let asked = Asked::of(&args.module, &args.pool, Some(1));
    let pool = setup::pool(&asked, &interrupt, setup::functions(&args.pool))?;
    let function = pool
        .function(args.pool.function.as_deref())
        .map_err(|error| complaint::about_module(&args.module, error))?
        .clone();
    let format = args.pool.format;
    let is_program = pool.program() == Some(&function);
    let arguments = if is_program {
        let words = args.pool.grants.args.iter().chain(&args.arguments);
        let words = words.map(|word| word.as_bytes().to_vec());
        program::called_with(words.collect(), standard_input()?)
    } else {
        let words: Vec<&[u8]> = args.arguments.iter().map(|word| word.as_bytes()).collect();
        let parsed = format.parse_args(&function.params, &words);
        parsed.map_err(|error| anyhow!("{}: {error}", printable(&function.name)))?
    };

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
    let shape = Shape {
        function: &function,
        format,
        is_program,
        is_warm: false,
    };
    program::show_written(1, shape, &outcome);
    if let Err(failure) = &outcome.result
        && !(failure.kind() == FailureKind::Cancelled && interrupt.exit_code().is_some())
    {
        complaint::failed(1, shape, failure);
        complaint::backtrace(failure);
        hint::about_single_failure(failure.kind());
    }
    let mut line = Vec::new();
    shape.line(&outcome, &mut line);
    let mut output = io::stdout().lock();
    let terminal = output.is_terminal();
    closed(put(&mut output, terminal, &line).and_then(|()| output.flush()))?;
    drop(pool);
    let code = if outcome.result.is_ok() {
        exit::SUCCESS
    } else {
        exit::FAILED
    };
    Ok(interrupt.exit_code().unwrap_or(code))
}

/// What a program is to read: all that is there, unless somebody would have to type it.
fn standard_input() -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    let mut stdin = io::stdin().lock();
    if !stdin.is_terminal() {
        let read = stdin.read_to_end(&mut bytes);
        read.map_err(|error| anyhow!("standard input cannot be read: {error}"))?;
    }
    Ok(bytes)
}
