//! `wpool map`: inputs in, one result a line out.

use super::args::MapArgs;
use super::inputs::{Line, Sources, next_line};
use super::interrupt::Interrupt;
use super::report::Report;
use super::setup::{self, Asked, Refused};
use super::terminal::harmless;
use super::{complaint, exit, program};
use anyhow::anyhow;
use std::ffi::OsString;
use std::io::{self, BufReader, BufWriter, ErrorKind, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStrExt;
use wpool::{
    Builder, Closed, Failure, FailureKind, Format, Function, Inputs, Order, Outcome, Outcomes,
    Value, printable,
};

/// Errors about inputs that are written before the others are only counted.
const COMPLAINTS: usize = 20;

pub(super) fn run(args: &MapArgs) -> Result<u8, Refused> {
    let interrupt = Interrupt::listen()?;
    let longest = args.pool.limits.argument_limit.0.unwrap_or(u64::MAX);
    let sources = Sources::of(&args.source, longest)?;
    let mut report = Report::create(args.pool.place.report.as_deref())?;
    let workers = args.workers.map(usize::from);
    let asked = Asked::of(&args.module, &args.pool, workers);
    let words = &args.pool.grants.args;
    if (args.stdin || args.warm) && program::have_place(words) {
        return Err(anyhow!(
            "each input is standard input (--stdin or --warm): leave out the {{}} in --arg, or the option"
        ));
    }
    let pool = setup::pool(&asked, &interrupt, |builder| {
        let builder = setup::functions(&args.pool)(builder);
        if !args.warm {
            return builder;
        }
        // Its arguments are those of all tasks.
        words.iter().fold(builder.warm(), Builder::arg)
    })?;
    let function = pool
        .function(args.pool.function.as_deref())
        .map_err(|error| complaint::about_module(&args.module, error))?
        .clone();
    let order = if args.unordered {
        Order::Completion
    } else {
        Order::Input
    };
    let (inputs, outcomes) = pool.stream(&function.name, order)?;
    let format = args.pool.format;
    let words = if args.warm { &[] } else { &words[..] };
    let read = program::Inputs::of(&pool, &function, format, words, args.stdin || args.warm)?;
    if args.inputs.is_empty() {
        feed(move || from_sources(inputs, &sources, &read))?;
    } else if args.source.files {
        sources.check(&args.inputs)?;
        let paths = args.inputs.clone();
        feed(move || from_paths(inputs, &paths, &sources, &read))?;
    } else {
        let parsed = parse_all(&args.inputs, &inputs, &read)?;
        feed(move || from_arguments(inputs, &parsed))?;
    }
    let shape = Shape {
        function: &function,
        format,
        is_program: pool.program() == Some(&function),
        is_warm: args.warm,
    };
    let printed = print(outcomes, shape, &mut report, &interrupt)
        .and_then(|code| report.finish().map(|()| code));
    drop(pool);
    // Tasks have run, so what goes wrong with their results is not a matter of usage.
    let code = printed.unwrap_or_else(|error| {
        complaint::report(&error);
        exit::FAILED
    });
    Ok(interrupt.exit_code().unwrap_or(code))
}

/// Every input of the command line, checked before any runs.
fn parse_all(
    typed: &[OsString],
    inputs: &Inputs,
    read: &program::Inputs,
) -> Result<Vec<Vec<Value>>, Refused> {
    let function = inputs.function();
    let mut parsed = Vec::with_capacity(typed.len());
    let mut wrong = 0;
    let mut last = None;
    for (index, input) in typed.iter().enumerate() {
        let values = read.parse(function, input.as_bytes());
        let values = values
            .map_err(|error| error.to_string())
            .and_then(|values| {
                let sendable = inputs.check(&values);
                sendable.map_err(|failure| failure.message().to_string())?;
                Ok(values)
            });
        match values {
            Ok(values) => parsed.push(values),
            Err(error) => {
                wrong += 1;
                if let Some(message) = last.replace(format!("input {}: {error}", index + 1))
                    && wrong <= COMPLAINTS
                {
                    complaint::line(&message);
                }
            }
        }
    }
    match last {
        None => Ok(parsed),
        Some(message) if wrong <= COMPLAINTS => Err(anyhow!(message)),
        Some(_) => Err(anyhow!(
            "{wrong} inputs do not fit `{}`",
            printable(&function.to_string())
        )),
    }
}

/// Inputs are sent by a thread of their own: results are printed while it waits for input or for room.
fn feed(feeder: impl FnOnce() + Send + 'static) -> Result<(), Refused> {
    std::thread::Builder::new()
        .name("wpool-inputs".into())
        .spawn(feeder)
        .map_err(wpool::Error::from)?;
    Ok(())
}

fn from_arguments(mut inputs: Inputs, parsed: &[Vec<Value>]) {
    for values in parsed {
        // Nobody wants more results.
        if inputs.send(values).is_err() {
            return;
        }
    }
}

fn from_paths(mut inputs: Inputs, paths: &[OsString], sources: &Sources, read: &program::Inputs) {
    for path in paths {
        if send(&mut inputs, sources, read, path.as_bytes()).is_err() {
            return;
        }
    }
}

fn from_sources(mut inputs: Inputs, sources: &Sources, read: &program::Inputs) {
    for source in sources.open_each() {
        let sent = source
            .map_err(|error| format!("{error:#}"))
            .map(|source| from_source(&mut inputs, source, sources, read));
        // The place of what could not be opened.
        if sent
            .unwrap_or_else(|message| inputs.fail(bad(message)))
            .is_err()
        {
            return;
        }
    }
}

fn from_source(
    inputs: &mut Inputs,
    mut source: BufReader<Box<dyn Read>>,
    sources: &Sources,
    read: &program::Inputs,
) -> Result<(), Closed> {
    let mut line = Vec::new();
    let (delimiter, longest) = (sources.delimiter, sources.longest);
    loop {
        // What was read is worked on while this waits for the next one.
        if !source.buffer().contains(&delimiter) {
            inputs.flush();
        }
        match next_line(&mut source, &mut line, delimiter, longest) {
            Ok(None) => return Ok(()),
            Ok(Some(Line::TooLong)) => inputs.fail(bad(format!(
                "the line is longer than the limit of {longest} bytes"
            )))?,
            Ok(Some(Line::Text)) => send(inputs, sources, read, &line)?,
            // The place of the line that could not be read.
            Err(error) => {
                return inputs.fail(bad(format!("the inputs cannot be read: {error}")));
            }
        }
    }
}

/// One input, or the failure that it is.
fn send(
    inputs: &mut Inputs,
    sources: &Sources,
    read: &program::Inputs,
    input: &[u8],
) -> Result<(), Closed> {
    let parsed = match sources.content(input) {
        Ok(Some(content)) => read.parse(inputs.function(), &content),
        Ok(None) => read.parse(inputs.function(), input),
        Err(error) => Err(error),
    };
    match parsed {
        Ok(values) => inputs.send(&values),
        Err(error) => inputs.fail(bad(format!("{error:#}"))),
    }
}

fn bad(message: String) -> Failure {
    Failure::new(FailureKind::BadArgument, message)
}

/// Writes results as they come; what is written is seen at once whenever there is nothing more to write.
fn print(
    mut outcomes: Outcomes,
    shape: Shape<'_>,
    report: &mut Report,
    interrupt: &Interrupt,
) -> Result<u8, Refused> {
    let terminal = io::stdout().is_terminal();
    let mut output = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut code = exit::SUCCESS;
    let mut stopped = false;
    loop {
        let next = match outcomes.try_next() {
            Some(next) => Some(next),
            None => {
                report.finish()?;
                if closed(output.flush())? {
                    return Ok(code);
                }
                outcomes.next()
            }
        };
        let Some((index, outcome)) = next else {
            return Ok(code);
        };
        report.add(index + 1, &outcome)?;
        if stopped {
            continue;
        }
        if !(outcome.stdout.is_empty() && outcome.stderr.is_empty()) {
            let _ = output.flush();
            program::show_written(index + 1, shape, &outcome);
        }
        if let Err(failure) = &outcome.result {
            code = exit::FAILED;
            if failure.kind() == FailureKind::Cancelled && interrupt.exit_code().is_some() {
                // What comes after it in order would look as if it were complete.
                stopped = true;
                continue;
            }
            // In order with what is on standard output, where both go to one terminal.
            let _ = output.flush();
            complaint::failed(index + 1, shape, failure);
            if shape.is_warm && failure.kind() == FailureKind::Init {
                // The run that all tasks would be forks of failed: no other has a better chance.
                return Ok(code);
            }
        }
        if closed(write_result(&mut output, terminal, shape, &outcome))? {
            return Ok(code);
        }
    }
}

/// How results are written.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) function: &'a Function,
    pub(super) format: Format,
    pub(super) is_program: bool,
    /// Whether all tasks are forks of one run.
    pub(super) is_warm: bool,
}

