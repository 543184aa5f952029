//! SIGINT and SIGTERM end a command soon, with a code that says so, and leave nothing behind.

use crate::support::{
    Running, alone, compile_bomb, eventually, guest, module, nobody_is_left, only_busy_worker,
    workers_of, wpool,
};
use rustix::process::Signal;
use std::io::Write;
use std::thread;

const BOTH: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];

#[test]
fn an_interrupt_while_tasks_never_end_leaves_nothing_behind() {
    alone(
        "interrupt::an_interrupt_while_tasks_never_end_leaves_nothing_behind",
        || {
            for (signal, code) in BOTH {
                let mut command = wpool();
                command
                    .args(["map", "-j", "2", "--timeout", "none"])
                    .arg(guest("spin"));
                let mut running = Running::start(command.args(["1", "-1", "-1", "4"]));
                assert_eq!(running.line(), Some("1".into()));
                running.process.signal(signal);
                let ran = running.finish();
                assert_eq!(
                    (ran.code(), ran.stdout.as_str(), ran.complaints()),
                    (code, "", vec![])
                );
                nobody_is_left();
            }
        },
    );
}

#[test]
fn an_interrupt_while_it_waits_for_input_leaves_nothing_behind() {
    alone(
        "interrupt::an_interrupt_while_it_waits_for_input_leaves_nothing_behind",
        || {
            for (signal, code) in BOTH {
                let mut running =
                    Running::start_with_input(wpool().arg("map").arg(guest("square")));
                running.write("3\n");
                assert_eq!(running.line(), Some("9".into()));
                let input = running.take_stdin();
                running.process.signal(signal);
                let ran = running.finish();
                assert_eq!(
                    (ran.code(), ran.stdout.as_str(), ran.complaints()),
                    (code, "", vec![])
                );
                drop(input);
                nobody_is_left();
            }
        },
    );
}

#[test]
fn an_interrupt_while_it_compiles_leaves_nothing_behind() {
    alone(
        "interrupt::an_interrupt_while_it_compiles_leaves_nothing_behind",
        || {
            let bomb = module("bomb.wasm", compile_bomb());
            for (signal, code) in BOTH {
                let running = Running::start(wpool().arg("map").arg(&bomb).arg("1"));
                eventually("the compiler compiles", || {
                    running
                        .process
                        .children()
                        .iter()
                        .any(|child| child.cpu_ticks() > 5)
                        .then_some(())
                });
                running.process.signal(signal);
                let ran = running.finish();
                assert_eq!(
                    (ran.code(), ran.stdout.as_str(), ran.complaints()),
                    (code, "", vec![])
                );
                nobody_is_left();
            }
        },
    );
}

#[test]
fn an_interrupt_of_apply_leaves_nothing_behind() {
    alone(
        "interrupt::an_interrupt_of_apply_leaves_nothing_behind",
        || {
            let running = Running::start(
                wpool()
                    .args(["apply", "--timeout=none"])
                    .arg(guest("spin"))
                    .arg("-1"),
            );
            eventually("a worker computes", || {
                workers_of(&running.process)
                    .iter()
                    .any(|worker| worker.cpu_ticks() > 0)
                    .then_some(())
            });
            running.process.signal(Signal::INT);
            let ran = running.finish();
            assert_eq!(
                (ran.code(), ran.stdout.as_str(), ran.complaints()),
                (130, "", vec![])
            );
            nobody_is_left();
        },
    );
}

#[test]
fn an_interrupt_while_nobody_reads_its_output_leaves_nothing_behind() {
    alone(
        "interrupt::an_interrupt_while_nobody_reads_its_output_leaves_nothing_behind",
        || {
            let mut running = Running::start_with_input(wpool().arg("map").arg(guest("square")));
            let mut input = running.take_stdin();
            let writer = thread::spawn(move || while input.write_all(b"1\n2\n3\n").is_ok() {});
            // More than half of a pipe, and there is no end to what follows.
            eventually("its output fills up", || {
                (running.unread() > 32_768).then_some(())
            });
            running.process.signal(Signal::TERM);
            eventually("it ends", || (!running.process.is_alive()).then_some(()));
            assert_eq!(running.finish().code(), 143);
            writer.join().unwrap();
            nobody_is_left();
        },
    );
}

#[test]
fn what_was_printed_before_an_interrupt_is_whole_lines_from_the_first_on() {
    let mut running = Running::start_with_input(wpool().arg("map").arg(guest("square")));
    let mut input = running.take_stdin();
    let writer = thread::spawn(move || {
        let mut numbers = 0_u64..;
        while let Some(number) = numbers.next()
            && writeln!(input, "{number}").is_ok()
        {}
    });
    let mut printed: Vec<String> = (0..5000)
        .map(|_| running.line().expect("a result"))
        .collect();
    running.process.signal(Signal::TERM);
    let ran = running.finish();
    writer.join().unwrap();
    assert_eq!((ran.code(), ran.complaints()), (143, vec![]));
    assert!(
        ran.stdout.is_empty() || ran.stdout.ends_with('\n'),
        "{:?}",
        ran.stdout
    );
    printed.extend(ran.stdout.lines().map(str::to_string));
    let expected = (0_u64..).map(|number| (number * number).to_string());
    assert!(
        printed
            .into_iter()
            .zip(expected)
            .all(|(line, expected)| line == expected)
    );
}

#[test]
fn what_is_behind_a_task_that_an_interrupt_cancelled_is_not_printed() {
    // Else the line that follows would pass for that task's.
    let mut command = wpool();
    command
        .args(["map", "-j", "2", "--timeout", "none"])
        .arg(guest("spin"));
    let mut running = Running::start(command.args(["1", "-1", "300000000", "4"]));
    assert_eq!(running.line(), Some("1".into()));
    only_busy_worker(&running.process);
    running.process.signal(Signal::TERM);
    let ran = running.finish();
    assert_eq!((ran.code(), ran.stdout.as_str()), (143, ""));
}

#[test]
fn signals_of_the_terminal_do_not_reach_the_workers() {
    let mut command = wpool();
    command
        .args(["map", "-j", "1", "--timeout", "none"])
        .arg(guest("spin"));
    let running = Running::start(command.args(["-1"]));
    let worker = eventually("a worker computes", || {
        workers_of(&running.process)
            .into_iter()
            .find(|worker| worker.cpu_ticks() > 0)
    });
    for field in ["NSpgid", "NSsid"] {
        let own = running.process.status(field).unwrap();
        let workers = worker.status(field).unwrap();
        assert_ne!(workers.split(' ').next(), Some(own.as_str()), "{field}");
    }
}
