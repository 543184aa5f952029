//! Tasks that fail, jobs that end early, and signals.

use super::{divide, map};
use crate::support::{Running, eventually, feed, guest, only_busy_worker, run, workers_of};
use rustix::process::Signal;
use std::process::Stdio;

#[test]
fn failures_are_summarised_by_kind_with_the_first_inputs_where_there_are_several() {
    let inputs = ["6, 3", "1, 0", "2, 0", "3, 0", "4, 0", "-2147483648, -1"];
    let ran = run(divide(&["--"]).args(inputs));
    assert_eq!(
        ran.summary(),
        [
            "5 of 6 tasks failed",
            "trap 5: task 2 (1, 0), task 3 (2, 0), task 4 (3, 0), …",
        ]
    );
    let ran = feed(&mut divide(&[]), "1, 0\nx\n");
    let summary = ran.summary();
    assert_eq!(
        summary[..2],
        ["2 of 2 tasks failed", "trap 1: task 1 (1, 0)"]
    );
    assert_eq!(summary[2], "bad-argument 1: task 2 (x)");
    let ran = run(divide(&[]).arg("1, 0"));
    assert_eq!((ran.complaints().len(), ran.summary().len()), (1, 0));
}

#[test]
fn a_task_whose_worker_is_killed_is_tried_again_and_a_wrong_argument_is_not() {
    let mut command = map(
        "spin",
        &[
            "-j",
            "1",
            "--retries",
            "2",
            "--timeout",
            "none",
            "--json-lines",
        ],
    );
    let running = Running::start(command.arg("3000000000"));
    only_busy_worker(&running.process).signal(Signal::KILL);
    let ran = running.finish();
    assert_eq!(ran.code(), 0, "{ran:?}");
    let line: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (line["attempts"].as_u64(), &line["outcome"]),
        (Some(2), &"ok".into())
    );
    let ran = feed(
        &mut map("square", &["--retries", "2", "--json-lines"]),
        "x\n",
    );
    let line: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(line["attempts"].as_u64(), Some(0));
}

#[test]
fn a_job_that_halts_soon_finishes_what_runs_and_reads_no_more() {
    let mut running = Running::start(divide(&["--halt", "soon,fail=2"]).stdin(Stdio::piped()));
    running.write("6, 3\n1, 0\n");
    assert_eq!(running.line(), Some("2".into()));
    running.write("2, 0\n");
    // Its input stays open.
    let stdin = running.take_stdin();
    let ran = running.finish();
    assert_eq!(ran.code(), 1);
    let last = *ran.complaints().last().unwrap();
    assert!(last.starts_with("wpool: halted: 2 tasks failed"), "{ran:?}");
    drop(stdin);
}

#[test]
fn a_job_that_halts_now_kills_what_runs() {
    let mut command = map(
        "spin",
        &["-j", "2", "--timeout", "none", "--halt", "now,success=1"],
    );
    let ran = run(command.args(["1", "-1", "-1"]));
    assert_eq!((ran.code(), ran.stdout.as_str()), (0, "1\n"), "{ran:?}");
    assert!(
        ran.complaints()[0].starts_with("wpool: halted: 1 task succeeded"),
        "{ran:?}"
    );
}

#[test]
fn a_condition_that_nobody_understands_is_refused() {
    let ran = run(divide(&["--halt", "fail=1"]).arg("1, 0"));
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    assert!(
        ran.complaints()[0].contains("such as soon,fail=3"),
        "{ran:?}"
    );
}

#[test]
fn an_interrupt_lets_what_runs_finish_and_a_second_one_kills_it() {
    let spin = |turns: &str| {
        let mut command = map("spin", &["-j", "1", "--timeout", "none"]);
        let mut running = Running::start(command.args(["1", turns, "2"]));
        assert_eq!(running.line(), Some("1".into()));
        eventually("the next one runs", || {
            let workers = workers_of(&running.process);
            workers
                .iter()
                .any(|worker| worker.cpu_ticks() > 0)
                .then_some(())
        });
        running.process.signal(Signal::INT);
        running
    };
    let ran = spin("300000000").finish();
    assert_eq!(
        (ran.code(), ran.stdout.as_str()),
        (130, "300000000\n"),
        "{ran:?}"
    );
    let running = spin("-1");
    running.process.signal(Signal::INT);
    let ran = running.finish();
    assert_eq!(
        (ran.code(), ran.stdout.as_str(), ran.complaints().len()),
        (130, "", 0),
        "{ran:?}"
    );
}

