//! Lists of bytes, by the megabyte, and lists of other small things.

use crate::support::{guest, pool_of};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashSet;
use wpool::{FailureKind, Isolation, MapError, Order, Pool, Value};

/// A component with functions over bytes, whose memory has room for them. What they return is how long their argument is, or as
/// many zeros as they are told.
pub(crate) const BYTES: &str = r#"(component
    (core module $m
        (memory (export "memory") 512)
        (global $next (mut i32) (i32.const 64))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $next (i32.add (global.get $next) (local.get 3)))
            (i32.sub (global.get $next) (local.get 3)))
        (func (export "zeros") (param i32) (result i32)
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (local.get 0))
            (i32.const 0))
        (func (export "maybe") (param i32) (result i32)
            (i32.store (i32.const 0) (i32.const 1))
            (i32.store (i32.const 4) (i32.const 64))
            (i32.store (i32.const 8) (local.get 0))
            (i32.const 0))
        (func (export "length") (param i32 i32) (result i32) (local.get 1))
        (func (export "echo") (param i32 i32) (result i32)
            (i32.store (i32.const 0) (local.get 0))
            (i32.store (i32.const 4) (local.get 1))
            (i32.const 0))
        (func (export "slow-length") (param i32 i32 f32) (result i32) (local.get 1))
        (func (export "with-number") (param i32 i32 i32) (result i32)
            (i32.add (local.get 1) (local.get 2))))
    (core instance $i (instantiate $m))
    (func (export "zeros") (param "n" u32) (result (list u8))
        (canon lift (core func $i "zeros") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "maybe") (param "n" u32) (result (option (list u8)))
        (canon lift (core func $i "maybe") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "length") (param "bytes" (list u8)) (result u32)
        (canon lift (core func $i "length") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "echo") (param "bytes" (list u8)) (result (list u8))
        (canon lift (core func $i "echo") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "small") (param "bytes" (list u8)) (result u8)
        (canon lift (core func $i "length") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "with-number") (param "bytes" (list u8)) (param "n" u32) (result u32)
        (canon lift (core func $i "with-number") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "slow") (param "bytes" (list u8)) (param "n" f32) (result u32)
        (canon lift (core func $i "slow-length") (memory $i "memory") (realloc (func $i "realloc")))))"#;

const LENGTH: usize = 20_000_000;

fn pool() -> Pool {
    pool_of(BYTES.as_bytes()).workers(1).build().unwrap()
}

#[test]
fn megabytes_travel_through_functions_of_every_usual_shape() {
    let pool = pool();
    let number = LENGTH as u32;
    let zeros: Vec<u8> = pool.apply("zeros", (number,)).unwrap();
    assert_eq!(zeros.len(), LENGTH);
    let maybe: Option<Vec<u8>> = pool.apply("maybe", (number,)).unwrap();
    assert_eq!(maybe.map(|bytes| bytes.len()), Some(LENGTH));
    let length: u32 = pool.apply("length", (zeros.clone(),)).unwrap();
    assert_eq!(length, number);
    let small: u8 = pool.apply("small", (zeros.clone(),)).unwrap();
    assert_eq!(small, number.to_le_bytes()[0]);
    let sum: u32 = pool.apply("with-number", (zeros, 5_u32)).unwrap();
    assert_eq!(sum, number + 5);
}

#[test]
fn more_of_them_than_may_be_under_way_at_once_go_in_and_come_out_of_one_call() {
    let (pool, megabyte) = (pool(), 1 << 20);
    let items = (0..100_u8).map(|number| vec![number; megabyte]);
    let echoed: Vec<Vec<u8>> = pool.map("echo", items).unwrap();
    let same = |(number, bytes): (usize, &Vec<u8>)| *bytes == vec![number as u8; megabyte];
    assert!(echoed.len() == 100 && echoed.iter().enumerate().all(same));
}

