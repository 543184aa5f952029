//! Options that several subcommands have, and how each is spelt.

use super::processes::ProcessArgs;
use bytesize::ByteSize;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use wpool::{Directory, Format, Limits};

/// What `map` and `apply` have in common.
#[derive(Debug, clap::Args)]
pub(super) struct PoolArgs {
    /// The exported function to call
    ///
    /// By default the only one, else the one named like the file, else `run`.
    #[arg(short, long, value_name = "NAME")]
    pub(super) function: Option<String>,
    /// text, wave or json
    ///
    /// How inputs and results are written: `wpool help values` explains it.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    /// process, instance or worker
    ///
    /// What tasks never share. With `process` each gets a fresh process, with `instance` a fresh instance; with `worker` those of a
    /// worker share its one instance, and its state. `wpool help isolation` says what for.
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "instance",
        hide_possible_values = true
    )]
    pub(super) isolation: Isolation,
    /// A function without parameters that prepares what tasks share: in each worker with `worker` isolation, once for all with
    /// `process`
    #[arg(hide_short_help = true, long, value_name = "NAME")]
    pub(super) initializer: Option<String>,
    /// Replace a worker after so many tasks
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) recycle_after: Option<u32>,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
    #[command(flatten)]
    pub(super) grants: GrantArgs,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

/// What a task may use.
#[derive(Debug, clap::Args)]
pub(super) struct LimitArgs {
    /// Wall time of one task, such as 2s or 500ms, or none
    ///
    /// [default: 60s; none for run]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) timeout: Option<Limit<Duration>>,
    /// Memory of one task, or none
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    pub(super) memory: Limit<u64>,
    /// How many memories the module may have, at most 64
    #[arg(hide_short_help = true, long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(super) memories: u32,
    /// Fuel of one task, a number of instructions or so, or none; code that counts fuel is slower [default: none]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = number)]
    pub(super) fuel: Option<Limit<u64>>,
    /// The longest arguments of one task, or none
    #[arg(hide_short_help = true, long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub(super) argument_limit: Limit<u64>,
    /// The longest result of one task, or none
    #[arg(hide_short_help = true, long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    pub(super) output_limit: Limit<u64>,
    /// Wall time of compiling the module, or none
    #[arg(hide_short_help = true, long, value_name = "TIME", default_value = "120s", value_parser = time)]
    pub(super) compile_timeout: Limit<Duration>,
    /// Memory of compiling the module, or none
    #[arg(hide_short_help = true, long, value_name = "SIZE", default_value = "2GiB", value_parser = size)]
    pub(super) compile_memory: Limit<u64>,
}

/// What a module may touch.
#[derive(Debug, clap::Args)]
pub(super) struct GrantArgs {
    /// An argument that each run of a program begins with; may be given several times
    #[arg(
        hide_short_help = true,
        long = "arg",
        value_name = "ARG",
        allow_hyphen_values = true
    )]
    pub(super) args: Vec<OsString>,
    /// An environment variable: NAME=VALUE, or NAME for the value that it has here; may be given several times
    #[arg(hide_short_help = true, long, value_name = "NAME[=VALUE]")]
    pub(super) env: Vec<OsString>,
    /// A directory for it; `:ro` at the end: read only
    ///
    /// HOST, which the program sees under the same path, or HOST::GUEST; with :ro at the end nothing in it can be changed. May be given
    /// several times.
    #[arg(long, value_name = "HOST[::GUEST]", value_parser = directory)]
    pub(super) dir: Vec<Directory>,
    /// Clocks stand still, random numbers are the same in every run, and fuel is the limit: the same input gives the same result
    #[arg(hide_short_help = true, long)]
    pub(super) deterministic: bool,
    /// Let the module import functions that are not granted: a call of one is a trap
    #[arg(hide_short_help = true, long)]
    pub(super) trap_missing_imports: bool,
    /// Give the module what `wpool:plugin` has, without any keys; its log goes to standard error
    #[arg(hide_short_help = true, long)]
    pub(super) log: bool,
}

