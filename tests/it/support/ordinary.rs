//! Somebody without privilege: whoever runs the tests, or `nobody` where that is root.

use super::{guest, wpool};
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
}

impl Ordinary {
    const NOBODY: u32 = 65_534;

    pub fn user() -> Ordinary {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        Ordinary { directory }
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

    /// A program, run by that user.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        if !is_root() {
            return Command::new(program);
        }
        let name = program.file_name().and_then(|name| name.to_str()).unwrap();
        let mut command = Command::new(self.link(program, name));
        command
            .stdin(std::process::Stdio::null())
            .env_remove("HOME")
            .env_remove("XDG_CACHE_HOME")
            .uid(Self::NOBODY)
            .gid(Self::NOBODY);
        command
    }

    /// A guest that the user can read.
    pub fn guest(&self, name: &str) -> PathBuf {
        self.link(&guest(name), &format!("{name}.wasm"))
    }
}
