//! How a task failed that has no result: what happened to its worker or its plugin, in words for a
//! person.

use super::outcome::{Failure, FailureKind};
use super::scheduler::{Death, Loss};
use std::time::Duration;

impl Failure {
    /// What the scheduler gave up on; `broken` says why the plugin's processes do not start.
    pub(super) fn lost(loss: Loss, timeout: Option<Duration>, broken: Option<&str>) -> Failure {
        match loss {
            Loss::Died(death) => died(death, timeout),
            Loss::LostTooOften(death) => {
                let last = died(death, timeout);
                Failure::new(
                    last.kind(),
                    format!(
                        "its result was lost again and again; at last {}",
                        last.message()
                    ),
                )
            }
            Loss::PluginBroken => {
                let why = broken.unwrap_or("they die before they finish anything");
                Failure::new(
                    FailureKind::Init,
                    format!("the plugin's processes do not start: {why}"),
                )
            }
            Loss::Cancelled => died(Death::Cancelled, timeout),
            Loss::NoPlugin => Failure::new(FailureKind::Init, "the plugin is not loaded"),
            Loss::NoPlace => Failure::new(
                FailureKind::WorkerDied,
                "no worker can be started: processes that were killed do not end, and there are as many of them as there may be \
                 workers; a file system or device that does not answer holds them (ps shows them in state D)",
            ),
            Loss::NoWorkerLeft => Failure::new(
                FailureKind::HostCall,
                "a host function waits for it, and so do all workers that there may be: allow more workers, or let host functions call \
                 the pool less deeply",
            ),
        }
    }
}

fn died(death: Death, timeout: Option<Duration>) -> Failure {
    let signal = match death {
        Death::Signal(signal) => Some(signal),
        Death::Exit(_) | Death::Unknown => None,
        _ => Some(libc::SIGKILL),
    };
    described(death, timeout).with_signal(signal)
}

fn described(death: Death, timeout: Option<Duration>) -> Failure {
    let worker = |message: String| Failure::new(FailureKind::WorkerDied, message);
    match death {
        Death::Signal(libc::SIGSYS) => Failure::new(
            FailureKind::SandboxViolation,
            "its worker made a system call that the filter forbids, and was killed (SIGSYS)",
        ),
        Death::Signal(signal) => worker(format!("its worker was ended by {}", signal_name(signal))),
        Death::Exit(status) => worker(format!("its worker ended with status {status}")),
        Death::Unknown => worker("its worker died, and nobody saw how".into()),
        Death::Template => worker("its template died".into()),
        Death::Deadline => {
            let limit =
                timeout.map_or_else(|| "its time limit".into(), |limit| format!("{limit:?}"));
            Failure::new(
                FailureKind::Timeout,
                format!("it ran longer than {limit}, and its worker was killed"),
            )
        }
        Death::Memory => Failure::new(
            FailureKind::Memory,
            "its worker held more memory than its limits allow, which code of a module cannot do by itself, and was killed",
        ),
        Death::OutOfMemory => Failure::new(
            FailureKind::Memory,
            "the kernel killed its worker, since no memory was left in the worker's cgroup (memory.max) or on the machine",
        ),
        Death::Violation(what) => Failure::new(
            FailureKind::Protocol,
            format!("its worker sent {what}, and was killed"),
        ),
        Death::Stuck => worker("its worker did not answer, and was killed".into()),
        Death::Retired => worker("its worker was retired".into()),
        Death::Cancelled => Failure::new(FailureKind::Cancelled, "it was cancelled"),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGHUP => "SIGHUP",
        libc::SIGILL => "SIGILL",
        libc::SIGINT => "SIGINT",
        libc::SIGKILL => "SIGKILL: by somebody, or by the kernel when memory was short",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGTERM => "SIGTERM",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGXCPU => "SIGXCPU",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}
