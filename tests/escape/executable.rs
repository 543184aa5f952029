//! Where nothing may become executable that was not mapped so: services that are run with
//! `MemoryDenyWriteExecute`.

use crate::support::{guest, run, wpool};
use std::process::Command;

fn in_such_a_service(words: &[&str], module: &str, inputs: &[&str]) -> Option<String> {
    let mut service = Command::new(env!("CARGO_BIN_EXE_wpool-impostor"));
    service.arg("mdwe").arg(wpool().get_program());
    service
        .args(words)
        .arg("--no-cache")
        .arg(guest(module))
        .args(inputs);
    let ran = run(&mut service);
    if ran.stdout.starts_with("NOT CHECKED") {
        println!("{}", ran.stdout);
        return None;
    }
    assert_eq!(ran.code(), 0, "{ran:?}");
    Some(ran.stdout)
}

#[test]
fn tasks_of_core_modules_components_and_programs_run_with_memory_deny_write_execute() {
    for (words, module, inputs, expected) in [
        (&["map"][..], "square", &["2", "3"][..], "4\n9\n"),
        (&["map", "--isolation", "process"], "square", &["5"], "25\n"),
        (&["map"], "greet", &["Ada"], "Hello, Ada!\n"),
        (&["run"], "echo", &["--", "hello"], "hello\n"),
    ] {
        match in_such_a_service(words, module, inputs) {
            Some(printed) => assert_eq!(printed, expected),
            None => return,
        }
    }
}
