//! Programs as functions: how inputs become arguments or standard input, and how what they write is shown.

use super::complaint;
use super::output::Shape;
use anyhow::{anyhow, bail};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use wpool::{FailureKind, Format, Function, Outcome, Param, PluginHandle, Type, Value, printable};

/// What stands for an input among the arguments.
const PLACE: &[u8] = b"{}";

/// How much of what a task wrote to standard error is shown, in bytes.
const SHOWN: usize = 4096;

/// How the inputs of a function become its arguments.
pub(super) enum Inputs {
    /// They are written as its parameters are.
    Typed(Format),
    /// They are words for a program.
    Words(Words),
}

/// Where in a command line an input goes.
#[derive(Clone)]
pub(super) struct Words {
    format: Format,
    arguments: Vec<Vec<u8>>,
    to_stdin: bool,
}

impl Inputs {
    /// For the chosen function: that of the program, or any other.
    pub(super) fn of(
        pool: &PluginHandle,
        function: &Function,
        format: Format,
        arguments: &[OsString],
        to_stdin: bool,
    ) -> Result<Inputs, anyhow::Error> {
        if pool.program() == Some(function) {
            let arguments = arguments.iter().cloned().map(OsStringExt::into_vec);
            return Ok(Inputs::Words(Words {
                format,
                arguments: arguments.collect(),
                to_stdin,
            }));
        }
        let name = printable(&function.name);
        if to_stdin {
            bail!("--stdin is for programs, and `{name}` is a function: it has parameters");
        }
        if !arguments.is_empty() {
            bail!(
                "--arg is for programs, and `{name}` is a function: its arguments are the inputs"
            );
        }
        Ok(Inputs::Typed(format))
    }

    /// One input of `map`.
    pub(super) fn parse(
        &self,
        function: &Function,
        input: &[u8],
    ) -> Result<Vec<Value>, anyhow::Error> {
        match self {
            Inputs::Typed(format) => Ok(format.parse_input(&function.params, input)?),
            Inputs::Words(words) => Ok(words.place(read(words.format, input)?)),
        }
    }

    /// One input of `map` that is in parts already: one for each parameter, or word.
    pub(super) fn parse_parts(
        &self,
        function: &Function,
        parts: &[&[u8]],
    ) -> Result<Vec<Value>, anyhow::Error> {
        match self {
            Inputs::Typed(format) => Ok(format.parse_args(&function.params, parts)?),
            Inputs::Words(words) => {
                let parts = parts.iter().map(|part| part.to_vec());
                Ok(words.place(parts.collect()))
            }
        }
    }
}

impl Words {
    fn place(&self, inputs: Vec<Vec<u8>>) -> Vec<Value> {
        if self.to_stdin {
            let stdin = inputs.join(&b' ');
            return called_with(self.arguments.clone(), stdin);
        }
        let is_place = |word: &Vec<u8>| find(word, PLACE).is_some();
        if !self.arguments.iter().any(is_place) {
            let arguments = self.arguments.iter().cloned().chain(inputs);
            return called_with(arguments.collect(), Vec::new());
        }
        let input = inputs.join(&b' ');
        let arguments = self
            .arguments
            .iter()
            .map(|word| replace(word, PLACE, &input));
        called_with(arguments.collect(), Vec::new())
    }
}

/// Whether an input has a place among the arguments.
pub(super) fn have_place(arguments: &[OsString]) -> bool {
    let arguments = arguments.iter().cloned().map(OsStringExt::into_vec);
    arguments
        .into_iter()
        .any(|word| find(&word, PLACE).is_some())
}

/// An input as words: in `text` it is one, as it is; in the others a string, or a list of them.
fn read(format: Format, input: &[u8]) -> Result<Vec<Vec<u8>>, anyhow::Error> {
    if format == Format::Text {
        return Ok(vec![input.to_vec()]);
    }
    let as_one = |ty| {
        let param = Param {
            name: "input".into(),
            ty,
        };
        format.parse_args(&[param], &[input])
    };
    let values = match as_one(Type::String) {
        Ok(values) => values,
        Err(error) => match as_one(Type::List(Box::new(Type::String))) {
            Ok(values) => values,
            Err(_) => return Err(anyhow!("{error}, nor a list of strings")),
        },
    };
    let words = values.into_iter().flat_map(|value| match value {
        Value::List(values) => values,
        value => vec![value],
    });
    Ok(words
        .filter_map(|word| match word {
            Value::String(text) => Some(text.into_bytes()),
            _ => None,
        })
        .collect())
}

