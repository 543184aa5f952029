//! Warm programs: run once up to where they read their standard input, and forked from there for each task.

use super::BOTH;
use crate::support::{feed, guest, pool, pool_of, run, wpool};
use std::collections::BTreeSet;
use std::time::Duration;
use wpool::{Directory, ErrorKind, FailureKind, MapError, Module, Pool};

/// What an interpreter is like: it starts, which takes steps and makes state, and then reads what to do. `steps` are counted before
/// the first read; then each byte of input adds to the count, which is the result. It ends by itself.
fn interpreter(steps: u32) -> String {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (global $count (mut i32) (i32.const 0))
        ;; Where to read to, and what to write: a byte that is the count.
        (data (i32.const 0) "\00\01\00\00\40\00\00\00") (data (i32.const 8) "\00\02\00\00\01\00\00\00")
        (func (export "_start") (local $n i32)
            (loop $start
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (br_if $start (i32.lt_u (global.get $count) (i32.const {steps}))))
            (block $end (loop $more
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
                (local.set $n (i32.load (i32.const 16)))
                (br_if $end (i32.eqz (local.get $n)))
                (global.set $count (i32.add (global.get $count) (local.get $n)))
                (br $more)))
            (i32.store8 (i32.const 512) (i32.add (i32.const 32) (i32.rem_u (global.get $count) (i32.const 64))))
            (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"#
    )
}

fn warm(text: &str) -> Pool {
    pool_of(Module::text(text))
        .workers(2)
        .warm()
        .build()
        .unwrap()
}

const NONE: [&str; 0] = [];

#[test]
fn each_task_goes_on_from_the_read_with_its_own_input() {
    let pool = warm(&interpreter(1));
    let inputs: Vec<String> = (0..200).map(|n| "x".repeat(n)).collect();
    let said: Vec<Vec<u8>> = pool
        .starmap("run", inputs.iter().map(|input| (NONE, input.as_str())))
        .unwrap();
    let expected = (0..200).map(|n| vec![32 + ((1 + n) % 64) as u8]);
    assert_eq!(said, expected.collect::<Vec<_>>());
}

#[test]
fn what_it_does_before_it_reads_is_done_once() {
    // So many steps take seconds; a hundred tasks would take minutes.
    let pool = warm(&interpreter(1_000_000_000));
    let outcomes = (0..100).map(|_| pool.apply::<Vec<u8>>("run", (NONE, "x")));
    let said: BTreeSet<Vec<u8>> = outcomes.map(Result::unwrap).collect();
    assert_eq!(said.len(), 1);
}

#[test]
fn programs_of_both_previews_are_warm_and_each_task_has_a_process_of_its_own() {
    for tool in BOTH {
        let pool = pool(tool).arg("cat").warm().build().unwrap();
        let (mut inputs, outcomes) = pool.stream("run", wpool::Order::Input).unwrap();
        let input = |n: usize| format!("{n}\n").repeat(n * 1000);
        for n in 0..20 {
            let words = [
                wpool::Value::List(Vec::new()),
                wpool::Value::Bytes(input(n).into()),
            ];
            inputs.send(&words).unwrap();
        }
        drop(inputs);
        let mut pids = BTreeSet::new();
        for (n, outcome) in outcomes {
            let expected = wpool::Value::Bytes(input(n as usize).into());
            assert_eq!(outcome.result.unwrap(), Some(expected));
            pids.insert(outcome.usage.pid.unwrap());
        }
        assert_eq!(pids.len(), 20);
    }
}

#[test]
fn the_command_gives_each_line_to_a_fork() {
    for tool in BOTH {
        let mut command = wpool();
        command
            .args(["map", "--warm", "--arg", "count"])
            .arg(guest(tool));
        assert_eq!(feed(&mut command, "abc\n\nde\n").results(), ["3", "0", "2"]);
    }
}

#[test]
fn random_numbers_that_are_asked_for_later_differ() {
    // It reads, and then writes eight random bytes.
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\00\01\00\00\40\00\00\00") (data (i32.const 8) "\00\02\00\00\08\00\00\00")
        (func (export "_start")
            (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
            (drop (call $random (i32.const 512) (i32.const 8)))
            (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"#;
    let pool = warm(text);
    let said: Vec<Vec<u8>> = pool.starmap("run", vec![(NONE, ""); 50]).unwrap();
    assert_eq!(said.iter().collect::<BTreeSet<_>>().len(), 50);
}

#[test]
fn a_status_a_trap_and_a_time_limit_are_the_tasks_own() {
    for tool in BOTH {
        let pool = pool(tool).arg("head").warm().build().unwrap();
        assert_eq!(
            pool.apply::<String>("run", (NONE, "a\nb\n")).unwrap(),
            "a\n"
        );
    }
    // After the read it traps on an empty input, and never ends on any other.
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "\00\01\00\00\40\00\00\00")
        (func (export "_start")
            (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
            (if (i32.eqz (i32.load (i32.const 16))) (then unreachable))
            (loop $ever (br $ever))))"#;
    let pool = pool_of(Module::text(text))
        .workers(2)
        .timeout(Duration::from_millis(300))
        .warm()
        .build()
        .unwrap();
    for (input, kind) in [
        ("", FailureKind::Trap),
        ("x", FailureKind::Timeout),
        ("", FailureKind::Trap),
    ] {
        let failed = pool.apply::<Vec<u8>>("run", (NONE, input)).unwrap_err();
        let MapError::Task { failure, .. } = failed else {
            panic!("{failed}")
        };
        assert_eq!(failure.kind(), kind, "{failure}");
        assert_eq!(failure.signal(), None, "its own clock ended it: {failure}");
    }
}

#[test]
fn a_program_that_never_reads_or_ends_before_is_a_clear_error() {
    for (words, why) in [
        (
            &["say"][..],
            "the program ended before it read its standard input; run it without --warm",
        ),
        (
            &["exit", "3"],
            "the program exited with status 3 before it read",
        ),
        (
            &["panic"],
            "the program failed before it read its standard input: wasm `unreachable`",
        ),
    ] {
        let mut command = wpool();
        command.args(["map", "--warm"]);
        for word in words {
            command.args(["--arg", word]);
        }
        let ran = feed(command.arg(guest("tool")), "x\ny\nz\n");
        assert_eq!(ran.code(), 1);
        assert!(
            ran.complaints().len() == 1 && ran.stderr.contains(why),
            "{ran:?}"
        );
    }
}

#[test]
fn what_cannot_be_warm_is_refused() {
    let refused = pool("square").warm().build().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert!(
        refused.to_string().contains("it is no program"),
        "{refused}"
    );
    let isolation = wpool::Isolation::Instance;
    let refused = pool("tool")
        .warm()
        .isolation(isolation)
        .build()
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("with `process` isolation alone"),
        "{refused}"
    );
    let pool = pool("tool").arg("cat").warm().build().unwrap();
    let failed = pool.apply::<Vec<u8>>("run", (["more"], "")).unwrap_err();
    assert!(
        failed.to_string().contains("its tasks have none"),
        "{failed}"
    );
    // What went wrong was that task's alone.
    assert_eq!(pool.apply::<Vec<u8>>("run", (NONE, "x")).unwrap(), b"x");
}

#[test]
fn a_granted_directory_is_there_before_and_after_the_fork() {
    // It opens a file in the only directory that there is, reads standard input, and copies a byte of the file.
    let text = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 100) "a.txt")
        (data (i32.const 0) "\00\01\00\00\40\00\00\00") (data (i32.const 8) "\00\02\00\00\01\00\00\00")
        (func (export "_start")
            (if (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 0)
                (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 200)) (then unreachable))
            (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
            (if (call $read (i32.load (i32.const 200)) (i32.const 8) (i32.const 1) (i32.const 16)) (then unreachable))
            (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "z").unwrap();
    let directory = Directory::new(folder.path()).at("/d").read_only();
    let pool = pool_of(Module::text(text))
        .dir(directory)
        .warm()
        .build()
        .unwrap();
    // The place in the file is shared by all that were forked after it was opened, as for any file that is.
    assert_eq!(pool.apply::<Vec<u8>>("run", (NONE, "")).unwrap(), b"z");
}

#[test]
fn deterministic_tasks_of_a_warm_program_are_equal() {
    let pool = pool("tool")
        .arg("count")
        .deterministic()
        .warm()
        .build()
        .unwrap();
    let (mut inputs, outcomes) = pool.stream("run", wpool::Order::Input).unwrap();
    for _ in 0..10 {
        let words = [
            wpool::Value::List(Vec::new()),
            wpool::Value::Bytes(b"abc".to_vec()),
        ];
        inputs.send(&words).unwrap();
    }
    drop(inputs);
    let fuel: BTreeSet<u64> = outcomes
        .map(|(_, outcome)| outcome.usage.fuel.unwrap())
        .collect();
    assert_eq!(fuel.len(), 1);
}

#[test]
fn run_has_no_warm_programs() {
    let ran = run(wpool().args(["run", "--warm"]).arg(guest("tool")));
    assert_eq!(ran.code(), 2);
}
