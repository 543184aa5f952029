//! Machines that lack what may never be missing: nothing is run, and one line names it.

use super::{Machine, assert_refused};
use crate::support::Call;

#[test]
fn without_system_call_filters_nothing_is_run() {
    for machine in Machine::of_everybody(&[Call::Seccomp]) {
        assert_refused(
            &machine,
            &[
                "confinement is not available: seccomp: a filter ",
                "Invalid argument",
                "CONFIG_SECCOMP_FILTER",
            ],
        );
    }
}

#[test]
fn without_a_promise_to_gain_nothing_by_exec_nothing_is_run() {
    for machine in Machine::of_everybody(&[Call::NoNewPrivileges]) {
        assert_refused(
            &machine,
            &[
                "no-new-privileges: PR_SET_NO_NEW_PRIVS was refused: Invalid argument",
                "let `PR_SET_NO_NEW_PRIVS` through",
            ],
        );
    }
}

#[test]
fn without_resource_limits_nothing_is_run() {
    for machine in Machine::of_everybody(&[Call::Setrlimit]) {
        assert_refused(
            &machine,
            &[
                "resource-limits: RLIMIT_CORE was refused: Operation not permitted",
                "let `RLIMIT_CORE` through",
            ],
        );
    }
}

#[test]
fn on_a_kernel_that_cannot_close_a_range_of_descriptors_nothing_is_run() {
    for machine in Machine::of_everybody(&[Call::CloseRange]) {
        assert_refused(
            &machine,
            &["close_range (Linux 5.9 or newer) was refused: Function not implemented"],
        );
    }
}

#[test]
fn with_capabilities_that_cannot_be_dropped_nothing_is_run() {
    for machine in Machine::of_everybody(&[Call::Capset]) {
        assert_refused(
            &machine,
            &[
                "capabilities: capset was refused: Operation not permitted",
                "let `capset` through",
            ],
        );
    }
}

#[test]
fn without_namespaces_the_same_is_required() {
    for (never, named) in [
        (Call::CloseRange, "close_range"),
        (Call::Capset, "capabilities: capset"),
        (Call::Setrlimit, "resource-limits: RLIMIT_CORE"),
        (Call::Seccomp, "seccomp: a filter"),
    ] {
        for machine in Machine::of_everybody(&[Call::Unshare, never]) {
            assert_refused(&machine, &["confinement is not available: ", named]);
        }
    }
}
