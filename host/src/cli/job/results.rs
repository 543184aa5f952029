//! `--results`: a directory with a file for each task, named by its number: `7.out` for its result, `7.err` for what it wrote besides
//! and how it failed. Each is there whole or not at all.

#[cfg(test)]
mod tests;

use crate::cli::files::{Folder, Granted};
use anyhow::{Context, bail};
use std::collections::HashSet;
use std::io;
use std::path::Path;

/// How a file's name ends that is not whole.
const PART: &str = ".part";

/// The file that says which job the results are of.
const JOB: &str = ".wpool-job";

/// The longest that it is, in bytes: a hash in hexadecimal.
const LONGEST_JOB: u64 = 1024;

#[derive(Debug)]
pub(in crate::cli) struct Results {
    folder: Folder,
    /// Files of an earlier run may be there.
    is_resumed: bool,
}

impl Results {
    /// For a job that begins: results of another must not be there.
    pub(in crate::cli) fn create(
        directory: &Path,
        job: &str,
        granted: &Granted,
    ) -> Result<Results, anyhow::Error> {
        let results = Results::open(directory, granted)?;
        if let Some(found) = results.files()?.next() {
            bail!(
                "{}: it holds results of another job, such as {}: name another directory, or go on with --joblog FILE --resume",
                results.folder.shown(),
                found
            );
        }
        results.begin(job)?;
        Ok(results)
    }

    /// For a job that goes on: what is there must be of it. Where there is no log of it yet, nothing must be.
    pub(in crate::cli) fn resume(
        directory: &Path,
        job: &str,
        is_logged: bool,
        granted: &Granted,
    ) -> Result<Results, anyhow::Error> {
        let results = Results::open(directory, granted)?;
        if results.files()?.next().is_none() {
            results.begin(job)?;
            return Ok(results);
        }
        let of = results.folder.read(JOB, LONGEST_JOB).unwrap_or_default();
        if of.trim_end() != job {
            bail!(
                "{}: it holds results of another module or function, or of other options: name another directory and joblog",
                results.folder.shown()
            );
        }
        if !is_logged {
            bail!(
                "{}: it holds results, and the joblog is new: name the joblog that they were begun with",
                results.folder.shown()
            );
        }
        Ok(Results {
            is_resumed: true,
            ..results
        })
    }

    fn begin(&self, job: &str) -> Result<(), anyhow::Error> {
        let named = self.folder.write(JOB, format!("{job}\n").as_bytes());
        named.with_context(|| format!("{}: it cannot be written", self.folder.shown()))
    }

    /// The numbers of the tasks whose results are there.
    pub(in crate::cli) fn stored(&self) -> Result<HashSet<u64>, anyhow::Error> {
        let results = self.files()?;
        let results = results.filter(|name| name.ends_with(".out"));
        Ok(results.filter_map(|name| number_of(&name)).collect())
    }

    /// Removes what is there of tasks that are not logged, which are ordered by number: they run again.
    pub(in crate::cli) fn keep(&self, logged: &[u64]) -> Result<(), anyhow::Error> {
        for name in self.files()? {
            let is_logged = |number: u64| logged.binary_search(&number).is_ok();
            if !number_of(&name).is_some_and(is_logged) {
                let removed = self.folder.remove(&name);
                removed.with_context(|| {
                    format!("{}: {name} cannot be removed", self.folder.shown())
                })?;
            }
        }
        Ok(())
    }

    fn open(directory: &Path, granted: &Granted) -> Result<Results, anyhow::Error> {
        granted.refuse_directory(directory, "the directory for results")?;
        let folder = Folder::create(directory)?;
        // What was not there before may lead elsewhere by its parents.
        granted.refuse_directory(directory, "the directory for results")?;
        Ok(Results {
            folder,
            is_resumed: false,
        })
    }

    /// The names of the files of tasks, those that are not whole included.
    fn files(&self) -> Result<impl Iterator<Item = String>, anyhow::Error> {
        let names = self.folder.names()?.into_iter();
        Ok(names.filter(|name| is_ours(name)))
    }

    /// Stores what a task left behind: a result, if it has one, and what else it had to say.
    pub(in crate::cli) fn store(
        &self,
        number: u64,
        result: Option<&[u8]>,
        errors: &[u8],
    ) -> Result<(), anyhow::Error> {
        let errors = (!errors.is_empty()).then_some(errors);
        let files = [("err", errors), ("out", result)];
        let stored = files
            .into_iter()
            .try_for_each(|(extension, bytes)| match bytes {
                Some(bytes) => self.write(number, extension, bytes),
                // What an earlier run of the task left.
                None if self.is_resumed => self.folder.remove(&format!("{number}.{extension}")),
                None => Ok(()),
            });
        stored.with_context(|| {
            format!(
                "{}: writing the result of task {number} failed",
                self.folder.shown()
            )
        })
    }

    fn write(&self, number: u64, extension: &str, bytes: &[u8]) -> io::Result<()> {
        self.folder.write(&format!("{number}.{extension}"), bytes)
    }
}

/// The number of the task whose whole file has that name.
fn number_of(name: &str) -> Option<u64> {
    let (number, extension) = name.split_once('.')?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    (is_number && matches!(extension, "out" | "err"))
        .then(|| number.parse().ok())
        .flatten()
}

fn is_ours(name: &str) -> bool {
    let part = name.strip_suffix(PART);
    // Between the two is what no one could guess.
    let whole = part.map(|part| part.rsplit_once('.').map_or(part, |(whole, _)| whole));
    number_of(name).is_some()
        || part.is_some_and(|part| number_of(part).is_some())
        || whole.is_some_and(|whole| number_of(whole).is_some())
}
