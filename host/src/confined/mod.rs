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
mod conversation;
mod engine;
mod guest;
#[cfg(feature = "testing")]
pub mod impostor;
mod inspect;
mod link;
mod memory_limit;
mod panic;
mod template;
mod ticker;
mod warm;
mod wasi;
mod worker;

use crate::sandbox::{self, Between, Halt, Policy, Refusal, Role};
use crate::wire::{
    ChildHello, IdsMapped, MAX_CONTROL_FRAME, StartFrame, WIRE_VERSION, WORKER_ARGV0, decode,
};
use link::Link;
use std::ffi::OsStr;
use template::WorkingSet;

/// The nice value that a compiler adds to its supervisor's.
const COMPILER_NICENESS: i32 = 10;

/// Becomes a confined process, and never returns, if the program was started as one.
pub(crate) fn run_if_asked() {
    if std::env::args_os().next().as_deref() == Some(OsStr::new(WORKER_ARGV0)) {
        if let Err(why) = trust_the_caller() {
            eprintln!("wpool: this process was not started by a supervisor: {why}");
            end(1);
        }
        panic::report_by_frame();
        run();
        end(0);
    }
}

/// The caller chooses the first argument and descriptor 0, and so the policy. It is obeyed only if
/// it runs as the same user, and if the program has no privilege that the caller lacks.
fn trust_the_caller() -> Result<(), &'static str> {
    // SAFETY: it reads a number that the kernel gave to the process.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return Err(
            "the program has privileges that its caller lacks (set-user-id or file capabilities)",
        );
    }
    let peer = rustix::net::sockopt::socket_peercred(rustix::stdio::stdin())
        .map_err(|_| "descriptor 0 is not a supervisor's socket")?;
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if (peer.uid, peer.gid) != (user, group) {
        return Err("descriptor 0 is a socket of another user");
    }
    Ok(())
}

/// Confines the process and does what it was started for, until the supervisor closes the connection.
fn run() {
    let memory = WorkingSet::new();
    let mut link = Link::to_supervisor();
    let Some(policy) = greet(&mut link) else {
        return;
    };
    make_known(policy.role);
    if confine(&mut link, &policy) {
        match policy.role {
            Role::Compiler => compiler::serve(&mut link, policy.threads),
            Role::Template => template::serve(&mut link, policy.files(), memory),
        }
    }
}

/// Sets the name that `ps` shows, and the priority of a compiler. Nothing depends on either.
fn make_known(role: Role) {
    let name = match role {
        Role::Compiler => c"wpool-compiler",
        Role::Template => c"wpool-template",
    };
    let _ = rustix::thread::set_name(name);
    if role == Role::Compiler {
        // Compilers must not slow down running tasks.
        let _ = rustix::process::nice(COMPILER_NICENESS);
    }
}

/// Says hello, and is told what to become.
fn greet(link: &mut Link) -> Option<Policy> {
    sandbox::restore_defaults();
    link.send(&ChildHello::Hello(WIRE_VERSION.into()));
    let start = decode::<StartFrame>(&link.receive(MAX_CONTROL_FRAME))?;
    (start.version == WIRE_VERSION).then_some(start.policy)
}

/// What is said to the supervisor while the process locks itself down.
struct Greeting;

impl Between for Greeting {
    fn ask_for_ids(&mut self) {
        Link::to_supervisor().send(&ChildHello::NeedsIds);
    }

    fn wait_for_ids(&mut self) -> Result<(), Refusal> {
        let answer = Link::to_supervisor().receive(MAX_CONTROL_FRAME);
        match decode(&answer) {
            Some(IdsMapped(mapped)) => mapped,
            None => end(1),
        }
    }

    fn born(&mut self) {
        Link::to_supervisor().send(&ChildHello::Born);
    }

    fn start_threads(&mut self, threads: u16) -> std::io::Result<()> {
        compiler::start_threads(threads)
    }
}

/// Locks the process down, and says what was achieved or refused.
fn confine(link: &mut Link, policy: &Policy) -> bool {
    match sandbox::enter(policy, link.as_fd(), &mut Greeting) {
        Err(halt) => {
            link.send(&match halt {
                Halt::Refused(refusal) => ChildHello::Refused(refusal),
                Halt::NotGranted(refusal) => ChildHello::NotGranted(refusal),
            });
            false
        }
        Ok(confinement) => {
            link.send(&ChildHello::Confined(confinement));
            true
        }
    }
}

/// Ends the process at once: no destructor, no exit handler, no output.
fn end(status: i32) -> ! {
    loop {
        // SAFETY: always sound; nothing of this process is needed afterwards. By number, as the timer is set.
        unsafe { libc::syscall(libc::SYS_exit_group, status) };
    }
}
