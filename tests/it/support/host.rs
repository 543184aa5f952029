//! Machines that are less than this one: what they refuse, a system call filter refuses here. A filter belongs to a thread
//! and to what it starts, so it is put on a thread of its own.

use rustix::io::Errno;
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;
use std::thread;

/// A call that a machine refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Namespaces altogether, as a container's default profile does.
    Unshare,
    /// A user namespace alone, as with `user.max_user_namespaces=0`.
    UnshareUser,
    /// Mounting, after namespaces were had, as AppArmor does.
    Mount,
    /// Landlock: an old kernel.
    Landlock,
    /// One more thread: the limit of processes is reached.
    Thread,
    /// One more process for the parent of the one that asks: the same.
    Sibling,
    /// One more child that goes on with a copy: the same.
    Fork,
    /// A pair of sockets: the limit of descriptors is reached.
    SocketPair,
    /// A descriptor of a process: the same.
    Pidfd,
    /// A set of descriptors to wait for: the same.
    Epoll,
    /// A descriptor to wake somebody with: nobody on the machine gets one.
    Eventfd,
    /// A file in memory, and there is none left.
    Memfd,
}

impl Call {
    fn is_clone(self) -> bool {
        matches!(self, Call::Thread | Call::Sibling | Call::Fork)
    }

    fn program(self) -> BpfProgram {
        let (call, conditions, errno) = match self {
            Call::Unshare => (libc::SYS_unshare, vec![], Errno::PERM),
            Call::UnshareUser => (
                libc::SYS_unshare,
                vec![has_flag(libc::CLONE_NEWUSER)],
                Errno::NOSPC,
            ),
            Call::Mount => (libc::SYS_mount, vec![], Errno::ACCESS),
            Call::Landlock => (libc::SYS_landlock_create_ruleset, vec![], Errno::NOSYS),
            Call::Thread => (
                libc::SYS_clone,
                vec![has_flag(libc::CLONE_THREAD)],
                Errno::AGAIN,
            ),
            Call::Sibling => (
                libc::SYS_clone,
                vec![has_flag(libc::CLONE_PARENT)],
                Errno::AGAIN,
            ),
            // What makes a thread or executes a program has no use for this flag.
            Call::Fork => (
                libc::SYS_clone,
                vec![has_flag(libc::CLONE_CHILD_SETTID)],
                Errno::AGAIN,
            ),
            Call::SocketPair => (libc::SYS_socketpair, vec![], Errno::MFILE),
            Call::Pidfd => (libc::SYS_pidfd_open, vec![], Errno::MFILE),
            Call::Epoll => (libc::SYS_epoll_create1, vec![], Errno::MFILE),
            Call::Eventfd => (libc::SYS_eventfd2, vec![], Errno::NFILE),
            Call::Memfd => (libc::SYS_memfd_create, vec![], Errno::NOMEM),
        };
        answer(call, conditions, errno)
    }
}

/// A filter that answers `errno` to `call` where all conditions hold.
fn answer(call: i64, conditions: Vec<SeccompCondition>, errno: Errno) -> BpfProgram {
    let rules = if conditions.is_empty() {
        vec![]
    } else {
        vec![SeccompRule::new(conditions).unwrap()]
    };
    let refused = SeccompAction::Errno(errno.raw_os_error().unsigned_abs());
    let rules = BTreeMap::from([(call, rules)]);
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture).unwrap();
    filter.try_into().unwrap()
}

fn has_flag(flag: i32) -> SeccompCondition {
    let flag = flag as u64;
    SeccompCondition::new(0, Dword, SeccompCmpOp::MaskedEq(flag), flag).unwrap()
}

/// What `body` returns where `calls` are refused.
pub fn refusing<T: Send>(calls: &[Call], body: impl FnOnce() -> T + Send) -> T {
    let mut programs: Vec<BpfProgram> = calls.iter().map(|call| call.program()).collect();
    if calls.iter().any(|call| call.is_clone()) {
        // The flags of the newer call are in memory, which a filter cannot read; without it the older one is used.
        programs.push(answer(libc::SYS_clone3, vec![], Errno::NOSYS));
    }
    let on_that_host = move || {
        for program in &programs {
            seccompiler::apply_filter(program).unwrap();
        }
        body()
    };
    thread::scope(|scope| match scope.spawn(on_that_host).join() {
        Ok(returned) => returned,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
