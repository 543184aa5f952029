//! What a process and its supervisor say to each other before the process is confined.

use crate::sandbox::{Confinement, NotGranted, Policy, Refusal};
use serde::{Deserialize, Serialize};

/// What both ends must agree on: the crate's version, since messages may change with any of them.
pub const WIRE_VERSION: &str = concat!("wpool ", env!("CARGO_PKG_VERSION"), " wire 1");

/// The first argument of a worker program that is to become a confined process.
pub const WORKER_ARGV0: &str = "wpool-confined";

/// To a process that has just started, before it confines itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct StartFrame {
    /// The sender's [`WIRE_VERSION`].
    pub version: String,
    /// What to become.
    pub policy: Policy,
}

/// From a process that has just started.
#[derive(Debug, Serialize, Deserialize)]
pub enum ChildHello {
    /// It panicked, with this message.
    Panicked(String),
    /// It runs a worker program of this [`WIRE_VERSION`]; always the first frame.
    Hello(String),
    /// It is in a new user namespace, and waits for [`IdsMapped`]. Only a process of root says so.
    NeedsIds,
    /// The first word of the process that another has become: from here on the kernel knows it by
    /// its own number.
    Born,
    /// A step of the confinement was refused; the process ends.
    Refused(Refusal),
    /// What was granted cannot be given; the process ends.
    NotGranted(NotGranted),
    /// It is confined, and waits for its first request.
    Confined(Confinement),
}

/// The answer to [`ChildHello::NeedsIds`]. The process reports a refusal as its own.
#[derive(Debug, Serialize, Deserialize)]
pub struct IdsMapped(pub Result<(), Refusal>);