/// Writes a value and a line break, escaped for a `terminal`; nothing for a failure without a value, unless it is a program that ended
/// by itself: what it wrote is whole.
pub(super) fn write_result(
    output: &mut impl Write,
    terminal: bool,
    shape: Shape<'_>,
    outcome: &Outcome,
) -> io::Result<()> {
    let Shape {
        function, format, ..
    } = shape;
    let mut line = Vec::with_capacity(32);
    let value = match &outcome.result {
        Ok(value) => value.as_ref(),
        Err(failure) if shape.is_program && failure.kind() == FailureKind::Exit => {
            program::print(format, &outcome.stdout, &mut line);
            return put(output, terminal, &line);
        }
        Err(failure) if format != Format::Text && failure.value().is_some() => failure.value(),
        Err(_) => return Ok(()),
    };
    match value {
        Some(Value::Bytes(written)) if shape.is_program => {
            program::print(format, written, &mut line);
        }
        value => {
            format.print(function.result.as_ref(), value, &mut line);
            line.push(b'\n');
        }
    }
    put(output, terminal, &line)
}

fn put(output: &mut impl Write, terminal: bool, line: &[u8]) -> io::Result<()> {
    match terminal {
        true => output.write_all(&harmless(line)),
        false => output.write_all(line),
    }
}

/// Whether nobody reads the output any more, as when it is piped to `head`: that is no failure.
fn closed(written: io::Result<()>) -> Result<bool, Refused> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(anyhow!("standard output cannot be written: {error}")),
    }
}
