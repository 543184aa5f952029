//! The standard streams of programs, where an application passes them on while the program runs.

use super::binding::BoundImport;
use super::host_function::{HostCall, HostError, HostFunction};
use crate::wire::{Stream, stream_functions};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The names under which the functions are bound: no module can import from there.
const MODULE: &str = "";

/// Standard streams of programs, one call for each piece. A program waits for each of them: so one that writes is never faster than
/// whoever takes it, and nothing is lost.
///
/// Calls of one task come one after the other, those of several at once; [`HostCall::task`] tells them apart. What comes from a program
/// is as it is: [`printable`](crate::printable) makes it harmless to a terminal.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use wpool::{HostCall, Module, Pool, Stdio, Stream};
///
/// struct Printing;
///
/// impl Stdio for Printing {
///     fn write(&self, call: &HostCall, stream: Stream, bytes: &[u8]) -> std::io::Result<()> {
///         println!("task {} {stream:?}: {}", call.task(), String::from_utf8_lossy(bytes));
///         Ok(())
///     }
/// }
///
/// let pool = Pool::builder("../guest-examples/wasm/echo.wasm").stdio(Printing).build()?;
/// let rest: Vec<u8> = pool.apply("run", (["hello"], ""))?;
/// assert!(rest.is_empty(), "it was passed on");
/// # Ok::<(), wpool::Error>(())
/// ```
pub trait Stdio: Send + Sync + 'static {
    /// At least one and at most `most` bytes of standard input; none at its end.
    ///
    /// # Errors
    ///
    /// Any error fails the task, as `host-call`.
    fn read(&self, call: &HostCall, most: usize) -> io::Result<Vec<u8>> {
        let _ = (call, most);
        Ok(Vec::new())
    }

    /// Waits until there is something to read, or the end of it, but no longer than `time`: whether there is. Asked for by programs
    /// that wait for their input and for a clock at once. Without it they are told that there is, and the read waits.
    ///
    /// # Errors
    ///
    /// Any error fails the task, as `host-call`.
    fn wait(&self, call: &HostCall, time: Duration) -> io::Result<bool> {
        let _ = (call, time);
        Ok(true)
    }

    /// Takes what was written to [`Stream::Stdout`] or [`Stream::Stderr`].
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] tells the program that nobody reads it; any other error fails the task, as `host-call`.
    fn write(&self, call: &HostCall, stream: Stream, bytes: &[u8]) -> io::Result<()>;

    /// Whether programs are to take a stream for a terminal, which many show by writing each line at once.
    fn is_terminal(&self, stream: Stream) -> bool {
        let _ = stream;
        false
    }
}

/// The streams of an application, if it has any for programs.
#[derive(Clone)]
pub(crate) struct Streams(Arc<dyn Stdio>);

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}

impl Streams {
    pub(crate) fn new(stdio: impl Stdio) -> Streams {
        Streams(Arc::new(stdio))
    }

    /// Which of them are terminals, in the order of [`Stream`].
    pub(super) fn terminals(&self) -> [bool; 3] {
        [Stream::Stdin, Stream::Stdout, Stream::Stderr].map(|stream| self.0.is_terminal(stream))
    }

    /// The functions that move their bytes, which count against no limit of host calls.
    pub(super) fn functions(&self) -> impl Iterator<Item = BoundImport> {
        let write = |stream: Stream| {
            let stdio = Arc::clone(&self.0);
            HostFunction::blocking(MODULE, "write", move |call: HostCall, bytes: Vec<u8>| {
                match stdio.write(&call, stream, &bytes) {
                    Ok(()) => Ok(true),
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
                    Err(error) => Err(failed("written", &error)),
                }
            })
        };
        let stdio = Arc::clone(&self.0);
        let read = HostFunction::blocking(MODULE, "read", move |call: HostCall, most: u32| {
            let read = stdio.read(&call, most as usize);
            read.map_err(|error| failed("read", &error))
        });
        let stdio = Arc::clone(&self.0);
        let wait = HostFunction::blocking(MODULE, "wait", move |call: HostCall, time: u64| {
            let waited = stdio.wait(&call, Duration::from_nanos(time));
            waited.map_err(|error| failed("waited for", &error))
        });
        let bound = [read, write(Stream::Stdout), write(Stream::Stderr), wait];
        stream_functions()
            .into_iter()
            .zip(bound)
            .map(|(function, bound)| BoundImport {
                function,
                bound: Some(bound),
                is_stream: true,
            })
    }
}

fn failed(what: &str, error: &io::Error) -> HostError {
    HostError::new(format!("a standard stream cannot be {what}: {error}"))
}
