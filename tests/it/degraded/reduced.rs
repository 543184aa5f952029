//! Machines without namespaces: the confinement is reduced, and a warning says why and how to get the rest.

use super::{Machine, assert_reduced};
use crate::support::{Call, guest};
use rustix::io::Errno;

#[test]
fn without_namespaces_everybody_gets_reduced_confinement_and_one_warning() {
    for machine in Machine::of_everybody(&[Call::Unshare]) {
        // Root has tried to do without a user namespace; the last refusal is told.
        let layer = if machine.is_root { "pid" } else { "user" };
        let why = format!("{layer}-namespace: unshare was refused: Operation not permitted");
        assert_reduced(&machine, &why, "seccomp=FILE");
    }
}

#[test]
fn without_user_namespaces_an_ordinary_user_is_told_by_the_kernels_answer_how_to_get_them() {
    for (errno, advice) in [
        // A setting of Debian, or a container.
        (Errno::PERM, "user namespaces"),
        // As many as may be.
        (Errno::NOSPC, "user.max_user_namespaces"),
        // The kernel was built without.
        (Errno::INVAL, "CONFIG_USER_NS"),
    ] {
        let machine = Machine::of_a_user(&[Call::UnshareUser(errno)]);
        assert_reduced(&machine, "user-namespace: unshare was refused", advice);
    }
}

#[test]
fn where_one_kind_of_namespace_is_used_up_none_is_used() {
    for machine in Machine::of_everybody(&[Call::UnshareNetwork]) {
        assert_reduced(
            &machine,
            "No space left on device",
            "user.max_net_namespaces",
        );
    }
}

#[test]
fn namespaces_in_which_no_id_can_be_mapped_are_not_used() {
    let machine = Machine::of_a_user(&[Call::UidMap]);
    assert_reduced(
        &machine,
        "/proc/self/uid_map was refused: Operation not permitted",
        "user namespaces",
    );
}

#[test]
fn namespaces_in_which_nothing_can_be_mounted_are_not_used() {
    for machine in Machine::of_everybody(&[Call::Mount]) {
        assert_reduced(
            &machine,
            "mount-namespace: making mounts private was refused: Permission denied",
            "apparmor=NAME",
        );
    }
}

#[test]
fn namespaces_whose_root_cannot_be_emptied_are_not_used() {
    for machine in Machine::of_everybody(&[Call::PivotRoot]) {
        assert_reduced(
            &machine,
            "mount-namespace: pivot_root was refused",
            "pivot_root through",
        );
    }
}

#[test]
fn failures_under_reduced_confinement_are_the_same_as_under_full() {
    let machine = Machine::of_a_user(&[Call::Unshare]);
    let spin = machine.user.guest("spin");
    assert_eq!(spin.file_name(), guest("spin").file_name());
    let mut command = machine.wpool();
    command.args(["map", "--timeout", "700ms"]).arg(spin);
    let ran = machine.run(command.args(["-1", "2"]));
    assert_eq!((ran.code(), ran.lines()), (1, vec!["2"]));
    let [line] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(line.starts_with("wpool: task 1 (-1): timeout: "), "{line}");
}
