//! `--results`: a directory with a file for each task, named by its number: `7.out` for its result, `7.err` for what it wrote besides
//! and how it failed. Each is there whole or not at all.

use anyhow::{Context, bail};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use wpool::printable;

/// How a file is called until it is whole.
const PART: &str = "part";

/// The file that says which job the results are of.
const JOB: &str = ".wpool-job";

#[derive(Debug)]
pub(in crate::cli) struct Results {
    directory: PathBuf,
    /// Files of an earlier run may be there.
    is_resumed: bool,
}

impl Results {
    /// For a job that begins: results of another must not be there.
    pub(in crate::cli) fn create(directory: &Path, job: &str) -> Result<Results, anyhow::Error> {
        let results = Results::open(directory)?;
        if let Some(found) = results.files()?.next() {
            bail!(
                "{}: it holds results of another job, such as {}: name another directory, or go on with --joblog FILE --resume",
                results.shown(),
                found.file_name().unwrap_or_default().to_string_lossy()
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
    ) -> Result<Results, anyhow::Error> {
        let results = Results::open(directory)?;
        if results.files()?.next().is_none() {
            results.begin(job)?;
            return Ok(results);
        }
        let of = fs::read_to_string(directory.join(JOB)).unwrap_or_default();
        if of.trim_end() != job {
            bail!(
                "{}: it holds results of another module or function, or of other options: name another directory and joblog",
                results.shown()
            );
        }
        if !is_logged {
            bail!(
                "{}: it holds results, and the joblog is new: name the joblog that they were begun with",
                results.shown()
            );
        }
        Ok(Results {
            is_resumed: true,
            ..results
        })
    }

    fn begin(&self, job: &str) -> Result<(), anyhow::Error> {
        fs::write(self.directory.join(JOB), format!("{job}\n"))
            .with_context(|| format!("{}: it cannot be written", self.shown()))
    }

    /// The numbers of the tasks whose results are there.
    pub(in crate::cli) fn stored(&self) -> Result<HashSet<u64>, anyhow::Error> {
        let results = self.files()?;
        let results = results.filter(|path| path.extension().is_some_and(|it| it == "out"));
        Ok(results.filter_map(|path| number_of(&path)).collect())
    }

    /// Removes what is there of tasks that are not logged, which are ordered by number: they run again.
    pub(in crate::cli) fn keep(&self, logged: &[u64]) -> Result<(), anyhow::Error> {
        for path in self.files()? {
            let is_logged = |number: u64| logged.binary_search(&number).is_ok();
            if !number_of(&path).is_some_and(is_logged) {
                fs::remove_file(&path).with_context(|| {
                    format!(
                        "{}: it cannot be removed",
                        printable(&path.to_string_lossy())
                    )
                })?;
            }
        }
        Ok(())
    }

    fn open(directory: &Path) -> Result<Results, anyhow::Error> {
        let results = Results {
            directory: directory.into(),
            is_resumed: false,
        };
        fs::create_dir_all(directory)
            .with_context(|| format!("{}: it cannot be created", results.shown()))?;
        Ok(results)
    }

    /// The files of tasks, those that are not whole included.
    fn files(&self) -> Result<impl Iterator<Item = PathBuf>, anyhow::Error> {
        let entries = fs::read_dir(&self.directory)
            .with_context(|| format!("{}: it cannot be read", self.shown()))?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        Ok(paths.filter(|path| is_ours(path)))
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
                None if self.is_resumed => self.remove(number, extension),
                None => Ok(()),
            });
        stored.with_context(|| {
            format!(
                "{}: writing the result of task {number} failed",
                self.shown()
            )
        })
    }

    /// Removes what an earlier run of the task left.
    fn remove(&self, number: u64, extension: &str) -> io::Result<()> {
        match fs::remove_file(self.directory.join(format!("{number}.{extension}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write(&self, number: u64, extension: &str, bytes: &[u8]) -> io::Result<()> {
        let whole = self.directory.join(format!("{number}.{extension}"));
        let part = self.directory.join(format!("{number}.{extension}.{PART}"));
        let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, &whole));
        if written.is_err() {
            // It would only be in the way.
            let _ = fs::remove_file(&part);
        }
        written
    }

    fn shown(&self) -> String {
        printable(&self.directory.to_string_lossy())
    }
}

/// The number of the task whose whole file this is.
fn number_of(path: &Path) -> Option<u64> {
    let (number, extension) = path.file_name()?.to_str()?.split_once('.')?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    (is_number && matches!(extension, "out" | "err"))
        .then(|| number.parse().ok())
        .flatten()
}

fn is_ours(path: &Path) -> bool {
    let is_part = path.extension().is_some_and(|extension| extension == PART);
    number_of(path).is_some() || (is_part && number_of(&path.with_extension("")).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != JOB).collect();
        names.sort();
        names
    }

    fn touch(folder: &TempDir, names: &[&str]) {
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
    }

    #[test]
    fn a_result_and_what_was_written_besides_are_files_of_their_own() {
        let folder = TempDir::new().unwrap();
        let results = Results::create(folder.path(), "a").unwrap();
        results.store(1, Some(b"4\n"), b"").unwrap();
        results.store(2, None, b"trap\n").unwrap();
        assert_eq!(names(&folder), ["1.out", "2.err"]);
        assert_eq!(fs::read(folder.path().join("1.out")).unwrap(), b"4\n");
        assert_eq!(results.stored().unwrap(), HashSet::from([1]));
    }

    #[test]
    fn a_job_that_begins_takes_no_directory_with_results() {
        let folder = TempDir::new().unwrap();
        touch(&folder, &["notes.txt"]);
        let results = Results::create(folder.path(), "a").unwrap();
        results.store(3, Some(b""), b"").unwrap();
        let error = Results::create(folder.path(), "a").unwrap_err().to_string();
        assert!(error.contains("such as 3.out"), "{error}");
    }

    #[test]
    fn a_job_that_goes_on_keeps_what_is_logged_and_what_is_not_its_own() {
        let folder = TempDir::new().unwrap();
        Results::create(folder.path(), "a").unwrap();
        touch(
            &folder,
            &[
                "1.out",
                "2.out",
                "2.err",
                "3.err",
                "3.out.part",
                "04.out",
                "notes",
                "7.txt",
                "x.part",
            ],
        );
        let results = Results::resume(folder.path(), "a", true).unwrap();
        results.keep(&[1, 3]).unwrap();
        assert_eq!(
            names(&folder),
            ["04.out", "1.out", "3.err", "7.txt", "notes", "x.part"]
        );
        results.store(3, Some(b"9"), b"").unwrap();
        assert_eq!(
            names(&folder),
            ["04.out", "1.out", "3.out", "7.txt", "notes", "x.part"]
        );
    }

    #[test]
    fn what_is_of_another_job_or_not_logged_at_all_is_refused_and_stays() {
        let folder = TempDir::new().unwrap();
        Results::create(folder.path(), "a").unwrap();
        touch(&folder, &["1.out"]);
        for (job, is_logged, why) in [
            ("b", true, "of another module"),
            ("a", false, "the joblog is new"),
        ] {
            let error = Results::resume(folder.path(), job, is_logged).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        assert_eq!(names(&folder), ["1.out"]);
        let empty = TempDir::new().unwrap();
        assert!(Results::resume(empty.path(), "b", false).is_ok());
    }
}