/// Where things come from and go to.
#[derive(Debug, clap::Args)]
pub(super) struct PlaceArgs {
    /// Write one JSON object for each task to FILE
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Read options from FILE: TOML, with the names of options as keys
    ///
    /// What is typed counts more. A value that is true stands for an option without one, and a list for several.
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Compile the module even if it was compiled before, and do not keep the result
    #[arg(hide_short_help = true, long)]
    pub(super) no_cache: bool,
    /// Refuse to run with less than full confinement
    #[arg(hide_short_help = true, long)]
    pub(super) require_full: bool,
    #[command(flatten)]
    pub(super) processes: ProcessArgs,
}

/// What tasks never share, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Isolation {
    Process,
    Instance,
    Worker,
}

impl From<Isolation> for wpool::Isolation {
    fn from(isolation: Isolation) -> wpool::Isolation {
        match isolation {
            Isolation::Process => wpool::Isolation::Process,
            Isolation::Instance => wpool::Isolation::Instance,
            Isolation::Worker => wpool::Isolation::Worker,
        }
    }
}

/// A limit, which can be `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit<T>(pub(super) Option<T>);

fn limit<T, E: ToString>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Limit<T>, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    parse(text)
        .map(|value| Limit(Some(value)))
        .map_err(|error| format!("{}, or `none`", error.to_string()))
}

fn time(text: &str) -> Result<Limit<Duration>, String> {
    limit(text, |text| {
        let time = humantime::parse_duration(text)
            .map_err(|error| format!("{error}; write 2s or 500ms"))?;
        if time.is_zero() {
            Err("the limit must be more than 0".to_string())
        } else {
            Ok(time)
        }
    })
}

fn size(text: &str) -> Result<Limit<u64>, String> {
    limit(text, |text| {
        ByteSize::from_str(text)
            .map(|size| size.as_u64())
            .map_err(|_| "write a size such as 64MiB or 1000".to_string())
    })
}

fn directory(text: &str) -> Result<Directory, String> {
    let (text, read_only) = match text.strip_suffix(":ro") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (host, guest) = match text.split_once("::") {
        Some((host, guest)) => (host, Some(guest)),
        None => (text, None),
    };
    if host.is_empty() || guest == Some("") {
        return Err("write HOST, HOST::GUEST or HOST::GUEST:ro".into());
    }
    let directory = Directory::new(host);
    let directory = match guest {
        Some(guest) => directory.at(guest),
        None => directory,
    };
    Ok(match read_only {
        true => directory.read_only(),
        false => directory,
    })
}

fn number(text: &str) -> Result<Limit<u64>, String> {
    limit(text, |text| {
        text.parse().map_err(|_| "write a number".to_string())
    })
}

impl LimitArgs {
    /// The limits; `timeout` where none was typed.
    pub(super) fn limits(&self, timeout: Option<Duration>) -> Limits {
        Limits {
            timeout: self.timeout.map_or(timeout, |typed| typed.0),
            memory_bytes: self.memory.0,
            memories: self.memories,
            fuel: self.fuel.and_then(|typed| typed.0),
            argument_bytes: self.argument_limit.0,
            output_bytes: self.output_limit.0,
            compile_timeout: self.compile_timeout.0,
            compile_memory_bytes: self.compile_memory.0,
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_may_have_another_name_and_be_read_only() {
        let here = Directory::new("a:b");
        assert_eq!(directory("a:b"), Ok(here.clone()));
        assert_eq!(directory("a:b:ro"), Ok(here.clone().read_only()));
        assert_eq!(directory("a:b::/c"), Ok(here.clone().at("/c")));
        assert_eq!(directory("a:b::/c:ro"), Ok(here.at("/c").read_only()));
        assert!(directory("::/c").is_err() && directory("a::").is_err() && directory("").is_err());
    }

    #[test]
    fn a_limit_is_a_value_or_none() {
        assert_eq!(time("500ms"), Ok(Limit(Some(Duration::from_millis(500)))));
        assert_eq!(size("64MiB"), Ok(Limit(Some(64 << 20))));
        assert_eq!(size("1000"), Ok(Limit(Some(1000))));
        assert_eq!(number("none"), Ok(Limit(None)));
        assert!(time("0s").unwrap_err().contains("more than 0"));
        assert!(size("many").unwrap_err().ends_with("or `none`"));
    }
}
