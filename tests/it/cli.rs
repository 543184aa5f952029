//! The command line itself: options, help, exit codes, where things are written.

use crate::support::{Running, guest, run, wpool};
use std::fs::OpenOptions;
use std::process::Stdio;

#[test]
fn an_option_that_there_is_not_is_refused_even_among_the_inputs() {
    for option in ["--timout=2s", "--bogus", "-x"] {
        let ran = run(wpool().arg("map").arg(guest("square")).args(["1", option]));
        assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
        let [line] = ran.complaints()[..] else {
            panic!("{ran:?}")
        };
        let name = option.split('=').next().unwrap();
        assert!(
            line.contains("unexpected argument") && line.contains(name),
            "{line}"
        );
        assert!(ran.hints()[0].contains("wpool help map"), "{ran:?}");
    }
    let ran = run(wpool()
        .args(["map", "--bogus"])
        .arg(guest("square"))
        .arg("1"));
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("--bogus"), "{ran:?}");
    let ran = run(wpool().arg("apply").arg(guest("square")).arg("--bogus"));
    assert_eq!(
        (ran.code(), ran.stdout.as_str(), ran.complaints().len()),
        (2, "", 1)
    );
}

#[test]
fn options_may_follow_the_module_and_the_inputs() {
    let ran = run(wpool()
        .arg("map")
        .arg(guest("square"))
        .args(["-j", "2", "3", "4"]));
    assert_eq!(ran.results(), ["9", "16"]);
    let ran = run(wpool()
        .arg("map")
        .arg(guest("square"))
        .args(["3", "-4", "-j", "2"]));
    assert_eq!(ran.results(), ["9", "16"]);
    let ran = run(wpool()
        .arg("map")
        .arg(guest("square"))
        .args(["3", "--timeout", "2s", "4"]));
    assert_eq!(ran.results(), ["9", "16"]);
}

#[test]
fn what_follows_two_hyphens_is_an_input() {
    let ran = run(wpool()
        .arg("map")
        .arg(guest("square"))
        .args(["--", "-3", "-4"]));
    assert_eq!(ran.results(), ["9", "16"]);
    let ran = run(wpool()
        .arg("map")
        .arg(guest("square"))
        .args(["--", "--bogus"]));
    assert_eq!((ran.code(), ran.complaints().len()), (2, 1));
    assert!(ran.stderr.contains("input 1"), "{ran:?}");
}

#[test]
fn help_and_version_are_no_errors_and_say_what_there_is() {
    let help = run(wpool().arg("--help"));
    for word in ["map", "apply", "doctor", "Exit codes"] {
        assert!(
            help.results().iter().any(|line| line.contains(word)),
            "{word}"
        );
    }
    assert_eq!(
        run(wpool().arg("--version")).results(),
        [format!("wpool {}", env!("CARGO_PKG_VERSION"))]
    );
    let map = run(wpool().args(["help", "map"]));
    for option in [
        "--function",
        "--workers",
        "--timeout",
        "--unordered",
        "--format",
        "--report",
        "--require-full",
    ] {
        assert!(
            map.results().iter().any(|line| line.contains(option)),
            "{option}"
        );
    }
}

#[test]
fn nothing_or_nonsense_typed_is_a_usage_error() {
    for typed in [&["map"][..], &["apply"], &["reduce"], &["doctor", "--xml"]] {
        let ran = run(wpool().args(typed));
        assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""), "{typed:?}");
        assert_eq!(ran.complaints().len(), 1, "{ran:?}");
        let hint = format!("wpool help {}", typed[0]);
        assert!(ran.hints()[0].contains(&hint), "{ran:?}");
    }
    let ran = run(wpool().arg("nonsense"));
    assert_eq!((ran.code(), ran.complaints().len()), (2, 1), "{ran:?}");
    assert_eq!(ran.hints(), ["wpool --help shows what there is"]);
    let ran = run(&mut wpool());
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    assert!(
        ran.stderr.contains("Usage: wpool <COMMAND>"),
        "help is what is wanted: {ran:?}"
    );
}

#[test]
fn results_go_to_standard_output_and_all_else_to_standard_error() {
    let ran = run(wpool()
        .args(["map", "-f", "divide"])
        .arg(guest("faults"))
        .args(["6, 2", "1, 0"]));
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, "3\n"));
    assert_eq!(
        ran.complaints(),
        ["wpool: task 2 (1, 0): trap: integer divide by zero"]
    );
}

#[test]
fn an_output_that_is_full_is_an_error_and_not_a_closed_reader() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = wpool()
        .arg("map")
        .arg(guest("square"))
        .args(["1", "2"])
        .stdout(full)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_ne!(output.status.code(), Some(0));
    assert!(
        stderr.contains("standard output cannot be written"),
        "{stderr}"
    );
}

#[test]
fn a_closed_reader_of_the_doctor_or_the_help_is_nobodys_problem() {
    for typed in [&["doctor"][..], &["doctor", "--json"], &["--help"]] {
        let mut running = Running::start(wpool().args(typed));
        running.close_output();
        let ran = running.finish();
        assert_eq!((ran.code(), ran.stderr.as_str()), (0, ""), "{typed:?}");
    }
}

#[test]
fn standard_error_may_be_closed() {
    let mut command = wpool();
    command
        .args(["map", "-f", "divide"])
        .arg(guest("faults"))
        .args(["1, 0", "6, 2"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stdout),
        (Some(1), b"3\n".to_vec())
    );
}

#[test]
fn the_command_needs_nothing_from_its_environment() {
    let ran = run(wpool()
        .env_clear()
        .current_dir("/")
        .arg("map")
        .arg(guest("square").canonicalize().unwrap())
        .arg("3"));
    assert_eq!(ran.results(), ["9"]);
}
