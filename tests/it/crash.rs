//! Tasks that go wrong by themselves: each is one line with its number, its input and the cause, and the others go on.

use crate::support::{guest, run, wat, wpool};
use std::ffi::OsStr;

/// Runs `function` over `inputs` and gives back the results and the complaints.
#[track_caller]
fn fails(module: impl AsRef<OsStr>, function: &str, inputs: &[&str]) -> (Vec<String>, Vec<String>) {
    let ran = run(wpool()
        .args(["map", "-f", function])
        .arg(module.as_ref())
        .arg("--")
        .args(inputs));
    assert_eq!(ran.code(), 1, "{ran:?}");
    let owned = |lines: Vec<&str>| lines.into_iter().map(str::to_string).collect();
    (owned(ran.lines()), owned(ran.complaints()))
}

#[test]
fn a_trap_fails_its_task_with_the_cause() {
    let (results, complaints) = fails(guest("faults"), "abort", &[""]);
    assert!(results.is_empty());
    assert_eq!(
        complaints,
        ["wpool: task 1: trap: wasm `unreachable` instruction executed"]
    );
}

#[test]
fn each_kind_of_trap_is_told_apart_and_the_others_go_on() {
    let (results, complaints) = fails(
        guest("faults"),
        "divide",
        &["6, 3", "1, 0", "-2147483648, -1", "9, 3"],
    );
    assert_eq!(results, ["2", "3"]);
    let expected = [
        "wpool: task 2 (1, 0): trap: integer divide by zero",
        "wpool: task 3 (-2147483648, -1): trap: integer overflow",
    ];
    assert_eq!(complaints, expected);
    let (results, complaints) = fails(guest("faults"), "load", &["0", "-1", "0"]);
    assert_eq!(results.len(), 2);
    assert_eq!(
        complaints,
        ["wpool: task 2 (-1): trap: out of bounds memory access"]
    );
}

#[test]
fn an_exhausted_stack_is_a_trap() {
    let (results, complaints) = fails(guest("faults"), "recurse", &["5", "10000000", "6"]);
    assert_eq!(results, ["5", "6"]);
    assert_eq!(
        complaints,
        ["wpool: task 2 (10000000): trap: call stack exhausted"]
    );
}

#[test]
fn traps_of_indirect_calls_and_conversions_are_traps() {
    let odd = wat(
        r#"(module (type $op (func (result i32))) (table 3 funcref) (elem (i32.const 1) $other)
            (func $other (param i64))
            (func (export "call") (param i32) (result i32) (call_indirect (type $op) (local.get 0)))
            (func (export "round") (param f64) (result i32) (i32.trunc_f64_s (local.get 0))))"#,
    );
    let (_, complaints) = fails(&odd, "call", &["0", "1", "7"]);
    assert_eq!(complaints.len(), 3);
    assert!(
        complaints.iter().all(|line| line.contains(": trap: ")),
        "{complaints:?}"
    );
    let (results, complaints) = fails(&odd, "round", &["1.5", "nan", "1e300"]);
    assert_eq!((results, complaints.len()), (vec!["1".to_string()], 2));
}

#[test]
fn a_start_function_that_traps_fails_each_task_as_init() {
    let broken =
        wat(r#"(module (start $s) (func $s unreachable) (func (export "f") (param i32)))"#);
    let (results, complaints) = fails(&broken, "f", &["1", "2"]);
    assert!(results.is_empty());
    for (number, line) in complaints.iter().enumerate() {
        let number = number + 1;
        assert!(
            line.starts_with(&format!("wpool: task {number} ({number}): init: ")),
            "{line}"
        );
        assert!(line.contains("unreachable"), "{line}");
    }
    assert_eq!(complaints.len(), 2);
}

#[test]
fn a_data_segment_that_does_not_fit_fails_each_task_as_init() {
    let broken =
        wat(r#"(module (memory 1) (data (i32.const 65535) "ab") (func (export "f") (param i32)))"#);
    let (_, complaints) = fails(&broken, "f", &["1"]);
    assert!(
        complaints[0].starts_with("wpool: task 1 (1): init: "),
        "{complaints:?}"
    );
}

#[test]
fn a_thousand_failures_are_a_thousand_lines() {
    let inputs: Vec<String> = (0..1000)
        .map(|number| format!("{number}, {}", number % 2))
        .collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let (results, complaints) = fails(guest("faults"), "divide", &inputs);
    assert_eq!(
        results,
        (0..1000)
            .filter(|number| number % 2 == 1)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
    );
    let numbers = (1..=1000).step_by(2);
    let expected = numbers.map(|n| {
        format!(
            "wpool: task {n} ({}, 0): trap: integer divide by zero",
            n - 1
        )
    });
    assert_eq!(complaints, expected.collect::<Vec<_>>());
}

#[test]
fn apply_fails_the_same_way() {
    let ran = run(wpool()
        .args(["apply", "-f", "divide"])
        .arg(guest("faults"))
        .args(["1", "0"]));
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, ""));
    assert_eq!(
        ran.complaints(),
        ["wpool: task 1 (1, 0): trap: integer divide by zero"]
    );
}

#[test]
fn a_long_input_is_shown_in_part() {
    let params = "i64 ".repeat(200);
    let broken = wat(&format!(
        r#"(module (func (export "f") (param {params}) unreachable))"#
    ));
    let (_, complaints) = fails(&broken, "f", &[&["12345"; 200].join(", ")]);
    assert!(
        complaints[0].starts_with("wpool: task 1 (12345, 12345, "),
        "{complaints:?}"
    );
    assert!(
        complaints[0].contains('…') && complaints[0].chars().count() < 200,
        "{complaints:?}"
    );
}
