//! Pools of the library from their beginning to their end: threads, termination, and what is left.

use crate::support::{
    DEADLINE, Process, alone, alone_for, eventually, nobody_is_left_now, pool, pool_of,
    status_field,
};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;
use wpool::{FailureKind, Isolation, Order, Outcome, Value};

#[test]
fn two_pools_work_at_once_and_their_workers_are_others() {
    let (squares, sums) = (
        pool("square").build().unwrap(),
        pool("add").build().unwrap(),
    );
    let pids = |outcomes: Vec<Outcome>| {
        outcomes
            .into_iter()
            .filter_map(|outcome| outcome.usage.pid)
            .collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| squares.map_outcomes("square", 0..20_000).unwrap());
        let second = scope.spawn(|| {
            sums.starmap::<_, i64>("add", (0..20_000).map(|number| (number, 1)))
                .unwrap()
        });
        let squared = first.join().unwrap();
        assert!(second.join().unwrap().into_iter().eq(1..=20_000));
        let results = squared
            .iter()
            .map(|outcome| outcome.result.clone().unwrap().unwrap());
        assert!(results.eq((0..20_000_i64).map(|number| Value::S64(number * number))));
        let others = sums.stream("add", Order::Input).unwrap();
        let (mut inputs, outcomes) = others;
        inputs.send(&[Value::S64(1), Value::S64(2)]).unwrap();
        drop(inputs);
        let others = pids(outcomes.map(|(_, outcome)| outcome).collect());
        assert!(pids(squared).iter().all(|pid| !others.contains(pid)));
    });
}

#[test]
fn one_pool_serves_several_threads_at_once() {
    let pool = pool("square").build().unwrap();
    thread::scope(|scope| {
        for start in [0, 1000, 2000, 3000] {
            let pool = &pool;
            scope.spawn(move || {
                let squares: Vec<i64> = pool.map("square", start..start + 1000).unwrap();
                assert!(
                    squares
                        .into_iter()
                        .eq((start..start + 1000).map(|number| number * number))
                );
            });
        }
    });
}

#[test]
fn a_pool_outlives_the_thread_that_built_it() {
    let pool = thread::spawn(|| pool("square").build().unwrap())
        .join()
        .unwrap();
    assert_eq!(pool.map::<_, i64>("square", [3]).unwrap(), [9]);
}

#[test]
fn inputs_and_outcomes_are_two_ends_for_two_threads() {
    let pool = pool("square").build().unwrap();
    let (mut inputs, outcomes) = pool.stream("square", Order::Input).unwrap();
    let sender = thread::spawn(move || {
        for number in 0..1000 {
            inputs.send(&[Value::S64(number)]).unwrap();
        }
    });
    let numbers: Vec<u64> = outcomes.map(|(number, _)| number).collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<u64>>());
    sender.join().unwrap();
}

#[test]
fn terminate_cancels_what_another_thread_waits_for() {
    let pool = pool("spin").timeout(None).build().unwrap();
    thread::scope(|scope| {
        let (mut inputs, mut outcomes) = pool.stream("spin", Order::Completion).unwrap();
        for number in [-1, -1, 5, -1] {
            inputs.send(&[Value::S64(number)]).unwrap();
        }
        drop(inputs);
        let waiting = scope.spawn(move || outcomes.by_ref().collect::<Vec<_>>());
        pool.terminate();
        let outcomes = waiting.join().unwrap();
        assert_eq!(outcomes.len(), 4);
        let cancelled = |outcome: &Outcome| {
            outcome
                .result
                .as_ref()
                .is_err_and(|f| f.kind() == FailureKind::Cancelled)
        };
        assert!(
            outcomes
                .iter()
                .filter(|(_, outcome)| cancelled(outcome))
                .count()
                >= 3,
            "{outcomes:?}"
        );
    });
    // What comes afterwards is cancelled too, and does not wait.
    let after = pool.map_outcomes("spin", [1, 2]).unwrap();
    assert!(
        after
            .iter()
            .all(|outcome| outcome.result.as_ref().unwrap_err().kind() == FailureKind::Cancelled)
    );
}

