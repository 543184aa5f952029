//! Modules to run: the built guests, and text written to a temporary directory.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A guest of `guest-examples`, by its name without extension.
pub fn guest(name: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-examples/wasm");
    built.join(name).with_extension("wasm")
}

/// A module in a directory of its own, which goes with it.
pub struct TextModule {
    path: PathBuf,
    _directory: TempDir,
}

impl TextModule {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsRef<OsStr> for TextModule {
    fn as_ref(&self) -> &OsStr {
        self.path.as_ref()
    }
}

/// A module by its text.
pub fn wat(text: &str) -> TextModule {
    module("module.wat", text)
}

/// A file that is called `name` and holds `bytes`.
pub fn module(name: &str, bytes: impl AsRef<[u8]>) -> TextModule {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    TextModule {
        path,
        _directory: directory,
    }
}