/// The arguments of a program's function.
pub(super) fn called_with(arguments: Vec<Vec<u8>>, stdin: Vec<u8>) -> Vec<Value> {
    let words = arguments.into_iter().map(Value::Bytes);
    vec![Value::List(words.collect()), Value::Bytes(stdin)]
}

fn find(within: &[u8], part: &[u8]) -> Option<usize> {
    within.windows(part.len()).position(|window| window == part)
}

/// The word with each `part` replaced.
pub(super) fn replace(word: &[u8], part: &[u8], by: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = word;
    while let Some(at) = find(rest, part) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(by);
        rest = &rest[at + part.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

/// What a program wrote, as a result: as it is in `text`; in the others as a string where it is one, else as bytes.
pub(super) fn print(format: Format, written: &[u8], line: &mut Vec<u8>) {
    if format == Format::Text {
        line.extend_from_slice(written);
        if !written.is_empty() && !written.ends_with(b"\n") {
            line.push(b'\n');
        }
        return;
    }
    let (ty, value) = match std::str::from_utf8(written) {
        Ok(text) => (Type::String, Value::String(text.into())),
        Err(_) => (
            Type::List(Box::new(Type::U8)),
            Value::Bytes(written.to_vec()),
        ),
    };
    format.print(Some(&ty), Some(&value), line);
    line.push(b'\n');
}

/// Shows what a task wrote besides its result: each line with the task's number.
pub(super) fn show_written(number: u64, shape: Shape<'_>, outcome: &Outcome) {
    let exited = matches!(&outcome.result, Err(failure) if failure.kind() == FailureKind::Exit);
    let stdout = match shape.is_program && exited {
        true => &[][..],
        false => &outcome.stdout,
    };
    for (stream, bytes) in [(" (stdout)", stdout), ("", &outcome.stderr)] {
        let shown = &bytes[..bytes.len().min(SHOWN)];
        for line in String::from_utf8_lossy(shown).lines() {
            // Only a tab is as harmless as what it would be escaped to.
            let line = printable(&line.replace('\t', "    "));
            complaint::line(&format!("task {number}{stream}: {line}"));
        }
        let more = bytes.len() - shown.len();
        if more > 0 {
            complaint::line(&format!("task {number}{stream}: … and {more} more bytes"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(arguments: &[&str], to_stdin: bool, format: Format) -> Words {
        Words {
            format,
            arguments: arguments
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect(),
            to_stdin,
        }
    }

    fn placed(words: &Words, input: &str) -> (Vec<String>, String) {
        let values = words.place(read(words.format, input.as_bytes()).unwrap());
        let text = |value: &Value| match value {
            Value::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            other => panic!("{other:?}"),
        };
        let [Value::List(arguments), stdin] = &values[..] else {
            panic!("{values:?}")
        };
        (arguments.iter().map(text).collect(), text(stdin))
    }

    fn expected(arguments: &[&str], stdin: &str) -> (Vec<String>, String) {
        let arguments = arguments.iter().map(ToString::to_string);
        (arguments.collect(), stdin.to_string())
    }

    #[test]
    fn an_input_is_the_last_argument_or_where_its_place_is_or_standard_input() {
        let last = words(&["-n"], false, Format::Text);
        assert_eq!(placed(&last, "a b"), expected(&["-n", "a b"], ""));
        let within = words(&["--of={}", "x", "{}{}"], false, Format::Text);
        assert_eq!(placed(&within, "a"), expected(&["--of=a", "x", "aa"], ""));
        let stdin = words(&["-n"], true, Format::Text);
        assert_eq!(placed(&stdin, "a b"), expected(&["-n"], "a b"));
    }

    #[test]
    fn in_json_an_input_is_a_string_or_several_arguments() {
        let json = words(&["-n"], false, Format::Json);
        assert_eq!(placed(&json, r#""a b""#), expected(&["-n", "a b"], ""));
        assert_eq!(
            placed(&json, r#"["a", "b"]"#),
            expected(&["-n", "a", "b"], "")
        );
        let error = read(json.format, b"7").unwrap_err().to_string();
        assert!(error.contains("nor a list of strings"), "{error}");
    }

    #[test]
    fn what_a_program_writes_ends_with_a_line_break_once() {
        let printed = |format, written: &[u8]| {
            let mut line = Vec::new();
            print(format, written, &mut line);
            String::from_utf8(line).unwrap()
        };
        assert_eq!(printed(Format::Text, b"a"), "a\n");
        assert_eq!(printed(Format::Text, b"a\n"), "a\n");
        assert_eq!(printed(Format::Text, b""), "");
        assert_eq!(printed(Format::Json, b"a\n"), "\"a\\n\"\n");
        assert_eq!(printed(Format::Json, b"\xff"), "[255]\n");
    }
}
