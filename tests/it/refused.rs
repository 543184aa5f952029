//! What is wrong with a module or an input is said in one line, before anything runs: exit code 2.

use crate::support::{Ran, compile_bomb, feed, guest, module, run, wat, wpool};
use std::ffi::OsStr;
use std::fs;

/// Maps over `inputs`, and expects one line for each of `expected`, which has all of its parts.
#[track_caller]
fn refused(options: &[&str], module: impl AsRef<OsStr>, inputs: &[&str], expected: &[&[&str]]) {
    let ran = run(wpool()
        .arg("map")
        .args(options)
        .arg(module.as_ref())
        .arg("--")
        .args(inputs));
    is_refused(&ran, expected);
}

#[track_caller]
fn is_refused(ran: &Ran, expected: &[&[&str]]) {
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""), "{ran:?}");
    let complaints = ran.complaints();
    assert_eq!(complaints.len(), expected.len(), "{ran:?}");
    for (line, parts) in complaints.into_iter().zip(expected) {
        assert!(line.starts_with("wpool: "), "{line}");
        for part in *parts {
            assert!(line.contains(part), "`{part}` is not in `{line}`");
        }
    }
}

#[test]
fn a_file_that_is_not_there_or_cannot_be_read() {
    refused(
        &[],
        "nowhere/nothing.wasm",
        &["1"],
        &[&["nowhere/nothing.wasm", "No such file"]],
    );
    refused(
        &[],
        env!("CARGO_MANIFEST_DIR"),
        &["1"],
        &[&[env!("CARGO_MANIFEST_DIR"), "directory"]],
    );
}

#[test]
fn a_file_that_is_not_wasm() {
    for (name, bytes) in [
        ("empty.wasm", &b""[..]),
        ("heading.wasm", b"# A heading\n"),
        ("program.wasm", b"\x7fELF\x02\x01\x01\0\xff\xfe"),
        ("script.wasm", b"#!/bin/sh\n"),
        ("null.wasm", b"\0\0\0\0"),
    ] {
        refused(
            &[],
            module(name, bytes),
            &["1"],
            &[&[name, "not a Wasm module"]],
        );
    }
}

#[test]
fn a_module_that_was_cut_off_at_any_place() {
    let whole = fs::read(guest("square")).unwrap();
    // Without its last bytes a module may still be whole: the sections at the end are only names.
    let sections = whole.len() / 2;
    for length in (1..sections).step_by(7) {
        let cut = module("cut.wasm", &whole[..length]);
        let ran = run(wpool().arg("map").arg(&cut).arg("1"));
        assert_eq!(
            (ran.code(), ran.stdout.as_str(), ran.complaints().len()),
            (2, "", 1),
            "{length}: {ran:?}"
        );
        assert!(
            ran.stderr.contains("not valid") || ran.stderr.contains("no function"),
            "{length}: {ran:?}"
        );
    }
    refused(
        &[],
        module("cut.wasm", &whole[..50]),
        &["1"],
        &[&["not valid", "end", "offset 0x"]],
    );
    refused(
        &[],
        module("cut.wasm", &whole[..3]),
        &["1"],
        &[&["not valid", "ends"]],
    );
}

#[test]
fn a_module_that_is_invalid_with_the_position() {
    let text = "(module\n  (func (export \"f\") (param i32) (result i32)\n    i64.const 1))";
    refused(
        &[],
        wat(text),
        &["1"],
        &[&["not valid", "type mismatch", "offset"]],
    );
    let mut binary = fs::read(guest("square")).unwrap();
    binary[8] = 0x7f; // A section that there is not.
    refused(
        &[],
        module("odd.wasm", binary),
        &["1"],
        &[&["not valid", "offset 0x"]],
    );
}

#[test]
fn text_that_is_not_a_module_with_line_and_column() {
    refused(
        &[],
        wat("(module\n  (fun))"),
        &["1"],
        &[&["not valid", "line 2, column 4"]],
    );
    refused(&[], wat("(module"), &["1"], &[&["not valid", "line 1"]]);
}

