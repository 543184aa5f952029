//! Samples the private memory of workers, as `/proc` shows it. The limits of the kernel count only
//! memory that is writable at that moment, or reserved. A worker above its data limit and some
//! slack is killed.
//!
//! Honest code cannot get there: the engine's own limit comes before.

use super::super::scheduler::{Death, WorkerId};
use super::Driver;
use crate::child::Process;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often workers are looked at while tasks run.
const EVERY: Duration = Duration::from_millis(100);

/// How often while none runs: native code in a worker need not wait for a task.
const EVERY_IDLE: Duration = Duration::from_secs(5);

/// How many are looked at each time, so that a thousand workers cost no more than a few.
const AT_ONCE: usize = 32;

/// What a worker may hold beyond its limit of data, in bytes: pages of its template that it has
/// written to, and the kernel's rounding.
const SLACK: u64 = 64 << 20;

/// When workers are looked at, and which come next.
#[derive(Debug)]
pub(super) struct Resident {
    due: Instant,
    last: WorkerId,
}

impl Resident {
    pub(super) fn new() -> Resident {
        Resident {
            due: Instant::now() + EVERY,
            last: WorkerId(0),
        }
    }
}

impl Driver {
    /// When workers are to be looked at next, if there are any.
    pub(super) fn resident_due(&self) -> Option<Instant> {
        match (self.workers.is_empty(), self.scheduler.busy_workers()) {
            (true, _) => None,
            (false, 0) => Some(self.resident.due + (EVERY_IDLE - EVERY)),
            (false, _) => Some(self.resident.due),
        }
    }

    /// Kills workers that hold more than they may.
    pub(super) fn look_at_resident(&mut self, now: Instant) {
        if self.resident_due().is_none_or(|due| now < due) {
            return;
        }
        self.resident.due = now + EVERY;
        for (worker, process, most) in self.next_to_look_at() {
            self.resident.last = worker;
            let held = private_bytes(&process);
            if held.is_some_and(|held| held > most) {
                self.scheduler.worker_closing(worker);
                self.kill_worker(worker, Death::Memory);
            }
        }
    }

    /// Workers in turn, with what each may hold in bytes.
    fn next_to_look_at(&self) -> Vec<(WorkerId, Arc<Process>, u64)> {
        let workers = self.workers.iter().filter_map(|(id, link)| {
            let process = link.process.as_ref().filter(|_| link.killed.is_none())?;
            let loaded = self.plugins.get(&link.plugin)?;
            let data = loaded.plugin.process_limits(0).data_bytes?;
            Some((*id, Arc::clone(process), data.saturating_add(SLACK)))
        });
        let mut workers: Vec<_> = workers.collect();
        workers.sort_unstable_by_key(|(id, ..)| (*id <= self.resident.last, *id));
        workers.truncate(AT_ONCE);
        workers
    }
}

/// The memory that is a process's own, in bytes; `None` where that cannot be seen, as without
/// `/proc` or with `hidepid`.
fn private_bytes(process: &Process) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{}/statm", process.number())).ok()?;
    let mut pages = statm.split_ascii_whitespace().map(str::parse::<u64>);
    let (_, resident, shared) = (pages.next()?, pages.next()?.ok()?, pages.next()?.ok()?);
    Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::Pid;
    use std::process::{Command, Stdio};

    #[test]
    fn what_a_process_holds_is_seen_and_of_one_that_is_gone_nothing() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let process = Process::own_child(Pid::from_child(&child))
            .unwrap()
            .unwrap();
        assert!(private_bytes(&process).is_some_and(|bytes| bytes < 64 << 20));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(private_bytes(&process), None);
    }
}
