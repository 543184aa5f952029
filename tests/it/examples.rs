//! The examples, as a reader runs them: each prints what it says.

use crate::support::{guest, run};
use std::path::PathBuf;
use std::process::Command;

/// An example, which `cargo test` builds beside the tests.
fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let built: PathBuf = tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples")
        .join(name);
    assert!(
        built.exists(),
        "{} is missing: run `cargo test` as a whole, or `cargo build --examples` first",
        built.display()
    );
    Command::new(built)
}

#[track_caller]
fn printed(name: &str) -> String {
    let ran = run(&mut example(name));
    assert!(
        ran.status.success() && ran.stderr.is_empty(),
        "{}",
        ran.stderr
    );
    ran.stdout
}

/// Lines whose order is not given, each of them whole.
#[track_caller]
fn sorted(name: &str) -> Vec<String> {
    let mut lines: Vec<String> = printed(name).lines().map(str::to_string).collect();
    lines.sort();
    lines
}

#[test]
fn a_process_prints() {
    assert_eq!(printed("process_prints"), "Hello, Bob!\n");
}

#[test]
fn a_pool_of_four_maps_square() {
    assert_eq!(printed("pool_of_squares"), "[1, 4, 9, 16, 25]\n");
}

#[test]
fn four_workers_each_print_a_number() {
    assert_eq!(sorted("pool_prints"), ["1", "2", "3", "4"]);
}

#[test]
fn four_processes_each_print_a_different_number() {
    assert_eq!(sorted("four_processes"), ["0", "1", "2", "3"]);
}

#[test]
fn a_process_knows_its_name() {
    assert_eq!(printed("process_name"), "I am postman\n");
}

#[test]
fn a_process_is_started_and_joined() {
    assert_eq!(
        printed("start_and_join"),
        "false None\ntrue None\nfalse Some(-9)\n"
    );
}

#[test]
fn an_application_runs_its_users_plugins_and_survives_them() {
    let ran = run(example("plugin_app").args([guest("spin"), guest("refused-import")]));
    assert!(ran.status.success(), "{}", ran.stderr);
    for line in [
        "refused-import is not loaded: it imports what is not granted: interface test:unknown/host",
        "  \"tea 2\": 6",
        "  info: a tenth off 132",
        "  \"tea 4\\nkettle 3\": 119",
        "  \"unicorn 1\": no answer: task 0 failed: error: there is no unicorn",
        "  \"tea 2\": TEA 2",
    ] {
        assert!(ran.lines().contains(&line), "{line}\n{}", ran.stdout);
    }
}
