//! Machines that are less than this one: what they refuse, a system call filter refuses here. A filter belongs to a thread
//! and to what it starts, so it is put on a thread of its own.

use super::{container, kernel};
use rustix::io::Errno;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::{SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule};
use std::collections::BTreeMap;
use std::thread;

/// A call that a machine refuses, or answers otherwise. What refuses filters has to come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Namespaces altogether.
    Unshare,
    /// A user namespace alone, with this answer.
    UnshareUser(Errno),
    /// A network namespace: they are used up.
    UnshareNetwork,
    /// Mapping an id in a user namespace that was had, as Ubuntu 24.04 does.
    UidMap,
    /// Mounting, after namespaces were had, as AppArmor does.
    Mount,
    /// An empty root, after something could be mounted.
    PivotRoot,
    /// Landlock, with this answer: not built in, or not started.
    Landlock(Errno),
    /// Landlock is that of this ABI.
    LandlockAbi(u32),
    /// Putting Landlock in force, which is there.
    LandlockInForce,
    /// All that the default profile of a container does.
    Container,
    /// Whatever needs a capability: root without any.
    Capabilities,
    /// Dropping capabilities.
    Capset,
    /// Resource limits.
    Setrlimit,
    /// Closing all descriptors at once: an old kernel.
    CloseRange,
    /// A promise to gain nothing by exec.
    NoNewPrivileges,
    /// System call filters.
    Seccomp,
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
    /// Refuses it to this thread and to what it starts.
    fn refuse(self) {
        let (call, conditions, errno) = match self {
            Call::Unshare => (libc::SYS_unshare, vec![], Errno::PERM),
            Call::UnshareUser(errno) => (
                libc::SYS_unshare,
                vec![has_flag(libc::CLONE_NEWUSER)],
                errno,
            ),
            Call::UnshareNetwork => (
                libc::SYS_unshare,
                vec![has_flag(libc::CLONE_NEWNET)],
                Errno::NOSPC,
            ),
            Call::UidMap => return kernel::refuse_uid_maps(),
            Call::Mount => (libc::SYS_mount, vec![], Errno::ACCESS),
            Call::PivotRoot => (libc::SYS_pivot_root, vec![], Errno::PERM),
            Call::Landlock(errno) => (libc::SYS_landlock_create_ruleset, vec![], errno),
            Call::LandlockInForce => (libc::SYS_landlock_restrict_self, vec![], Errno::PERM),
            Call::LandlockAbi(abi) => return drop(kernel::have_landlock(abi)),
            Call::Container => {
                container::keep_capabilities();
                let unknown = BTreeMap::from([(libc::SYS_clone3, vec![])]);
                refuse(unknown, Errno::NOSYS);
                return refuse(container::refused_calls(), Errno::PERM);
            }
            Call::Capabilities => return container::keep_no_capability(),
            Call::Capset => (libc::SYS_capset, vec![], Errno::PERM),
            Call::CloseRange => (libc::SYS_close_range, vec![], Errno::NOSYS),
            // Asking for a limit is the same call, with no new one.
            Call::Setrlimit => {
                let sets = SeccompCondition::new(2, Qword, SeccompCmpOp::Ne, 0).unwrap();
                (libc::SYS_prlimit64, vec![sets], Errno::PERM)
            }
            Call::NoNewPrivileges => {
                let option = libc::PR_SET_NO_NEW_PRIVS as u64;
                let sets = SeccompCondition::new(0, Dword, SeccompCmpOp::Eq, option).unwrap();
                (libc::SYS_prctl, vec![sets], Errno::INVAL)
            }
            Call::Seccomp => (libc::SYS_seccomp, vec![], Errno::INVAL),
            Call::Thread => return refuse_clone(has_flag(libc::CLONE_THREAD)),
            Call::Sibling => return refuse_clone(has_flag(libc::CLONE_PARENT)),
            // What makes a thread, enters a namespace or executes a program has flags besides.
            Call::Fork => {
                let plain = libc::SIGCHLD as u64;
                let is_plain = SeccompCondition::new(0, Qword, SeccompCmpOp::Eq, plain);
                return refuse_clone(is_plain.unwrap());
            }
            Call::SocketPair => (libc::SYS_socketpair, vec![], Errno::MFILE),
            Call::Pidfd => (libc::SYS_pidfd_open, vec![], Errno::MFILE),
            Call::Epoll => (libc::SYS_epoll_create1, vec![], Errno::MFILE),
            Call::Eventfd => (libc::SYS_eventfd2, vec![], Errno::NFILE),
            Call::Memfd => (libc::SYS_memfd_create, vec![], Errno::NOMEM),
        };
        let rules = if conditions.is_empty() {
            vec![]
        } else {
            vec![SeccompRule::new(conditions).unwrap()]
        };
        refuse(BTreeMap::from([(call, rules)]), errno);
    }
}

fn refuse(calls: BTreeMap<i64, Vec<SeccompRule>>, errno: Errno) {
    let refused = SeccompAction::Errno(errno.raw_os_error().unsigned_abs());
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, refused, architecture).unwrap();
    let program: seccompiler::BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// Refuses a clone with such flags for want of processes.
fn refuse_clone(such: SeccompCondition) {
    // The flags of the newer call are in memory, which a filter cannot read; without it the older one is used.
    refuse(BTreeMap::from([(libc::SYS_clone3, vec![])]), Errno::NOSYS);
    let with_those = SeccompRule::new(vec![such]).unwrap();
    refuse(
        BTreeMap::from([(libc::SYS_clone, vec![with_those])]),
        Errno::AGAIN,
    );
}

fn has_flag(flag: i32) -> SeccompCondition {
    let flag = flag as u64;
    SeccompCondition::new(0, Dword, SeccompCmpOp::MaskedEq(flag), flag).unwrap()
}

/// What `body` returns where `calls` are refused.
pub fn refusing<T: Send>(calls: &[Call], body: impl FnOnce() -> T + Send) -> T {
    let on_that_host = move || {
        calls.iter().for_each(|call| call.refuse());
        body()
    };
    thread::scope(|scope| match scope.spawn(on_that_host).join() {
        Ok(returned) => returned,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
