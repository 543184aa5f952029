//! Standard streams and exit codes of `wpool run`.

use super::{BOTH, run_tool};
use crate::support::{Running, eventually, feed, module, run, wpool};
use rustix::process::Signal;
use std::io::Write;

#[test]
fn a_program_runs_with_its_arguments_and_its_output_is_passed_on() {
    for tool in BOTH {
        let ran = run(&mut run_tool(&[], tool, &["args", "-x", "a b", ""]));
        let expected = format!("[\"{tool}\", \"args\", \"-x\", \"a b\", \"\"]");
        assert_eq!(ran.results(), [expected]);
        let ran = run(&mut run_tool(&["--arg", "args"], tool, &["x"]));
        assert_eq!(ran.results(), [format!("[\"{tool}\", \"args\", \"x\"]")]);
        let ran = run(&mut run_tool(&[], tool, &["say"]));
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            ("to stdout\n", "to stderr\n")
        );
    }
}

#[test]
fn its_exit_code_is_forwarded_and_other_ends_have_those_of_a_shell() {
    for (options, words, code) in [
        (&[][..], &["exit", "0"][..], 0),
        (&[], &["exit", "7"], 7),
        (&[], &["exit", "255"], 255),
        // What does not fit must not look like success.
        (&[], &["exit", "256"], 1),
        (&[], &["panic"], 134),
        (&["--timeout", "100ms"], &["spin"], 124),
        (&["--timeout", "100ms"], &["sleep", "100000"], 124),
        (&["--fuel", "100000"], &["spin"], 137),
    ] {
        let ran = run(&mut run_tool(options, "tool", words));
        assert_eq!(ran.code(), code, "{words:?}: {ran:?}");
    }
    // WASI 0.2 knows success and failure alone.
    let ran = run(&mut run_tool(&[], "tool-p2", &["exit", "7"]));
    assert_eq!(ran.code(), 1);
}

#[test]
fn standard_input_arrives_whole_and_its_end_too() {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    for tool in BOTH {
        let ran = feed(&mut run_tool(&[], tool, &["count"]), &bytes);
        assert_eq!(ran.results(), ["3000000"]);
        let ran = run(&mut run_tool(&[], tool, &["count"]));
        assert_eq!(ran.results(), ["0"]);
    }
}

#[test]
fn what_is_written_is_seen_while_the_program_goes_on() {
    for tool in BOTH {
        let mut command = run_tool(&[], tool, &["lines"]);
        let mut running = Running::start_with_input(&mut command);
        for line in ["one", "two"] {
            running.write(&format!("{line}\n"));
            assert_eq!(running.line().as_deref(), Some(line));
        }
        let ran = running.finish();
        assert_eq!((ran.code(), ran.stdout.as_str()), (0, ""));
    }
}

#[test]
fn a_program_that_sleeps_has_sent_what_it_wrote() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\06\00\00\00") (data (i32.const 16) "ready\n")
        ;; Wait for a clock, id 1, for a thousand seconds.
        (data (i32.const 120) "\01\00\00\00") (data (i32.const 128) "\00\10\a5\d4\e8\00\00\00")
        (func (export "_start")
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
            (drop (call $poll (i32.const 104) (i32.const 200) (i32.const 1) (i32.const 300)))))"#;
    let sleeper = module("sleeper.wat", text);
    let mut running = Running::start(wpool().arg("run").arg(&sleeper));
    assert_eq!(running.line().as_deref(), Some("ready"));
    running.process.signal(Signal::INT);
    assert_eq!(running.finish().code(), 130);
}

#[test]
fn a_program_waits_for_its_input_or_a_clock_whichever_is_first() {
    for tool in BOTH {
        // Nobody writes, and nobody ends it.
        let mut running = Running::start_with_input(&mut run_tool(&[], tool, &["wait", "30"]));
        assert_eq!(running.line().as_deref(), Some("nothing"), "{tool}");
        assert_eq!(running.finish().code(), 0);
        let mut running = Running::start_with_input(&mut run_tool(&[], tool, &["wait", "1000000"]));
        running.write("now\n");
        assert_eq!(running.line().as_deref(), Some("input"), "{tool}");
        assert_eq!(running.finish().code(), 0);
        let ran = feed(&mut run_tool(&[], tool, &["wait", "1000000"]), "");
        assert_eq!(ran.results(), ["input"], "{tool}");
    }
}

#[test]
fn bytes_that_are_no_text_pass_unchanged_into_a_pipe() {
    use std::process::Stdio;
    for tool in BOTH {
        let mut command = run_tool(&[], tool, &["raw"]);
        let output = command.stdout(Stdio::piped()).output().unwrap();
        assert_eq!(output.stdout, b"\xff\0\xfe\x1b[2J");
    }
}

