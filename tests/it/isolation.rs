//! What tasks share, and what they never do: fresh processes, fresh instances, or one instance for all of a worker.

use crate::support::{eventually, guest, pool, pool_of, wpool};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wpool::{ErrorKind, FailureKind, Isolation, Pool, Value};

/// Counts its calls, from what its initializer has set.
const COUNTING: &str = r#"(module
    (memory (export "memory") 1)
    (global $calls (mut i64) (i64.const 0))
    (func (export "init") (global.set $calls (i64.const 1000)))
    (func (export "fail") unreachable)
    (func (export "spin") (loop $for_ever (br $for_ever)))
    (func (export "with") (param i64))
    (func (export "next") (result i64)
        (global.set $calls (i64.add (global.get $calls) (i64.const 1)))
        (global.get $calls))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;

fn counting(isolation: Isolation) -> wpool::Builder {
    pool_of(COUNTING.as_bytes()).workers(1).isolation(isolation)
}

fn next(pool: &Pool, times: usize) -> Vec<i64> {
    pool.starmap("next", vec![(); times]).unwrap()
}

#[test]
fn with_instance_isolation_no_state_is_left_and_with_worker_isolation_all_of_it() {
    assert_eq!(
        next(&counting(Isolation::Instance).build().unwrap(), 3),
        [1; 3]
    );
    assert_eq!(
        next(&counting(Isolation::Process).build().unwrap(), 3),
        [1; 3]
    );
    let kept = counting(Isolation::Worker).build().unwrap();
    assert_eq!(next(&kept, 3), [1, 2, 3]);
    assert_eq!(next(&kept, 1), [4]);
}

#[test]
fn with_process_isolation_each_task_has_a_process_of_its_own() {
    let pool = pool("square")
        .isolation(Isolation::Process)
        .build()
        .unwrap();
    let outcomes = pool.map_outcomes("square", 0_i64..50).unwrap();
    let pids: BTreeSet<u32> = outcomes
        .iter()
        .map(|outcome| outcome.usage.pid.unwrap())
        .collect();
    assert_eq!(pids.len(), 50);
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    let squares: Vec<i64> = pool.map("square", 0_i64..1_000).unwrap();
    assert_eq!(squares[999], 999 * 999);
    let deaths = pool.stats().deaths;
    assert_eq!(deaths, 0, "to end with its task is no death");
}

#[test]
fn nothing_is_left_of_a_process_whose_task_is_over_though_no_other_is_forked() {
    let pool = pool("square").workers(2).isolation(Isolation::Process);
    let pool = pool.build().unwrap();
    let outcomes = pool.map_outcomes("square", 0_i64..5).unwrap();
    for outcome in outcomes {
        let entry = format!("/proc/{}", outcome.usage.pid.unwrap());
        let is_gone = || (!Path::new(&entry).exists()).then_some(());
        eventually("a worker is waited for", is_gone);
    }
}

#[test]
fn processes_that_take_long_to_end_leave_room_for_those_that_come() {
    const TOUCH: &str = r#"(module (memory 1024)
        (func (export "touch") (param i32) (result i32)
            (memory.fill (i32.const 0) (i32.const 1) (i32.mul (local.get 0) (i32.const 0x10000)))
            (local.get 0)))"#;
    let pool = pool_of(TOUCH.as_bytes()).workers(1);
    let pool = pool.isolation(Isolation::Process).build().unwrap();
    // While the first of eight is taken down, others come and go.
    let pages: Vec<i32> = (0..200)
        .map(|task| [1024, 0][usize::from(task % 8 > 0)])
        .collect();
    let outcomes = pool.map_outcomes("touch", pages.clone()).unwrap();
    for (outcome, pages) in outcomes.iter().zip(pages) {
        assert_eq!(outcome.result.as_ref().unwrap(), &Some(Value::S32(pages)));
    }
    // Each could be forked, also where the kernel counts them for their template.
    let workers = outcomes.iter().map(|outcome| outcome.usage.worker.unwrap());
    let workers: Vec<u32> = workers.collect();
    let each_is_the_next = workers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert!(each_is_the_next, "{workers:?}");
}

