//! What to do next, for each way in which something goes wrong: a line behind what happened.

use super::complaint;
use wpool::{ErrorKind, FailureKind};

/// Says what to do about tasks that failed so.
pub(super) fn about_failure(kind: FailureKind) {
    if let Some(hint) = of_failure(kind) {
        complaint::line(&format!("hint: {kind}: {hint}"));
    }
}

/// The same for a task that was called by itself, where it is shown already where it trapped.
pub(super) fn about_single_failure(kind: FailureKind) {
    if kind != FailureKind::Trap {
        about_failure(kind);
    }
}

/// Says what to do about an error.
pub(super) fn about_error(kind: ErrorKind) {
    if let Some(hint) = of_error(kind) {
        complaint::line(&format!("hint: {hint}"));
    }
}

/// Says where a subcommand is explained.
pub(super) fn about_usage(subcommand: Option<&str>) {
    complaint::line(&match subcommand {
        Some(name) => {
            format!("hint: wpool {name} --help is short, and wpool help {name} has all of it")
        }
        None => "hint: wpool --help shows what there is".into(),
    });
}

fn of_failure(kind: FailureKind) -> Option<&'static str> {
    Some(match kind {
        FailureKind::Error => "the function itself said no; its message is what it returned",
        FailureKind::Trap => "wpool apply runs one input by itself and shows where it trapped",
        FailureKind::Timeout => {
            "--timeout TIME gives each task more; --retries N --retry-timeouts tries again"
        }
        FailureKind::Fuel => "--fuel N gives each task more",
        FailureKind::Memory => {
            "--memory SIZE gives each task more; where a cgroup was full, -j N starts fewer workers"
        }
        FailureKind::Exit => "the status is the program's own; what it wrote says why, or --report",
        FailureKind::OutputLimit => "--output-limit SIZE allows more",
        FailureKind::BadArgument => {
            "wpool inspect shows what a function takes, wpool help values how that is written"
        }
        FailureKind::Init => {
            "no task can run: wpool help isolation tells how instances are prepared"
        }
        FailureKind::HostCall => "the function asked the host for what it does not have: see --log",
        FailureKind::WorkerDied => {
            "--retries N runs such tasks again; --isolation process sets them apart"
        }
        FailureKind::SandboxViolation | FailureKind::Protocol => {
            "no module can do that by itself: do not trust this one, and report it"
        }
        _ => return None,
    })
}

fn of_error(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::ModuleFile => "name a file of WebAssembly, binary or text",
        ErrorKind::Module => "wpool inspect shows what a module exports and what it would need",
        ErrorKind::Compile => "--compile-timeout and --compile-memory give its compiler more",
        ErrorKind::Function => "wpool inspect shows the functions; --function NAME chooses one",
        ErrorKind::Argument => "wpool help values shows how arguments are written",
        ErrorKind::Grant => "wpool help run shows what can be granted, and how",
        ErrorKind::Confinement => {
            "wpool doctor shows what is missing on this machine, and how to get it"
        }
        ErrorKind::System => {
            "fewer workers (-j) need less; wpool doctor shows what this machine has"
        }
        _ => return None,
    })
}