#[test]
fn a_task_that_fails_by_itself_costs_no_worker() {
    let spin = pool("spin")
        .workers(1)
        .timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let faults = pool("faults")
        .workers(1)
        .memory_bytes(1 << 20)
        .build()
        .unwrap();
    let workers = |outcomes: Vec<Outcome>| {
        assert!(outcomes[1].result.is_err(), "{outcomes:?}");
        let pids: HashSet<_> = outcomes.iter().map(|outcome| outcome.usage.pid).collect();
        pids.len()
    };
    let traps = faults.map_outcomes("recurse", [1, 10_000_000, 2]).unwrap();
    assert_eq!(workers(traps), 1);
    let refused = faults.map_outcomes("grow_or_trap", [1, 1000, 2]).unwrap();
    assert_eq!(workers(refused), 1);
    // The supervisor's own clock is a backstop, for a worker that gets no CPU.
    assert!((0..10).any(|_| workers(spin.map_outcomes("spin", [1, -1, 2]).unwrap()) == 1));
}

#[test]
fn a_worker_that_is_killed_is_replaced() {
    let pool = pool("spin").workers(1).build().unwrap();
    let pid = || {
        pool.map_outcomes("spin", [1]).unwrap()[0]
            .usage
            .pid
            .unwrap()
    };
    let first = pid();
    let worker = Process::with_pid(first).unwrap();
    worker.signal(rustix::process::Signal::KILL);
    eventually("it is gone", || (!worker.is_alive()).then_some(()));
    assert_ne!(pid(), first);
}

#[test]
fn a_pool_that_is_dropped_at_work_leaves_no_process() {
    alone(
        "lifetime::a_pool_that_is_dropped_at_work_leaves_no_process",
        || {
            let pool = pool("spin").timeout(None).workers(3).build().unwrap();
            let (mut inputs, mut outcomes) = pool.stream("spin", Order::Completion).unwrap();
            for number in [1, -1, -1, -1] {
                inputs.send(&[Value::S64(number)]).unwrap();
            }
            inputs.flush();
            let (_, first) = outcomes.next().unwrap();
            let worker = Process::with_pid(first.usage.pid.unwrap()).unwrap();
            let template = worker.parent().unwrap();
            drop(pool);
            assert!(worker.is_reaped() && template.is_reaped());
            assert!(nobody_is_left_now());
            // Nobody hangs who still holds an end.
            assert_eq!(outcomes.by_ref().take(3).count(), 3);
            drop(inputs);
            assert_eq!(outcomes.next(), None);
        },
    );
}

#[test]
fn pools_opened_and_closed_leave_no_descriptor_thread_process_or_memory() {
    // `WPOOL_POOLS=10000` makes it long.
    let pools = std::env::var("WPOOL_POOLS");
    let pools = pools.map_or(400, |pools| pools.parse().expect("a number of pools"));
    let patience = DEADLINE + Duration::from_millis(50) * pools;
    alone_for(
        patience,
        "lifetime::pools_opened_and_closed_leave_no_descriptor_thread_process_or_memory",
        || {
            let own = |what: &str| {
                fs::read_dir(Path::new("/proc/self").join(what))
                    .unwrap()
                    .count()
            };
            let use_one = |turn: u32| {
                let kinds = [Isolation::Process, Isolation::Instance, Isolation::Worker];
                let pool = pool("square")
                    .isolation(kinds[turn as usize % 3])
                    .build()
                    .unwrap();
                // Some are dropped without a task, and some modules are refused.
                match turn % 5 {
                    0 => assert_eq!(pool.map::<_, i64>("square", [3, 4]).unwrap(), [9, 16]),
                    1 => assert!(pool_of(&b"nonsense"[..]).build().is_err()),
                    2 => {
                        pool.close();
                        pool.join().unwrap();
                    }
                    _ => {}
                }
            };
            let memory = || {
                let status = fs::read_to_string("/proc/self/status").unwrap();
                let resident = status_field(&status, "RssAnon").unwrap();
                resident.split(' ').next().unwrap().parse::<u64>().unwrap()
            };
            use_one(0);
            let before = (own("fd"), own("task"));
            (0..pools / 2).for_each(use_one);
            let half_way = memory();
            (0..pools / 2).for_each(use_one);
            assert_eq!((own("fd"), own("task")), before);
            assert!(
                memory() < half_way + 4096,
                "{} and {half_way} KiB",
                memory()
            );
            assert!(nobody_is_left_now());
        },
    );
}
