//! Programs as functions of their arguments and standard input: `map`, `apply` and the library.

use super::BOTH;
use crate::support::{feed, guest, pool, run, wpool};
use serde_json::Value as Json;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use wpool::{FailureKind, HostCall, Isolation, MapError, Stdio, Stream};

fn map_tool(options: &[&str], tool: &str, inputs: &[&str]) -> Command {
    let mut command = wpool();
    command.arg("map").args(options).arg(guest(tool));
    command.args(inputs);
    command
}

#[test]
fn each_input_is_a_run_whose_output_is_the_result() {
    for tool in BOTH {
        let last = run(&mut map_tool(&["--arg", "args"], tool, &["a b", "c"]));
        let expected = ["a b", "c"].map(|input| format!("[\"{tool}\", \"args\", \"{input}\"]"));
        assert_eq!(last.results(), expected);

        let within = ["--arg", "args", "--arg", "--of={}", "--arg", "{}{}"];
        let within = run(&mut map_tool(&within, tool, &["x"]));
        let expected = format!("[\"{tool}\", \"args\", \"--of=x\", \"xx\"]");
        assert_eq!(within.results(), [expected]);

        let stdin = ["--stdin", "--arg", "count"];
        let stdin = feed(&mut map_tool(&stdin, tool, &[]), "abc\n\nde\n");
        assert_eq!(stdin.results(), ["3", "0", "2"]);
    }
}

