//! System call filters: which calls each kind of process may make, in which phase. Everything else is death by SIGSYS.
//!
//! ```text
//! compiler:  pure ──────────────────────────────► (reads its input, compiles, answers)
//! template:  pure + LOADING + FORKING ─ loaded ─► pure + FORKING
//!   worker:                                         └─ forked ─► pure
//! ```
//! Filters stack and the strictest answer wins, so each phase only ever takes away. Where directories were granted, template and
//! workers have [`files`] besides; no others do.
//!
//! A call that an architecture does not have, as aarch64 has no `poll`, is named under that condition; what is called in its place
//! is on the list of all.

mod files;
mod forks;
#[cfg(test)]
mod tests;

use super::{Files, Layer, Refusal, Role};
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule};
use std::collections::BTreeMap;

/// The one descriptor a confined process talks through.
const SOCKET: u64 = 0;

/// Where the runtime writes why it aborts: a pipe in compilers; in others closed, and answered with an error.
const LAST_WORDS: u64 = 2;

/// The length of a status page.
const PAGE_BYTES: u64 = 4096;

/// Calls without a rule about their arguments that every phase may make.
const PURE: &[i64] = &[
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_brk,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    // An abort() asks who it is before it signals itself.
    libc::SYS_getpid,
    libc::SYS_gettid,
    // Answered with an error: the allocator asks for a setting before it gives back memory of a second arena.
    libc::SYS_openat,
];

/// What a compiler needs besides: with many threads, the allocator asks how many CPUs there are.
const COMPILING: &[i64] = &[libc::SYS_sched_getaffinity];

/// What a template needs besides to fork workers and to hand them their filter.
const FORKING: &[i64] = &[
    libc::SYS_wait4,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup3,
    libc::SYS_ppoll,
];

/// What a template needs besides to map an artifact; gone before it forks.
const LOADING: &[i64] = &[
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_lseek,
    libc::SYS_pread64,
    libc::SYS_sched_getaffinity,
    libc::SYS_rt_sigaction,
    // Answered with an error below, because a library asks and can live without.
    libc::SYS_process_madvise,
    // The images of a component's memories.
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
    libc::SYS_write,
    // Code that was mapped stays as it is.
    libc::SYS_mseal,
];

/// A filter that is ready to be installed: programs that are stacked in this order, the one that kills last, since it
/// forbids to install more.
pub(crate) struct Filter {
    programs: Vec<BpfProgram>,
}

impl Filter {
    /// The filter under which a process of `role` reads its first untrusted byte.
    pub(super) fn loading(role: Role, files: Files) -> Result<Filter, Refusal> {
        let mut rules = Rules::pure()?;
        if role == Role::Compiler {
            rules.allow(COMPILING);
            return Ok(Filter {
                programs: vec![no_signals()?, no_files()?, rules.or_die()?],
            });
        }
        rules.forking()?;
        rules.files(files)?;
        rules.allow(LOADING);
        // Code is mapped here, and here alone.
        rules.only_if(libc::SYS_mmap, vec![private_mapping()?]);
        rules.share_pages()?;
        rules.only_if(libc::SYS_prlimit64, vec![argument(0, Dword, Eq, 0)?]);
        for command in [libc::F_ADD_SEALS, libc::F_DUPFD_CLOEXEC] {
            rules.only_if(
                libc::SYS_fcntl,
                vec![argument(1, Dword, Eq, command as u64)?],
            );
        }
        let mut filter = Filter::common(files)?;
        filter.programs.extend([
            answer(&[libc::SYS_process_madvise], libc::ENOSYS)?,
            rules.or_die()?,
        ]);
        Ok(filter)
    }

    /// What a template has in force in every phase, and its workers: the calls that are refused and no violation.
    pub(crate) fn common(files: Files) -> Result<Filter, Refusal> {
        let mut programs = vec![no_signals()?];
        programs.extend(files::refused_quietly(files)?);
        Ok(Filter { programs })
    }

    /// The filter of a template that has its artifact mapped.
    pub(crate) fn serving(files: Files) -> Result<Filter, Refusal> {
        Filter::final_one(Rules::serving(files)?, files)
    }

