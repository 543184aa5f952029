//! `--config FILE`: options that are not typed each time. Only a file that somebody names is read, never one that lies somewhere.

use super::args::Args;
use super::files;
use anyhow::{anyhow, bail};
use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory, Parser};
use std::ffi::OsString;
use std::path::Path;
use toml::{Table, Value};
use wpool::printable;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// What was typed, with the options of the file as if they had been typed before. What conflicts with what was typed is left out.
///
/// # Errors
///
/// What is wrong with the file, and where.
pub(super) fn add(path: &Path, typed: &[OsString]) -> Result<Args, clap::Error> {
    let shown = printable(&path.to_string_lossy());
    let refused = |message: String| Args::command().error(ErrorKind::InvalidValue, message);
    let text =
        read(path).map_err(|error| refused(format!("{shown}: it cannot be read: {error}")))?;
    let subcommand = typed.get(1).and_then(|typed| typed.to_str());
    let given = options(&text, subcommand.unwrap_or_default());
    let given = given.map_err(|error| refused(format!("{shown}: {error}")))?;
    let mut added = Vec::new();
    for (key, options) in given {
        match parse(typed, &options) {
            Ok(_) => added.extend(options),
            Err(error) if error.kind() == ErrorKind::ArgumentConflict => {}
            Err(error) => {
                let why = first_line(&error);
                return Err(refused(format!("{shown}: `{key}`: {why}")));
            }
        }
    }
    parse(typed, &added).map_err(|error| {
        let why = first_line(&error);
        refused(format!("{shown}: {why}"))
    })
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).into()
}

/// Reads a command line with more options right behind the subcommand.
fn parse(typed: &[OsString], options: &[OsString]) -> Result<Args, clap::Error> {
    let (first, rest) = typed.split_at(2.min(typed.len()));
    Args::try_parse_from(first.iter().chain(options).chain(rest))
}

fn read(path: &Path) -> std::io::Result<String> {
    let text = files::read_text(path, LONGEST)?;
    text.ok_or_else(|| std::io::Error::other("it is longer than 1 MiB"))
}

/// The options of a file that a subcommand has, by their keys. What only others have is for them.
fn options(text: &str, subcommand: &str) -> Result<Vec<(String, Vec<OsString>)>, anyhow::Error> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error
            .span()
            .map_or("", |span| text.get(..span.start).unwrap_or(""));
        let line = before.matches('\n').count() + 1;
        anyhow!("line {line}: {}", printable(error.message()))
    })?;
    let mut command = Args::command();
    command.build();
    let mut all = Vec::new();
    for (key, value) in &table {
        let name = key.replace('_', "-");
        let mut subcommands = command.get_subcommands();
        if !subcommands.any(|command| option(command, &name).is_some()) {
            bail!("`{}` is no option of any subcommand", printable(key));
        }
        let here = command.find_subcommand(subcommand);
        if let Some(option) = here.and_then(|command| option(command, &name)) {
            let mut options = Vec::new();
            push(&mut options, option, &name, value)?;
            all.push((name, options));
        }
    }
    Ok(all)
}

/// The option of that name that a file may give.
fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let mut options = command.get_arguments();
    let found = options.find(|option| option.get_long() == Some(name));
    found.filter(|_| !matches!(name, "help" | "version" | "config"))
}

fn push(
    options: &mut Vec<OsString>,
    option: &Arg,
    name: &str,
    value: &Value,
) -> Result<(), anyhow::Error> {
    let text = match (value, option.get_action().takes_values()) {
        (Value::Boolean(is_set), false) => {
            options.extend(is_set.then(|| format!("--{name}").into()));
            return Ok(());
        }
        (_, false) => bail!("`{name}` takes no value: write true or false"),
        (Value::Array(values), true) => {
            return values
                .iter()
                .try_for_each(|value| push(options, option, name, value));
        }
        (Value::String(text), true) => text.clone(),
        (Value::Integer(number), true) => number.to_string(),
        (Value::Float(number), true) => number.to_string(),
        (Value::Boolean(_) | Value::Datetime(_) | Value::Table(_), true) => {
            bail!("`{name}` takes a value: write a text, a number or a list of them")
        }
    };
    options.push(format!("--{name}={text}").into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Result<Vec<String>, String> {
        let options = options(text, "map").map_err(|error| error.to_string())?;
        let options = options.into_iter().flat_map(|(_, options)| options);
        Ok(options
            .map(|option| option.into_string().unwrap())
            .collect())
    }

    #[test]
    fn keys_are_options_and_values_are_spelt_as_they_would_be_typed() {
        let text = "workers = 2\ntimeout = \"2s\"\nunordered = true\ntag = false\ndir = [\"a\", \"b::/c:ro\"]\n";
        let expected = [
            "--dir=a",
            "--dir=b::/c:ro",
            "--timeout=2s",
            "--unordered",
            "--workers=2",
        ];
        let mut options = map(text).unwrap();
        options.sort();
        assert_eq!(options, expected);
        assert_eq!(map("require_full = true").unwrap(), ["--require-full"]);
    }

    #[test]
    fn what_another_subcommand_has_is_for_that_one() {
        assert_eq!(map("times = 2").unwrap(), [""; 0]);
        let given = options("times = 2", "run").unwrap();
        assert_eq!(given, [("times".into(), vec!["--times=2".into()])]);
    }

    #[test]
    fn what_is_no_option_is_refused_by_its_name_or_line() {
        for (text, why) in [
            ("timout = 2", "`timout` is no option"),
            ("config = \"other\"", "`config` is no option"),
            ("module = \"m.wasm\"", "`module` is no option"),
            ("workers = 2\nnonsense", "line 2: "),
            ("[map]\nworkers = 2", "`map` is no option"),
            ("timeout = 2020-01-01", "`timeout` takes a value"),
            ("report = true", "`report` takes a value"),
            ("unordered = 1", "`unordered` takes no value"),
        ] {
            let error = map(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