#[test]
fn an_instance_that_failed_is_discarded_with_its_state() {
    let pool = counting(Isolation::Worker).build().unwrap();
    assert_eq!(next(&pool, 2), [1, 2]);
    assert!(pool.apply::<()>("fail", ()).is_err());
    assert_eq!(next(&pool, 2), [1, 2]);
}

#[test]
fn each_task_of_a_kept_instance_has_the_whole_time_and_fuel() {
    let pool = counting(Isolation::Worker).fuel(60).build().unwrap();
    assert_eq!(next(&pool, 50), (1..=50).collect::<Vec<i64>>());
    let failure = pool.apply::<()>("spin", ()).unwrap_err();
    assert!(failure.to_string().contains("fuel"), "{failure}");
}

#[test]
fn memory_of_a_kept_instance_counts_once_however_many_tasks_grow_it() {
    let pool = counting(Isolation::Worker)
        .memory_bytes(11 * 65_536)
        .build()
        .unwrap();
    let grown: Vec<i32> = pool.map("grow", vec![1_i32; 11]).unwrap();
    assert_eq!(grown, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1]);
}

#[test]
fn an_initializer_runs_once_in_each_worker_or_once_for_all_processes() {
    let kept = counting(Isolation::Worker)
        .initializer("init")
        .build()
        .unwrap();
    assert_eq!(next(&kept, 3), [1001, 1002, 1003]);
    assert!(kept.apply::<()>("fail", ()).is_err());
    assert_eq!(
        next(&kept, 2),
        [1001, 1002],
        "it prepares the next instance too"
    );
    let forked = counting(Isolation::Process)
        .initializer("init")
        .build()
        .unwrap();
    assert_eq!(next(&forked, 3), [1001; 3]);
}

#[test]
fn an_initializer_needs_something_that_tasks_share_and_no_arguments() {
    let refused = |isolation, name: &str| {
        let error = counting(isolation).initializer(name).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Function);
        error.to_string()
    };
    let instance = refused(Isolation::Instance, "init");
    assert!(instance.contains("use `process`"), "{instance}");
    assert!(refused(Isolation::Process, "with").contains("has parameters"));
    assert!(refused(Isolation::Worker, "missing").contains("`missing`"));
}

#[test]
fn an_initializer_that_fails_fails_the_tasks_and_says_so() {
    for isolation in [Isolation::Process, Isolation::Worker] {
        let pool = counting(isolation).initializer("fail").build().unwrap();
        let outcomes = pool.map_outcomes("with", 0_i64..2).unwrap();
        for outcome in outcomes {
            let failure = outcome.result.unwrap_err();
            assert_eq!(failure.kind(), FailureKind::Init, "{failure}");
            assert!(
                failure.message().contains("its initializer failed"),
                "{failure}"
            );
        }
    }
}

#[test]
fn a_component_keeps_its_state_too_and_can_be_forked_with_it() {
    for isolation in [Isolation::Process, Isolation::Instance, Isolation::Worker] {
        let pool = pool_of(guest("greet"))
            .isolation(isolation)
            .build()
            .unwrap();
        let names = (0..20).map(|number| format!("guest {number}"));
        let greetings: Vec<String> = pool.map("greet", names).unwrap();
        assert_eq!(greetings[19], "Hello, guest 19!");
    }
}

#[test]
fn a_worker_is_replaced_after_as_many_tasks_as_were_asked_for() {
    let pool = counting(Isolation::Worker)
        .recycle_after(3)
        .build()
        .unwrap();
    assert_eq!(next(&pool, 8), [1, 2, 3, 1, 2, 3, 1, 2]);
    let outcomes = pool.map_outcomes("with", 0_i64..30).unwrap();
    let mut tasks = std::collections::BTreeMap::new();
    for outcome in outcomes {
        *tasks.entry(outcome.usage.worker.unwrap()).or_insert(0) += 1;
    }
    assert!(tasks.values().all(|count| *count <= 3), "{tasks:?}");
    assert_eq!(pool.stats().deaths, 0, "being replaced is no death");
}

