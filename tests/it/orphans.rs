//! Nothing outlives the supervisor, whatever way it dies.

use crate::support::{Call, Ordinary};
use crate::support::{
    Running, alone, compile_bomb, eventually, guest, module, nobody_is_left, refusing, workers_of,
    wpool,
};
use rustix::process::Signal;
use std::process::Command;

fn endless() -> Command {
    let mut command = wpool();
    command
        .args(["map", "-j", "3", "--timeout", "none"])
        .arg(guest("spin"));
    command.args(["1", "-1", "-1", "-1", "-1", "-1"]);
    command
}

/// Starts a command, kills it when `moment` says so, and waits until nothing is left.
fn kill_at(command: &mut Command, moment: impl Fn(&mut Running) -> Option<()>) {
    let mut running = Running::start(command);
    eventually("the moment to kill it", || moment(&mut running));
    running.process.signal(Signal::KILL);
    drop(running);
    nobody_is_left();
}

#[test]
fn no_process_outlives_a_supervisor_that_is_killed_as_it_starts() {
    alone(
        "orphans::no_process_outlives_a_supervisor_that_is_killed_as_it_starts",
        || {
            for turn in 0..30_u32 {
                // A little later each time.
                let looks = std::cell::Cell::new(0);
                kill_at(&mut endless(), |running| {
                    looks.set(looks.get() + 1);
                    let _ = running.process.children();
                    (looks.get() > turn / 3).then_some(())
                });
            }
        },
    );
}

#[test]
fn no_process_outlives_a_supervisor_that_is_killed_when_its_first_child_appears() {
    alone(
        "orphans::no_process_outlives_a_supervisor_that_is_killed_when_its_first_child_appears",
        || {
            for _ in 0..10 {
                kill_at(&mut endless(), |running| {
                    (!running.process.children().is_empty()).then_some(())
                });
            }
        },
    );
}

#[test]
fn no_process_outlives_a_supervisor_that_is_killed_when_its_first_worker_appears() {
    alone(
        "orphans::no_process_outlives_a_supervisor_that_is_killed_when_its_first_worker_appears",
        || {
            for _ in 0..10 {
                kill_at(&mut endless(), |running| {
                    (!workers_of(&running.process).is_empty()).then_some(())
                });
            }
        },
    );
}

#[test]
fn no_process_outlives_a_supervisor_that_is_killed_while_its_workers_compute() {
    alone(
        "orphans::no_process_outlives_a_supervisor_that_is_killed_while_its_workers_compute",
        || {
            kill_at(&mut endless(), |running| {
                let workers = workers_of(&running.process);
                let busy = workers.iter().filter(|worker| worker.cpu_ticks() > 0);
                (busy.count() == 3).then_some(())
            });
        },
    );
}

#[test]
fn no_process_outlives_a_supervisor_that_is_killed_while_its_compiler_compiles() {
    alone(
        "orphans::no_process_outlives_a_supervisor_that_is_killed_while_its_compiler_compiles",
        || {
            let bomb = module("bomb.wasm", compile_bomb());
            kill_at(wpool().arg("map").arg(&bomb).arg("1"), |running| {
                running
                    .process
                    .children()
                    .iter()
                    .any(|child| child.cpu_ticks() > 10)
                    .then_some(())
            });
        },
    );
}

#[test]
fn no_process_outlives_a_killed_supervisor_under_reduced_confinement() {
    alone(
        "orphans::no_process_outlives_a_killed_supervisor_under_reduced_confinement",
        || {
            let user = Ordinary::user();
            refusing(&[Call::Unshare], || {
                let mut command = user.wpool();
                command
                    .args(["map", "-j", "3", "--timeout", "none"])
                    .arg(user.guest("spin"));
                kill_at(command.args(["-1", "-1", "-1"]), |running| {
                    let workers = workers_of(&running.process);
                    (workers
                        .iter()
                        .filter(|worker| worker.cpu_ticks() > 0)
                        .count()
                        == 3)
                        .then_some(())
                });
            });
        },
    );
}

#[test]
fn nothing_is_left_after_a_command_that_ended_by_itself() {
    alone(
        "orphans::nothing_is_left_after_a_command_that_ended_by_itself",
        || {
            let ran = crate::support::run(wpool().arg("map").arg(guest("square")).args(["1", "2"]));
            assert_eq!(ran.results(), ["1", "4"]);
            nobody_is_left();
        },
    );
}
