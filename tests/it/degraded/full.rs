//! Machines on which the confinement is full, whatever else they lack.

use super::{Machine, assert_full};
use crate::support::Call;
use rustix::io::Errno;

#[test]
fn a_machine_that_refuses_nothing_is_full() {
    for machine in Machine::of_everybody(&[]) {
        let report = assert_full(&machine, &[], "");
        assert!(report["landlock_abi"].as_u64().unwrap() >= 1, "{report}");
    }
}

#[test]
fn root_without_user_namespaces_has_the_others_and_no_warning() {
    for (errno, advice) in [
        (Errno::PERM, "user namespaces"),
        (Errno::NOSPC, "user.max_user_namespaces"),
        (Errno::INVAL, "CONFIG_USER_NS"),
    ] {
        if let Some(machine) = Machine::of_root(&[Call::UnshareUser(errno)]) {
            assert_full(&machine, &["user-namespace"], advice);
        }
    }
}

#[test]
fn root_that_can_map_no_id_has_the_other_namespaces() {
    if let Some(machine) = Machine::of_root(&[Call::UidMap]) {
        let report = assert_full(&machine, &["user-namespace"], "user namespaces");
        let user = super::layer(&report, "user-namespace");
        assert!(
            user["detail"].as_str().unwrap().contains("uid_map"),
            "{user}"
        );
    }
}
