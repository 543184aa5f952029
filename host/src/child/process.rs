//! A process by its pidfd: it can be signalled and waited for without ever hitting another that got its number.

use super::parent::{is_alive, parent_of};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, pidfd_open,
    pidfd_send_signal, waitid,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// By this signal.
    Signal(i32),
    /// With this status.
    Status(i32),
    /// Nobody knows.
    Unknown,
}

/// What a process is to one that may have forked it.
#[derive(Debug)]
pub(crate) enum Kinship {
    /// Its child.
    Child(Process),
    /// Somebody else's.
    Stranger,
    /// It was waited for, or has lost its parent and ends with it: nobody can say, and there is nothing to signal.
    Dead,
}

/// A process that was verified to be a child, or a worker forked by one. It is killed when this is
/// dropped, and not waited for: an own child is waited for by its [`Remains`](super::Remains).
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    pidfd: OwnedFd,
    /// Whether it was sent SIGKILL, or was gone: nothing can come of more.
    killed: AtomicBool,
}

impl Process {
    /// The process with the number `pid`, if it is a child of this process that was not waited for: so its number is its own.
    pub(crate) fn own_child(pid: Pid) -> io::Result<Option<Process>> {
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let is_own = waitid(WaitId::PidFd(pidfd.as_fd()), options).is_ok();
        Ok(is_own.then(|| Process {
            pid,
            pidfd,
            killed: AtomicBool::new(false),
        }))
    }

    /// What the kernel says of the process with the number `pid`: whether it is a child of `parent`. One that has ended is until it
    /// was waited for.
    pub(crate) fn child_of(pid: Pid, parent: &Process) -> io::Result<Kinship> {
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return Ok(Kinship::Dead),
            opened => opened?,
        };
        let Some(known) = parent_of(pidfd.as_fd(), pid)? else {
            return Ok(Kinship::Dead);
        };
        if known != parent.pid.as_raw_nonzero().get() {
            // Who loses its parent gets another one, before it ends with it.
            let is_orphan = !is_alive(&pidfd) || !parent.is_alive();
            return Ok(match is_orphan {
                true => Kinship::Dead,
                false => Kinship::Stranger,
            });
        }
        Ok(Kinship::Child(Process {
            pid,
            pidfd,
            killed: AtomicBool::new(false),
        }))
    }

    /// Its number, for reports.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Its number as reports spell it.
    pub(crate) fn number(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        is_alive(&self.pidfd)
    }

    /// Ends it with SIGKILL. It may be dead already.
    pub(crate) fn kill(&self) {
        if self.killed.load(Ordering::Relaxed) {
            return;
        }
        let sent = pidfd_send_signal(&self.pidfd, Signal::KILL);
        if matches!(sent, Ok(()) | Err(Errno::SRCH)) {
            self.killed.store(true, Ordering::Relaxed);
        }
    }

    /// Ends it unless it ends by itself within `grace`, so that its own way to end can be told.
    pub(crate) fn kill_if_alive_after(&self, grace: Duration) {
        let grace = Timespec::try_from(grace).unwrap_or_default();
        let mut descriptors = [PollFd::new(&self.pidfd, PollFlags::IN)];
        if !matches!(poll(&mut descriptors, Some(&grace)), Ok(1)) {
            self.kill();
        }
    }

    /// How it ended, if it has, as its parent: it is waited for then, and what it leaves behind is
    /// ended. Never waits itself.
    pub(crate) fn reap(&self) -> Option<Exit> {
        let ended = |how| waitid(WaitId::PidFd(self.pidfd.as_fd()), how);
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match ended(how | WaitIdOptions::NOWAIT) {
            Ok(None) | Err(Errno::INTR) => return None,
            // It was waited for elsewhere, and its number may be another's.
            Err(_) => return Some(Exit::Unknown),
            Ok(Some(_)) => {}
        }
        // Until it is waited for, its number is its own: so is that of the group that it leads, and that what it forked cannot
        // leave. Without a pid namespace they would outlive it.
        let _ = kill_process_group(self.pid, Signal::KILL);
        let status = ended(how).ok().flatten();
        Some(status.map_or(Exit::Unknown, exit))
    }

    /// How long it has computed, all threads together, as `/proc` shows it. It must not have been
    /// waited for.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.number())).ok()?;
        // The name in parentheses may contain anything; user and system time are the 14th and 15th
        // field.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
        let (user, system) = (fields.next()?.parse::<u64>(), fields.next()?.parse::<u64>());
        let ticks = user.ok()?.checked_add(system.ok()?)?;
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        Some(Duration::from_millis(
            ticks.saturating_mul(1000) / per_second,
        ))
    }

    /// How it ended, if it does within `grace`. It stays to be waited for.
    pub(crate) fn exit_within(&self, grace: Duration) -> Option<Exit> {
        ending(self.pidfd.as_fd(), grace)
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How an own child ended, if it does within `grace`. It is still there to be waited for.
pub(super) fn ending(pidfd: BorrowedFd<'_>, grace: Duration) -> Option<Exit> {
    let grace = Timespec::try_from(grace).unwrap_or_default();
    if !matches!(
        poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&grace)),
        Ok(1)
    ) {
        return None;
    }
    let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::PidFd(pidfd), how).ok().flatten().map(exit)
}

