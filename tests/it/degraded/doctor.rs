//! What the doctor prints for a person.

use super::{Machine, NAMESPACES};
use crate::support::{Call, is_root, run, wpool};

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
fn the_doctor_says_which_user_processes_run_as_and_how_root_gets_ids_of_their_own() {
    let runs_as = |options: &[&str]| {
        let ran = run(wpool().arg("doctor").args(options));
        let json = run(wpool().args(["doctor", "--json"]).args(options));
        let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        (report["runs_as"].as_str().unwrap().to_string(), ran.stdout)
    };
    let (who, text) = runs_as(&[]);
    if !is_root() {
        assert_eq!(who, "supervisor");
        return assert!(text.contains("the user that runs wpool"), "{text}");
    }
    assert_eq!(who, "own-id");
    assert!(text.contains("a user id of its own each"), "{text}");
    // As in a container that has none of these.
    let (who, text) = runs_as(&["--worker-ids", "65534-65535"]);
    assert_eq!(who, "nobody");
    assert!(
        text.contains("nobody (65534)") && text.contains("--worker-ids"),
        "{text}"
    );
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
