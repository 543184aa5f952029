//! The group of one template and its workers, or of one compiler.

use super::{PREFIX, is_absent, read, write};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::process::Pid;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// What each group gets of the CPUs, where they are short: the kernel's default, the same for all.
const CPU_WEIGHT: &str = "100";

/// Memory that is charged to a group for each process of it, beyond what the process's own limits
/// count, in bytes: pages of the program, tables of the kernel.
pub(crate) const GROUP_SLACK: u64 = 64 << 20;

/// What processes may have together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupLimits {
    /// Memory that is charged to them, in bytes; `None` for no limit.
    pub(crate) memory_bytes: Option<u64>,
    /// Processes and threads at once; `None` for no limit.
    pub(crate) processes: Option<u64>,
}

/// A group that is removed when it is dropped, which is to be once its processes were waited for.
#[derive(Debug)]
pub(crate) struct Group {
    parent: Arc<OwnedFd>,
    name: String,
    /// Locked, so that no other supervisor takes it for one that was left behind.
    directory: OwnedFd,
    /// Out-of-memory kills that are known.
    kills: u64,
}

impl Group {
    /// Makes one, without limits.
    pub(super) fn below(parent: &Arc<OwnedFd>) -> io::Result<Group> {
        let mut bytes = [0; 8];
        getrandom(&mut bytes[..], GetRandomFlags::empty())?;
        let name = format!("{PREFIX}{:016x}", u64::from_ne_bytes(bytes));
        rustix::fs::mkdirat(&**parent, &*name, Mode::from_raw_mode(0o755))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&**parent, &*name, flags, Mode::empty())?;
        rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
        let group = Group {
            parent: Arc::clone(parent),
            name,
            directory,
            kills: 0,
        };
        group.set("cpu.weight", CPU_WEIGHT)?;
        // Memory that was swapped out would not count.
        group.set("memory.swap.max", "0")?;
        Ok(group)
    }

    /// Sets a limit, where the kernel has it.
    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        match write(&self.directory, file, value) {
            Err(error) if is_absent(&error) => Ok(()),
            other => other,
        }
    }

    /// Sets both limits. A group without the controller for one cannot be used.
    pub(crate) fn limit(&self, limits: &GroupLimits) -> io::Result<()> {
        let text = |limit: Option<u64>| limit.map_or_else(|| "max".into(), |most| most.to_string());
        write(&self.directory, "memory.max", &text(limits.memory_bytes))?;
        write(&self.directory, "pids.max", &text(limits.processes))
    }

    /// Moves an own child into it that was not waited for. What it forks later is in it, too.
    pub(crate) fn add(&self, child: Pid) -> io::Result<()> {
        let number = child.as_raw_nonzero().to_string();
        write(&self.directory, "cgroup.procs", &number)
    }

    /// Kills all that is in it, where the kernel can (Linux 5.14): nothing in it can evade that.
    pub(crate) fn kill(&self) {
        // Elsewhere each process is killed by itself, which is done in any case.
        let _ = write(&self.directory, "cgroup.kill", "1");
    }

    /// Whether the kernel has killed a process of it for want of memory since this was asked last.
    pub(crate) fn was_short_of_memory(&mut self) -> bool {
        let events = read(&self.directory, "memory.events").unwrap_or_default();
        let kills = kills(&events).unwrap_or(self.kills);
        std::mem::replace(&mut self.kills, kills) < kills
    }
}

/// The out-of-memory kills that `memory.events` counts.
fn kills(events: &str) -> Option<u64> {
    let mut lines = events.lines();
    lines.find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

impl Drop for Group {
    fn drop(&mut self) {
        // Whatever is left in it, as after a crash, is swept away by the next supervisor.
        let _ = rustix::fs::unlinkat(&*self.parent, &*self.name, AtFlags::REMOVEDIR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_for_want_of_memory_are_counted_and_nothing_that_has_a_name_like_it() {
        let events = "low 0\nhigh 0\nmax 17\noom 3\noom_kill 2\noom_group_kill 0\n";
        assert_eq!(kills(events), Some(2));
        assert_eq!(kills("oom 1\n"), None);
        assert_eq!(kills(""), None);
    }
}
