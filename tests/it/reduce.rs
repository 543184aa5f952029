//! `wpool reduce` and `wpool map --reduce`: many values become one, in order, whatever fails.

use crate::support::{Running, TextModule, eventually, feed, guest, run, wat, wpool};
use rustix::process::Signal;
use std::process::{Command, Stdio};

/// Functions of one and of two numbers. `compose` is associative and not commutative: it composes x → a·x + b, packed as a and b of 32
/// bits each.
const NUMBERS: &str = r#"(module
    (func (export "square") (param i64) (result i64) (i64.mul (local.get 0) (local.get 0)))
    (func (export "inverse") (param i64) (result i64) (i64.div_s (i64.const 10) (local.get 0)))
    (func (export "half") (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
    (func (export "add") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
    (func (export "divide") (param i64 i64) (result i64) (i64.div_s (local.get 0) (local.get 1)))
    (func (export "endless") (param i64 i64) (result i64) (loop (br 0)) (unreachable))
    (func (export "compose") (param i64 i64) (result i64)
        (i64.or
            (i64.shl
                (i64.extend_i32_u (i32.mul
                    (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32)))
                    (i32.wrap_i64 (i64.shr_u (local.get 1) (i64.const 32)))))
                (i64.const 32))
            (i64.extend_i32_u (i32.add
                (i32.mul
                    (i32.wrap_i64 (i64.shr_u (local.get 1) (i64.const 32)))
                    (i32.wrap_i64 (local.get 0)))
                (i32.wrap_i64 (local.get 1)))))))"#;

fn reduce(module: &TextModule, function: &str) -> Command {
    let mut command = wpool();
    command.args(["reduce", "-f", function]).arg(module);
    command
}

fn map_reduce(module: &TextModule, function: &str, reducer: &str) -> Command {
    let mut command = wpool();
    command
        .args(["map", "-f", function, "--reduce", reducer])
        .arg(module);
    command
}

fn lines(numbers: impl Iterator<Item = i64>) -> String {
    numbers.map(|number| format!("{number}\n")).collect()
}

fn compose(left: i64, right: i64) -> i64 {
    let parts = |packed: i64| ((packed >> 32) as u32, packed as u32);
    let ((a, b), (c, d)) = (parts(left), parts(right));
    let (e, f) = (a.wrapping_mul(c), c.wrapping_mul(b).wrapping_add(d));
    (i64::from(e) << 32) | i64::from(f)
}

#[test]
fn all_inputs_become_one_result_in_order() {
    let module = wat(NUMBERS);
    for count in [1, 2, 3, 7, 1000] {
        let values: Vec<i64> = (0..count)
            .map(|n: i64| ((n * 7 + 3) << 32) | (n * n + 1))
            .collect();
        let expected = values.iter().copied().reduce(compose).unwrap();
        let ran = feed(&mut reduce(&module, "compose"), lines(values.into_iter()));
        assert_eq!(ran.results(), [expected.to_string()], "{count}");
    }
    assert_eq!(
        run(wpool()
            .arg("reduce")
            .arg(guest("add"))
            .args(["-3", "5", "-1"]))
        .results(),
        ["1"]
    );
}

#[test]
fn nothing_to_combine_is_nothing_and_one_value_is_itself() {
    let module = wat(NUMBERS);
    assert_eq!(feed(&mut reduce(&module, "divide"), "").stdout, "");
    assert_eq!(feed(&mut reduce(&module, "divide"), "0\n").results(), ["0"]);
    assert_eq!(
        feed(&mut map_reduce(&module, "square", "divide"), "").results(),
        [""; 0]
    );
}

#[test]
fn results_of_a_map_are_combined_in_one_pass_in_order() {
    let module = wat(NUMBERS);
    let expected = (1..=500).map(|n: i64| n * n).reduce(compose).unwrap();
    let ran = feed(
        &mut map_reduce(&module, "square", "compose"),
        lines(1..=500),
    );
    assert_eq!(ran.results(), [expected.to_string()]);
    let ran = run(map_reduce(&module, "square", "add").args(["2", "3"]));
    assert_eq!(ran.results(), ["13"]);
}

#[test]
fn a_function_that_cannot_combine_is_refused_with_the_reason() {
    let module = wat(NUMBERS);
    let refused = |command: &mut Command, why: &str| {
        let ran = run(command.arg("1"));
        assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.complaints()[0].contains(why), "{ran:?}");
    };
    refused(
        &mut reduce(&module, "square"),
        "it needs two parameters, and has 1",
    );
    refused(&mut map_reduce(&module, "half", "add"), "of another type");
    refused(
        map_reduce(&module, "square", "add").arg("--tag"),
        "cannot be used with",
    );
    refused(reduce(&module, "add").arg("x"), "input 1: ");
}

#[test]
fn whatever_fails_nothing_is_printed_and_the_cause_is() {
    let module = wat(NUMBERS);
    let failed = |mut command: Command, input: &str, why: &str| {
        let ran = feed(&mut command, input);
        assert_eq!((ran.code(), ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.complaints()[0].contains(why), "{ran:?}");
    };
    failed(
        map_reduce(&module, "inverse", "add"),
        "1\n0\n2\n",
        "task 2 (0): trap: integer divide by zero",
    );
    failed(
        reduce(&module, "divide"),
        "1\n2\n3\n0\n",
        "combining inputs 3 to 4: trap: ",
    );
    failed(reduce(&module, "add"), "1\nx\n", "input 2: bad-argument: ");
}

#[test]
fn an_interrupt_ends_it_though_its_input_is_open() {
    let module = wat(NUMBERS);
    for mut command in [reduce(&module, "add"), map_reduce(&module, "square", "add")] {
        let mut running = Running::start(command.stdin(Stdio::piped()));
        running.write("1\n2\n");
        let stdin = running.take_stdin();
        eventually("it has workers", || {
            (!crate::support::workers_of(&running.process).is_empty()).then_some(())
        });
        running.process.signal(Signal::INT);
        let ran = running.finish();
        assert_eq!(
            (ran.code(), ran.stdout.as_str(), ran.complaints().len()),
            (130, "", 0),
            "{ran:?}"
        );
        drop(stdin);
    }
}

#[test]
fn its_memory_does_not_grow_with_its_inputs() {
    let module = wat(NUMBERS);
    for mut command in [reduce(&module, "add"), map_reduce(&module, "square", "add")] {
        command.args(["--isolation", "worker"]);
        let mut running = Running::start(command.stdin(Stdio::piped()));
        running.write(&lines(0..200_000));
        let before = running.process.peak_kib();
        running.write(&lines(0..400_000));
        let after = running.process.peak_kib();
        drop(running.take_stdin());
        assert_eq!(running.finish().code(), 0);
        assert!(after < before + 8 * 1024, "{before} KiB became {after}");
    }
}

#[test]
fn a_report_that_cannot_be_written_ends_it() {
    let module = wat(NUMBERS);
    let mut command = map_reduce(&module, "square", "add");
    let ran = feed(command.args(["--report", "/dev/full"]), lines(1..=20_000));
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(ran.complaints()[0].contains("No space left"), "{ran:?}");
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let module = wat(NUMBERS);
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut child = reduce(&module, "add")
        .args(["1", "2"])
        .stdout(full)
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