fn exit(status: WaitIdStatus) -> Exit {
    match (status.terminating_signal(), status.exit_status()) {
        (Some(signal), _) => Exit::Signal(signal),
        (_, Some(status)) => Exit::Status(status),
        _ => Exit::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn cat() -> std::process::Child {
        Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    #[test]
    fn a_child_is_recognised_killed_and_its_end_told() {
        let mut child = cat();
        let process = Process::own_child(Pid::from_child(&child))
            .unwrap()
            .unwrap();
        assert_eq!(process.reap(), None, "it lives");
        process.kill();
        assert_eq!(
            process.exit_within(Duration::from_secs(60)),
            Some(Exit::Signal(9))
        );
        assert_eq!(process.reap(), Some(Exit::Signal(9)));
        assert!(child.try_wait().is_err(), "it was reaped");
    }

    #[test]
    fn a_stranger_is_neither_an_own_child_nor_a_childs_and_is_left_alone() {
        let mut child = cat();
        let process = Process::own_child(Pid::from_child(&child))
            .unwrap()
            .unwrap();
        let stranger = rustix::process::getppid().unwrap();
        assert!(Process::own_child(stranger).unwrap().is_none());
        assert!(matches!(
            Process::child_of(stranger, &process),
            Ok(Kinship::Stranger)
        ));
        let pidfd = pidfd_open(stranger, PidfdFlags::empty()).unwrap();
        assert!(is_alive(&pidfd), "it was killed");
        drop(process);
        let killed = child.wait().unwrap();
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&killed),
            Some(9)
        );
    }

    #[test]
    fn a_grandchild_is_a_childs_and_not_an_own_one() {
        use std::io::{BufRead, BufReader};
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 1000 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let grandchild = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        let pidfd = pidfd_open(grandchild, PidfdFlags::empty()).unwrap();
        assert!(Process::own_child(grandchild).unwrap().is_none());
        assert!(is_alive(&pidfd), "one that is not an own child was killed");
        let parent = Process::own_child(Pid::from_child(&shell))
            .unwrap()
            .unwrap();
        let verified = Process::child_of(grandchild, &parent).unwrap();
        assert!(matches!(verified, Kinship::Child(_)));
        drop(verified);
        let mut descriptors = [PollFd::new(&pidfd, PollFlags::IN)];
        poll(&mut descriptors, None).unwrap();
        assert!(
            !is_alive(&pidfd),
            "a verified process is killed when it is dropped"
        );
        // It may not be waited for yet.
        let ended = Process::child_of(grandchild, &parent);
        assert!(
            matches!(ended, Ok(Kinship::Dead | Kinship::Child(_))),
            "{ended:?}"
        );
        drop(parent);
        let _ = shell.wait();
        assert!(!is_alive(&pidfd));
    }
}
