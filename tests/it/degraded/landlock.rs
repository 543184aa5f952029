//! Landlock of every age: with namespaces it may be missing, without them it has to handle every right about files that the
//! kernel knows.

use super::{Machine, assert_full, assert_reduced, assert_refused};
use crate::support::{Call, file_rights, have_landlock, is_root, refusing, run};
use rustix::io::Errno;

/// The ABIs of Linux 5.13, 5.19, 6.2, 6.7 and 6.10.
const OLD: [u32; 6] = [1, 2, 3, 4, 5, 6];

/// A kernel that was released after wpool.
const TOO_NEW: Call = Call::LandlockAbi(99);

/// The newest ABI whose rights wpool knows.
const NEWEST: u32 = 9;

const ABSENT: Call = Call::Landlock(Errno::NOSYS);
const NOT_STARTED: Call = Call::Landlock(Errno::OPNOTSUPP);

#[test]
fn with_namespaces_the_confinement_is_full_with_a_landlock_of_any_age() {
    for abi in OLD {
        for machine in Machine::of_everybody(&[Call::LandlockAbi(abi)]) {
            let report = assert_full(&machine, &[], "");
            assert_eq!(report["landlock_abi"], abi);
        }
    }
}

#[test]
fn without_namespaces_a_landlock_of_any_age_is_enough_for_reduced_confinement() {
    for abi in OLD {
        for machine in Machine::of_everybody(&[Call::LandlockAbi(abi), Call::Unshare]) {
            let report = assert_reduced(&machine, "unshare was refused", "user namespaces");
            assert_eq!(report["landlock_abi"], abi);
        }
    }
}

#[test]
fn a_landlock_that_is_newer_than_wpool_counts_as_the_newest_that_it_knows() {
    for machine in Machine::of_everybody(&[TOO_NEW]) {
        assert_eq!(assert_full(&machine, &[], "")["landlock_abi"], NEWEST);
    }
    for machine in Machine::of_everybody(&[TOO_NEW, Call::Unshare]) {
        let report = assert_reduced(&machine, "unshare was refused", "user namespaces");
        assert_eq!(report["landlock_abi"], NEWEST);
    }
}

#[test]
fn every_right_about_files_that_the_kernel_knows_is_handled() {
    for abi in OLD {
        for machine in Machine::of_everybody(&[Call::Unshare]) {
            let square = machine.user.guest("square");
            let (ran, rulesets) = refusing(&machine.refused, || {
                let rulesets = have_landlock(abi);
                let ran = run(machine.wpool().arg("map").arg(square).arg("3"));
                let rulesets = rulesets.lock().unwrap().clone();
                (ran, rulesets)
            });
            assert_eq!(ran.results(), ["9"]);
            if is_root() {
                // Of a compiler and of a template.
                assert_eq!(rulesets, [file_rights(abi); 2], "ABI {abi}");
            }
        }
    }
}

#[test]
fn without_landlock_alone_the_confinement_is_full() {
    for (lacking, advice) in [(ABSENT, "Linux 5.13"), (NOT_STARTED, "lsm=")] {
        for machine in Machine::of_everybody(&[lacking]) {
            let report = assert_full(&machine, &["landlock"], advice);
            assert_eq!(report["landlock_abi"], serde_json::Value::Null);
        }
    }
}

#[test]
fn without_namespaces_and_landlock_nothing_is_run_and_both_are_advised() {
    for (lacking, why, advice) in [
        (ABSENT, "Function not implemented", "Linux 5.13"),
        (NOT_STARTED, "Operation not supported", "lsm="),
    ] {
        for machine in Machine::of_everybody(&[lacking, Call::Unshare]) {
            let missing = "confinement is not sufficient: missing: user-namespace, ";
            let namespaces = ["unshare was refused", "user namespaces"];
            assert_refused(
                &machine,
                &[
                    missing,
                    "landlock",
                    namespaces[0],
                    namespaces[1],
                    why,
                    advice,
                ],
            );
        }
    }
}

#[test]
fn a_landlock_that_is_there_and_is_refused_is_not_done_without() {
    for refused in [
        &[Call::LandlockInForce][..],
        &[Call::LandlockInForce, Call::Unshare],
    ] {
        for machine in Machine::of_everybody(refused) {
            assert_refused(
                &machine,
                &[
                    "landlock: denying every path was refused: Operation not permitted",
                    "let `landlock_restrict_self` through",
                ],
            );
        }
    }
}
