//! A confined process as the supervisor sees it: started, greeted, spoken to, killed, reaped.
//!
//! Nothing a process says about itself is used to signal it: its identity comes from the kernel. This room knows no tasks and
//! no plugins.

mod advice;
mod connection;
mod cpus;
mod launcher;
mod process;

pub(crate) use advice::advice;
pub(crate) use connection::{Connection, Fill, ReceiveError};
pub use cpus::usable_cpus;
pub(crate) use launcher::{Launcher, Order, StartError, Started, Starting, WorkerProgram};
pub(crate) use process::{Exit, Process};