/// So many bytes, no two ends of which are alike.
fn bytes_of(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[test]
fn they_come_back_as_they_are_however_many_there_are() {
    // Where they are kept in place, apart, sent from where they are, or handed over with their memory.
    let edges = [0, 22, 1 << 16, 1 << 18, 1 << 20, 3 << 20];
    let near = edges.map(|edge: usize| edge.saturating_sub(15)..=edge + 3);
    let lengths: Vec<usize> = near.into_iter().flatten().step_by(3).collect();
    for isolation in [Isolation::Instance, Isolation::Worker, Isolation::Process] {
        let pool = pool_of(BYTES.as_bytes()).workers(2).isolation(isolation);
        let pool = pool.build().unwrap();
        let items = lengths.iter().map(|length| bytes_of(*length));
        let echoed: Vec<Vec<u8>> = pool.map("echo", items).unwrap();
        for (length, bytes) in lengths.iter().zip(echoed) {
            assert!(bytes == bytes_of(*length), "{length} by {isolation:?}");
        }
    }
}

#[test]
fn a_long_result_behind_short_ones_and_before_others_is_its_tasks_own() {
    let pool = pool_of(BYTES.as_bytes())
        .workers(1)
        .chunk_size(50)
        .build()
        .unwrap();
    let length = |number: usize| match number % 7 {
        3 => 2 << 20,
        _ => number,
    };
    let items = (0..50).map(|number| bytes_of(length(number)));
    let echoed: Vec<Vec<u8>> = pool.map("echo", items).unwrap();
    for (number, bytes) in echoed.into_iter().enumerate() {
        assert!(bytes == bytes_of(length(number)), "{number}");
    }
}

#[test]
fn while_workers_are_killed_each_task_has_its_own_bytes_or_lost_its_worker() {
    const TASKS: u64 = 60;
    let length = |index: u64| (1 << 20) + 1000 * index as usize;
    for isolation in [Isolation::Instance, Isolation::Process] {
        let pool = pool_of(BYTES.as_bytes()).workers(2).isolation(isolation);
        let pool = pool.build().unwrap();
        let (mut inputs, outcomes) = pool.stream("echo", Order::Completion).unwrap();
        let (mut seen, mut lost) = (HashSet::new(), 0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for index in 0..TASKS {
                    inputs
                        .send(&[Value::Bytes(bytes_of(length(index)))])
                        .unwrap();
                }
            });
            for (index, outcome) in outcomes {
                assert!(seen.insert(index), "{index} has two outcomes");
                match outcome.result {
                    Ok(Some(Value::Bytes(bytes))) => assert!(bytes == bytes_of(length(index))),
                    Ok(other) => panic!("{index} is {other:?}"),
                    Err(failure) => {
                        assert_eq!(failure.kind(), FailureKind::WorkerDied, "{failure}");
                        lost += 1;
                    }
                }
                let workers = pool.stats().workers.into_iter();
                let pids = workers.filter_map(|worker| Pid::from_raw(worker.pid as i32));
                if let Some(pid) = pids.last().filter(|_| index % 10 == 0) {
                    // It may have gone.
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
        });
        assert_eq!(seen.len() as u64, TASKS, "{isolation:?}");
        assert!(
            lost <= TASKS / 10,
            "{lost} were lost, and fewer were killed"
        );
    }
}

#[test]
fn long_text_comes_back() {
    let pool = pool_of(guest("kinds")).workers(1).build().unwrap();
    let text = "Grüße, ".repeat(200_000);
    let function = "wpool:kinds/every@0.1.0#string";
    let back: String = pool.apply(function, (text.clone(),)).unwrap();
    assert!(back == text);
}

#[test]
fn through_others_they_travel_as_values_up_to_a_limit_that_is_told() {
    let pool = pool();
    let few: u32 = pool
        .apply("slow", (vec![0_u8; 1_000_000], 0.5_f32))
        .unwrap();
    assert_eq!(few, 1_000_000);
    let failed = pool.apply::<u32>("slow", (vec![0_u8; LENGTH], 0.5_f32));
    let Err(MapError::Task { failure, .. }) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(failure.kind(), FailureKind::BadArgument, "{failure}");
    assert!(failure.message().contains("the limit is 256"), "{failure}");
}

#[test]
fn long_lists_of_the_smallest_values_come_back() {
    let pool = pool_of(guest("kinds")).workers(1).build().unwrap();
    let function = |name: &str| format!("wpool:kinds/every@0.1.0#{name}");
    let strings = vec![String::new(); 200_000];
    let back: Vec<String> = pool
        .apply(&function("strings"), (strings.clone(),))
        .unwrap();
    assert_eq!(back, strings);
    let lists = vec![Vec::<u32>::new(); 200_000];
    let back: Vec<Vec<u32>> = pool.apply(&function("lists"), (lists.clone(),)).unwrap();
    assert_eq!(back, lists);
}
