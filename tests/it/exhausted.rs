//! Machines that are out of descriptors, processes or memory: the pool works with what there is, or an error says what is
//! missing and how to get it. Nothing hangs, and nothing is left.

use crate::support::{
    Call, Ordinary, Process, Ran, alone, eventually, is_root, nobody_is_left, nobody_is_left_now,
    pool, refusing, run,
};
use rustix::fd::AsRawFd;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::process::Command;
use wpool::{Error, ErrorKind, FailureKind, Layer, Level, Outcome, Value};

const DESCRIPTORS: &str = "ulimit -n";
const PROCESSES: &str = "ulimit -u";

/// Squares some numbers on more workers than there is room for, and says whether it worked. If not, one line says what would
/// help.
fn worked(mut wpool: Command, user: &Ordinary, remedy: &str) -> bool {
    let ran = run(wpool
        .args(["map", "-j", "16"])
        .arg(user.guest("square"))
        .args((1..=40).map(|number: u64| number.to_string())));
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    assert!(ran.warnings().is_empty(), "confined less: {ran:?}");
    match ran.code() {
        0 => {
            let squares: Vec<String> = (1..=40).map(|n: u64| (n * n).to_string()).collect();
            assert_eq!(ran.results(), squares);
            true
        }
        1 => {
            every_task_says_so(&ran, remedy);
            false
        }
        code => {
            assert_eq!((code, ran.stdout.as_str()), (2, ""), "{ran:?}");
            let [complaint] = ran.complaints()[..] else {
                panic!("{ran:?}")
            };
            assert!(complaint.contains(remedy), "{complaint}");
            false
        }
    }
}

fn every_task_says_so(ran: &Ran, remedy: &str) {
    let complaints = ran.complaints();
    assert_eq!(complaints.len() + ran.lines().len(), 40, "{ran:?}");
    let says_so = |line: &&str| line.contains("init: ") && line.contains(remedy);
    assert!(complaints.iter().all(says_so), "{ran:?}");
}

#[test]
fn with_few_descriptors_there_are_fewer_workers_or_an_error_that_says_so() {
    let user = Ordinary::user();
    // With fewer it is the loader of programs that complains.
    let worked: Vec<u64> = (4..=28)
        .filter(|limit| {
            let wpool = user.wpool_under(&format!("--nofile={limit}"));
            worked(wpool, &user, DESCRIPTORS)
        })
        .collect();
    // Two for each of 16 workers are far more.
    assert!(worked.contains(&28) && !worked.contains(&4), "{worked:?}");
}

#[test]
fn with_few_processes_there_are_fewer_workers_or_an_error_that_says_so() {
    let user = Ordinary::newcomer();
    // The other processes of a user who has some count too.
    let most = if is_root() { 12 } else { 1 };
    let worked: Vec<u64> = (1..=most)
        .filter(|limit| {
            let wpool = user.wpool_under(&format!("--nproc={limit}"));
            worked(wpool, &user, PROCESSES)
        })
        .collect();
    assert!(!worked.contains(&1), "{worked:?}");
    assert_eq!(worked.contains(&12), is_root(), "{worked:?}");
}

#[test]
fn with_little_address_space_each_task_says_that_there_is_no_memory() {
    let user = Ordinary::user();
    // Enough for the supervisor and the compiler, and not for the memories of tasks.
    let wpool = user.wpool_under("--as=1000000000");
    assert!(!worked(wpool, &user, "Cannot allocate memory"));
}

/// The error of a pool that cannot be built where `call` is refused. Nothing of it is left.
#[track_caller]
fn not_built(call: Call) -> Error {
    let error = refusing(&[call], || pool("square").build().err());
    if call == Call::Pidfd {
        // What cannot be held at all can only be left to end by itself.
        nobody_is_left();
    } else {
        assert!(nobody_is_left_now(), "{call:?}");
    }
    error.unwrap_or_else(|| panic!("built without {call:?}"))
}

#[test]
fn a_pool_that_cannot_be_built_for_want_of_something_says_of_what() {
    alone(
        "exhausted::a_pool_that_cannot_be_built_for_want_of_something_says_of_what",
        || {
            let wants = [
                (Call::Thread, PROCESSES),
                (Call::Sibling, PROCESSES),
                (Call::SocketPair, DESCRIPTORS),
                (Call::Pidfd, DESCRIPTORS),
                (Call::Epoll, DESCRIPTORS),
                (Call::Eventfd, "fs.file-max"),
                (Call::Memfd, "memory"),
            ];
            for (call, remedy) in wants {
                let error = not_built(call);
                assert_eq!(error.kind(), ErrorKind::System, "{call:?}: {error}");
                assert!(error.to_string().contains(remedy), "{call:?}: {error}");
            }
        },
    );
}

