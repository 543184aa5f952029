//! `multiprocessing.Pool` for code you do not trust.
//!
//! A [`Pool`] runs the functions of a WebAssembly module in worker processes that can do nothing but compute: no files, no
//! network, no other processes, no system calls but those that compute. Each task gets a fresh instance; nothing a worker does can hang, crash
//! or corrupt the application.
//!
//! ```rust,standalone_crate
//! fn main() -> Result<(), wpool::Error> {
//!     wpool::init(); // first: the program is its own worker program
//!     let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").workers(4).build()?;
//!     let squares: Vec<i64> = pool.map("square", 1..=5)?;
//!     assert_eq!(squares, [1, 4, 9, 16, 25]);
//!     Ok(())
//! }
//! ```
//!
//! **Results** are of the caller's own types: numbers, text, `Vec<u8>` for bytes, lists, tuples, `Option`, structs and enums by
//! [`Serde`], or a [`Value`] where they are not known; what is in the `ok` of a `result`, or a [`Result`]. What does not fit is an
//! error, and nothing is rounded.
//!
//! **Failures** are values: [`Pool::map`](PluginHandle::map) returns the first in input order, [`PluginHandle::map_outcomes`] every
//! outcome, with what each task used. A worker's death fails the one task that it was running.
//!
//! **What tasks share** is for [`Isolation`] to say, and what a module may do for its [`Limits`] and its grants, of which there are
//! none by default: [`Builder::host_function`] and [`Builder::plugin_host`] bind functions of the application to its imports.
//!
//! **Many plugins** share one budget of workers in [`Plugins`]; one call in a process of its own is a [`Process`].
//!
//! Any thread may use a pool, and so may async code: what [`PluginHandle::apply_async`] returns is a `Future` that needs no runtime, and
//! goes on when it is dropped; `map`, `get`, `join` and dropping a pool block. In `map` every input is run, and the first failure in
//! input order is returned.
//! Pools are independent of each other, and no child is waited for but a pool's own.
//!
//! | multiprocessing | wpool |
//! |---|---|
//! | `Pool(4)` | [`Pool::builder`]`(module).workers(4).build()` |
//! | `Pool(initializer=f)` | [`Builder::initializer`]; in a template once for all with [`Isolation::Process`] |
//! | `Pool(maxtasksperchild=n)` | [`Builder::recycle_after`] |
//! | `pool.map(f, xs)` | [`map`](PluginHandle::map) |
//! | `pool.starmap(f, pairs)` | [`starmap`](PluginHandle::starmap) |
//! | `pool.imap(f, xs)`, `imap_unordered` | [`imap`](PluginHandle::imap), [`imap_unordered`](PluginHandle::imap_unordered) |
//! | `chunksize` | by what tasks cost, or [`Builder::chunk_size`] |
//! | `pool.apply(f, args)` | [`apply`](PluginHandle::apply) |
//! | `pool.apply_async(f, args)`, `map_async`, `starmap_async` | [`apply_async`](PluginHandle::apply_async), [`map_async`](PluginHandle::map_async), [`starmap_async`](PluginHandle::starmap_async) |
//! | `callback`, `error_callback` | [`AsyncResult::on_success`], [`AsyncResult::on_failure`] |
//! | `result.get()`, `get(timeout)`, `wait()`, `ready()`, `successful()` | the same of an [`AsyncResult`], which is a `Future` too, and can be [cancelled](AsyncResult::cancel) |
//! | `pool.close()`, `join()`, `terminate()` | [`Pool::close`], [`Pool::join`], [`Pool::terminate`]; [`PluginHandle::halt`] lets only what runs finish |
//! | `with Pool() as pool` | dropping a pool terminates it and waits |
//! | `Process(target=f, args=args, name=n)` | [`Process::new`], [`Process::builder`] |
//! | `start`, `join(timeout)`, `is_alive`, `pid`, `name`, `exitcode`, `terminate`, `kill` | the same of a [`Process`] |
//! | `current_process().name` | [`HostCall::worker`]; in a plugin of `wpool:plugin`, `task.worker` |
//! | `TimeoutError` | [`MapError::Unfinished`] |
//! | `cpu_count()` | [`usable_cpus`] |
//! | `daemon=True` | always: no process outlives the pool, the application or a kill of it |
//! | `Queue`, `Pipe`, `Lock`, `Manager`, shared memory | none: processes share nothing; a host function of the application does it |
//! | start methods | none to choose: a fork of a confined template |
//!
//! What a task used and where it ran is in its [`Usage`]; where all of them are, in [`Stats`].

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
    ArtifactCache, Directory, Entry, HostCall, HostClosure, HostError, Import, Inspection,
    IntoAnswer, Isolation, Limits, LogLevel, Module, ModuleKind, PluginHost, Stdio, Stream,
};
pub use pool::{
    AsyncResult, Builder, Closed, Closer, Failure, FailureKind, Inputs, MapError, Order, Outcome,
    Outcomes, PluginBuilder, PluginHandle, Plugins, PluginsBuilder, Pool, Process, ProcessBuilder,
    Stats, TaskStats, Usage, WorkerStats, delegated_cgroup, enter_subgroup, usable_cpus,
};
pub use sandbox::{Confinement, Layer, Level, ProcessUser, Refusal};
pub use value::{
    ChooseError, Format, FromValue, Function, IntoArgs, IntoValue, Mismatch, Param, ParseError,
    Serde, Signature, Type, TypeDefinition, UnknownFormat, Value, WitInterface, printable,
};

/// Becomes a confined process, and never returns, if the program was started as one. Call it first in `main`, before threads
/// and before arguments are looked at. In a program that was started normally it does nothing.
pub fn init() {
    confined::run_if_asked();
}
