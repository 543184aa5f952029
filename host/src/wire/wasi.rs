//! What modules that import WASI are, and what they are given of it.

use crate::value::{Function, Param, Type};
use serde::{Deserialize, Serialize};

/// The module that functions of WASI preview 1 are imported from, and the one of the preview before it.
pub const PREVIEWS: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// How the names of the interfaces of WASI 0.2 begin.
pub const INTERFACES: &str = "wasi:";

/// The export that a reactor of WASI has called before any other.
pub const INITIALIZE: &str = "_initialize";

/// Whether an import of `module` is of WASI, whatever its version.
#[must_use]
pub fn is_wasi(module: &str) -> bool {
    PREVIEWS.contains(&module) || module.starts_with(INTERFACES)
}

/// Whether an interface that a component exports is the one by which it runs as a program.
#[must_use]
pub fn is_program(interface: &str) -> bool {
    interface.starts_with("wasi:cli/run@0.2")
}

/// A whole program as a function: of its arguments and its standard input, which returns what it writes to standard output.
#[must_use]
pub fn program(name: &str) -> Function {
    let bytes = || Type::List(Box::new(Type::U8));
    let param = |name: &str, ty| Param {
        name: name.into(),
        ty,
    };
    Function {
        name: name.into(),
        params: vec![
            param("arguments", Type::List(Box::new(bytes()))),
            param("stdin", bytes()),
        ],
        result: Some(bytes()),
        unusable: None,
    }
}

/// A standard stream.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use std::io::Write;
/// use wpool::{HostCall, Pool, Stdio, Stream};
///
/// struct Apart;
///
/// impl Stdio for Apart {
///     fn write(&self, _: &HostCall, stream: Stream, bytes: &[u8]) -> std::io::Result<()> {
///         match stream {
///             Stream::Stderr => std::io::stderr().write_all(bytes),
///             _ => std::io::stdout().write_all(bytes),
///         }
///     }
/// }
///
/// let pool = Pool::builder("../guest-examples/wasm/tool.wasm").stdio(Apart).build()?;
/// let _: Vec<u8> = pool.apply("run", (["say"], ""))?;
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// What a program reads.
    Stdin,
    /// What it writes.
    Stdout,
    /// What it writes for whoever runs it.
    Stderr,
}

/// The functions by which a program whose streams are the host's reads and writes, in the order of [`Stream`], and waits: counted
/// after those that it imports.
#[must_use]
pub fn stream_functions() -> [Function; 4] {
    let bytes = || Type::List(Box::new(Type::U8));
    let function = |name: &str, param: &str, ty, result| Function {
        name: name.into(),
        params: vec![Param {
            name: param.into(),
            ty,
        }],
        result: Some(result),
        unusable: None,
    };
    [
        // Nothing is the end.
        function("stdin", "most", Type::U32, bytes()),
        // Whether anybody reads it.
        function("stdout", "bytes", bytes(), Type::Bool),
        function("stderr", "bytes", bytes(), Type::Bool),
        // Whether there is something to read, or the end of it.
        function("wait", "nanoseconds", Type::U64, Type::Bool),
    ]
}

/// What programs, and other modules that import WASI, are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasiTerms {
    /// What a program is called: the first of its arguments.
    pub program: String,
    /// The arguments that each run begins with.
    pub arguments: Vec<Vec<u8>>,
    /// Environment variables: a name, an equals sign and a value each.
    pub environment: Vec<Vec<u8>>,
    /// The directories, in the order of [`crate::sandbox::Policy`].
    pub directories: Vec<WasiDirectory>,
    /// Whether clocks stand still and random numbers are the same in every run.
    pub deterministic: bool,
    /// The number of the first of the [`stream_functions`], where the streams are the host's.
    pub streams: Option<u32>,
    /// Which of the host's streams, in the order of [`Stream`], are terminals.
    pub terminals: [bool; 3],
    /// Whether the program runs in the template up to where it first reads its standard input.
    pub warm: bool,
}

/// A directory as a program sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasiDirectory {
    /// Where its process finds it.
    pub host: Vec<u8>,
    /// What the program calls it.
    pub guest: String,
    /// Whether nothing in it can be changed.
    pub read_only: bool,
}
