//! What `multiprocessing.Pool` has and `Pool` has too, where no other file has a test of it: close, join, terminate, stats, types.

use crate::support::{guest, pool, pool_of};
use std::thread;
use wpool::{ErrorKind, FailureKind, Isolation, MapError, Order, Serde, Value};

#[test]
fn a_closed_pool_finishes_what_was_begun_and_takes_no_more() {
    let pool = pool("square").build().unwrap();
    let begun: Vec<_> = (0..100_i64)
        .map(|number| pool.apply_async::<i64>("square", (number,)).unwrap())
        .collect();
    let lazy = pool.imap::<_, i64, _>("square", 0_i64..1000).unwrap();
    let (mut inputs, outcomes) = pool.stream("square", Order::Input).unwrap();
    pool.close();
    let Err(MapError::Pool(error)) = pool.apply::<i64>("square", (1,)) else {
        panic!("it took another call")
    };
    assert_eq!(error.kind(), ErrorKind::Terminated);
    assert!(pool.stream("square", Order::Input).is_err());
    // Streams that were begun go on, inputs still to come among them.
    inputs.send(&[Value::S64(7)]).unwrap();
    drop(inputs);
    assert_eq!(outcomes.filter(|(_, it)| it.result.is_ok()).count(), 1);
    assert_eq!(lazy.filter(Result::is_ok).count(), 1000);
    pool.join().unwrap();
    for (number, result) in (0..).zip(begun) {
        assert_eq!(result.get().unwrap(), number * number);
    }
}

#[test]
fn join_waits_for_every_process_and_is_refused_where_it_would_wait_for_ever() {
    let pool = pool("square").build().unwrap();
    assert_eq!(pool.join().unwrap_err().kind(), ErrorKind::Usage);
    let outcome = &pool.map_outcomes("square", [3_i64]).unwrap()[0];
    let worker = outcome.usage.pid.unwrap();
    pool.close();
    pool.join().unwrap();
    assert!(crate::support::Process::with_pid(worker).is_none_or(|it| !it.is_alive()));
    pool.join().unwrap();
    let stats = pool.stats();
    assert_eq!(
        (stats.done, stats.workers.len()),
        (1, 0),
        "what it did is still known"
    );
}

#[test]
fn join_after_terminate_waits_for_the_end() {
    let pool = pool("spin").timeout(None).build().unwrap();
    let never = pool.apply_async::<i64>("spin", (-1,)).unwrap();
    pool.terminate();
    pool.join().unwrap();
    let failure = never.get().unwrap_err();
    assert!(failure.to_string().contains("cancelled"), "{failure}");
}

#[test]
fn several_threads_may_join() {
    let pool = pool("square").build().unwrap();
    let _: Vec<i64> = pool.map("square", 0_i64..100).unwrap();
    pool.close();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| pool.join().unwrap());
        }
    });
}

#[test]
fn stats_tell_where_tasks_are_and_what_became_of_them() {
    let pool = pool("faults").name("f").build().unwrap();
    assert_eq!(pool.stats(), wpool::Stats::default());
    let pairs = (0..10).map(|n| (n, n % 2));
    let _ = pool.starmap::<_, i32>("divide", pairs);
    let stats = pool.stats();
    assert_eq!((stats.queued, stats.running), (0, 0));
    assert_eq!((stats.done, stats.failures()), (5, 5));
    assert_eq!(stats.failed[&FailureKind::Trap], 5);
    let finished: u64 = stats.workers.iter().map(|worker| worker.finished).sum();
    assert_eq!((stats.deaths, finished), (0, 10));
    assert!(
        stats
            .workers
            .iter()
            .all(|worker| worker.name.starts_with("f-") && worker.pid > 1)
    );
}

#[test]
fn stats_count_what_waits_and_runs_and_workers_that_died() {
    let pool = pool("spin").workers(1).timeout(None).build().unwrap();
    let running = pool.apply_async::<i64>("spin", (-1,)).unwrap();
    let waiting: Vec<_> = (0..5_i64)
        .map(|n| pool.apply_async::<i64>("spin", (n,)).unwrap())
        .collect();
    crate::support::eventually("it runs", || (pool.stats().running > 0).then_some(()));
    let stats = pool.stats();
    assert_eq!(stats.queued + stats.running, 6);
    running.cancel();
    for (number, result) in (0..).zip(waiting) {
        assert_eq!(result.get().unwrap(), number);
    }
    let stats = pool.stats();
    assert_eq!((stats.deaths, stats.done), (1, 5));
    assert_eq!(stats.failed[&FailureKind::Cancelled], 1);
}

#[derive(serde::Deserialize, Debug, PartialEq)]
struct Summary {
    count: u32,
    mean: f64,
    min: f64,
    max: f64,
}

