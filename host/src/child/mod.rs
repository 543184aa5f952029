//! A confined process as the supervisor sees it: started, greeted, spoken to, killed, reaped.
//!
//! Nothing a process says about itself is used to signal it: its identity comes from the kernel. This room knows no tasks and
//! no plugins.

mod advice;
mod cgroup;
mod connection;
mod cpus;
mod held;
mod ids;
mod launcher;
mod parent;
mod process;
mod remains;
mod shortage;
mod start_error;
mod starting;

pub(crate) use advice::advice;
pub(crate) use cgroup::{GROUP_SLACK, GroupLimits};
pub use cgroup::{delegated_cgroup, enter_subgroup};
pub(crate) use connection::{Connection, Fill, ReceiveError};
pub use cpus::usable_cpus;
pub(crate) use ids::DEFAULT_IDS;
pub(crate) use launcher::{Launcher, Order, WorkerProgram};
pub(crate) use process::{Exit, Kinship, Process};
pub(crate) use remains::Remains;
pub(crate) use shortage::with_remedy;
pub(crate) use start_error::StartError;
pub(crate) use starting::{Started, Starting};
