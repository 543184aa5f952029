//! Programs that cannot be run, refused with the reason before anything is compiled.

use crate::support::{module, run, wpool};
use std::fmt::Write;

#[track_caller]
fn refused(text: &str, why: &str) {
    let program = module("program.wat", text);
    let ran = run(wpool().arg("run").arg(&program));
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(
        ran.complaints().len() == 1 && ran.stderr.contains(why),
        "{why}: {ran:?}"
    );
}

#[test]
fn what_wasi_does_not_have_or_the_host_does_not_give_is_named_with_the_reason() {
    let core = |module: &str, name: &str| {
        format!(r#"(module (import "{module}" "{name}" (func)) (func (export "_start")))"#)
    };
    refused(
        &core("wasi", "thread-spawn"),
        "function wasi.thread-spawn (threads, which are not supported)",
    );
    refused(
        &core("wasi_snapshot_preview1", "sock_open"),
        "sock_open (no function of WASI preview 1)",
    );
    refused(
        &core("env", "emscripten_run"),
        "it imports what is not granted: function env.emscripten_run",
    );
    let component = |interface: &str| format!(r#"(component (import "{interface}" (instance)))"#);
    for (interface, why) in [
        (
            "wasi:cli/environment@0.3.0",
            "WASI 0.3, which is not supported",
        ),
        ("wasi:cli/environment@0.9.0", "an unknown version of WASI"),
        ("wasi:http/types@0.3.0", "WASI 0.3, which is not supported"),
        ("wasi:nn/tensor@0.2.0", "no part of WASI that is supported"),
    ] {
        refused(&component(interface), why);
    }
}

#[test]
fn memory_that_threads_share_is_refused_as_such() {
    refused(
        r#"(module (import "env" "memory" (memory 1 2 shared)) (func (export "_start")))"#,
        "shared memory env.memory (threads, which are not supported)",
    );
}

#[test]
fn what_the_imports_tell_is_told_before_the_rest_is_compiled() {
    // This would take minutes.
    let mut text =
        String::from(r#"(module (import "wasi" "thread-spawn" (func)) (func (export "_start")"#);
    for _ in 0..40_000 {
        text.push_str("(local i64)");
    }
    for local in 0..40_000 {
        write!(
            text,
            "(local.set {local} (i64.add (local.get {local}) (i64.const 1)))"
        )
        .unwrap();
    }
    text.push_str("))");
    refused(&text, "threads, which are not supported");
}

#[test]
fn a_program_whose_import_has_another_type_is_refused_in_a_line() {
    let text =
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func)) (func (export "_start")))"#;
    let program = module("program.wat", text);
    let ran = run(wpool().arg("run").arg(&program));
    assert_eq!(ran.code(), 134, "{ran:?}");
    assert!(
        ran.complaints().len() == 1 && ran.stderr.contains("fd_write"),
        "{ran:?}"
    );
}

#[test]
fn what_nobody_has_can_be_left_to_a_trap_where_somebody_says_so() {
    let text = r#"(module (import "env" "missing" (func $missing))
        (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
        (func (export "fine") (result i32) (i32.const 7)) (func (export "bad") (call $missing)))"#;
    let library = module("library.wat", text);
    let with = |option: &[&str], function: &str| {
        run(wpool()
            .arg("apply")
            .args(option)
            .args(["-f", function])
            .arg(&library))
    };
    assert_eq!(with(&[], "fine").code(), 2);
    let trap = ["--trap-missing-imports"];
    assert_eq!(with(&trap, "fine").results(), ["7"]);
    let ran = with(&trap, "bad");
    assert_eq!(ran.code(), 1);
    assert!(
        ran.stderr.contains("trap: ") && ran.stderr.contains("missing"),
        "{ran:?}"
    );
    // A memory is nothing that a trap could stand for.
    let text = r#"(module (import "env" "memory" (memory 1)) (func (export "f")))"#;
    let needy = module("needy.wat", text);
    assert_eq!(run(wpool().arg("apply").args(trap).arg(&needy)).code(), 2);
}

#[test]
fn interfaces_of_http_may_be_imported_and_a_call_of_them_is_a_trap() {
    let text = r#"(component
        (import "wasi:http/types@0.2.0" (instance $http
            (export "fields" (type $fields (sub resource)))
            (export "[constructor]fields" (func (result (own $fields))))))
        (core module $m (import "http" "new" (func $new (result i32)))
            (func (export "fine") (result i32) (i32.const 7))
            (func (export "bad") (result i32) (call $new)))
        (core func $new (canon lower (func $http "[constructor]fields")))
        (core instance $i (instantiate $m (with "http" (instance (export "new" (func $new))))))
        (func (export "fine") (result u32) (canon lift (core func $i "fine")))
        (func (export "bad") (result u32) (canon lift (core func $i "bad"))))"#;
    let component = module("component.wat", text);
    let with = |function: &str| run(wpool().args(["apply", "-f", function]).arg(&component));
    assert_eq!(with("fine").results(), ["7"]);
    let ran = with("bad");
    assert_eq!(ran.code(), 1);
    let why = "trap: it called `wasi:http/types@0.2.0#[constructor]fields`, which was not granted";
    assert!(ran.stderr.contains(why), "{ran:?}");
}

#[test]
fn what_is_there_of_wasi_stays_where_interfaces_of_http_use_it() {
    let text = r#"(component
        (import "wasi:io/error@0.2.0" (instance $io (export "error" (type (sub resource)))))
        (alias export $io "error" (type $error))
        (import "wasi:http/types@0.2.0" (instance $http
            (alias outer 1 $error (type $error)) (export "io-error" (type (eq $error)))
            (export "http-error-code" (func (param "e" (borrow $error)) (result bool)))))
        (import "wasi:clocks/monotonic-clock@0.2.10" (instance $clock
            (export "now" (func (result u64)))))
        (core func $now (canon lower (func $clock "now")))
        (core module $m (import "clock" "now" (func $now (result i64)))
            (func (export "later") (result i32)
                (i64.le_u (call $now) (call $now))))
        (core instance $i (instantiate $m (with "clock" (instance (export "now" (func $now))))))
        (func (export "later") (result bool) (canon lift (core func $i "later"))))"#;
    let component = module("component.wat", text);
    let ran = run(wpool().args(["apply"]).arg(&component));
    assert_eq!(ran.results(), ["true"]);
}