#[test]
fn a_component_without_functions_or_with_what_is_not_granted() {
    let broken = module("tool.wasm", b"\0asm\x0d\0\x01\0");
    refused(
        &[],
        broken,
        &["1"],
        &[&["tool.wasm", "exports no function"]],
    );
    refused(&[], wat("(component)"), &["1"], &[&["exports no function"]]);
    refused(
        &[],
        guest("refused-import"),
        &["1"],
        &[&["not granted", "interface test:unknown/host"]],
    );
    for (kind, function) in [("stream", "`numbers`"), ("future", "`number`")] {
        let module = guest(&format!("refused-{kind}"));
        refused(&[], module, &["1"], &[&[kind, function, "not supported"]]);
    }
    let resource = guest("refused-resource");
    refused(
        &["-f", "draw"],
        resource,
        &["1"],
        &[&["draw", "is a resource"]],
    );
}

#[test]
fn each_import_that_is_not_granted_is_named() {
    let needy = wat(
        r#"(module (import "env" "log" (func (param i32))) (import "wasi_snapshot_preview1" "sock_open" (func))
            (import "env" "memory" (memory 1)) (import "env" "table" (table 1 funcref))
            (import "env" "global" (global i32)) (func (export "run")))"#,
    );
    let imports = [
        "not granted",
        "function env.log",
        "function wasi_snapshot_preview1.sock_open (no function of WASI preview 1)",
        "memory env.memory",
        "table env.table",
        "global env.global",
    ];
    refused(&[], needy, &[""], &[&imports]);
}

#[test]
fn escapes_in_the_names_of_imports_and_files_are_harmless() {
    let needy = module(
        "a\x1b[31mb.wat",
        r#"(module (import "\1b[2J" "\n\07" (func)))"#,
    );
    let ran = run(wpool().arg("map").arg(&needy).arg("1"));
    is_refused(&ran, &[&["not granted", "[2J", "[31mb"]]);
    assert!(
        !ran.stderr.contains(|c: char| c.is_control() && c != '\n'),
        "{:?}",
        ran.stderr
    );
}

