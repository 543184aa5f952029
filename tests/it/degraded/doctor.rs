//! What the doctor prints for a person.

use super::{Machine, NAMESPACES};
use crate::support::{Call, run, wpool};

#[test]
fn the_doctor_prints_each_layer_with_its_state_and_the_worker_that_it_saw() {
    let text = run(wpool().arg("doctor"));
    let lines = text.results();
    assert_eq!(lines[0], "confinement: full");
    let line = |start: &str| {
        let mut lines = lines.iter().map(|line| line.trim());
        lines
            .find(|line| line.starts_with(&format!("{start} ")))
            .unwrap_or_else(|| panic!("{start} in {text:?}"))
    };
    for layer in NAMESPACES.iter().chain(&[
        "seccomp",
        "no-new-privileges",
        "capabilities",
        "resource-limits",
        "landlock",
    ]) {
        assert!(line(layer).contains("in force"), "{layer}: {text:?}");
    }
    for (field, value) in [
        ("Seccomp", "2"),
        ("NoNewPrivs", "1"),
        ("CapPrm", "0000000000000000"),
        ("Max open files", "96 96"),
    ] {
        assert!(line(field).ends_with(&format!(" {value}")), "{text:?}");
    }
}

#[test]
fn the_doctor_prints_for_each_missing_layer_how_to_get_it() {
    for machine in Machine::of_everybody(&[Call::Unshare]) {
        let text = machine.run(machine.wpool().arg("doctor"));
        let lines = text.results();
        assert_eq!(lines[0], "confinement: reduced");
        let missing = |line: &&&str| line.contains(" missing ");
        assert_eq!(lines.iter().filter(missing).count(), NAMESPACES.len());
        let advised = |line: &&&str| line.trim().starts_with("to get it: ");
        assert_eq!(lines.iter().filter(advised).count(), NAMESPACES.len());
    }
}
