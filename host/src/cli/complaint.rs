//! What is written to standard error: one line for each thing that went wrong, which says what, where and what would be right.

use super::exit;
use super::output::Shape;
use super::progress;
use super::setup::Refused;
use std::io::Write;
use std::path::Path;
use wpool::{Failure, FailureKind, Function, PluginHandle, Value, printable};

/// How much of a task's input a line shows, in characters.
const SHOWN: usize = 60;

/// Writes an error, and says what the command ends with.
pub(super) fn report(error: &Refused) -> u8 {
    match error.downcast_ref::<wpool::Error>() {
        // What was added to it repeats it.
        Some(cause) => {
            line(&error.to_string());
            exit::of_error(cause.kind())
        }
        None => {
            line(&format!("{error:#}"));
            exit::USAGE
        }
    }
}

/// Writes an error that came after tasks had run, which is not a matter of usage.
pub(super) fn after_tasks(error: &Refused) -> u8 {
    report(error);
    exit::FAILED
}

/// An error about a module; it keeps its kind.
pub(super) fn about_module(module: &Path, error: wpool::Error) -> Refused {
    let message = format!("{}: {error}", printable(&module.to_string_lossy()));
    anyhow::Error::from(error).context(message)
}

/// Writes a warning.
pub(super) fn warn(message: &str) {
    line(&format!("warning: {message}"));
}

/// Writes a line about a task that failed: its number, its input and the cause.
pub(super) fn failed(number: u64, shape: Shape<'_>, failure: &Failure) {
    line(&format!("{}: {failure}", task(number, shape, failure)));
}

/// A task that failed: its number and its input.
pub(super) fn task(number: u64, shape: Shape<'_>, failure: &Failure) -> String {
    // A bad argument's message quotes it.
    let input = match failure.kind() {
        FailureKind::BadArgument if !shape.is_program => String::new(),
        _ => shown(shape.function, shape.is_program, failure.arguments()),
    };
    format!("task {number}{input}")
}

/// Writes where code trapped.
pub(super) fn backtrace(failure: &Failure) {
    for function in failure.backtrace() {
        line(&format!("  {function}"));
    }
}

/// What a function of the pool was called with, in parentheses.
pub(super) fn shown_values(pool: &PluginHandle, function: &Function, values: &[Value]) -> String {
    shown(function, pool.program() == Some(function), values)
}

fn shown(function: &Function, is_program: bool, values: &[Value]) -> String {
    if let (true, [Value::List(words), _]) = (is_program, values) {
        return parenthesised(&command_line(words));
    }
    // A function without parameters has none.
    if values.len() != function.params.len() {
        return String::new();
    }
    let params = function.params.iter().zip(values);
    let shown = params.map(|(param, value)| value.summary(&param.ty));
    parenthesised(&shown.collect::<Vec<_>>().join(", "))
}

/// The arguments of a program as somebody might have typed them.
fn command_line(words: &[Value]) -> String {
    let words = words.iter().map(|word| match word {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A part of a line in parentheses, shortened; nothing where it is empty.
pub(super) fn parenthesised(shown: &str) -> String {
    match shown.char_indices().nth(SHOWN) {
        _ if shown.is_empty() => String::new(),
        None => format!(" ({})", printable(shown)),
        Some((end, _)) => format!(" ({}…)", printable(&shown[..end])),
    }
}

/// A line on standard error. If nobody reads it there is nobody to tell.
pub(super) fn line(message: &str) {
    let _ = progress::above(|| writeln!(std::io::stderr().lock(), "wpool: {message}"));
}