#[test]
fn a_function_over_types_without_a_value_outside() {
    let simd = wat(r#"(module (func (export "f") (param i32 v128)))"#);
    refused(
        &[],
        simd,
        &["1, 2"],
        &[&["`f`", "cannot be called", "parameter 2", "v128"]],
    );
    let reference = wat(r#"(module (func (export "f") (result funcref) (ref.null func)))"#);
    refused(
        &[],
        reference,
        &[""],
        &[&["`f`", "cannot be called", "result 1", "funcref"]],
    );
}

#[test]
fn shared_memory() {
    refused(
        &[],
        wat(r#"(module (memory 1 2 shared) (func (export "f")))"#),
        &[""],
        &[&["shared memory"]],
    );
}

#[test]
fn a_minimum_over_the_memory_limit() {
    let large = wat(r#"(module (memory 100) (func (export "f") (param i32)))"#);
    refused(
        &["--memory", "1MiB"],
        &large,
        &["1"],
        &[&["6553600", "1048576", "--memory"]],
    );
    let ran = run(wpool()
        .args(["map", "--memory", "7MiB"])
        .arg(&large)
        .arg("1"));
    assert_eq!(ran.results(), [""]);
}

#[test]
fn a_wrong_number_of_arguments() {
    refused(
        &[],
        guest("add"),
        &["1", "1, 2", "1, 2, 3"],
        &[
            &["input 1", "takes 2", "got 1"],
            &["input 3", "takes 2", "got 3"],
        ],
    );
    is_refused(
        &run(wpool().arg("apply").arg(guest("add")).arg("1")),
        &[&["add", "takes 2", "got 1"]],
    );
    is_refused(
        &run(wpool().arg("apply").arg(guest("square"))),
        &[&["square", "takes 1", "got 0"]],
    );
}

#[test]
fn a_value_of_the_wrong_type_out_of_range_or_unparsable_with_its_position() {
    let inputs = [
        "1",
        "ten",
        "99999999999999999999",
        "1.5",
        "\"1\"",
        "1 2",
        "",
    ];
    let expected: [&[&str]; 6] = [
        &["input 2", "character 1", "expected s64", "`ten`"],
        &[
            "input 3",
            "character 1",
            "99999999999999999999",
            "out of range for s64",
            "9223372036854775807",
        ],
        &["input 4", "character 1", "expected s64", "1.5"],
        &["input 5", "character 1", "expected s64"],
        &["input 6", "character 3", "`2`"],
        &["input 7", "expected s64"],
    ];
    refused(&[], guest("square"), &inputs, &expected);
    refused(
        &[],
        guest("add"),
        &["1, x"],
        &[&["input 1", "character 4", "expected s64", "`x`"]],
    );
    let ran = run(wpool().arg("apply").arg(guest("add")).args(["1", "x"]));
    is_refused(&ran, &[&["argument 2", "expected s64", "`x`"]]);
}

#[test]
fn one_wrong_input_among_many_keeps_all_of_them_from_running() {
    let mut inputs = vec!["1"; 1000];
    inputs[999] = "x";
    refused(&[], guest("square"), &inputs, &[&["input 1000", "`x`"]]);
    // The first of these would run for ever.
    refused(
        &["--timeout", "none"],
        guest("spin"),
        &["-1", "x"],
        &[&["input 2", "`x`"]],
    );
}

#[test]
fn very_many_wrong_inputs_are_counted() {
    let ran = run(wpool().arg("map").arg(guest("square")).args(vec!["x"; 500]));
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    assert!(ran.complaints().len() < 50, "{}", ran.complaints().len());
    assert!(ran.stderr.contains("500 inputs"), "{ran:?}");
}

#[test]
fn terminal_escapes_in_inputs_are_harmless() {
    let ran = run(wpool()
        .arg("map")
        .arg(guest("square"))
        .arg("1\x1b[2J\u{9b}2J"));
    assert_eq!((ran.code(), ran.complaints().len()), (2, 1));
    assert!(
        !ran.stderr.contains(|c: char| c.is_control() && c != '\n'),
        "{:?}",
        ran.stderr
    );
    let ran = feed(wpool().arg("map").arg(guest("square")), "1\x1b[2J\n");
    assert!(
        !ran.stderr.contains(|c: char| c.is_control() && c != '\n'),
        "{:?}",
        ran.stderr
    );
}

#[test]
fn a_compile_bomb_dies_at_the_time_limit_and_says_so() {
    let bomb = module("bomb.wasm", compile_bomb());
    refused(
        &["--compile-timeout", "1s"],
        bomb,
        &["1"],
        &[&["bomb.wasm", "compiling", "longer than 1s"]],
    );
}

#[test]
fn a_compile_bomb_dies_at_the_memory_limit_and_says_so() {
    let bomb = module("bomb.wasm", compile_bomb());
    let expected = [
        "bomb.wasm",
        "compiling",
        "more memory than the limit",
        "67108864",
    ];
    refused(&["--compile-memory", "64MiB"], bomb, &["1"], &[&expected]);
}

#[test]
fn more_memories_or_tables_than_are_accepted() {
    let memories = "(memory 0)".repeat(65);
    refused(
        &[],
        wat(&format!(r#"(module {memories} (func (export "f")))"#)),
        &[""],
        &[&["65 memories", "at most 16", "--memories"]],
    );
    let huge = wat(r#"(module (table 20000000 funcref) (func (export "f")))"#);
    refused(&[], huge, &[""], &[&["20000000 table elements", "at most"]]);
}

#[test]
fn deeply_nested_text_is_refused_and_does_not_crash_the_compiler() {
    let deep = format!("(module {}{})", "(".repeat(50_000), ")".repeat(50_000));
    refused(&[], wat(&deep), &["1"], &[&["module.wat"]]);
    let body = format!("{}{}", "(block ".repeat(10_000), ")".repeat(10_000));
    let nested = wat(&format!(r#"(module (func (export "f") {body}))"#));
    let ran = run(wpool().arg("map").arg(&nested).arg(""));
    // It may be compiled, or refused in a line; a signal is neither.
    assert!(
        matches!(ran.code(), 0 | 2) && ran.complaints().len() <= 1,
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("signal"), "{ran:?}");
}

#[test]
fn inputs_that_are_longer_than_the_limit_are_refused_before_any_task_runs() {
    let limit = [
        "--argument-limit",
        "2B",
        "-f",
        "wpool:kinds/every@0.1.0#bytes",
    ];
    let kinds = guest("kinds");
    for (command, inputs) in [("map", &["a", "abc"][..]), ("apply", &["abc"])] {
        let ran = run(wpool().arg(command).args(limit).arg(&kinds).args(inputs));
        assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains("longer than the limit of 2"), "{ran:?}");
    }
}
