//! The directories that a module was granted, for what must not lie in one of them.

use super::shown;
use super::walk::{Identity, Walk};
use anyhow::bail;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use wpool::Directory;

/// The directories of a job.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Granted {
    /// The real paths of all of them.
    directories: Vec<PathBuf>,
    /// The directories that the module may change.
    writable: Vec<Identity>,
}

impl Granted {
    /// The directories that were typed. A missing one is refused when it is granted.
    pub(in crate::cli) fn of(directories: &[Directory]) -> Granted {
        let real = |directory: &Directory| fs::canonicalize(directory.host()).ok();
        let identity = |directory: &Directory| {
            let found = fs::metadata(directory.host()).ok()?;
            Some((found.dev(), found.ino()))
        };
        let writable = directories.iter().filter(|it| !it.is_read_only());
        Granted {
            directories: directories.iter().filter_map(real).collect(),
            writable: writable.filter_map(identity).collect(),
        }
    }

    /// The directories that the module may change.
    pub(super) fn writable(&self) -> &[Identity] {
        &self.writable
    }

    /// Whether the way to a path leads through a directory that the module may change, or ends
    /// there.
    fn can_lead_elsewhere(&self, path: &Path) -> bool {
        // A way that cannot be walked is not taken either.
        !self.writable.is_empty()
            && Walk::begin(path, &self.writable).is_ok_and(|walk| walk.enters())
    }

    /// Refuses a file in a directory that the module may change: it could be replaced by a link, or
    /// read what is not for it.
    ///
    /// # Errors
    ///
    /// What lies where, by what a person calls it.
    pub(in crate::cli) fn refuse_file(&self, path: &Path, what: &str) -> Result<(), anyhow::Error> {
        if !super::log::is_descriptor(path) && self.can_lead_elsewhere(path) {
            bail!(
                "{}: {what} lies in a directory where the module may write: name a file elsewhere, or grant the directory with :ro \
                 at the end",
                shown(path)
            );
        }
        Ok(())
    }

    /// Refuses a directory that the module may change, or that has a granted one within it.
    ///
    /// # Errors
    ///
    /// As [`Granted::refuse_file`].
    pub(in crate::cli) fn refuse_directory(
        &self,
        path: &Path,
        what: &str,
    ) -> Result<(), anyhow::Error> {
        if self.can_lead_elsewhere(path) {
            bail!(
                "{}: {what} lies in a directory where the module may write: name another one",
                shown(path)
            );
        }
        let real = fs::canonicalize(path).ok();
        let within = |real: PathBuf| self.directories.iter().find(|it| it.starts_with(&real));
        match real.and_then(within) {
            Some(directory) => bail!(
                "{}: {what} has {} within it, which is granted to the module: name another one",
                shown(path),
                shown(directory)
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn what_a_module_could_replace_is_refused_and_what_it_can_only_read_is_not() {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["w/in", "r/in", "out/r"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        std::os::unix::fs::symlink(path("w/in"), path("link")).unwrap();
        // A module could make this one.
        std::os::unix::fs::symlink(path("out"), path("w/away")).unwrap();
        let granted = Granted::of(&[
            Directory::new(path("w")),
            Directory::new(path("r")).read_only(),
            Directory::new(path("out/r")).read_only(),
            Directory::new(path("none")),
        ]);
        let file = |name: &str| granted.refuse_file(&path(name), "it").is_err();
        assert!(file("w/log") && file("w/in/log") && file("link/log") && file("r/../w/log"));
        assert!(file("w/away/log") && file("link/../away/log"));
        assert!(!file("log") && !file("r/log") && !file("out/log") && !file("wide"));
        let directory = |name: &str| granted.refuse_directory(&path(name), "it").is_err();
        assert!(
            directory("w")
                && directory("w/away/r")
                && directory("w/in")
                && directory("link")
                && directory("out")
        );
        assert!(directory("."), "it has them within it");
        assert!(!directory("r/in"), "it can only be read");
        assert!(granted.refuse_file(Path::new("/dev/fd/3"), "it").is_ok());
    }
}
