//! Why a pool could not be built or asked: the errors of the library. What becomes of a task is not among them, it is a
//! [`Failure`](crate::Failure).

use crate::child::{StartError, with_remedy};
use std::fmt;

/// What went wrong before any task ran.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let refused = wpool::Pool::builder("no-such.wasm").build().unwrap_err();
/// assert_eq!(refused.kind(), wpool::ErrorKind::ModuleFile);
/// println!("{refused}");
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The kinds of [`Error`].
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let refused = pool.apply::<i64>("cube", (3,)).unwrap_err();
/// let wpool::MapError::Pool(error) = refused else { panic!("it ran") };
/// assert_eq!(error.kind(), wpool::ErrorKind::Function);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The module cannot be read.
    ModuleFile,
    /// The module is not Wasm, invalid, or needs what is not supported or not granted.
    Module,
    /// Compiling the module hit a limit or crashed.
    Compile,
    /// The function does not exist, or cannot be chosen or called.
    Function,
    /// An argument does not fit the function.
    Argument,
    /// What was granted cannot be given, or must not be.
    Grant,
    /// A task failed.
    Task,
    /// The confinement that is required is not available.
    Confinement,
    /// The worker program is missing, wrong or of another version.
    WorkerProgram,
    /// The machine is out of processes, descriptors or memory, or an operation of the system failed.
    System,
    /// The pool was closed, or the plugin unloaded: no more calls begin. After [`terminate`](crate::Pool::terminate) they end as cancelled.
    Terminated,
    /// What was asked for makes no sense: a join that would wait for ever, a process that was not started.
    Usage,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error {
            kind,
            message: message.into(),
        }
    }

    /// Which kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<StartError> for Error {
    fn from(error: StartError) -> Error {
        let kind = match &error {
            StartError::Refused { .. } | StartError::NotEnough(_) | StartError::NoProc => {
                ErrorKind::Confinement
            }
            StartError::NotGranted(_) => ErrorKind::Grant,
            StartError::Cgroup(_) => ErrorKind::Confinement,
            StartError::Program(..)
            | StartError::NotAWorkerProgram(_)
            | StartError::Version { .. } => ErrorKind::WorkerProgram,
            StartError::Late | StartError::Panicked(_) | StartError::Io(_) => ErrorKind::System,
        };
        Error::new(kind, error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::new(ErrorKind::System, with_remedy(&error))
    }
}