    /// The final filter of a worker, in force before its first task.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn worker(files: Files) -> Result<Filter, Refusal> {
        Filter::final_one(Rules::worker(files)?, files)
    }

    fn final_one(rules: Rules, files: Files) -> Result<Filter, Refusal> {
        let mut filter = Filter::common(files)?;
        filter.programs.extend([no_last_words()?, rules.or_die()?]);
        Ok(filter)
    }

    /// What of it is missing where all of `other` is in force: programs of both are not asked twice.
    pub(crate) fn beyond(mut self, other: &Filter) -> Filter {
        self.programs
            .retain(|program| !other.programs.contains(program));
        self
    }

    /// Puts the filter in force, for good, in every thread.
    pub(crate) fn install(&self) -> Result<(), Refusal> {
        for program in &self.programs {
            seccompiler::apply_filter_all_threads(program).map_err(|error| refused(&error))?;
        }
        Ok(())
    }
}

/// The rules that decide whether a call passes.
struct Rules(BTreeMap<i64, Vec<SeccompRule>>);

impl Rules {
    fn serving(files: Files) -> Result<Rules, Refusal> {
        let mut rules = Rules::worker(files)?;
        rules.forking()?;
        rules.share_pages()?;
        Ok(rules)
    }

    fn worker(files: Files) -> Result<Rules, Refusal> {
        let mut rules = Rules::pure()?;
        rules.files(files)?;
        Ok(rules)
    }

    /// What code that computes needs: its socket, private memory that is never executable, one timer, its own signals.
    fn pure() -> Result<Rules, Refusal> {
        let mut rules = Rules(BTreeMap::new());
        rules.allow(PURE);
        rules.only_if(libc::SYS_read, vec![argument(0, Dword, Eq, SOCKET)?]);
        for descriptor in [SOCKET, LAST_WORDS] {
            rules.only_if(libc::SYS_write, vec![argument(0, Dword, Eq, descriptor)?]);
        }
        let no_exec = || argument(2, Dword, MaskedEq(libc::PROT_EXEC as u64), 0);
        rules.only_if(libc::SYS_mmap, vec![no_exec()?, private_mapping()?]);
        rules.only_if(libc::SYS_mprotect, vec![no_exec()?]);
        for advice in [libc::MADV_DONTNEED, libc::MADV_FREE] {
            rules.only_if(
                libc::SYS_madvise,
                vec![argument(2, Dword, Eq, advice as u64)?],
            );
        }
        rules.only_if(
            libc::SYS_setitimer,
            vec![argument(0, Dword, Eq, libc::ITIMER_REAL as u64)?],
        );
        // Which clock a wait uses does not matter; everything else about the operation does.
        let operation = !(libc::FUTEX_CLOCK_REALTIME as u64);
        for wait_or_wake in [libc::FUTEX_WAIT, libc::FUTEX_WAKE, libc::FUTEX_WAIT_BITSET] {
            let private = (wait_or_wake | libc::FUTEX_PRIVATE_FLAG) as u64;
            rules.only_if(
                libc::SYS_futex,
                vec![argument(1, Dword, MaskedEq(operation), private)?],
            );
        }
        for signal in [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGILL,
            libc::SIGFPE,
            libc::SIGTRAP,
            libc::SIGABRT,
        ] {
            rules.only_if(
                libc::SYS_rt_sigaction,
                vec![argument(0, Dword, Eq, signal as u64)?],
            );
        }
        rules.allow(&[libc::SYS_tgkill]);
        Ok(rules)
    }

    /// What a template needs to fork: no thread, no namespace, no other parent; its control socket with descriptors.
    fn forking(&mut self) -> Result<(), Refusal> {
        self.allow(FORKING);
        let harmless = (libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID) as u64;
        self.only_if(
            libc::SYS_clone,
            vec![argument(
                0,
                Qword,
                MaskedEq(!harmless),
                libc::SIGCHLD as u64,
            )?],
        );
        self.only_if(libc::SYS_recvmsg, vec![argument(0, Dword, Eq, SOCKET)?]);
        self.only_if(libc::SYS_sendmsg, vec![argument(0, Dword, Eq, SOCKET)?]);
        // The standard library checks descriptors that it closes, in debug builds.
        self.only_if(
            libc::SYS_fcntl,
            vec![argument(1, Dword, Eq, libc::F_GETFD as u64)?],
        );
        // Only in the direction that takes away.
        for (option, value) in [
            (libc::PR_SET_PDEATHSIG, libc::SIGKILL),
            (libc::PR_SET_DUMPABLE, 0),
            (libc::PR_SET_NO_NEW_PRIVS, 1),
        ] {
            let option = argument(0, Dword, Eq, option as u64)?;
            self.only_if(
                libc::SYS_prctl,
                vec![option, argument(1, Qword, Eq, value as u64)?],
            );
        }
        // The name that `ps` shows.
        let name = argument(0, Dword, Eq, libc::PR_SET_NAME as u64)?;
        self.only_if(libc::SYS_prctl, vec![name]);
        let set_filter = argument(0, Dword, Eq, libc::SECCOMP_SET_MODE_FILTER.into())?;
        self.only_if(
            libc::SYS_seccomp,
            vec![
                set_filter,
                argument(1, Qword, Eq, libc::SECCOMP_FILTER_FLAG_TSYNC)?,
            ],
        );
        #[cfg(target_arch = "x86_64")]
        self.allow(&[libc::SYS_poll, libc::SYS_dup2]);
        Ok(())
    }