#[test]
fn the_command_has_each_kind_of_isolation() {
    let next = |options: &[&str]| {
        let mut command = wpool();
        command
            .arg("map")
            .args(options)
            .args(["-j", "1"])
            .arg(guest("counter"));
        crate::support::feed(&mut command, "\n\n\n").stdout
    };
    assert_eq!(next(&[]), "1\n1\n1\n");
    assert_eq!(next(&["--isolation", "process"]), "1\n1\n1\n");
    assert_eq!(next(&["--isolation", "worker"]), "1\n2\n3\n");
    assert_eq!(
        next(&["--isolation", "worker", "--recycle-after", "2"]),
        "1\n2\n1\n"
    );
    assert_eq!(
        next(&["--isolation", "worker", "--initializer", "next"]),
        "2\n3\n4\n"
    );
    assert_eq!(
        next(&["--isolation", "process", "--initializer", "next"]),
        "2\n2\n2\n"
    );
}

#[test]
fn an_initializer_that_takes_long_is_paid_for_once_and_not_by_each_fork() {
    let slow = r#"(module
        (global $found (mut i64) (i64.const 1))
        (func (export "init") (local $left i32)
            (local.set $left (i32.const 100_000_000))
            (loop $again
                (global.set $found (i64.mul (global.get $found) (i64.const 3)))
                (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
        (func (export "found") (result i64) (global.get $found)))"#;
    let prepared = pool_of(slow.as_bytes())
        .workers(1)
        .isolation(Isolation::Process)
        .initializer("init")
        .fuel(10_000_000_000)
        .build()
        .unwrap();
    let found: Vec<i64> = prepared.starmap("found", vec![(); 40]).unwrap();
    assert!(
        found
            .iter()
            .all(|number| *number == found[0] && *number != 1)
    );
    let (mut inputs, outcomes) = prepared.stream("found", wpool::Order::Input).unwrap();
    inputs.send(&[]).unwrap();
    drop(inputs);
    let (_, outcome) = outcomes.last().unwrap();
    assert!(
        outcome.usage.fuel.unwrap() < 100,
        "the initializer ran in its fork: {outcome:?}"
    );
}

#[test]
fn a_start_function_runs_in_each_process_and_never_in_their_template() {
    let start = r#"(func $start (local $left i32)
        (local.set $left (i32.const 1000))
        (loop $again (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))"#;
    let same = r#"(func (export "same") (param i64) (result i64) (local.get 0))"#;
    let fuel_of = |more: &str| {
        let pool = pool_of(format!("(module {start} {same} {more})").as_bytes())
            .isolation(Isolation::Process)
            .fuel(1_000_000)
            .build()
            .unwrap();
        let outcomes = pool.map_outcomes("same", 0..3_i64).unwrap();
        let fuel = outcomes
            .into_iter()
            .map(|outcome| outcome.usage.fuel.unwrap());
        fuel.min().unwrap()
    };
    assert!(fuel_of("") < 100);
    assert!(fuel_of("(start $start)") > 1000);
    assert!(fuel_of(r#"(export "_initialize" (func $start))"#) > 1000);
}

#[test]
fn an_instance_that_cannot_be_made_fails_each_task_that_would_start_from_it() {
    let beyond =
        br#"(module (memory 1) (data (i32.const 70000) "x") (func (export "f") (param i64)))"#;
    let pool = |isolation| pool_of(beyond).isolation(isolation).build().unwrap();
    let messages = |isolation| {
        let outcomes = pool(isolation).map_outcomes("f", 0..5_i64).unwrap();
        let failures = outcomes.into_iter().map(|it| it.result.unwrap_err());
        failures
            .map(|failure| (failure.kind(), failure.message().to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(messages(Isolation::Process), messages(Isolation::Instance));
}

#[test]
fn a_task_that_starts_from_an_instance_made_before_it_came_has_all_of_its_limits() {
    let big = br#"(module (memory (export "memory") 100) (func $same (export "same") (param i64) (result i64) (local.get 0))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "spin") (loop $for_ever (br $for_ever))))"#;
    for isolation in [Isolation::Process, Isolation::Instance] {
        let pool = pool_of(big)
            .workers(1)
            .isolation(isolation)
            .memory_bytes(200 * 65_536)
            .timeout(std::time::Duration::from_millis(200))
            .build()
            .unwrap();
        // Each call is a batch by itself, after which a worker has time for the next.
        let grown = [100, 100, 101].map(|pages| pool.apply::<i32>("grow", (pages,)).unwrap());
        assert_eq!(grown, [100, 100, -1]);
        let outcome = &pool.map_outcomes("same", [7_i64]).unwrap()[0];
        assert_eq!(outcome.usage.memory_bytes, 100 * 65_536);
        let spun = pool.apply::<()>("spin", ()).unwrap_err();
        assert!(spun.to_string().contains("200"), "{spun}");
        let after: i64 = pool.apply("same", (7_i64,)).unwrap();
        assert_eq!(after, 7);
    }
}

#[test]
fn a_start_function_runs_once_for_each_task_and_never_ahead_of_it() {
    let starting = r#"(module (import "env" "started" (func $started))
        (func (export "same") (param i64) (result i64) (local.get 0))
        (start $started))"#;
    for isolation in [Isolation::Instance, Isolation::Process] {
        let started = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&started);
        let pool = pool_of(starting.as_bytes())
            .workers(1)
            .isolation(isolation)
            .host_function("env", "started", move || {
                counter.fetch_add(1, Ordering::Relaxed);
            })
            .build()
            .unwrap();
        for number in 0..5_i64 {
            let same: i64 = pool.apply("same", (number,)).unwrap();
            assert_eq!(same, number);
        }
        pool.close();
        pool.join().unwrap();
        assert_eq!(started.load(Ordering::Relaxed), 5);
        assert_eq!(pool.stats().deaths, 0, "none called without a task");
    }
}

#[test]
fn what_an_instance_uses_to_come_to_be_is_its_tasks_own_whenever_it_was_made() {
    // An offset that is computed makes the engine do that, and copy the data, at the beginning of each instance.
    let data = "x".repeat(1000);
    let computed = format!(
        r#"(module (memory 1) (data (i32.add (i32.const 4) (i32.const 4)) "{data}")
            (func (export "same") (param i64) (result i64) (local.get 0)))"#
    );
    for isolation in [Isolation::Instance, Isolation::Process] {
        let pool = pool_of(computed.as_bytes())
            .workers(1)
            .isolation(isolation)
            .fuel(1_000_000)
            .build()
            .unwrap();
        let fuel = |count: i64| {
            let outcomes = pool.map_outcomes("same", 0..count).unwrap();
            outcomes
                .into_iter()
                .map(|outcome| outcome.usage.fuel.unwrap())
        };
        let used: BTreeSet<u64> = [1, 1, 1, 20].into_iter().flat_map(fuel).collect();
        assert_eq!(used.len(), 1, "{isolation:?}: {used:?}");
    }
}

#[test]
fn a_worker_that_had_nothing_to_do_for_a_while_ends_a_task_that_takes_too_long_by_itself() {
    let limited = || {
        counting(Isolation::Instance)
            .timeout(std::time::Duration::from_millis(100))
            .build()
            .unwrap()
    };
    let (pool, other) = (limited(), limited());
    assert_eq!(next(&pool, 1), [1]);
    // Another pool's task uses up its time meanwhile.
    other.apply::<()>("spin", ()).unwrap_err();
    pool.apply::<()>("spin", ()).unwrap_err();
    assert_eq!(next(&pool, 1), [1]);
    assert_eq!(pool.stats().deaths, 0);
}
