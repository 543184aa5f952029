//! Processes that were killed and are still to be waited for. The kernel may take its time: a
//! process that waits for a file system does not end before that answers.
//!
//! ```text
//! Started, Starting ─ killed ─► Remains ─┬─► the driver looks at them, and never waits
//!                                        └─► Reaper: others wait a second at most, then a thread of the pool does
//! ```

use super::held::Held;
use super::process::Process;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread other than the driver waits for the end of a process that it killed.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often those are looked at for which there is nothing to wait for.
const LOOK: Duration = Duration::from_millis(10);

/// How often a thread that has nothing else to do looks.
const SLOW_LOOK: Duration = Duration::from_secs(1);

/// Killed processes of one start. Their user id and cgroup are kept until the last one is reaped.
#[derive(Debug)]
pub(crate) struct Remains {
    processes: Vec<Arc<Process>>,
    /// A process that no descriptor is held of, if it is an own child.
    number: Option<Pid>,
    leader: Option<Leader>,
    _held: Held,
}

/// The process that was spawned, and the group that it led.
#[derive(Debug)]
struct Leader {
    child: Child,
    pidfd: Option<OwnedFd>,
    is_reaped: bool,
    /// The process that it became may be in its group, and its number is not known.
    has_group: bool,
}

impl Remains {
    pub(super) fn new(held: Held) -> Remains {
        held.kill();
        Remains {
            processes: Vec::new(),
            number: None,
            leader: None,
            _held: held,
        }
    }

    /// Adds a confined process, and kills it.
    pub(super) fn with_process(mut self, process: Arc<Process>) -> Remains {
        process.kill();
        self.processes.push(process);
        self
    }

    /// Adds the process with that number, if it is an own child.
    pub(super) fn with_number(mut self, number: Pid) -> Remains {
        self.number = Some(number);
        self
    }

    /// Adds the process that was spawned, alone or with its group. It was killed before.
    pub(super) fn with_leader(mut self, child: Child, has_group: bool) -> Remains {
        let pidfd = super::starting::pidfd_of(&child);
        self.leader = Some(Leader {
            child,
            pidfd,
            is_reaped: false,
            has_group,
        });
        self
    }

    /// Adds the leader of `others`.
    pub(super) fn with_leader_of(mut self, others: Remains) -> Remains {
        self.leader = others.leader;
        self
    }

    /// Waits for those that have ended; true once none is left. Never waits for one that has not.
    pub(crate) fn reap(&mut self) -> bool {
        self.processes.retain(|process| process.reap().is_none());
        self.number.take_if(|number| reap_by_number(*number));
        // It comes before the group, which this process may belong to.
        if self.number.is_none() {
            self.leader.take_if(Leader::reap);
        }
        self.processes.is_empty() && self.number.is_none() && self.leader.is_none()
    }

    /// What becomes readable when one of them ends.
    pub(crate) fn pidfds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let leader = self.leader.iter();
        let leader = leader.filter_map(|leader| leader.pidfd.as_ref());
        let processes = self.processes.iter().map(|process| process.as_fd());
        processes.chain(leader.map(OwnedFd::as_fd))
    }

    /// Waits for all of them, at most so long.
    ///
    /// # Errors
    ///
    /// Those that have not ended by then.
    pub(crate) fn wait(mut self, most: Duration) -> Result<(), Remains> {
        let until = Instant::now() + most;
        while !self.reap() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self);
            }
            wait_for_any(std::slice::from_ref(&self), left.min(LOOK));
        }
        Ok(())
    }
}

