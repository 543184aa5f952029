//! `wpool run`: a program in a confined process, with its standard streams passed on.

use super::args::RunArgs;
use super::files::Granted;
use super::interrupt::Interrupt;
use super::program::{called_with, replace};
use super::relay::{Manner, Relay};
use super::report::Report;
use super::setup::{self, Asked, Refused};
use super::{complaint, exit, hint};
use anyhow::bail;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use wpool::{FailureKind, Isolation, Order, Outcomes, printable};

/// What stands for the number of a run among its arguments.
const NUMBER: &[u8] = b"{#}";

pub(super) fn run(args: &RunArgs) -> Result<u8, Refused> {
    let interrupt = Interrupt::listen()?;
    let mut report = Report::create(
        args.place.report.as_deref(),
        false,
        &Granted::of(&args.grants.dir),
    )?;
    let times = usize::from(args.times);
    let relay = Relay::new(Manner {
        by_lines: times > 1,
        tagged: args.tag,
    });
    let asked = Asked {
        module: &args.module,
        limits: &args.limits,
        grants: &args.grants,
        place: &args.place,
        timeout: None,
        workers: Some(times),
    };
    let pool = setup::pool(&asked, &interrupt, |builder| {
        builder.isolation(Isolation::Process).stdio(relay.clone())
    })?;
    let Some(program) = pool.program() else {
        let module = printable(&args.module.to_string_lossy());
        bail!(
            "{module}: it is no program of WASI; wpool inspect shows its functions, wpool apply calls one"
        )
    };
    let (mut inputs, outcomes) = pool.stream(&program.name, Order::Input)?;
    for number in 1..=times {
        let words = args.grants.args.iter().chain(&args.arguments);
        let number = number.to_string();
        let words = words.map(|word| replace(word.as_bytes(), NUMBER, number.as_bytes()));
        inputs.send(&called_with(words.collect(), Vec::new()))?;
    }
    drop(inputs);
    let code = wait(
        outcomes,
        &args.module,
        times,
        &relay,
        &mut report,
        &interrupt,
    )?;
    report.finish()?;
    drop(pool);
    Ok(interrupt.exit_code().unwrap_or(code))
}

/// Waits for all of them; the code of the first that did not succeed.
fn wait(
    outcomes: Outcomes,
    module: &Path,
    times: usize,
    relay: &Relay,
    report: &mut Report,
    interrupt: &Interrupt,
) -> Result<u8, Refused> {
    let mut code = exit::SUCCESS;
    for (index, outcome) in outcomes {
        let number = index + 1;
        report.add(number, &outcome)?;
        // Where nobody reads it there is nobody to tell.
        let _ = relay.finish(number);
        let Err(failure) = outcome.result else {
            continue;
        };
        if failure.kind() == FailureKind::Cancelled && interrupt.exit_code().is_some() {
            continue;
        }
        if failure.kind() != FailureKind::Exit {
            let module = printable(&module.to_string_lossy());
            let number = if times > 1 {
                format!(" (run {number})")
            } else {
                String::new()
            };
            complaint::line(&format!("{module}{number}: {failure}"));
            complaint::backtrace(&failure);
            hint::about_single_failure(failure.kind());
        }
        if code == exit::SUCCESS {
            code = exit::of_failure(&failure);
        }
    }
    Ok(code)
}
