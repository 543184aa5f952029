//! Somebody without privilege: whoever runs the tests, or `nobody` where that is root.

use super::{guest, wpool};
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Whether the tests are run by root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// An ordinary user, and a directory of files that such a one can read: the build directory may be root's alone.
pub struct Ordinary {
    directory: TempDir,
    /// Who that is, where the tests are run by root.
    id: u32,
}

impl Ordinary {
    const NOBODY: u32 = 65_534;

    pub fn user() -> Ordinary {
        Ordinary::with_id(Self::NOBODY)
    }

    /// One who has no other processes, where the tests are run by root.
    pub fn newcomer() -> Ordinary {
        Ordinary::with_id(60_000 + std::process::id() % 5_000)
    }

    fn with_id(id: u32) -> Ordinary {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        Ordinary { directory, id }
    }

    /// The user's number.
    pub fn id(&self) -> u32 {
        self.id
    }

    fn link(&self, file: &Path, name: &str) -> PathBuf {
        let here = self.directory.path().join(name);
        if !here.exists() && fs::hard_link(file, &here).is_err() {
            fs::copy(file, &here).unwrap();
        }
        here
    }

    /// The command, as typed by that user.
    pub fn wpool(&self) -> Command {
        if is_root() {
            return self.command(wpool().get_program());
        }
        wpool()
    }

    /// The command under a limit of `prlimit`, as typed by that user.
    pub fn wpool_under(&self, limit: &str) -> Command {
        let mut command = self.run_as("prlimit");
        command.arg(limit).arg(self.wpool().get_program());
        command
    }

    /// A program of the build, run by that user.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        if !is_root() {
            return Command::new(program);
        }
        let name = program.file_name().and_then(|name| name.to_str()).unwrap();
        self.run_as(self.link(program, name))
    }

    fn run_as(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .stdin(std::process::Stdio::null())
            .env_remove("HOME")
            .env_remove("XDG_CACHE_HOME");
        if is_root() {
            command.uid(self.id).gid(self.id);
        }
        command
    }

    /// A guest that the user can read.
    pub fn guest(&self, name: &str) -> PathBuf {
        self.link(&guest(name), &format!("{name}.wasm"))
    }
}
