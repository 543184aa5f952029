//! The bytes that a user hands in, and what they are called.

use crate::child::with_remedy;
use crate::error::{Error, ErrorKind};
use crate::wire::MAX_MODULE_BYTES;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where a module comes from: a file, or bytes in memory. Binary and text form are told apart when it is compiled.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let path = wpool::Pool::builder("../guest-examples/wasm/square.wasm");
/// let bytes = wpool::Pool::builder(std::fs::read("../guest-examples/wasm/square.wasm")?);
/// for builder in [path, bytes] {
///     assert_eq!(builder.build()?.apply::<i64>("square", (3,))?, 9);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub enum Module {
    /// A file.
    Path(PathBuf),
    /// Bytes: a binary, or text.
    Bytes(Vec<u8>),
}

impl From<&str> for Module {
    fn from(path: &str) -> Module {
        Module::Path(path.into())
    }
}

impl From<&Path> for Module {
    fn from(path: &Path) -> Module {
        Module::Path(path.into())
    }
}

impl From<PathBuf> for Module {
    fn from(path: PathBuf) -> Module {
        Module::Path(path)
    }
}

impl From<String> for Module {
    fn from(path: String) -> Module {
        Module::Path(path.into())
    }
}

impl From<&String> for Module {
    fn from(path: &String) -> Module {
        Module::Path(path.into())
    }
}

impl From<&PathBuf> for Module {
    fn from(path: &PathBuf) -> Module {
        Module::Path(path.clone())
    }
}

impl<const N: usize> From<&[u8; N]> for Module {
    fn from(bytes: &[u8; N]) -> Module {
        Module::Bytes(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Module {
    fn from(bytes: Vec<u8>) -> Module {
        Module::Bytes(bytes)
    }
}

impl From<&[u8]> for Module {
    fn from(bytes: &[u8]) -> Module {
        Module::Bytes(bytes.into())
    }
}

impl Module {
    /// Wasm text: `(module …)` or `(component …)`. A bare `&str` is a path.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// use wpool::{Module, Pool};
    ///
    /// let text = r#"(module (func (export "one") (result i32) (i32.const 1)))"#;
    /// let pool = Pool::builder(Module::text(text)).build()?;
    /// assert_eq!(pool.apply::<i32>("one", ())?, 1);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    pub fn text(text: impl Into<String>) -> Module {
        Module::Bytes(text.into().into_bytes())
    }

    /// The bytes, at most [`MAX_MODULE_BYTES`].
    pub(crate) fn read(self) -> Result<Vec<u8>, Error> {
        let failed = |error: std::io::Error| {
            let why = with_remedy(&error);
            Error::new(ErrorKind::ModuleFile, format!("it cannot be read: {why}"))
        };
        let bytes = match self {
            Module::Bytes(bytes) => bytes,
            Module::Path(path) => {
                let mut bytes = Vec::new();
                let file = File::open(path).map_err(failed)?;
                file.take(MAX_MODULE_BYTES as u64 + 1)
                    .read_to_end(&mut bytes)
                    .map_err(failed)?;
                bytes
            }
        };
        if bytes.len() > MAX_MODULE_BYTES {
            let message = format!(
                "it is longer than the {} MiB that are accepted",
                MAX_MODULE_BYTES >> 20
            );
            return Err(Error::new(ErrorKind::Module, message));
        }
        Ok(bytes)
    }

    /// The file's name without folder and extension.
    pub(crate) fn stem(&self) -> Option<String> {
        match self {
            Module::Path(path) => Some(path.file_stem()?.to_str()?.to_string()),
            Module::Bytes(_) => None,
        }
    }
}