#[test]
fn results_are_structs_tuples_bytes_or_values_as_the_caller_likes() {
    let stats = pool("stats").build().unwrap();
    let expected = Summary {
        count: 3,
        mean: 2.5,
        min: 1.5,
        max: 4.0,
    };
    let numbers = || (vec![1.5, 2.0, 4.0],);
    let Serde(summary) = stats.apply::<Serde<Summary>>("stats", numbers()).unwrap();
    assert_eq!(summary, expected);
    let Ok(Serde(summary)) = stats
        .apply::<Result<Serde<Summary>, String>>("stats", numbers())
        .unwrap()
    else {
        panic!("it is a result")
    };
    assert_eq!(summary, expected);
    let tuple: (u32, f64, f64, f64) = stats.apply("stats", numbers()).unwrap();
    assert_eq!(tuple, (3, 2.5, 1.5, 4.0));
    assert!(matches!(
        stats.apply("stats", numbers()).unwrap(),
        Value::Result(Ok(_))
    ));
    let upper = pool_of(guest("upper")).build().unwrap();
    let bytes: Vec<Vec<u8>> = upper.map("run", [b"abc", b"xyz"].map(Vec::from)).unwrap();
    assert_eq!(bytes, [b"ABC", b"XYZ"]);
    let kinds: Vec<Serde<Vec<u8>>> = upper.map("run", [Serde(vec![97_u8])]).unwrap();
    assert_eq!(kinds, [Serde(vec![65])]);
}

#[test]
fn two_pools_in_one_process_are_independent() {
    let [one, other] = ["square", "spin"].map(|name| pool(name).timeout(None).build().unwrap());
    let never = other.apply_async::<i64>("spin", (-1,)).unwrap();
    one.terminate();
    one.join().unwrap();
    assert!(!never.ready());
    assert_eq!(other.apply::<i64>("spin", (5,)).unwrap(), 5);
}

#[test]
fn a_pool_may_be_used_from_any_thread() {
    let pool = pool("square").isolation(Isolation::Worker).build().unwrap();
    thread::scope(|scope| {
        for thread in 0..8_i64 {
            let pool = &pool;
            scope.spawn(move || {
                for number in thread * 100..thread * 100 + 100 {
                    assert_eq!(
                        pool.apply::<i64>("square", (number,)).unwrap(),
                        number * number
                    );
                }
            });
        }
    });
    assert_eq!(pool.stats().done, 800);
}

#[test]
fn calls_can_be_cancelled_and_time_out_while_thousands_run() {
    let pool = pool("spin")
        .timeout(std::time::Duration::from_millis(500))
        .build()
        .unwrap();
    let steady = pool
        .map_async::<_, i64, _>("spin", vec![1_000_i64; 20_000])
        .unwrap();
    let calls: Vec<_> = (0..300_i64)
        .map(|number| {
            // Every tenth would never end, and of those every other one is cancelled before its time is over.
            let spins = if number % 10 == 0 { -1 } else { number };
            let call = pool.apply_async::<i64>("spin", (spins,)).unwrap();
            if number % 20 == 0 {
                call.cancel();
            }
            (number, call)
        })
        .collect();
    for (number, call) in calls {
        match (number % 20, call.get()) {
            (0, Err(MapError::Task { failure, .. })) => {
                // One that has just begun to time out is as over as one that was cancelled.
                let kinds = [FailureKind::Cancelled, FailureKind::Timeout];
                assert!(kinds.contains(&failure.kind()), "{failure}");
            }
            (10, Err(MapError::Task { failure, .. })) => {
                assert_eq!(failure.kind(), FailureKind::Timeout, "{failure}");
            }
            (_, result) => assert_eq!(result.unwrap(), number),
        }
    }
    assert_eq!(steady.get().unwrap(), vec![1_000; 20_000]);
}

#[test]
fn children_that_are_not_the_pools_are_left_alone() {
    use std::process::{Command, Stdio};
    let cat = || {
        let mut command = Command::new("cat");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let (mut ended, mut running) = (cat(), cat());
    drop(ended.stdin.take());
    crate::support::eventually("it has ended", || {
        crate::support::Process::with_pid(ended.id())
            .is_none_or(|it| !it.is_alive())
            .then_some(())
    });
    let square = pool("square").build().unwrap();
    assert_eq!(square.apply::<i64>("square", (3,)).unwrap(), 9);
    square.close();
    square.join().unwrap();
    drop(square);
    assert!(
        ended.wait().unwrap().success(),
        "somebody else waited for it"
    );
    assert!(running.try_wait().unwrap().is_none(), "somebody ended it");
    drop(running.stdin.take());
    assert!(running.wait().unwrap().success());
}
