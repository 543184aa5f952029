//! Every system call by its number, through every gate into the kernel: those that are not on the list are death.

use crate::impostor::User;
use crate::support::{Call, refusing};
use std::collections::BTreeSet;

/// What a worker may call, answered with an error or not.
pub const WORKER: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_brk,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_mremap,
    libc::SYS_setitimer,
    libc::SYS_getpid,
    libc::SYS_exit,
    libc::SYS_sigaltstack,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_exit_group,
    libc::SYS_tgkill,
    libc::SYS_openat,
    libc::SYS_getrandom,
];

/// What passes on this kernel whatever a filter says: it answers with an error, or ends the process.
#[cfg(target_arch = "x86_64")]
const PAST_EVERY_FILTER: &[i64] = &[335, 336];
#[cfg(not(target_arch = "x86_64"))]
const PAST_EVERY_FILTER: &[i64] = &[];

fn passing(user: User, words: &[&str]) -> BTreeSet<String> {
    let passed = user.impostor(words).into_iter();
    passed.map(|(call, _)| call).collect()
}

#[track_caller]
pub fn assert_nothing_else_passes(words: &[&str], lists: &[&[i64]]) {
    let allowed = lists.iter().copied().chain([PAST_EVERY_FILTER]).flatten();
    let allowed: BTreeSet<String> = allowed.map(|number| format!("native {number}")).collect();
    let users = User::all().into_iter();
    users.for_each(|user| assert_nothing_else_passes_for(user, words, &allowed));
}

#[track_caller]
fn assert_nothing_else_passes_for(user: User, words: &[&str], allowed: &BTreeSet<String>) {
    let passed = passing(user, words);
    let more: Vec<&String> = passed.difference(allowed).collect();
    assert!(more.is_empty(), "{words:?}: {more:?}");
    // Otherwise the test would hold for a program that tries nothing.
    let missing: Vec<&String> = allowed.difference(&passed).collect();
    let on_other_kernels = |call: &&String| {
        PAST_EVERY_FILTER
            .iter()
            .any(|number| **call == format!("native {number}"))
    };
    assert!(
        missing.iter().all(on_other_kernels),
        "{words:?}: {missing:?}"
    );
}

#[test]
fn a_worker_can_make_twenty_system_calls_and_no_other_by_any_gate() {
    assert_nothing_else_passes(&["pool", "worker", "calls"], &[WORKER]);
    assert_nothing_else_passes(&["alone", "seccomp-worker", "calls"], &[WORKER]);
}

#[test]
fn whatever_tasks_share_and_with_functions_of_the_application_a_worker_can_make_no_more() {
    for terms in ["process", "kept", "host", "wasi"] {
        assert_nothing_else_passes(&["pool", "worker", "calls", terms], &[WORKER]);
    }
}

#[test]
fn a_worker_without_namespaces_can_make_the_same_calls_and_no_other() {
    refusing(&[Call::Unshare], || {
        assert_nothing_else_passes(&["pool", "worker", "calls"], &[WORKER]);
    });
}

#[test]
fn a_compiler_can_ask_for_its_cpus_besides() {
    let more = [libc::SYS_sched_getaffinity];
    assert_nothing_else_passes(&["alone", "seccomp-compiler", "calls"], &[WORKER, &more]);
}

#[test]
fn a_template_can_fork_and_reap_besides() {
    // Those with rules about their arguments that zeros do not meet are not among them: clone, fcntl, prctl, seccomp.
    let mut more = vec![
        libc::SYS_close,
        libc::SYS_close_range,
        libc::SYS_dup3,
        libc::SYS_ppoll,
        libc::SYS_recvmsg,
        libc::SYS_sendmsg,
        libc::SYS_wait4,
    ];
    #[cfg(target_arch = "x86_64")]
    more.extend([libc::SYS_poll, libc::SYS_dup2]);
    assert_nothing_else_passes(&["alone", "seccomp-template", "calls"], &[WORKER, &more]);
}