#[test]
fn a_hang_up_ends_it_unless_it_was_told_to_outlive_its_terminal() {
    // Whoever runs the tests may ignore it.
    let mut command = std::process::Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_wpool"), "map"]);
    let mut running = Running::start(command.arg(guest("square")).stdin(Stdio::piped()));
    running.write("3\n");
    assert_eq!(running.line(), Some("9".into()));
    let stdin = running.take_stdin();
    running.process.signal(Signal::HUP);
    assert_eq!(running.finish().code(), 129);
    drop(stdin);
    let mut command = std::process::Command::new("nohup");
    command
        .arg(env!("CARGO_BIN_EXE_wpool"))
        .arg("map")
        .arg(guest("square"));
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.write("3\n");
    assert_eq!(running.line(), Some("9".into()));
    running.process.signal(Signal::HUP);
    running.write("4\n");
    assert_eq!(running.line(), Some("16".into()));
    drop(running.take_stdin());
    assert_eq!(running.finish().code(), 0);
}

#[test]
fn a_signal_has_it_say_what_is_running() {
    let mut command = map("spin", &["-j", "1", "--timeout", "none"]);
    let mut running = Running::start(command.args(["1", "-1"]));
    assert_eq!(running.line(), Some("1".into()));
    only_busy_worker(&running.process);
    running.process.signal(Signal::USR1);
    running.process.signal(Signal::TERM);
    let ran = running.finish();
    let said = ran.complaints();
    assert_eq!(said[0], "wpool: 1 done, 0 failed, 0 waiting", "{ran:?}");
    assert!(
        said[1].starts_with("wpool: task 2 (-1): running for "),
        "{ran:?}"
    );
    assert!(said[1].contains(" s in worker-1 (process "), "{ran:?}");
}

#[test]
fn progress_is_quiet_off_a_terminal_unless_it_is_asked_for() {
    let slow = |options: &[&str]| {
        let mut command = map("spin", &["-j", "1", "--timeout", "1500ms"]);
        run(command.args(options).args(["--", "1", "-1"])).stderr
    };
    assert!(!slow(&[]).contains("done"));
    assert!(!slow(&["--progress", "--no-progress"]).contains("done"));
    let shown = slow(&["--progress"]);
    assert!(shown.starts_with("wpool: 1 of 2 done, 1."), "{shown}");
}

#[test]
fn now_is_now_also_where_results_wait_for_their_turn() {
    let mut command = map(
        "spin",
        &["-j", "2", "--timeout", "none", "--halt", "now,fail=1"],
    );
    command.args(["-f", "spin", "-a", "-"]);
    let mut running = Running::start(command.stdin(Stdio::piped()));
    // The first of them never ends, and the input stays open.
    running.write("-1\nx\n");
    let stdin = running.take_stdin();
    let ran = running.finish();
    drop(stdin);
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(
        ran.complaints()[0].starts_with("wpool: task 2: bad-argument"),
        "{ran:?}"
    );
    assert!(
        ran.complaints()[1].starts_with("wpool: halted: 1 task failed; of the tasks"),
        "{ran:?}"
    );
}

#[test]
fn a_job_whose_output_nobody_reads_any_more_ends_whatever_it_is_at() {
    let mut command = map("spin", &["-j", "1", "--timeout", "none"]);
    let mut running = Running::start(command.args(["1", "-1"]));
    assert_eq!(running.line(), Some("1".into()));
    running.close_output();
    let ran = running.finish();
    assert_eq!((ran.code(), ran.stderr.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn an_interrupt_that_was_ignored_when_it_started_stays_ignored() {
    let mut command = std::process::Command::new("env");
    command.args([
        "--ignore-signal=INT",
        "--ignore-signal=TERM",
        env!("CARGO_BIN_EXE_wpool"),
        "map",
    ]);
    let mut running = Running::start(command.arg(guest("square")).stdin(Stdio::piped()));
    running.write("3\n");
    assert_eq!(running.line(), Some("9".into()));
    running.process.signal(Signal::INT);
    running.process.signal(Signal::TERM);
    running.write("4\n");
    assert_eq!(running.line(), Some("16".into()));
    drop(running.take_stdin());
    assert_eq!(running.finish().code(), 0);
}
