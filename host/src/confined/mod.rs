//! Everything that runs inside a confined process: the only room that sees a module's bytes, and the only one with wasmtime.
//!
//! ```text
//! start ─ hello ─ sandbox::enter ─┬─ compiler: module bytes ─► facts + artifact
//!                                 └─ template: artifact ─► plugin ─ fork ─► worker: tasks ─► results
//! ```
//! A process here trusts the supervisor and nobody else; it is not trusted by anybody. It must never return to the program
//! that it was started from: every path ends the process.

mod code_memory;
mod compiler;
mod engine;
mod guest;
mod inspect;
mod link;
mod memory_limit;
mod panic;
mod template;
mod ticker;
mod worker;

use crate::sandbox::{self, Refusal, Role};
use crate::wire::{ChildHello, MAX_CONTROL_FRAME, StartFrame, WIRE_VERSION, WORKER_ARGV0, decode};
use link::Link;
use std::ffi::OsStr;

/// Becomes a confined process, and never returns, if the program was started as one.
pub(crate) fn run_if_asked() {
    if std::env::args_os().next().as_deref() == Some(OsStr::new(WORKER_ARGV0)) {
        panic::report_by_frame();
        run();
        end(0);
    }
}

/// Confines the process and does what it was started for, until the supervisor closes the connection.
fn run() {
    sandbox::restore_defaults();
    let mut link = Link::to_supervisor();
    link.send(&ChildHello::Hello(WIRE_VERSION.into()));
    let Some(start) = decode::<StartFrame>(&link.receive(MAX_CONTROL_FRAME)) else {
        return;
    };
    if start.version != WIRE_VERSION {
        return;
    }
    let born = || Link::to_supervisor().send(&ChildHello::Born);
    match sandbox::enter(&start.policy, link.as_fd(), born, compiler::start_threads) {
        Err(refusal) => refuse(&mut link, refusal),
        Ok(confinement) => {
            link.send(&ChildHello::Confined(confinement));
            match start.policy.role {
                Role::Compiler => compiler::serve(&mut link, start.policy.threads),
                Role::Template => template::serve(&mut link),
            }
        }
    }
}

fn refuse(link: &mut Link, refusal: Refusal) {
    link.send(&ChildHello::Refused(refusal));
}

/// Ends the process at once: no destructor, no exit handler, no output.
fn end(status: i32) -> ! {
    // SAFETY: always sound; nothing of this process is needed afterwards.
    unsafe { libc::_exit(status) }
}
