//! `wpool cache`: what was compiled before, and forgetting it; and where the command keeps it.

use super::exit;
use super::setup::Refused;
use anyhow::{anyhow, bail};
use bytesize::ByteSize;
use clap::Subcommand;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use wpool::ArtifactCache;

#[derive(Debug, clap::Args)]
pub(super) struct CacheArgs {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// List the artifacts: size, time since the last use, name
    Ls,
    /// Remove all of them
    Clear,
}

pub(super) fn run(args: &CacheArgs) -> Result<u8, Refused> {
    let Some(directory) = default_dir() else {
        bail!(
            "there is no cache: neither XDG_CACHE_HOME nor HOME names a directory by its absolute path"
        );
    };
    let cache = open_if_there(&directory)?;
    let shown = wpool::printable(&directory.to_string_lossy());
    let text = match args.command {
        CacheCommand::Ls => list(cache.as_ref(), &shown)?,
        CacheCommand::Clear => clear(cache.as_ref(), &shown)?,
    };
    // A closed output ends it quietly.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(exit::SUCCESS)
}

/// Where the command keeps what it compiled: `$XDG_CACHE_HOME/wpool`, or `$HOME/.cache/wpool`. None where neither is known by
/// an absolute path; the home must exist, because making one is not the command's business.
pub(super) fn default_dir() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| Path::new(home).is_dir());
    directory_below(std::env::var_os("XDG_CACHE_HOME"), home)
}

fn directory_below(cache_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // XDG: a path that is not absolute is to be ignored.
    let absolute =
        |path: Option<OsString>| path.map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute(cache_home).or_else(|| Some(absolute(home)?.join(".cache")))?;
    Some(caches.join("wpool"))
}

/// The cache; none if its directory does not exist, which asking about it should not change.
fn open_if_there(directory: &Path) -> Result<Option<ArtifactCache>, Refused> {
    match directory.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => ArtifactCache::open(directory)
            .map(Some)
            .map_err(|error| failed("it cannot be used", &error)),
    }
}

fn list(cache: Option<&ArtifactCache>, directory: &str) -> Result<String, Refused> {
    let entries = cache.map_or(Ok(Vec::new()), ArtifactCache::entries);
    let entries = entries.map_err(|error| failed("it cannot be listed", &error))?;
    let now = SystemTime::now();
    let mut text = String::new();
    for entry in &entries {
        // Of a clock that was set back there is nothing sensible to say.
        let age = now.duration_since(entry.last_used).unwrap_or_default();
        text += &format!(
            "{:>10}  {:>8}  {}\n",
            size(entry.bytes),
            roughly(age),
            entry.name
        );
    }
    let bytes = entries.iter().map(|entry| entry.bytes).sum();
    Ok(text
        + &format!(
            "{}, {} in {directory}\n",
            counted(entries.len(), "entry", "entries"),
            size(bytes)
        ))
}

fn clear(cache: Option<&ArtifactCache>, directory: &str) -> Result<String, Refused> {
    let cleared = cache.map_or(Ok((0, 0)), ArtifactCache::clear);
    let (files, bytes) = cleared.map_err(|error| failed("not all could be removed", &error))?;
    Ok(format!(
        "removed {}, {} in {directory}\n",
        counted(files, "file", "files"),
        size(bytes)
    ))
}

fn failed(what: &str, error: &io::Error) -> Refused {
    anyhow!(
        "the cache: {what}: {}",
        wpool::printable(&error.to_string())
    )
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}

/// A time in its largest unit: `3days`.
fn roughly(time: Duration) -> String {
    let whole = humantime::format_duration(Duration::from_secs(time.as_secs())).to_string();
    whole.split(' ').next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(cache_home: Option<&str>, home: Option<&str>) -> Option<String> {
        let directory = directory_below(cache_home.map(OsString::from), home.map(OsString::from));
        directory.map(|path| path.to_str().unwrap().to_string())
    }

    #[test]
    fn the_directory_is_where_xdg_says() {
        let home = Some("/home/ada");
        let below_home = Some("/home/ada/.cache/wpool".to_string());
        assert_eq!(below(Some("/caches"), home), Some("/caches/wpool".into()));
        assert_eq!(below(None, home), below_home);
        assert_eq!(below(Some(""), home), below_home);
        assert_eq!(below(Some("caches"), home), below_home);
        assert_eq!(below(Some("/caches"), None), Some("/caches/wpool".into()));
        for nowhere in [None, Some(""), Some("ada"), Some("./ada")] {
            assert_eq!(below(None, nowhere), None);
        }
    }

    #[test]
    fn times_are_told_roughly() {
        let told = [0, 59, 61, 3 * 3600 + 5, 49 * 3600]
            .map(|seconds| roughly(Duration::from_secs(seconds)));
        assert_eq!(told, ["0s", "59s", "1m", "3h", "2days"]);
    }

    #[test]
    fn a_cache_that_is_not_there_is_empty_and_is_not_created() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("wpool");
        let cache = open_if_there(&directory).unwrap();
        assert!(cache.is_none() && !directory.exists());
        assert_eq!(
            list(None, "/caches/wpool").unwrap(),
            "0 entries, 0 B in /caches/wpool\n"
        );
        assert_eq!(
            clear(None, "/caches/wpool").unwrap(),
            "removed 0 files, 0 B in /caches/wpool\n"
        );
    }
}
