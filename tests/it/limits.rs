//! Limits of a task: each ends it, and says which it was.

use crate::support::{Ran, compile_bomb, feed, guest, pool_of, run, wat, wpool};
use std::ffi::OsStr;
use std::time::Duration;
use wpool::{ErrorKind, Limits};

/// Runs `map`, and expects it to fail with one line for each of `failures`, and these results.
#[track_caller]
fn map(options: &[&str], module: impl AsRef<OsStr>, inputs: &[&str]) -> Ran {
    run(wpool()
        .arg("map")
        .args(options)
        .arg(module.as_ref())
        .arg("--")
        .args(inputs))
}

#[track_caller]
fn expect(ran: &Ran, results: &[&str], failures: &[&[&str]]) {
    assert_eq!(ran.lines(), results, "{ran:?}");
    let complaints = ran.complaints();
    assert_eq!(complaints.len(), failures.len(), "{ran:?}");
    for (line, parts) in complaints.into_iter().zip(failures) {
        for part in *parts {
            assert!(line.contains(part), "`{part}` is not in `{line}`");
        }
    }
    assert_eq!(ran.code(), i32::from(!failures.is_empty()));
}

#[test]
fn a_task_that_runs_too_long_is_ended() {
    let ran = map(&["--timeout", "700ms"], guest("spin"), &["-1", "2"]);
    expect(&ran, &["2"], &[&["task 1 (-1): timeout: ", "700ms"]]);
}

