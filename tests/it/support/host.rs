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
}

impl Call {
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
        };
        let rules = if conditions.is_empty() {
            vec![]
        } else {
            vec![SeccompRule::new(conditions).unwrap()]
        };
        let refused = SeccompAction::Errno(errno.raw_os_error().unsigned_abs());
        let rules = BTreeMap::from([(call, rules)]);
        let architecture = std::env::consts::ARCH.try_into().unwrap();
        let filter =
            SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture).unwrap();
        filter.try_into().unwrap()
    }
}

fn has_flag(flag: i32) -> SeccompCondition {
    let flag = flag as u64;
    SeccompCondition::new(0, Dword, SeccompCmpOp::MaskedEq(flag), flag).unwrap()
}

/// What `body` returns where `calls` are refused.
pub fn refusing<T: Send>(calls: &[Call], body: impl FnOnce() -> T + Send) -> T {
    let programs: Vec<BpfProgram> = calls.iter().map(|call| call.program()).collect();
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