    /// The status page of a worker is shared with the supervisor; the worker's own filter allows no more of them.
    fn share_pages(&mut self) -> Result<(), Refusal> {
        let conditions = vec![
            argument(1, Qword, Eq, PAGE_BYTES)?,
            argument(2, Dword, MaskedEq(libc::PROT_EXEC as u64), 0)?,
            argument(3, Dword, Eq, libc::MAP_SHARED as u64)?,
        ];
        self.only_if(libc::SYS_mmap, conditions);
        Ok(())
    }

    fn allow(&mut self, calls: &[i64]) {
        for call in calls {
            self.0.insert(*call, Vec::new());
        }
    }

    /// Allows `call` when every condition holds, besides the conditions given earlier for the same call.
    fn only_if(&mut self, call: i64, conditions: Vec<SeccompCondition>) {
        // The conditions are never empty, which is all that can be wrong with a rule.
        if let Ok(rule) = SeccompRule::new(conditions) {
            self.0.entry(call).or_default().push(rule);
        }
    }

    fn or_die(self) -> Result<BpfProgram, Refusal> {
        compile(self.0, SeccompAction::KillProcess, SeccompAction::Allow)
    }
}

/// An abort() may not signal, which `tgkill` could do to a sibling: it goes on to its trap instruction instead, and the
/// death has a signal that says "crashed" rather than "violated its filter".
fn no_signals() -> Result<BpfProgram, Refusal> {
    answer(&[libc::SYS_tgkill], libc::EPERM)
}

/// No path is opened: an error, because libraries ask for settings and can live without.
fn no_files() -> Result<BpfProgram, Refusal> {
    answer(&[libc::SYS_openat], libc::EACCES)
}

/// The runtime's message before it aborts has nowhere to go: an error, not a violation.
fn no_last_words() -> Result<BpfProgram, Refusal> {
    let mut rules = Rules(BTreeMap::new());
    rules.only_if(libc::SYS_write, vec![argument(0, Dword, Eq, LAST_WORDS)?]);
    compile(
        rules.0,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EBADF.unsigned_abs()),
    )
}

fn answer(calls: &[i64], errno: i32) -> Result<BpfProgram, Refusal> {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    compile(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno.unsigned_abs()),
    )
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, Refusal> {
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(|error| refused(&error))?;
    let filter = SeccompFilter::new(rules, otherwise, matched, architecture)
        .map_err(|error| refused(&error))?;
    filter
        .try_into()
        .map_err(|error: seccompiler::BackendError| refused(&error))
}

/// A mapping that counts as data: not shared, and neither a stack that grows by itself nor huge pages.
fn private_mapping() -> Result<SeccompCondition, Refusal> {
    let kind = (libc::MAP_TYPE | libc::MAP_GROWSDOWN | libc::MAP_HUGETLB) as u64;
    argument(3, Dword, MaskedEq(kind), libc::MAP_PRIVATE as u64)
}

fn argument(
    index: u8,
    length: seccompiler::SeccompCmpArgLen,
    operator: seccompiler::SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, Refusal> {
    SeccompCondition::new(index, length, operator, value).map_err(|error| refused(&error))
}

fn refused(error: &dyn std::fmt::Display) -> Refusal {
    Refusal {
        layer: Layer::Seccomp,
        step: format!("a filter ({error})"),
        errno: 0,
    }
}