#[test]
fn several_lines_stay_several_lines_in_text_and_are_one_in_json() {
    let options = ["--stdin", "--arg", "cat", "--format", "json"];
    let ran = feed(&mut map_tool(&options, "tool", &[]), "\"a\\nb\"\n\"\"\n");
    assert_eq!(ran.results(), [r#""a\nb""#, r#""""#]);
    let ran = run(&mut map_tool(
        &["--stdin", "--arg", "cat"],
        "tool",
        &["a\nb", "", "c"],
    ));
    assert_eq!(ran.results(), ["a", "b", "c"]);
    let ran = run(&mut map_tool(&["--format", "json"], "tool", &[r#""raw""#]));
    assert_eq!(ran.results(), ["[255, 0, 254, 27, 91, 50, 74]"]);
    let ran = run(&mut map_tool(
        &["--format", "json"],
        "tool",
        &[r#"["args", "x"]"#],
    ));
    assert_eq!(ran.results(), [r#""[\"tool\", \"args\", \"x\"]\n""#]);
}

#[test]
fn a_status_is_a_failure_of_its_task_and_what_was_written_is_shown() {
    let report = tempfile::NamedTempFile::new().unwrap();
    let path = report.path().to_str().unwrap();
    let options = ["--report", path, "-j", "1"];
    let ran = feed(&mut map_tool(&options, "tool", &[]), "say\nnonsense\nsay\n");
    assert_eq!(ran.code(), 1);
    assert_eq!(ran.lines(), ["to stdout", "to stdout"]);
    assert_eq!(
        ran.complaints(),
        [
            "wpool: task 1: to stderr",
            "wpool: task 2: tool: no such command",
            "wpool: task 2 (nonsense): exit: it exited with status 1",
            "wpool: task 3: to stderr",
        ]
    );
    let entries = fs::read_to_string(path).unwrap();
    let entries: Vec<Json> = entries
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told = |entry: &Json| (entry["outcome"].clone(), entry["exit_code"].clone());
    assert_eq!(told(&entries[0]), ("ok".into(), Json::Null));
    assert_eq!(told(&entries[1]), ("exit".into(), 1.into()));
    assert_eq!(entries[1]["stderr"], "tool: no such command\\n");
}

#[test]
fn what_a_program_wrote_before_it_exited_with_a_status_is_its_result_all_the_same() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\0a\00\00\00") (data (i32.const 16) "different\n")
        (func (export "_start")
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
            (call $exit (i32.const 2))))"#;
    let diff = crate::support::module("diff.wat", text);
    let ran = run(wpool().arg("map").arg(&diff).arg("x"));
    assert_eq!((ran.code(), ran.lines()), (1, vec!["different"]));
    assert_eq!(
        ran.complaints(),
        ["wpool: task 1 (x): exit: it exited with status 2"]
    );
}

#[test]
fn more_output_than_the_limit_fails_that_task_alone() {
    for tool in BOTH {
        for flood in ["flood", "flood-stderr"] {
            let options = ["--output-limit", "1MiB", "--arg", flood];
            let ran = run(&mut map_tool(&options, tool, &["40960", "4000000"]));
            assert_eq!(ran.code(), 1);
            let last = *ran.complaints().last().unwrap();
            let expected = format!(
                "wpool: task 2 ({flood} 4000000): output-limit: it wrote more than the limit of 1048576 bytes"
            );
            assert_eq!(last, expected);
        }
    }
}

#[test]
fn input_and_output_may_be_as_long_as_their_limits_whatever_memory_the_program_has() {
    for tool in BOTH {
        let pool = pool(tool)
            .workers(1)
            .memory_bytes(8 << 20)
            .arg("cat")
            .build()
            .unwrap();
        let long = vec![b'x'; 60 << 20];
        let none: [&str; 0] = [];
        let back: Vec<u8> = pool.apply("run", (none, long.clone())).unwrap();
        assert!(back == long);
    }
}

#[test]
fn a_program_that_never_reads_its_input_is_not_held_by_it() {
    let long = "x".repeat(1 << 20) + "\n";
    let ran = feed(
        &mut map_tool(&["--stdin", "--arg", "say"], "tool", &[]),
        long,
    );
    assert_eq!(ran.lines(), ["to stdout"]);
}

#[test]
fn arguments_are_bytes_in_preview_1_and_text_in_components() {
    let raw = OsStr::from_bytes(b"\xffx");
    let run_with = |tool: &str| {
        let mut command = map_tool(&["--arg", "args"], tool, &[]);
        run(command.arg(raw))
    };
    // This program cannot read it as text, and says so; others could.
    let ran = run_with("tool");
    assert!(ran.stderr.contains("panicked"), "{ran:?}");
    let ran = run_with("tool-p2");
    assert_eq!(
        *ran.complaints().last().unwrap(),
        "wpool: task 1 (args \u{fffd}x): bad-argument: argument 2 is not UTF-8, which components do not have"
    );
}

#[test]
fn apply_gives_all_words_as_arguments_and_what_is_there_as_standard_input() {
    for tool in BOTH {
        let mut command = wpool();
        command.arg("apply").arg(guest(tool)).args(["cat"]);
        assert_eq!(feed(&mut command, "a\nb\n").results(), ["a", "b"]);
        let mut command = wpool();
        command
            .arg("apply")
            .arg(guest(tool))
            .args(["args", "x", "y"]);
        let expected = format!("[\"{tool}\", \"args\", \"x\", \"y\"]");
        assert_eq!(run(&mut command).results(), [expected]);
    }
}

#[test]
fn words_for_programs_are_refused_where_there_is_none() {
    for option in [&["--stdin"][..], &["--arg", "x"]] {
        let ran = run(wpool()
            .arg("map")
            .args(option)
            .arg(guest("square"))
            .arg("3"));
        assert_eq!(ran.code(), 2);
        assert!(
            ran.stderr
                .contains("is for programs, and `square` is a function"),
            "{ran:?}"
        );
    }
    let ran = run(wpool().arg("run").arg(guest("square")));
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("it is no program of WASI"), "{ran:?}");
}

#[test]
fn in_the_library_a_program_is_a_function_of_its_words_and_input() {
    for isolation in [Isolation::Instance, Isolation::Process] {
        for tool in BOTH {
            let pool = pool(tool).isolation(isolation).arg("cat").build().unwrap();
            assert_eq!(pool.program().unwrap().name, "run");
            let none: [&str; 0] = [];
            let said: Vec<String> = pool
                .starmap("run", ["a", "b\nc"].map(|input| (none, input)))
                .unwrap();
            assert_eq!(said, ["a", "b\nc"]);
        }
    }
}

#[test]
fn an_outcome_has_the_status_and_both_streams() {
    let pool = pool("tool").build().unwrap();
    let run = |words: &[&str]| pool.apply::<Vec<u8>>("run", (words.to_vec(), ""));
    let Err(MapError::Task { failure, .. }) = run(&["exit", "3"]) else {
        panic!("it succeeded")
    };
    assert_eq!(
        (failure.kind(), failure.exit_code()),
        (FailureKind::Exit, Some(3))
    );
    assert_eq!(run(&["say"]).unwrap(), b"to stdout\n");
    assert_eq!(pool.stats().failed[&FailureKind::Exit], 1);
}

#[test]
fn a_program_is_not_kept_for_the_next_task() {
    let refused = pool("tool")
        .isolation(Isolation::Worker)
        .build()
        .unwrap_err();
    assert!(refused.to_string().contains("starts anew"), "{refused}");
}

#[test]
fn streams_of_an_application_get_all_bytes_in_order_and_no_limit_counts_them() {
    struct Collecting(std::sync::mpsc::SyncSender<(u64, Stream, Vec<u8>)>);
    impl Stdio for Collecting {
        fn read(&self, call: &HostCall, most: usize) -> std::io::Result<Vec<u8>> {
            // Each call once, and then the end.
            let _ = (call, most);
            Ok(Vec::new())
        }

        fn write(&self, call: &HostCall, stream: Stream, bytes: &[u8]) -> std::io::Result<()> {
            self.0.send((call.task(), stream, bytes.to_vec())).unwrap();
            Ok(())
        }
    }
    let (sender, received) = std::sync::mpsc::sync_channel(1_000_000);
    let limits = wpool::Limits {
        host_calls: Some(1),
        host_call_bytes: Some(10),
        output_bytes: Some(10),
        ..wpool::Limits::default()
    };
    let pool = pool("tool")
        .limits(limits)
        .stdio(Collecting(sender))
        .build()
        .unwrap();
    let result: Vec<u8> = pool
        .apply("run", (["flood", "4096000"], "ignored"))
        .unwrap();
    assert!(result.is_empty(), "it was passed on");
    drop(pool);
    let all: Vec<u8> = received
        .into_iter()
        .inspect(|(task, stream, _)| assert_eq!((*task, *stream), (1, Stream::Stdout)))
        .flat_map(|(_, _, bytes)| bytes)
        .collect();
    assert_eq!(all, vec![b'x'; 4_096_000]);
}

#[test]
fn a_stream_that_fails_fails_the_task() {
    struct Broken;
    impl Stdio for Broken {
        fn write(&self, _: &HostCall, _: Stream, _: &[u8]) -> std::io::Result<()> {
            Err(std::io::Error::other("the disk is full"))
        }
    }
    let pool = pool("tool").stdio(Broken).build().unwrap();
    let failed = pool.apply::<Vec<u8>>("run", (["say"], "")).unwrap_err();
    let MapError::Task { failure, .. } = failed else {
        panic!("{failed}")
    };
    assert_eq!(failure.kind(), FailureKind::HostCall);
    assert!(failure.message().contains("the disk is full"), "{failure}");
}

#[test]
fn a_library_of_wasi_is_initialized_before_each_call_and_may_write() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (global $n (mut i64) (i64.const 0))
        (data (i32.const 0) "\10\00\00\00\03\00\00\00") (data (i32.const 16) "hi\n")
        (func (export "_initialize") (global.set $n (i64.add (global.get $n) (i64.const 41))))
        (func (export "next") (result i64)
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
            (global.set $n (i64.add (global.get $n) (i64.const 1))) (global.get $n)))"#;
    let library = crate::support::module("library.wat", text);
    let ran = run(wpool().args(["apply"]).arg(&library));
    assert_eq!((ran.code(), ran.lines()), (0, vec!["42"]));
    assert_eq!(ran.complaints(), ["wpool: task 1 (stdout): hi"]);
}
