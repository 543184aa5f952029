//! Pools in this process.

use super::guest;
use wpool::{Builder, Module, Pool};

/// A pool that runs the command's executable as its worker program, since the tests are none.
pub fn pool_of(module: impl Into<Module>) -> Builder {
    Pool::builder(module).worker_program(env!("CARGO_BIN_EXE_wpool"))
}

/// A pool of two workers for a guest.
pub fn pool(name: &str) -> Builder {
    pool_of(guest(name)).workers(2)
}
