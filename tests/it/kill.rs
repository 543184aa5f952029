//! Processes that are killed from outside: a worker's death costs the task that it was running, a template's none.

use crate::support::{
    Process, Ran, Running, eventually, feed, guest, only_busy_worker, template_of, workers_of,
    wpool,
};
use rustix::process::Signal;
use std::collections::HashSet;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

fn spin(options: &[&str]) -> Command {
    let mut command = wpool();
    command.arg("map").args(options).arg(guest("spin"));
    command
}

fn lines(numbers: impl Iterator<Item = u64>) -> String {
    numbers.map(|number| format!("{number}\n")).collect()
}

/// Starts a command and writes all its input.
fn start(command: &mut Command, input: String) -> (Running, thread::JoinHandle<()>) {
    let mut running = Running::start_with_input(command);
    let mut stdin = running.take_stdin();
    let writer = thread::spawn(move || {
        // If the command ends early, that is seen at its end.
        let _ = std::io::Write::write_all(&mut stdin, input.as_bytes());
    });
    (running, writer)
}

/// Checks that every number of `numbers` was either printed, in order, or failed with a line that says so.
fn one_outcome_each(
    printed_before: Vec<String>,
    ran: &Ran,
    numbers: impl Iterator<Item = u64>,
) -> Vec<u64> {
    let printed = printed_before
        .iter()
        .map(String::as_str)
        .chain(ran.stdout.lines());
    let mut printed = printed.map(|line| line.parse::<u64>().unwrap()).peekable();
    let mut failed = Vec::new();
    for (index, number) in numbers.enumerate() {
        if printed.next_if_eq(&number).is_none() {
            failed.push(index as u64 + 1);
        }
    }
    assert_eq!(
        printed.next(),
        None,
        "a result that is out of order, or nobody's"
    );
    let complaints = ran.complaints();
    assert_eq!(complaints.len(), failed.len(), "{complaints:?}");
    for (line, number) in complaints.into_iter().zip(&failed) {
        assert!(
            line.starts_with(&format!("wpool: task {number} (")),
            "{line}"
        );
    }
    assert_eq!(ran.code(), i32::from(!failed.is_empty()));
    failed
}

#[test]
fn a_worker_killed_by_sigkill_costs_the_task_it_was_running_by_name_and_cause() {
    let numbers = |at: u64| lines((0..at).chain([u64::MAX / 4]).chain(at + 1..20_000));
    let (mut running, writer) = start(&mut spin(&["-j", "2", "--timeout", "none"]), numbers(5000));
    let before: Vec<String> = (0..5000)
        .map(|_| running.line().expect("a result"))
        .collect();
    let worker = only_busy_worker(&running.process);
    worker.signal(Signal::KILL);
    let ran = running.finish();
    writer.join().unwrap();
    let failed = one_outcome_each(before, &ran, 0..20_000);
    assert_eq!(failed, [5001]);
    let line = ran.complaints()[0];
    assert!(
        line.contains("worker-died: ") && line.contains("SIGKILL"),
        "{line}"
    );
    assert!(!worker.is_alive());
}

#[test]
fn killing_a_worker_in_the_middle_of_a_hundred_thousand_costs_at_most_one_task() {
    let (mut running, writer) = start(&mut spin(&["-j", "2"]), lines(1..=100_000));
    let before: Vec<String> = (0..50_000)
        .map(|_| running.line().expect("a result"))
        .collect();
    let worker = workers_of(&running.process)[0];
    worker.signal(Signal::KILL);
    let ran = running.finish();
    writer.join().unwrap();
    // None, if it was between two tasks.
    let failed = one_outcome_each(before, &ran, 1..=100_000);
    assert!(failed.len() <= 1, "{failed:?}");
    assert!(
        ran.complaints().iter().all(|line| line.contains("SIGKILL")),
        "{ran:?}"
    );
}

#[test]
fn a_worker_that_crashes_is_named_with_its_signal() {
    for (signal, name) in [(Signal::SEGV, "SIGSEGV"), (Signal::TERM, "SIGTERM")] {
        let (running, writer) = start(
            &mut spin(&["-j", "2", "--timeout", "none"]),
            "-1\n2\n3\n".into(),
        );
        let worker = only_busy_worker(&running.process);
        // The first time, Rust's own handler only gives up its place.
        eventually("it dies", || {
            worker.signal(signal);
            (!worker.is_alive()).then_some(())
        });
        let ran = running.finish();
        writer.join().unwrap();
        assert_eq!((ran.code(), ran.lines()), (1, vec!["2", "3"]), "{ran:?}");
        let [line] = ran.complaints()[..] else {
            panic!("{ran:?}")
        };
        assert!(
            line.starts_with("wpool: task 1 (-1): worker-died: ") && line.contains(name),
            "{line}"
        );
    }
}

