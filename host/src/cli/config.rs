//! `--config FILE`: options that are not typed each time. Only a file that somebody names is read, never one that lies somewhere.

use super::args::Args;
use anyhow::{Context, anyhow, bail};
use clap::{Command, CommandFactory};
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use toml::{Table, Value};
use wpool::printable;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// What was typed, with the options of the file right behind the subcommand.
///
/// # Errors
///
/// What is wrong with the file, and where.
pub(super) fn add(path: &Path, mut typed: Vec<OsString>) -> Result<Vec<OsString>, anyhow::Error> {
    let shown = printable(&path.to_string_lossy());
    let text = read(path).with_context(|| format!("{shown}: it cannot be read"))?;
    let subcommand = typed.get(1).and_then(|typed| typed.to_str());
    let options = options(&text, subcommand.unwrap_or_default());
    let options = options.map_err(|error| anyhow!("{shown}: {error}"))?;
    let at = 2.min(typed.len());
    typed.splice(at..at, options);
    Ok(typed)
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    if file.take(LONGEST + 1).read_to_string(&mut text)? as u64 > LONGEST {
        return Err(std::io::Error::other("it is longer than 1 MiB"));
    }
    Ok(text)
}

/// The options of a file that a subcommand has. What only others have is for them.
fn options(text: &str, subcommand: &str) -> Result<Vec<OsString>, anyhow::Error> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error
            .span()
            .map_or("", |span| text.get(..span.start).unwrap_or(""));
        let line = before.matches('\n').count() + 1;
        anyhow!("line {line}: {}", printable(error.message()))
    })?;
    let mut command = Args::command();
    command.build();
    let mut options = Vec::new();
    for (key, value) in &table {
        let name = key.replace('_', "-");
        let is_one = |command: &Command| has(command, &name);
        if !command.get_subcommands().any(is_one) {
            bail!("`{}` is no option of any subcommand", printable(key));
        }
        if command.find_subcommand(subcommand).is_some_and(is_one) {
            push(&mut options, &name, value)?;
        }
    }
    Ok(options)
}

/// Whether a subcommand has an option that a file may give.
fn has(command: &Command, name: &str) -> bool {
    let mut options = command.get_arguments().filter_map(clap::Arg::get_long);
    !matches!(name, "help" | "version" | "config") && options.any(|option| option == name)
}

fn push(options: &mut Vec<OsString>, name: &str, value: &Value) -> Result<(), anyhow::Error> {
    let text = match value {
        Value::Boolean(true) => {
            options.push(format!("--{name}").into());
            return Ok(());
        }
        Value::Boolean(false) => return Ok(()),
        Value::Array(values) => {
            return values
                .iter()
                .try_for_each(|value| push(options, name, value));
        }
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Datetime(_) | Value::Table(_) => {
            bail!("`{name}` is a date or a table: write a text, a number, true or a list of them")
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
        let options = options
            .into_iter()
            .map(|option| option.into_string().unwrap());
        Ok(options.collect())
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
        assert_eq!(options("times = 2", "run").unwrap(), ["--times=2"]);
    }

    #[test]
    fn what_is_no_option_is_refused_by_its_name_or_line() {
        for (text, why) in [
            ("timout = 2", "`timout` is no option"),
            ("config = \"other\"", "`config` is no option"),
            ("module = \"m.wasm\"", "`module` is no option"),
            ("workers = 2\nnonsense", "line 2: "),
            ("[map]\nworkers = 2", "`map` is no option"),
            ("timeout = 2020-01-01", "`timeout` is a date"),
        ] {
            let error = map(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
