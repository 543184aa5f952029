//! Containers as Docker starts them: reduced confinement, for root with few capabilities and for everybody else.

use super::{Machine, assert_reduced, assert_refused};
use crate::support::Call;

#[test]
fn in_a_container_with_the_default_profile_everybody_gets_reduced_confinement() {
    for machine in Machine::of_everybody(&[Call::Container]) {
        let report = assert_reduced(
            &machine,
            "unshare was refused: Operation not permitted",
            "docker run --security-opt seccomp=FILE",
        );
        assert!(report["landlock_abi"].as_u64().unwrap() >= 1, "{report}");
    }
}

#[test]
fn root_that_cannot_become_another_user_runs_nothing() {
    for refused in [
        &[Call::Capabilities][..],
        &[Call::Container, Call::Capabilities],
    ] {
        if let Some(machine) = Machine::of_root(refused) {
            assert_refused(
                &machine,
                &[
                    "capabilities: setgroups was refused: Operation not permitted",
                    "as an ordinary user",
                    "--cap-add SETUID",
                ],
            );
        }
    }
}
