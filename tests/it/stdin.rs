//! Inputs from standard input: read when they are needed, and no sooner.

use crate::support::{Running, feed, guest, only_busy_worker, wpool};
use rustix::process::Signal;
use std::io::Write;
use std::process::{ChildStdin, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// What the supervisor may need at the most, in KiB.
const SMALL: u64 = 64 * 1024;

fn map(module: &str, options: &[&str]) -> Command {
    let mut command = wpool();
    command.arg("map").args(options).arg(guest(module));
    command
}

fn peak_memory_kib(running: &Running) -> u64 {
    let peak = running.process.status("VmHWM").unwrap();
    peak.strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Writes the lines that `line` makes of 0, 1, 2 … until `count` or until nobody reads them.
fn write_lines(
    stdin: &mut ChildStdin,
    count: u64,
    line: impl Fn(u64) -> String,
    written: &AtomicU64,
) {
    let mut number = 0;
    while number < count {
        let end = count.min(number + 1000);
        let lines: String = (number..end).map(|number| line(number) + "\n").collect();
        if stdin.write_all(lines.as_bytes()).is_err() {
            return;
        }
        number = end;
        written.store(number, Ordering::Relaxed);
    }
}

#[test]
fn results_come_while_the_writer_keeps_the_pipe_open() {
    let mut running = Running::start_with_input(&mut map("square", &[]));
    running.write("1\n2\n");
    assert_eq!(
        [running.line(), running.line()],
        [Some("1".into()), Some("4".into())]
    );
    running.write("3\n");
    assert_eq!(running.line(), Some("9".into()));
    running.write("4"); // The last line needs no line break.
    assert_eq!(running.finish().results(), ["16"]);
}

#[test]
fn a_failure_is_told_while_the_writer_keeps_the_pipe_open() {
    let mut running = Running::start_with_input(&mut map("square", &[]));
    running.write("x\n2\n");
    assert_eq!(running.line(), Some("4".into()));
    let ran = running.finish();
    assert_eq!((ran.code(), ran.complaints().len()), (1, 1));
}

#[test]
fn half_a_million_lines_need_no_more_memory_than_a_few() {
    const COUNT: u64 = 500_000;
    let mut running = Running::start_with_input(&mut map("square", &[]));
    let mut stdin = running.take_stdin();
    let writer = thread::spawn(move || {
        write_lines(
            &mut stdin,
            COUNT,
            |number| number.to_string(),
            &AtomicU64::new(0),
        );
        stdin
    });
    for number in 0..COUNT {
        let line = running.line().expect("a result");
        assert_eq!(line.parse(), Ok(number * number));
    }
    // Its input is still open, so it is still there.
    let peak = peak_memory_kib(&running);
    assert!(peak < SMALL, "{peak} KiB");
    drop(writer.join().unwrap());
    assert_eq!(running.finish().results().len(), 0);
}

#[test]
fn intake_stalls_behind_a_task_that_does_not_end() {
    let mut running =
        Running::start_with_input(&mut map("spin", &["--timeout", "none", "-j", "2"]));
    let mut stdin = running.take_stdin();
    let written = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&written);
    let writer = thread::spawn(move || {
        let line = |number| if number == 0 { "-1" } else { "1" }.to_string();
        write_lines(&mut stdin, 300_000, line, &counter);
    });
    let worker = only_busy_worker(&running.process);
    let taken = written.load(Ordering::Relaxed);
    // 65,536 tasks are under way; the pipe and the reader's buffer hold 64 KiB each, two bytes a line.
    assert!(
        taken < 65_536 + 2 * 32_768 + 20_000,
        "{taken} lines were taken ahead"
    );
    worker.signal(Signal::KILL);
    let ran = running.finish();
    writer.join().unwrap();
    assert_eq!(
        (ran.code(), ran.lines().len(), ran.complaints().len()),
        (1, 299_999, 1)
    );
}

#[test]
fn unordered_intake_does_not_stall_behind_a_task_that_does_not_end() {
    let mut running = Running::start_with_input(&mut map(
        "spin",
        &["--timeout", "none", "-j", "2", "--unordered"],
    ));
    let mut stdin = running.take_stdin();
    let writer = thread::spawn(move || {
        let line = |number| if number == 0 { "-1" } else { "1" }.to_string();
        write_lines(&mut stdin, 100_000, line, &AtomicU64::new(0));
    });
    running.skip_lines(99_999);
    writer.join().unwrap();
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    for options in [&[][..], &["--unordered"]] {
        let mut running = Running::start_with_input(&mut map("square", options));
        let mut stdin = running.take_stdin();
        let writer = thread::spawn(move || {
            write_lines(
                &mut stdin,
                u64::MAX,
                |number| (number % 1000).to_string(),
                &AtomicU64::new(0),
            );
        });
        running.skip_lines(2);
        running.close_output();
        let ran = running.finish();
        assert_eq!((ran.code(), ran.complaints()), (0, vec![]));
        writer.join().unwrap();
    }
}

#[test]
fn a_bad_line_is_its_own_tasks_failure_and_the_others_go_on() {
    let ran = feed(
        &mut map("square", &[]),
        "1\nx\n3\n\n99999999999999999999\n6\n",
    );
    assert_eq!((ran.code(), ran.lines()), (1, vec!["1", "9", "36"]));
    let [second, fourth, fifth] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(
        second.contains("task 2") && second.contains("bad-argument") && second.contains("`x`"),
        "{second}"
    );
    assert!(
        fourth.contains("task 4") && fourth.contains("bad-argument"),
        "{fourth}"
    );
    assert!(
        fifth.contains("task 5") && fifth.contains("out of range"),
        "{fifth}"
    );
}

#[test]
fn a_line_that_is_not_text_is_a_bad_argument() {
    let ran = feed(&mut map("square", &[]), b"1\n\xff\xfe\n3\n");
    assert_eq!((ran.code(), ran.lines()), (1, vec!["1", "9"]));
    let [second] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(
        second.contains("task 2") && second.contains("bad-argument"),
        "{second}"
    );
}

#[test]
fn an_endless_line_is_refused_without_being_kept() {
    let mut running = Running::start_with_input(&mut map("square", &["--argument-limit", "1MiB"]));
    let mut stdin = running.take_stdin();
    let writer = thread::spawn(move || {
        let piece = vec![b'1'; 1 << 20];
        (0..128).for_each(|_| stdin.write_all(&piece).unwrap());
        stdin.write_all(b"\n2\n").unwrap();
        stdin
    });
    assert_eq!(running.line(), Some("4".into()));
    let peak = peak_memory_kib(&running);
    assert!(peak < SMALL, "{peak} KiB");
    drop(writer.join().unwrap());
    let ran = running.finish();
    assert_eq!((ran.code(), ran.complaints().len()), (1, 1));
    assert!(
        ran.stderr.contains("task 1: bad-argument: ") && ran.stderr.contains("limit"),
        "{ran:?}"
    );
}

#[test]
fn unordered_lines_give_the_same_results() {
    let input: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    let ran = feed(&mut map("square", &["--unordered"]), input);
    let mut printed: Vec<u64> = ran
        .results()
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    printed.sort_unstable();
    assert_eq!(
        printed,
        (0..20_000)
            .map(|number| number * number)
            .collect::<Vec<u64>>()
    );
}