#[test]
fn a_start_function_that_runs_too_long_is_ended() {
    let endless =
        wat(r#"(module (start $s) (func $s (loop (br 0))) (func (export "f") (param i32)))"#);
    let ended_by_itself = || {
        let ran = map(&["--timeout", "200ms"], &endless, &["1", "2"]);
        expect(
            &ran,
            &[],
            &[
                &["task 1 (1): timeout: ", "200ms"],
                &["task 2 (2): timeout: ", "200ms"],
            ],
        );
        !ran.stderr.contains("killed")
    };
    // The worker ends it and lives on, unless it gets no CPU for so long that the supervisor is first.
    assert!((0..10).any(|_| ended_by_itself()));
}

#[test]
fn time_limits_count_from_each_tasks_own_start() {
    // The last waits for longer than the limit behind the others, in one worker.
    let ran = map(
        &["--timeout", "700ms", "-j", "1"],
        guest("spin"),
        &["-1", "-1", "7"],
    );
    expect(
        &ran,
        &["7"],
        &[&["task 1 (-1): timeout: "], &["task 2 (-1): timeout: "]],
    );
}

#[test]
fn a_task_that_uses_up_its_fuel_is_ended() {
    let ran = map(&["--fuel", "1000"], guest("spin"), &["5", "100000", "6"]);
    expect(&ran, &["5", "6"], &[&["task 2 (100000): fuel: ", "1000"]]);
    // Each task has the whole of it.
    expect(
        &map(&["--fuel", "1000", "-j", "1"], guest("spin"), &["50"; 20]),
        &["50"; 20],
        &[],
    );
    // An endless loop too.
    expect(
        &map(&["--fuel", "1000000"], guest("spin"), &["-1"]),
        &[],
        &[&["task 1 (-1): fuel: "]],
    );
}

#[test]
fn a_start_function_uses_fuel() {
    let greedy =
        wat(r#"(module (start $s) (func $s (loop (br 0))) (func (export "f") (param i32)))"#);
    expect(
        &map(&["--fuel", "10000"], &greedy, &["1"]),
        &[],
        &[&["task 1 (1): fuel: ", "10000"]],
    );
}

#[test]
fn a_task_that_needs_more_memory_than_the_limit_is_ended() {
    let options = ["--memory", "4MiB", "-f", "grow_or_trap"];
    let ran = map(&options, guest("faults"), &["1", "100", "2"]);
    assert_eq!((ran.code(), ran.lines().len()), (1, 2));
    let [line] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(
        line.contains("task 2 (100): memory: ") && line.contains("4194304"),
        "{line}"
    );
}

#[test]
fn growth_that_is_refused_is_seen_by_a_task_that_can_live_without() {
    let options = ["--memory", "4MiB", "-f", "grow"];
    let ran = map(&options, guest("faults"), &["100", "1"]);
    assert_eq!((ran.code(), ran.lines()[0]), (0, "-1"));
    assert_ne!(ran.lines()[1], "-1");
}

#[test]
fn the_limit_is_for_all_memories_and_tables_together() {
    let two = wat(r#"(module (memory $a 1) (memory $b 1) (table $t 10 funcref)
            (func (export "a") (param i32) (result i32) (memory.grow $a (local.get 0)))
            (func (export "b") (param i32) (result i32) (memory.grow $a (local.get 0)) drop
                (memory.grow $b (local.get 0)))
            (func (export "t") (param i32) (result i32) (memory.grow $a (i32.const 60)) drop
                (table.grow $t (ref.null func) (local.get 0))))"#);
    let grow = |function| map(&["--memory", "5MiB", "-f", function], &two, &["60"]);
    expect(&grow("a"), &["1"], &[]);
    expect(&grow("b"), &["-1"], &[]);
    expect(
        &map(&["--memory", "5MiB", "-f", "t"], &two, &["1000", "200000"]),
        &["10", "-1"],
        &[],
    );
}

#[test]
fn memory_can_be_used_up_to_the_default_of_256_mib() {
    let ran = map(
        &["-f", "fill", "-j", "1"],
        guest("faults"),
        &["250", "256", "250"],
    );
    expect(&ran, &["250", "-1", "250"], &[]);
}

#[test]
fn without_a_memory_limit_more_than_the_default_can_be_had() {
    let ran = map(
        &["-f", "grow", "--memory", "none"],
        guest("faults"),
        &["16384"],
    );
    expect(&ran, &["1"], &[]);
}

#[test]
fn arguments_longer_than_the_limit_are_bad_arguments() {
    let ran = map(&["--argument-limit", "100"], guest("square"), &["5"]);
    expect(&ran, &["25"], &[]);
    let wide = wat(&format!(
        r#"(module (func (export "f") (param {})))"#,
        "i64 ".repeat(50)
    ));
    let numbers = ["1"; 50].join(", ");
    let mut map_from_stdin = wpool();
    map_from_stdin
        .args(["map", "--argument-limit", "399"])
        .arg(&wide);
    let ran = feed(&mut map_from_stdin, &numbers);
    expect(&ran, &[], &[&["task 1", "bad-argument: ", "limit of 399"]]);
    expect(
        &map(&["--argument-limit", "400"], &wide, &[&numbers]),
        &[""],
        &[],
    );
}

#[test]
fn results_longer_than_the_limit_are_not_returned() {
    let results = "i64 ".repeat(50);
    let values = "(i64.const 7) ".repeat(50);
    let wide = wat(&format!(
        r#"(module (func (export "f") (param i32) (result {results}) {values}))"#
    ));
    let ran = map(&["--output-limit", "399"], &wide, &["1"]);
    expect(
        &ran,
        &[],
        &[&["task 1 (1): output-limit: ", "limit of 399"]],
    );
    let ran = map(&["--output-limit", "400"], &wide, &["1"]);
    assert_eq!((ran.code(), ran.lines().len()), (0, 1));
}

#[test]
fn each_limit_has_its_documented_default() {
    let ran = run(wpool().args(["help", "map"]));
    let help = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for (option, default) in [
        ("--timeout", "60s; none for run"),
        ("--memory", "256MiB"),
        ("--fuel", "none"),
        ("--argument-limit", "64MiB"),
        ("--output-limit", "64MiB"),
        ("--compile-timeout", "120s"),
        ("--compile-memory", "2GiB"),
    ] {
        let about = help
            .split_once(&format!(" {option} <"))
            .unwrap_or_else(|| panic!("{option}"))
            .1;
        let first = about.split_once("[default: ").unwrap().1;
        assert!(
            first.starts_with(&format!("{default}]")),
            "{option}: {first}"
        );
    }
}

#[test]
fn each_limit_can_be_none() {
    let limits = [
        "timeout",
        "memory",
        "fuel",
        "argument-limit",
        "output-limit",
        "compile-timeout",
        "compile-memory",
    ];
    for limit in limits {
        let ran = map(&[&format!("--{limit}=none")], guest("square"), &["5"]);
        expect(&ran, &["25"], &[]);
    }
}

#[test]
fn a_limit_that_is_none_of_its_kind_is_refused_with_an_example() {
    for (option, value, example) in [
        ("--timeout", "soon", "2s"),
        ("--timeout", "0s", "more than 0"),
        ("--memory", "lots", "64MiB"),
        ("--fuel", "-1", "number"),
    ] {
        let ran = map(&[&format!("{option}={value}")], guest("square"), &["5"]);
        assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
        assert!(
            ran.stderr.contains(option) && ran.stderr.contains(example),
            "{ran:?}"
        );
    }
}

#[test]
fn a_module_that_used_up_its_time_to_compile_is_not_tried_again_with_as_much() {
    let bomb = compile_bomb();
    let built = |millis| {
        let limits = Limits {
            compile_timeout: Some(Duration::from_millis(millis)),
            ..Limits::default()
        };
        let error = pool_of(&bomb[..]).limits(limits).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Compile, "{error}");
        error.to_string()
    };
    assert!(!built(300).contains("before"));
    for millis in [300, 200] {
        let said = built(millis);
        assert!(said.contains("longer than 300ms before"), "{said}");
    }
    assert!(!built(400).contains("before"), "more time is another try");
}
