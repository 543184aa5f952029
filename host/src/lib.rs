//! `multiprocessing.Pool` for code you do not trust.
//!
//! A [`Pool`] runs the functions of a WebAssembly module in worker processes that can do nothing but compute: no files, no
//! network, no other processes, no system calls but those that compute. Each task gets a fresh instance; nothing a worker does can hang, crash
//! or corrupt the application.
//!
//! ```no_run
//! fn main() -> Result<(), wpool::Error> {
//!     wpool::init(); // first: the program is its own worker program
//!     let pool = wpool::Pool::builder("square.wasm").workers(4).build()?;
//!     let squares: Vec<i64> = pool.map("square", 1..=5)?;
//!     println!("{squares:?}");
//!     Ok(())
//! }
//! ```
//!
//! | multiprocessing | wpool |
//! |---|---|
//! | `Pool(4)` | [`Pool::builder`]`(module).workers(4).build()` |
//! | `pool.map(f, xs)` | [`Pool::map`] |
//! | `pool.starmap(f, pairs)` | [`Pool::starmap`] |
//! | `pool.imap(f, xs)`, `imap_unordered` | [`Pool::imap`], [`Pool::imap_unordered`] |
//! | `pool.apply(f, args)` | [`Pool::apply`] |
//! | `pool.apply_async(f, args, callback)`, `map_async`, `starmap_async` | [`Pool::apply_async`], [`Pool::map_async`], [`Pool::starmap_async`] |
//! | `result.get()`, `get(timeout)`, `wait()`, `ready()`, `successful()` | the same of an [`AsyncResult`], which is a `Future` too, and can be cancelled |
//! | `pool.terminate()` | [`Pool::terminate`]; dropping a pool does it and waits |

mod child;
mod confined;
mod error;
mod plugin;
mod pool;
mod sandbox;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod value;
mod wire;

pub use error::{Error, ErrorKind};
pub use plugin::{
    ArtifactCache, Entry, HostCall, HostClosure, HostError, Import, Inspection, IntoAnswer,
    Isolation, Limits, LogLevel, Module, ModuleKind, PluginHost,
};
pub use pool::{
    AsyncResult, Builder, Closed, Failure, FailureKind, Inputs, MapError, Order, Outcome, Outcomes,
    PluginBuilder, PluginHandle, Plugins, PluginsBuilder, Pool, Process, ProcessBuilder, Stats,
    Usage, WorkerStats, usable_cpus,
};
pub use sandbox::{Confinement, Layer, Level, Refusal};
pub use value::{
    ChooseError, Format, FromValue, Function, IntoArgs, IntoValue, Mismatch, Param, ParseError,
    Serde, Signature, Type, TypeDefinition, UnknownFormat, Value, WitInterface, printable,
};

/// Becomes a confined process, and never returns, if the program was started as one. Call it first in `main`, before threads
/// and before arguments are looked at. In a program that was started normally it does nothing.
pub fn init() {
    confined::run_if_asked();
}
