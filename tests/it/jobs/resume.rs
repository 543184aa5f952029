//! Jobs that go on where they were interrupted, killed or ran out of disk.

use super::{Folder, divide, lines, map};
use crate::support::{Running, eventually, feed, run, wat};
use rustix::process::Signal;
use std::fs;
use std::path::Path;
use std::process::Stdio;

#[test]
fn a_joblog_has_a_row_for_each_task_with_how_it_ended() {
    let folder = Folder::new();
    let ran = run(folder.logged(divide(&[]), &[]).args(["6, 3", "1, 0"]));
    assert_eq!(ran.code(), 1);
    assert_eq!(folder.rows(), [(1, 0, 0), (2, 134, 0)]);
    // Without --resume it is begun anew.
    run(folder.logged(divide(&[]), &[]).args(["6, 3"]));
    assert_eq!(folder.rows(), [(1, 0, 0)]);
}

#[test]
fn a_job_goes_on_by_what_its_inputs_are_and_not_by_where_they_stand() {
    let folder = Folder::new();
    feed(&mut folder.logged(divide(&[]), &[]), "6, 3\n1, 0\n8, 2\n");
    let ran = feed(
        &mut folder.logged(divide(&[]), &["--resume"]),
        "9, 3\n8, 2\n6, 3\n6, 3\n1, 0\n",
    );
    assert_eq!(lines(&ran), ["3", "2"]);
    assert_eq!((ran.code(), ran.complaints().len()), (0, 0), "{ran:?}");
    let numbers: Vec<u64> = folder.rows().iter().map(|row| row.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let ran = feed(
        &mut folder.logged(divide(&[]), &["--resume-failed"]),
        "1, 0\n6, 3\n",
    );
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, ""));
    assert!(
        ran.complaints()[0].starts_with("wpool: task 2 (1, 0): trap"),
        "{ran:?}"
    );
}

#[test]
fn nothing_of_another_module_function_or_format_counts_as_done() {
    let folder = Folder::new();
    let module = |constant: i32| {
        wat(&format!(
            r#"(module (func (export "f") (param i32) (result i32) (i32.const {constant}))
                (func (export "g") (param i32) (result i32) (i32.const {constant})))"#
        ))
    };
    let (one, other) = (module(1), module(2));
    let ran = |path: &Path, function: &str, format: &str| {
        let mut command = crate::support::wpool();
        command.args(["map", "-f", function, "--format", format]);
        let mut command = folder.logged(command, &["--resume"]);
        lines(&feed(command.arg(path), "7\n")).join(" ")
    };
    let (one, other): (&Path, &Path) = (one.path(), other.path());
    assert_eq!(ran(one, "f", "text"), "1");
    assert_eq!(ran(one, "f", "text"), "");
    assert_eq!(ran(other, "f", "text"), "2");
    assert_eq!(ran(one, "g", "text"), "1");
    assert_eq!(ran(one, "f", "json"), "1");
    for (path, function, format) in [(one, "f", "text"), (other, "f", "text"), (one, "g", "text")] {
        assert_eq!(ran(path, function, format), "");
    }
}

#[test]
fn a_joblog_that_is_not_that_of_the_results_costs_none_of_them() {
    let folder = Folder::new();
    let results = folder.path("results");
    let options = ["--results", results.to_str().unwrap()];
    feed(&mut folder.logged(map("square", &options), &[]), "2\n3\n").results();
    let mut mistyped = map("square", &options);
    mistyped
        .arg("--resume")
        .arg("--joblog")
        .arg(folder.path("lgo"));
    let ran = feed(&mut mistyped, "2\n3\n");
    assert_eq!((ran.code(), ran.complaints().len()), (2, 1), "{ran:?}");
    assert!(ran.complaints()[0].contains("the joblog is new"), "{ran:?}");
    assert_eq!(folder.results(), [(1, "4\n".into()), (2, "9\n".into())]);
}

#[test]
fn two_commands_are_never_at_one_job() {
    let folder = Folder::new();
    let mut first = folder.logged(map("square", &[]), &[]);
    let mut running = Running::start(first.stdin(Stdio::piped()));
    running.write("2\n");
    assert_eq!(running.line(), Some("4".into()));
    for option in [&["--resume"][..], &[]] {
        let ran = feed(&mut folder.logged(map("square", &[]), option), "2\n");
        assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(
            ran.complaints()[0].contains("another wpool is at this job"),
            "{ran:?}"
        );
    }
    drop(running.take_stdin());
    assert_eq!(running.finish().code(), 0);
    assert_eq!(folder.rows(), [(1, 0, 0)]);
}

#[test]
fn what_a_row_means_tells_tasks_apart_and_not_how_it_is_spelt() {
    let folder = Folder::new();
    let csv = |text: &str| {
        let ran = feed(&mut folder.logged(divide(&["--csv"]), &["--resume"]), text);
        ran.results().join(" ")
    };
    assert_eq!(csv("p0,p1\n6,3\n"), "2");
    assert_eq!(csv("p0,p1\n 6,\"3\"\n"), "");
    assert_eq!(csv("p1,p0\n6,3\n"), "0");
    // Words of a program and its environment count as well.
    let echo = |options: &[&str]| {
        let mut command = folder.logged(map("echo", options), &["--resume"]);
        run(command.arg("x")).stdout
    };
    assert_eq!(echo(&[]), "x\n");
    assert_eq!(echo(&["--env", "A=1"]), "x\n");
    assert_eq!(echo(&["--arg", "a"]), "a x\n");
    assert_eq!(echo(&["--arg", "a"]), "");
}

