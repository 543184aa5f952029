//! Many tasks: order, independence, fresh instances.

use crate::support::{Running, guest, run, wat, wpool};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::io::Write;
use std::thread;

#[test]
fn results_are_in_input_order_however_long_each_task_takes() {
    // The first of every eight takes longest.
    let inputs: Vec<String> = (0..200)
        .map(|index| ((7 - index % 8) * 300_000 + index).to_string())
        .collect();
    let ran = run(wpool()
        .args(["map", "-j", "4"])
        .arg(guest("spin"))
        .args(&inputs));
    assert_eq!(ran.results(), inputs);
}

#[test]
fn unordered_results_are_the_same_in_some_order() {
    let inputs: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
    let ran = run(wpool()
        .args(["map", "--unordered", "-j", "4"])
        .arg(guest("square"))
        .args(&inputs));
    let mut printed: Vec<u64> = ran
        .results()
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    printed.sort_unstable();
    assert_eq!(
        printed,
        (0..2000)
            .map(|number| number * number)
            .collect::<Vec<u64>>()
    );
}

#[test]
fn unordered_results_do_not_wait_for_a_task_that_never_ends() {
    let inputs: Vec<String> = (1..=1000).map(|number| number.to_string()).collect();
    let mut command = wpool();
    command
        .args(["map", "--unordered", "-j", "2", "--timeout", "none"])
        .arg(guest("spin"));
    let mut running = Running::start(command.arg("-1").args(&inputs));
    let printed: BTreeSet<String> = (0..1000)
        .map(|_| running.line().expect("a result"))
        .collect();
    assert_eq!(printed, inputs.iter().cloned().collect());
    running.process.signal(Signal::TERM);
    assert_eq!(running.finish().code(), 143);
}

#[test]
fn nothing_waits_behind_a_task_that_turns_out_to_never_end() {
    // Short tasks are handed out many at a time: those that come with the long one go to the other worker.
    let numbers = |range: std::ops::Range<u32>| range.map(|number| format!("{number}\n"));
    let input: String = numbers(0..20_000)
        .chain(["-1\n".to_string()])
        .chain(numbers(20_000..40_000))
        .collect();
    let mut command = wpool();
    command
        .args(["map", "--unordered", "-j", "2", "--timeout", "none"])
        .arg(guest("spin"));
    let mut running = Running::start_with_input(&mut command);
    let mut stdin = running.take_stdin();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let printed: BTreeSet<u32> = (0..40_000)
        .map(|_| running.line().expect("a result").parse().unwrap())
        .collect();
    assert!(printed.into_iter().eq(0..40_000));
    writer.join().unwrap();
}

#[test]
fn results_are_printed_as_soon_as_order_allows() {
    let mut command = wpool();
    command
        .args(["map", "-j", "2", "--timeout", "none"])
        .arg(guest("spin"));
    let mut running = Running::start(command.args(["1", "2", "3", "-1", "5"]));
    let printed: Vec<String> = (0..3).map(|_| running.line().expect("a result")).collect();
    assert_eq!(printed, ["1", "2", "3"]);
}

#[test]
fn a_task_that_never_ends_costs_the_others_nothing() {
    for workers in ["1", "2"] {
        let mut command = wpool();
        command
            .args(["map", "-j", workers, "--timeout", "700ms"])
            .arg(guest("spin"));
        let ran = run(command.args(["1", "-1", "3", "-2", "5"]));
        assert_eq!((ran.code(), ran.lines()), (1, vec!["1", "3", "5"]));
        let [first, second] = ran.complaints()[..] else {
            panic!("{ran:?}")
        };
        assert!(
            first.contains("task 2 (-1)") && first.contains("timeout"),
            "{first}"
        );
        assert!(
            second.contains("task 4 (-2)") && second.contains("timeout"),
            "{second}"
        );
    }
}

#[test]
fn every_task_has_a_fresh_instance() {
    let inputs = vec![""; 500];
    let ran = run(wpool()
        .args(["map", "-j", "2"])
        .arg(guest("counter"))
        .args(&inputs));
    assert_eq!(ran.results(), vec!["1"; 500]);
}

#[test]
fn memory_tables_and_globals_are_fresh_even_after_a_trap() {
    // Counts its calls in memory, in grown memory, in a table and in a global, and traps at every second input.
    let leaky = wat(
        r#"(module (memory 1 3) (table $t 2 funcref) (global $g (mut i32) (i32.const 0)) (elem declare func $f)
            (func $f (export "f") (param i32) (result i32 i32 i32 i32)
              (i32.store8 (i32.const 100) (i32.add (i32.load8_u (i32.const 100)) (i32.const 1)))
              (global.set $g (i32.add (global.get $g) (i32.const 1)))
              (i32.load8_u (i32.const 100)) (memory.grow (i32.const 1))
              (ref.is_null (table.get $t (i32.const 1))) (global.get $g)
              (table.set $t (i32.const 1) (ref.func $f))
              (i32.store8 (i32.const 70000) (i32.const 1))
              (if (i32.and (local.get 0) (i32.const 1)) (then unreachable))))"#,
    );
    let inputs: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let ran = run(wpool().args(["map", "-j", "1"]).arg(&leaky).args(&inputs));
    assert_eq!(ran.code(), 1);
    assert_eq!(ran.complaints().len(), 50);
    assert_eq!(ran.lines(), vec!["(1, 1, 1, 1)"; 50]);
}

#[test]
fn no_inputs_at_all_are_no_results() {
    let ran = run(wpool().arg("map").arg(guest("square")));
    assert_eq!((ran.results().len(), ran.stderr.as_str()), (0, ""));
}
