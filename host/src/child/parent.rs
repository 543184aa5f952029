//! Whose child a process is: by its pidfd where the kernel says so, from Linux 6.13 on, else by its number.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use rustix::process::Pid;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// `struct pidfd_info` of `linux/pidfd.h` in its first version, which all later ones begin with.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    /// What is known, as a set of bits.
    mask: u64,
    cgroup: u64,
    pid: u32,
    process: u32,
    parent: u32,
    credentials: [u32; 8],
    exit_code: i32,
}

/// `PIDFD_GET_INFO` of the same header.
const GET_INFO: Opcode = opcode::read_write::<PidfdInfo>(0xff, 11);

/// That the numbers of process and parent are known.
const KNOWS_NUMBERS: u64 = 1;

/// The number of the parent of the process that has the number `pid`; `None` once that was waited for.
pub(super) fn parent_of(pidfd: BorrowedFd<'_>, pid: Pid) -> io::Result<Option<i32>> {
    match by_pidfd(pidfd) {
        Ok(Some(parent)) => Ok(Some(parent)),
        Err(Errno::SRCH) => Ok(None),
        Ok(None) | Err(_) => by_number(pidfd, pid),
    }
}

/// Nothing where the kernel does not know it, an error where it does not know such a question.
fn by_pidfd(pidfd: BorrowedFd<'_>) -> rustix::io::Result<Option<i32>> {
    let mut info = PidfdInfo {
        mask: KNOWS_NUMBERS,
        ..PidfdInfo::default()
    };
    // SAFETY: the kernel writes at most as many bytes as the operation names, which are those of the structure, and all are plain
    // numbers. Of a descriptor that is no pidfd, or in a kernel without it, the operation is unknown and nothing is written.
    unsafe { ioctl(pidfd, Updater::<GET_INFO, PidfdInfo>::new(&mut info)) }?;
    let is_known = info.mask & KNOWS_NUMBERS != 0;
    Ok(i32::try_from(info.parent).ok().filter(|_| is_known))
}

/// The order matters: it was opened, then looked at by its number, and that was the same one if it still has that number.
fn by_number(pidfd: BorrowedFd<'_>, pid: Pid) -> io::Result<Option<i32>> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    if !has_number(pidfd)? {
        return Ok(None);
    }
    let stat = stat?;
    // The name in parentheses may contain anything, so what follows its end is looked at.
    let fields = stat
        .rsplit_once(')')
        .map(|(_, fields)| fields.split_ascii_whitespace());
    let parent = fields
        .and_then(|mut fields| fields.nth(1))
        .and_then(|field| field.parse::<i32>().ok());
    parent.map(Some).ok_or(io::ErrorKind::InvalidData.into())
}

/// Whether the process was not waited for: until then its number is its own.
fn has_number(pidfd: BorrowedFd<'_>) -> io::Result<bool> {
    let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    let number = about.lines().find_map(|line| line.strip_prefix("Pid:"));
    let number = number.and_then(|number| number.trim().parse::<i32>().ok());
    Ok(number.is_some_and(|number| number > 0))
}

/// Whether the process has not ended.
pub(super) fn is_alive(pidfd: impl AsFd) -> bool {
    let mut descriptors = [PollFd::new(&pidfd, PollFlags::IN)];
    matches!(poll(&mut descriptors, Some(&Timespec::default())), Ok(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{PidfdFlags, getpid, getppid, pidfd_open};
    use std::fs::File;
    use std::process::Command;

    #[test]
    fn both_ways_to_ask_have_one_answer() {
        let pid = getpid();
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let parent = getppid().map(|pid| pid.as_raw_nonzero().get());
        assert_eq!(by_number(pidfd.as_fd(), pid).unwrap(), parent);
        match by_pidfd(pidfd.as_fd()) {
            Ok(known) => assert_eq!(known, parent),
            Err(errno) => assert!(matches!(errno, Errno::NOTTY | Errno::INVAL), "{errno}"),
        }
    }

    #[test]
    fn one_that_has_ended_has_a_parent_until_it_was_waited_for() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None).unwrap();
        assert!(!is_alive(&pidfd));
        let own = Some(getpid().as_raw_nonzero().get());
        assert_eq!(parent_of(pidfd.as_fd(), pid).unwrap(), own);
        assert_eq!(by_number(pidfd.as_fd(), pid).unwrap(), own);
        child.wait().unwrap();
        assert_eq!(parent_of(pidfd.as_fd(), pid).unwrap(), None);
        assert_eq!(by_number(pidfd.as_fd(), pid).unwrap(), None);
    }

    #[test]
    fn of_what_is_no_pidfd_the_kernel_says_nothing() {
        let file = File::open("/dev/null").unwrap();
        assert!(by_pidfd(file.as_fd()).is_err());
    }
}