#[test]
fn a_machine_that_is_short_of_processes_is_not_taken_for_one_without_namespaces() {
    // Confinement would be reduced for good, for want of something that is there a moment later.
    let error = not_built_anywhere(Call::Sibling);
    assert_eq!(error.kind(), ErrorKind::System, "{error}");
    let calm = pool("square").build().unwrap();
    assert_eq!(calm.confinement().level(), Level::Full);
    assert!(calm.confinement().has(Layer::PidNamespace));
}

/// The same for a process in which other tests run.
fn not_built_anywhere(call: Call) -> Error {
    refusing(&[call], || pool("square").build().err()).expect("an error")
}

/// Checks that each task either has its square, or says what was missing; and returns how many have.
#[track_caller]
fn squares_or_says(outcomes: Vec<Outcome>, remedy: &str) -> usize {
    let mut squares = 0;
    for (number, outcome) in (0_i64..).zip(outcomes) {
        match outcome.result {
            Ok(value) => {
                assert_eq!(value, Some(Value::S64(number * number)));
                squares += 1;
            }
            Err(failure) => {
                assert_eq!(failure.kind(), FailureKind::Init, "{failure}");
                assert!(failure.message().contains(remedy), "{failure}");
            }
        }
    }
    squares
}

#[test]
fn tasks_whose_workers_cannot_be_forked_say_why() {
    let outcomes = refusing(&[Call::Fork], || {
        // With many, a closed connection is seen before the answer that explains it.
        let pool = pool("square").workers(16).build().unwrap();
        pool.map_outcomes("square", 0..100).unwrap()
    });
    assert_eq!(squares_or_says(outcomes, PROCESSES), 0);
}

/// So many more descriptors may be opened, while `body` runs.
fn with_descriptors_left<T>(left: u64, body: impl FnOnce() -> T) -> T {
    let free = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0).unwrap();
    let used = free.as_raw_fd().unsigned_abs();
    drop(free);
    let before = getrlimit(Resource::Nofile);
    let current = Some(u64::from(used) + left);
    setrlimit(Resource::Nofile, Rlimit { current, ..before }).unwrap();
    let returned = body();
    setrlimit(Resource::Nofile, before).unwrap();
    returned
}

#[test]
fn a_pool_that_is_built_with_few_descriptors_left_leaves_nothing_behind() {
    alone(
        "exhausted::a_pool_that_is_built_with_few_descriptors_left_leaves_nothing_behind",
        || {
            let built: Vec<u64> = (0..20)
                .filter(|left| {
                    let built = with_descriptors_left(*left, || pool("square").build().map(drop));
                    assert!(nobody_is_left_now(), "with {left} descriptors left");
                    if let Err(error) = &built {
                        assert!(error.to_string().contains(DESCRIPTORS), "{left}: {error}");
                    }
                    built.is_ok()
                })
                .collect();
            assert!(!built.contains(&0) && built.contains(&19), "{built:?}");
        },
    );
}

#[test]
fn a_pool_outlives_the_time_in_which_there_were_no_descriptors() {
    alone(
        "exhausted::a_pool_outlives_the_time_in_which_there_were_no_descriptors",
        || {
            for left in 0..14 {
                let pool = pool("square").workers(4).build().unwrap();
                let squares = with_descriptors_left(left, || {
                    let outcomes = pool.map_outcomes("square", 0..200).unwrap();
                    squares_or_says(outcomes, DESCRIPTORS)
                });
                assert!(squares == 0 || squares == 200, "{left}: {squares}");
                assert!(
                    left < 13 || squares == 200,
                    "{left} are enough for a worker"
                );
                let outcomes = pool.map_outcomes("square", 0..200).unwrap();
                assert_eq!(squares_or_says(outcomes, ""), 200);
                drop(pool);
                assert!(nobody_is_left_now(), "{left}");
            }
        },
    );
}

#[test]
fn a_template_that_dies_while_there_are_no_descriptors_is_started_again_later() {
    alone(
        "exhausted::a_template_that_dies_while_there_are_no_descriptors_is_started_again_later",
        || {
            let pool = pool("square").workers(2).build().unwrap();
            let squares = |count| pool.map_outcomes("square", 0..count).unwrap();
            let mut failed = 0;
            for left in 0..8 {
                let worker = squares(1)[0].usage.pid.unwrap();
                let template = Process::with_pid(worker).unwrap().parent().unwrap();
                template.signal(Signal::KILL);
                eventually("it is gone", || template.is_reaped().then_some(()));
                failed +=
                    with_descriptors_left(left, || 10 - squares_or_says(squares(10), DESCRIPTORS));
                assert_eq!(squares_or_says(squares(100), ""), 100);
            }
            assert!(failed >= 10, "{failed}");
            drop(pool);
            assert!(nobody_is_left_now());
        },
    );
}
