//! One task in a confined process of its own, as `multiprocessing.Process`.

use crate::support::{Process as Seen, guest, wat};
use std::time::Duration;
use wpool::{ErrorKind, FailureKind, IntoArgs, MapError, Process, ProcessBuilder};

fn process(
    name: &str,
    function: &str,
    arguments: impl IntoArgs + Send + 'static,
) -> ProcessBuilder {
    Process::builder(guest(name), function, arguments).worker_program(env!("CARGO_BIN_EXE_wpool"))
}

#[test]
fn it_is_alive_from_start_to_join_and_has_a_pid_and_an_exit_code() {
    let mut square = process("square", "square", (7,)).build();
    assert_eq!(
        (square.is_alive(), square.pid(), square.exit_code()),
        (false, None, None)
    );
    square.start().unwrap();
    assert!(square.pid().is_some());
    square.join().unwrap();
    assert_eq!((square.is_alive(), square.exit_code()), (false, Some(0)));
    assert_eq!(square.name(), "square");
    assert_eq!(square.result::<i64>().unwrap(), 49);
}

#[test]
fn it_runs_in_the_process_that_it_names_under_its_own_name() {
    let mut spin = process("spin", "spin", (-1,))
        .name("spinner")
        .timeout(None)
        .build();
    spin.start().unwrap();
    let seen = Seen::with_pid(spin.pid().unwrap()).unwrap();
    assert!(seen.is_alive() && spin.is_alive());
    assert!(!spin.join_timeout(Duration::from_millis(20)).unwrap());
    spin.kill();
    spin.join().unwrap();
    assert_eq!(spin.exit_code(), Some(-9));
    let outcome = spin.outcome().unwrap();
    assert_eq!(outcome.usage.worker_name.as_deref(), Some("spinner"));
    assert_eq!(outcome.usage.pid, Some(seen.pid));
    assert_eq!(outcome.result.unwrap_err().kind(), FailureKind::Cancelled);
    assert!(!seen.is_alive());
}

#[test]
fn a_task_that_fails_ends_with_one_and_a_process_that_is_killed_with_its_signal() {
    let mut trap = process("faults", "abort", ()).build();
    trap.start().unwrap();
    trap.join().unwrap();
    assert_eq!(trap.exit_code(), Some(1));
    let mut spin = process("spin", "spin", (-1,)).timeout(None).build();
    spin.start().unwrap();
    let pid = rustix::process::Pid::from_raw(spin.pid().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::SEGV).unwrap();
    // The runtime has a handler for the first one, which gives up its place.
    while !spin.join_timeout(Duration::from_millis(5)).unwrap() {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::SEGV);
    }
    assert_eq!(spin.exit_code(), Some(-11));
}

#[test]
fn what_was_not_started_cannot_be_joined_and_nothing_starts_twice() {
    let mut square = process("square", "square", (7,)).build();
    assert_eq!(square.join().unwrap_err().kind(), ErrorKind::Usage);
    square.terminate();
    square.start().unwrap();
    assert_eq!(square.start().unwrap_err().kind(), ErrorKind::Usage);
    square.join().unwrap();
    let never = process("square", "square", (7,)).build();
    assert!(matches!(never.result::<i64>(), Err(MapError::Pool(_))));
}

#[test]
fn what_does_not_fit_is_refused_at_the_start() {
    let refused = |builder: ProcessBuilder| builder.build().start().unwrap_err().kind();
    assert_eq!(
        refused(process("square", "square", ("seven",))),
        ErrorKind::Argument
    );
    assert_eq!(
        refused(process("square", "cube", (7,))),
        ErrorKind::Function
    );
    assert_eq!(
        refused(process("refused-import", "run", (7,))),
        ErrorKind::Module
    );
    let broken = wat("(module (func (export \"f\") (i32.add)))");
    let broken =
        Process::builder(broken.path(), "f", ()).worker_program(env!("CARGO_BIN_EXE_wpool"));
    assert_eq!(refused(broken), ErrorKind::Module);
}

#[test]
fn dropping_it_ends_its_process() {
    let mut spin = process("spin", "spin", (-1,)).timeout(None).build();
    spin.start().unwrap();
    let seen = Seen::with_pid(spin.pid().unwrap()).unwrap();
    drop(spin);
    assert!(!seen.is_alive());
}