impl Leader {
    /// Whether nothing of it is left.
    fn reap(&mut self) -> bool {
        if !self.is_reaped {
            // An error says that it was waited for elsewhere.
            self.is_reaped = !matches!(self.child.try_wait(), Ok(None));
            if self.is_reaped {
                self.pidfd = None;
            }
        }
        if !self.is_reaped || !self.has_group {
            return self.is_reaped;
        }
        // Only own children can be waited for, and only those of this group are. As long as one of
        // them is left the number of the group is its own; once none is, that is said below, and it
        // is not looked for again.
        let group = WaitId::Pgid(Some(Pid::from_child(&self.child)));
        loop {
            match waitid(group.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    }
}

/// Whether nothing is left of the process with that number: an own child has its number until it is
/// waited for.
fn reap_by_number(number: Pid) -> bool {
    let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match waitid(WaitId::Pid(number), how) {
        Ok(None) => {
            let _ = kill_process(number, Signal::KILL);
            false
        }
        Err(Errno::INTR) => false,
        Ok(Some(_)) | Err(_) => true,
    }
}

fn wait_for_any(remains: &[Remains], most: Duration) {
    let pidfds = remains.iter().flat_map(Remains::pidfds);
    let mut pidfds: Vec<PollFd> = pidfds
        .map(|pidfd| PollFd::from_borrowed_fd(pidfd, PollFlags::IN))
        .collect();
    let most = Timespec::try_from(most).unwrap_or_default();
    // It is only to sleep until there may be something to do.
    let _ = poll(&mut pidfds, Some(&most));
}

/// Waits for what a pool leaves behind when it cannot wait any longer: by one thread, which is
/// there as long as something is left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reaper(Arc<Mutex<Left>>);

#[derive(Debug, Default)]
struct Left {
    remains: Vec<Remains>,
    is_at_work: bool,
}

impl Reaper {
    /// Waits for processes that were killed, for a second at most, and leaves the rest to the
    /// thread.
    pub(crate) fn end(&self, remains: Remains) {
        if let Err(left) = remains.wait(FAREWELL) {
            self.leave(left);
        }
    }

    /// Leaves processes to the thread.
    pub(crate) fn leave(&self, remains: Remains) {
        let mut left = self.lock();
        left.remains.push(remains);
        if left.is_at_work {
            return;
        }
        let reaper = self.clone();
        let thread = std::thread::Builder::new().name("wpool-reaper".into());
        // Without a thread they stay zombies, until another is left.
        left.is_at_work = thread.spawn(move || reaper.work()).is_ok();
    }

    fn work(&self) {
        let mut mine = Vec::new();
        let mut last = 0;
        loop {
            {
                let mut left = self.lock();
                mine.append(&mut left.remains);
                mine.retain_mut(|remains| !remains.reap());
                if mine.is_empty() {
                    left.is_at_work = false;
                    return;
                }
            }
            // A process that is traced can have ended and cannot be waited for before its tracer
            // lets go. Without a pause this thread would spin.
            match std::mem::replace(&mut last, mine.len()) == mine.len() {
                true => wait_for_any(&[], SLOW_LOOK),
                false => wait_for_any(&mine, SLOW_LOOK),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::zombie_processes, reason = "what is tested waits for them")]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    fn spawn(command: &mut Command) -> Child {
        command
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap()
    }

    fn is_a_child(pid: Pid) -> bool {
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), how).is_ok()
    }

    #[test]
    fn what_has_not_ended_is_not_waited_for() {
        let child = spawn(&mut Command::new("cat"));
        let mut remains = Remains::new(Held::default()).with_leader(child, true);
        assert!(!remains.reap());
        let mut remains = remains.wait(Duration::ZERO).unwrap_err();
        remains.leader.as_mut().unwrap().child.kill().unwrap();
        assert!(remains.wait(Duration::from_secs(60)).is_ok());
    }

    #[test]
    fn a_process_is_killed_and_waited_for() {
        let child = spawn(&mut Command::new("cat"));
        let pid = Pid::from_child(&child);
        let process = Arc::new(Process::own_child(pid).unwrap().unwrap());
        let remains = Remains::new(Held::default()).with_process(process);
        assert_eq!(remains.pidfds().count(), 1);
        assert!(remains.wait(Duration::from_secs(60)).is_ok());
        assert!(!is_a_child(pid));
    }

    #[test]
    fn a_child_is_ended_by_its_number_and_a_stranger_is_left_alone() {
        let child = spawn(&mut Command::new("cat"));
        let pid = Pid::from_child(&child);
        let remains = Remains::new(Held::default()).with_number(pid);
        assert!(remains.wait(Duration::from_secs(60)).is_ok());
        assert!(!is_a_child(pid));
        let stranger = rustix::process::getppid().unwrap();
        assert!(Remains::new(Held::default()).with_number(stranger).reap());
        assert!(rustix::process::test_kill_process(stranger).is_ok());
    }

    #[test]
    fn a_thread_waits_for_what_is_left_and_ends() {
        let child = spawn(&mut Command::new("cat"));
        let pid = Pid::from_child(&child);
        let pidfd = super::super::starting::pidfd_of(&child).unwrap();
        let reaper = Reaper::default();
        reaper.leave(Remains::new(Held::default()).with_leader(child, true));
        assert!(reaper.lock().is_at_work);
        rustix::process::pidfd_send_signal(&pidfd, rustix::process::Signal::KILL).unwrap();
        while reaper.lock().is_at_work {
            // It works beside this thread; the test harness has a limit if it never ends.
            std::thread::yield_now();
        }
        assert!(!is_a_child(pid));
    }
}
