//! The group of one template and its workers, or of one compiler.

use super::{PREFIX, Parent, is_absent, read, write};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// How often a group is made again, after another supervisor removed it before it was locked.
const TRIES: u32 = 16;

/// Memory in bytes that a group may have for each process beyond its `RLIMIT_DATA`: pages of the
/// program and the kernel's own tables.
pub(crate) const GROUP_SLACK: u64 = 64 << 20;

/// The limits of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupLimits {
    /// Memory of all processes in bytes; `None` for no limit.
    pub(crate) memory_bytes: Option<u64>,
    /// Processes and threads at once; `None` for no limit.
    pub(crate) processes: Option<u64>,
    /// The share of the CPUs where they are short, 1 to 10,000.
    pub(crate) cpu_weight: u16,
}

impl Default for GroupLimits {
    /// No limits, and the kernel's default weight.
    fn default() -> GroupLimits {
        GroupLimits {
            memory_bytes: None,
            processes: None,
            cpu_weight: 100,
        }
    }
}

/// A cgroup. It is removed when this is dropped; its processes must have been reaped before.
#[derive(Debug)]
pub(crate) struct Group {
    parent: Arc<Parent>,
    name: String,
    /// Locked: other supervisors remove groups that are not.
    directory: OwnedFd,
    /// Out-of-memory kills that were reported.
    kills: u64,
}

impl Group {
    /// Makes a group without limits.
    pub(super) fn below(parent: &Arc<Parent>) -> io::Result<Group> {
        parent.remove_left();
        let mut tries = 0..TRIES;
        loop {
            match Group::try_below(parent) {
                Err(Errno::NOENT | Errno::AGAIN) if tries.next().is_some() => {}
                made => return Ok(made?),
            }
        }
    }

    /// Makes and locks a group. In between another supervisor may remove it.
    fn try_below(parent: &Arc<Parent>) -> Result<Group, Errno> {
        let mut bytes = [0; 8];
        getrandom(&mut bytes[..], GetRandomFlags::empty())?;
        let name = format!("{PREFIX}{:016x}", u64::from_ne_bytes(bytes));
        rustix::fs::mkdirat(&parent.directory, &*name, Mode::from_raw_mode(0o755))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&parent.directory, &*name, flags, Mode::empty());
        let group = match directory {
            Ok(directory) => Group {
                parent: Arc::clone(parent),
                name,
                directory,
                kills: 0,
            },
            Err(errno) => {
                parent.remove(name);
                return Err(errno);
            }
        };
        rustix::fs::flock(&group.directory, FlockOperation::NonBlockingLockExclusive)?;
        let here = rustix::fs::fstat(&group.directory)?.st_ino;
        let there = rustix::fs::statat(&parent.directory, &*group.name, AtFlags::SYMLINK_NOFOLLOW)?;
        match here == there.st_ino {
            true => Ok(group),
            false => Err(Errno::NOENT),
        }
    }

    /// Sets a limit. A kernel without that limit is no error.
    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        match write(&self.directory, file, value) {
            Err(error) if is_absent(&error) => Ok(()),
            other => other,
        }
    }

    /// Sets all limits.
    ///
    /// # Errors
    ///
    /// The kernel's, also where the controllers of memory or of processes are missing.
    pub(crate) fn limit(&self, limits: &GroupLimits) -> io::Result<()> {
        let text = |limit: Option<u64>| limit.map_or_else(|| "max".into(), |most| most.to_string());
        write(&self.directory, "memory.max", &text(limits.memory_bytes))?;
        write(&self.directory, "pids.max", &text(limits.processes))?;
        // Swapped memory would not count. A kernel without swap has no such file.
        self.set("memory.swap.max", "0")?;
        self.set("cpu.weight", &limits.cpu_weight.to_string())
    }

    /// Moves a child that was not reaped into the group. Its forks are in the group, too.
    pub(crate) fn add(&self, child: Pid) -> io::Result<()> {
        let number = child.as_raw_nonzero().to_string();
        write(&self.directory, "cgroup.procs", &number)
    }

    /// Kills every process of the group at once, from Linux 5.14 on. No fork can evade that.
    pub(crate) fn kill(&self) {
        // Errors are ignored: the supervisor kills each process, too.
        let _ = write(&self.directory, "cgroup.kill", "1");
    }

    /// Whether there was an out-of-memory kill in the group that was not reported yet.
    pub(crate) fn was_short_of_memory(&mut self) -> bool {
        let events = read(&self.directory, "memory.events").unwrap_or_default();
        let is_new = kills(&events).is_some_and(|kills| kills > self.kills);
        self.kills += u64::from(is_new);
        is_new
    }
}

/// The out-of-memory kills that `memory.events` counts.
fn kills(events: &str) -> Option<u64> {
    let mut lines = events.lines();
    lines.find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

impl Drop for Group {
    fn drop(&mut self) {
        self.parent.remove(std::mem::take(&mut self.name));
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