#[test]
fn a_flood_waits_for_whoever_reads_and_nothing_of_it_is_lost() {
    use std::io::Read;
    use std::process::Stdio;
    for tool in BOTH {
        let mut command = run_tool(&[], tool, &["flood", "40960000"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(bytes.len(), 40_960_000);
        assert!(bytes.iter().all(|byte| *byte == b'x'));
    }
}

#[test]
fn a_program_whose_output_nobody_reads_is_told_and_decides_itself() {
    let mut command = run_tool(&[], "tool", &["flood", "100000000000"]);
    let mut running = Running::start(&mut command);
    eventually("it writes", || (running.unread() > 0).then_some(()));
    running.close_output();
    let ran = running.finish();
    assert_eq!((ran.code(), ran.stderr.as_str()), (9, "nobody reads\n"));
}

#[test]
fn a_program_may_end_while_input_is_still_coming() {
    for tool in BOTH {
        let mut command = run_tool(&[], tool, &["head"]);
        let mut running = Running::start_with_input(&mut command);
        running.write("first\nsecond\n");
        assert_eq!(running.line().as_deref(), Some("first"));
        // The pipe stays open, and it ends all the same.
        let mut stdin = running.take_stdin();
        let ran = running.finish();
        assert_eq!(ran.code(), 0, "{ran:?}");
        assert!(stdin.write_all(b"late").is_err() || stdin.flush().is_ok());
    }
}

#[test]
fn an_interrupt_ends_a_program_that_computes_sleeps_or_reads() {
    for words in [&["spin"][..], &["sleep", "1000000"], &["cat"]] {
        for tool in BOTH {
            let running = Running::start_with_input(&mut run_tool(&[], tool, words));
            eventually("it runs", || running.process.children().first().map(drop));
            running.process.signal(Signal::INT);
            assert_eq!(running.finish().code(), 130, "{tool} {words:?}");
        }
    }
}

#[test]
fn several_run_at_once_numbered_and_their_lines_are_whole() {
    let options = ["-n", "4", "--tag"];
    let ran = run(&mut run_tool(&options, "tool", &["args", "{#}", "of-{#}"]));
    let mut lines = ran.results();
    lines.sort_unstable();
    let expected: Vec<String> = (1..=4)
        .map(|n| format!("{n}\t[\"tool\", \"args\", \"{n}\", \"of-{n}\"]"))
        .collect();
    assert_eq!(lines, expected);

    // Each line of each is written at once, however the pieces come.
    let ran = run(&mut run_tool(
        &["-n", "3", "--tag"],
        "tool",
        &["flood-stderr", "160000"],
    ));
    assert_eq!(ran.stderr.lines().count(), 30_000);
    for number in 1..=3 {
        let line = format!("{number}\t0123456789abcde");
        let count = ran.stderr.lines().filter(|seen| **seen == line).count();
        assert_eq!(count, 10_000);
    }
}

#[test]
fn several_have_no_standard_input_and_the_first_that_fails_gives_the_code() {
    let ran = feed(&mut run_tool(&["-n", "2"], "tool", &["count"]), "text");
    assert_eq!(ran.results(), ["0", "0"]);
    let ran = run(&mut run_tool(&["-n", "3"], "tool", &["exit", "{#}"]));
    assert_eq!(ran.code(), 1);
}

#[test]
fn a_trap_is_told_with_the_functions_that_were_being_called() {
    let text = r#"(module
        (func $_ZN3app5inner17h0123456789abcdefE unreachable)
        (func $_Z5outeri (param i32) (call $_ZN3app5inner17h0123456789abcdefE))
        (func $"a\n\1b[2J" (call $_Z5outeri (i32.const 1)))
        (func $_start (export "_start") (call $"a\n\1b[2J")))"#;
    let trapping = module("app.wat", text);
    let ran = run(wpool().arg("run").arg(&trapping));
    assert_eq!(ran.code(), 134);
    let lines = ran.complaints();
    assert!(
        lines[0].ends_with("app.wat: trap: wasm `unreachable` instruction executed"),
        "{lines:?}"
    );
    let functions = [
        "wpool:   0: app::inner",
        "wpool:   1: outer(int)",
        r"wpool:   2: a \u{1b}[2J",
        "wpool:   3: _start",
    ];
    assert_eq!(lines[1..], functions);
    // One line a task where there may be a million.
    let ran = run(wpool().arg("map").arg(&trapping).arg("x"));
    assert_eq!(ran.complaints().len(), 1, "{ran:?}");
}