#[test]
fn a_dry_run_changes_no_file() {
    let folder = Folder::new();
    let path = |name| folder.path(name).into_os_string().into_string().unwrap();
    fs::write(folder.path("report"), "kept").unwrap();
    let (results, report) = (path("results"), path("report"));
    let options = [
        "--dry-run",
        "--resume",
        "--results",
        &results,
        "--report",
        &report,
    ];
    let ran = feed(&mut folder.logged(map("square", &options), &[]), "2\n");
    assert_eq!(ran.results(), ["1\tsquare(2)"]);
    let names = fs::read_dir(folder.0.path()).unwrap().count();
    assert_eq!(
        (names, fs::read_to_string(report).unwrap().as_str()),
        (1, "kept")
    );
}

#[test]
fn a_report_goes_on_with_its_job() {
    let folder = Folder::new();
    let report = folder.path("report");
    let options = ["--report", report.to_str().unwrap()];
    feed(&mut folder.logged(map("square", &options), &[]), "2\n").results();
    feed(
        &mut folder.logged(map("square", &options), &["--resume"]),
        "2\n3\n",
    )
    .results();
    assert_eq!(fs::read_to_string(&report).unwrap().lines().count(), 2);
}

#[test]
fn results_of_another_module_are_never_mixed_with_those_that_are_there() {
    let folder = Folder::new();
    let results = folder.path("results");
    let options = ["--results", results.to_str().unwrap()];
    feed(&mut folder.logged(map("square", &options), &[]), "2\n3\n");
    let ran = feed(
        &mut folder.logged(map("spin", &options), &["--resume"]),
        "2\n3\n4\n",
    );
    assert_eq!((ran.code(), ran.complaints().len()), (2, 1), "{ran:?}");
    assert_eq!(folder.results(), [(1, "4\n".into()), (2, "9\n".into())]);
}

#[test]
fn what_is_no_joblog_is_refused_and_resuming_needs_one() {
    let folder = Folder::new();
    fs::write(folder.path("log"), "my notes\n").unwrap();
    let ran = feed(&mut folder.logged(divide(&[]), &["--resume"]), "6, 3\n");
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    assert!(
        ran.complaints()[0].contains("line 1 is no row of a joblog"),
        "{ran:?}"
    );
    assert_eq!(
        fs::read_to_string(folder.path("log")).unwrap(),
        "my notes\n"
    );
    let ran = run(divide(&["--resume"]).arg("6, 3"));
    assert_eq!(ran.code(), 2);
    assert!(ran.complaints()[0].contains("--joblog"), "{ran:?}");
}

#[test]
fn a_dry_run_of_a_job_that_goes_on_shows_what_is_left() {
    let folder = Folder::new();
    feed(&mut folder.logged(divide(&[]), &[]), "6, 3\n");
    let before = fs::read(folder.path("log")).unwrap();
    let ran = feed(
        &mut folder.logged(divide(&[]), &["--resume", "--dry-run"]),
        "6, 3\n8, 2\n",
    );
    assert_eq!(ran.results(), ["2\tdivide(8, 2)"]);
    assert_eq!(fs::read(folder.path("log")).unwrap(), before);
}

#[test]
fn a_result_that_somebody_removed_is_made_again() {
    let folder = Folder::new();
    let results = folder.path("results");
    let options = ["--results", results.to_str().unwrap()];
    feed(&mut folder.logged(map("square", &options), &[]), "2\n3\n");
    fs::remove_file(results.join("1.out")).unwrap();
    feed(
        &mut folder.logged(map("square", &options), &["--resume"]),
        "2\n3\n",
    )
    .results();
    assert_eq!(folder.results(), [(1, "4\n".into()), (2, "9\n".into())]);
}

#[test]
fn an_input_that_is_refused_leaves_an_old_joblog_as_it_is() {
    let folder = Folder::new();
    feed(&mut folder.logged(map("square", &[]), &[]), "2\n").results();
    let before = folder.rows();
    assert_eq!(
        run(folder.logged(map("square", &[]), &[]).arg("x")).code(),
        2
    );
    assert_eq!(folder.rows(), before);
}

#[test]
fn an_interrupted_job_says_how_it_goes_on_and_does() {
    let folder = Folder::new();
    let mut command = folder.logged(map("square", &[]), &[]);
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.write("2\n");
    assert_eq!(running.line(), Some("4".into()));
    let stdin = running.take_stdin();
    eventually("it is logged", || (folder.rows().len() == 1).then_some(()));
    running.process.signal(Signal::INT);
    let ran = running.finish();
    drop(stdin);
    let said = "wpool: interrupted; no task that was read is left; --resume goes on";
    assert_eq!((ran.code(), ran.complaints()), (130, vec![said]));
    let ran = feed(
        &mut folder.logged(map("square", &[]), &["--resume"]),
        "2\n3\n",
    );
    assert_eq!(ran.results(), ["9"]);
}