#[test]
fn a_worker_killed_by_its_filter_is_a_sandbox_violation() {
    let (running, writer) = start(
        &mut spin(&["-j", "1", "--timeout", "none"]),
        "-1\n2\n".into(),
    );
    only_busy_worker(&running.process).signal(Signal::SYS);
    let ran = running.finish();
    writer.join().unwrap();
    assert_eq!((ran.code(), ran.lines()), (1, vec!["2"]), "{ran:?}");
    let [line] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(
        line.starts_with("wpool: task 1 (-1): sandbox-violation: "),
        "{line}"
    );
}

#[test]
fn a_template_that_is_killed_costs_no_task() {
    let numbers = 1_000_000..1_004_000;
    let (mut running, writer) = start(&mut spin(&["-j", "2"]), lines(numbers.clone()));
    let before: Vec<String> = (0..500)
        .map(|_| running.line().expect("a result"))
        .collect();
    let template = template_of(&running.process).expect("a template");
    template.signal(Signal::KILL);
    let ran = running.finish();
    writer.join().unwrap();
    assert_eq!(one_outcome_each(before, &ran, numbers), [0_u64; 0]);
    assert!(!template.is_alive());
}

#[test]
fn a_stopped_worker_is_killed_at_its_time_limit() {
    let (running, writer) = start(
        &mut spin(&["-j", "2", "--timeout", "3s"]),
        "1\n-1\n3\n".into(),
    );
    let worker = only_busy_worker(&running.process);
    worker.signal(Signal::STOP);
    eventually("it stops", || worker.is_stopped().then_some(()));
    let ran = running.finish();
    writer.join().unwrap();
    assert_eq!((ran.code(), ran.lines()), (1, vec!["1", "3"]), "{ran:?}");
    let [line] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(
        line.starts_with("wpool: task 2 (-1): timeout: ") && line.contains("killed"),
        "{line}"
    );
    assert!(!worker.is_alive());
}

/// Kills the workers that `which` picks, ten one after the other, and gives back what the command did, how many were killed and
/// which tasks failed.
fn kill_again_and_again(which: impl Fn(&Process) -> bool) -> (Ran, usize, Vec<u64>) {
    let numbers = 100_000..130_000;
    let (mut running, writer) = start(&mut spin(&["-j", "3"]), lines(numbers.clone()));
    let before = vec![running.line().expect("a result")];
    let process = running.process;
    let reader = thread::spawn(move || running.finish());
    let mut killed = HashSet::new();
    while killed.len() < 10 && process.is_alive() {
        for worker in workers_of(&process)
            .into_iter()
            .filter(|worker| which(worker))
        {
            worker.signal(Signal::KILL);
            killed.insert(worker);
        }
    }
    let ran = reader.join().unwrap();
    writer.join().unwrap();
    let failed = one_outcome_each(before, &ran, numbers);
    (ran, killed.len(), failed)
}

#[test]
fn workers_killed_at_work_again_and_again_cost_a_task_each_at_most() {
    let (ran, killed, failed) = kill_again_and_again(|worker| worker.cpu_ticks() > 0);
    assert!(
        killed > 3 && failed.len() <= killed,
        "{killed} killed, {} failed",
        failed.len()
    );
    let names_its_death = |line: &&str| line.contains("worker-died: ") && line.contains("SIGKILL");
    assert!(ran.complaints().iter().all(names_its_death), "{ran:?}");
}

#[test]
fn workers_killed_as_soon_as_they_appear_leave_one_outcome_for_each_task() {
    // A plugin whose workers never get ready is given up, and its tasks say so.
    let (ran, killed, _) = kill_again_and_again(|_| true);
    assert!(killed > 3, "{killed}");
    assert!(
        ran.complaints()
            .iter()
            .all(|line| line.contains("worker-died: ") || line.contains("init: ")),
        "{ran:?}"
    );
}

#[test]
fn templates_killed_again_and_again_end_in_outcomes_and_not_in_a_hang() {
    let numbers = 20_000..40_000;
    let (mut running, writer) = start(&mut spin(&["-j", "2"]), lines(numbers.clone()));
    let before = vec![running.line().expect("a result")];
    let process = running.process;
    let reader = thread::spawn(move || running.finish());
    let killing = Instant::now();
    while killing.elapsed() < Duration::from_millis(500) && process.is_alive() {
        process
            .children()
            .iter()
            .for_each(|child| child.signal(Signal::KILL));
    }
    let ran = reader.join().unwrap();
    writer.join().unwrap();
    one_outcome_each(before, &ran, numbers);
}

#[test]
fn a_worker_that_dies_while_idle_costs_nothing() {
    let mut running = Running::start_with_input(&mut spin(&["-j", "1"]));
    running.write("1\n");
    assert_eq!(running.line(), Some("1".into()));
    let worker = workers_of(&running.process)[0];
    worker.signal(Signal::KILL);
    eventually("it is gone", || (!worker.is_alive()).then_some(()));
    running.write("2\n");
    assert_eq!(running.finish().results(), ["2"]);
}

#[test]
fn feeding_nothing_after_a_failure_is_still_a_failure() {
    let ran = feed(&mut spin(&["--timeout", "100ms"]), "-1\n");
    assert_eq!((ran.code(), ran.complaints().len()), (1, 1));
}
