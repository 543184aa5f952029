//! Streams of the library: what goes in, in whatever way and order, comes out, each once and under its number.

use crate::bytes::BYTES;
use crate::support::{DEADLINE, pool, pool_of, wat};
use std::sync::mpsc::channel;
use std::thread;
use wpool::{Failure, FailureKind, Isolation, MapError, Order, Outcome, Outcomes, Pool, Value};

/// All outcomes, of which none may be waited for too long.
fn all(outcomes: Outcomes) -> Vec<(u64, Outcome)> {
    let (done, all) = channel();
    let taker = thread::spawn(move || done.send(outcomes.collect::<Vec<_>>()));
    let all = all.recv_timeout(DEADLINE).expect("all outcomes come");
    taker.join().unwrap().unwrap();
    all
}

/// A pool whose function `echo` returns the bytes that it is given.
fn echo() -> Pool {
    pool_of(BYTES.as_bytes()).build().unwrap()
}

#[test]
fn short_long_and_wrong_inputs_come_out_under_their_numbers() {
    let pool = echo();
    for order in [Order::Input, Order::Completion] {
        let (mut inputs, outcomes) = pool.stream("echo", order).unwrap();
        let mut expected = Vec::new();
        for number in 0..1000_u64 {
            match number % 10 {
                3 => {
                    let failure = Failure::new(FailureKind::BadArgument, format!("{number}"));
                    inputs.fail(failure).unwrap();
                    expected.push(None);
                }
                6 => {
                    inputs.send(&[Value::Bool(true)]).unwrap();
                    expected.push(None);
                }
                digit => {
                    let length = match digit {
                        0 => 0,
                        9 => 70_000 + number as usize,
                        _ => number as usize,
                    };
                    let bytes = vec![number as u8; length];
                    inputs.send(&[Value::Bytes(bytes.clone())]).unwrap();
                    expected.push(Some(Value::Bytes(bytes)));
                }
            }
        }
        drop(inputs);
        let mut all = all(outcomes);
        let in_order = all.is_sorted_by_key(|(number, _)| *number);
        assert!(in_order || order == Order::Completion);
        all.sort_unstable_by_key(|(number, _)| *number);
        assert!(all.iter().map(|(number, _)| *number).eq(0..1000));
        for ((number, outcome), expected) in all.into_iter().zip(expected) {
            match outcome.result {
                Ok(value) => assert!(value == expected, "task {number}"),
                Err(failure) => {
                    assert_eq!((failure.kind(), expected), (FailureKind::BadArgument, None));
                }
            }
        }
    }
}

#[test]
fn a_stream_that_is_closed_ends_with_what_was_sent_while_its_sender_is_still_there() {
    let pool = echo();
    let short = || vec![Value::Bytes(vec![1])];
    let long = vec![Value::Bytes(vec![1; 100_000])];
    for is_wrong in [false, true] {
        let (mut inputs, outcomes) = pool.stream("echo", Order::Input).unwrap();
        inputs.send(&short()).unwrap();
        inputs.send(&short()).unwrap();
        if is_wrong {
            inputs
                .fail(Failure::new(FailureKind::BadArgument, "on purpose"))
                .unwrap();
        } else {
            inputs.send(&long).unwrap();
        }
        inputs.closer().close();
        assert_eq!(all(outcomes).len(), 3);
        drop(inputs);
    }
}

#[test]
fn a_result_does_not_wait_for_the_task_behind_it_that_computes_or_sleeps() {
    let module = wat(r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        ;; A clock, id 1, and a thousand seconds.
        (data (i32.const 120) "\01\00\00\00") (data (i32.const 128) "\00\10\a5\d4\e8\00\00\00")
        (func (export "quick-or-not") (param $how i32) (result i32)
            (if (i32.eq (local.get $how) (i32.const 1)) (then (loop $again (br $again))))
            (if (i32.eq (local.get $how) (i32.const 2)) (then
                (drop (call $poll (i32.const 104) (i32.const 200) (i32.const 1) (i32.const 300)))))
            (i32.const 7)))"#);
    for how in [1, 2] {
        let pool = pool_of(module.path()).workers(1).timeout(None);
        let pool = pool.chunk_size(2).build().unwrap();
        let mut results = pool.imap("quick-or-not", [0, how]).unwrap();
        let (sent, first) = channel();
        let taker = thread::spawn(move || {
            sent.send(results.next()).unwrap();
            results.next()
        });
        let first: Result<i32, Failure> = first
            .recv_timeout(DEADLINE)
            .expect("the first result comes")
            .unwrap();
        assert_eq!(first.unwrap(), 7);
        pool.terminate();
        assert!(taker.join().unwrap().unwrap().is_err());
    }
}

#[test]
fn a_pool_that_is_terminated_in_full_swing_owes_nobody_an_outcome() {
    for round in 0..30 {
        let pool = pool("square").isolation(Isolation::Worker).build().unwrap();
        let (mut inputs, mut outcomes) = pool.stream("square", Order::Input).unwrap();
        let (flowing, flows) = channel();
        let taker = thread::spawn(move || {
            let first = outcomes.next().into_iter();
            flowing.send(()).unwrap();
            let all = first.chain(outcomes);
            all.map(|(number, _)| number).collect::<Vec<_>>()
        });
        let (sent, senders) = channel();
        let sender = thread::spawn(move || {
            let numbers = 0..100_000;
            let count = numbers.take_while(|number| inputs.send(&[Value::S64(*number)]).is_ok());
            let count = count.count() as u64;
            drop(inputs);
            sent.send(count).unwrap();
        });
        flows.recv_timeout(DEADLINE).expect("outcomes come");
        for _ in 0..round * 1000 {
            std::hint::spin_loop();
        }
        pool.terminate();
        let count = senders.recv_timeout(DEADLINE).expect("all are taken in");
        sender.join().unwrap();
        let (done, ended) = channel();
        let waiting = thread::spawn(move || done.send(taker.join().unwrap()));
        let numbers = ended.recv_timeout(DEADLINE).expect("all outcomes come");
        assert!(numbers.into_iter().eq(0..count));
        waiting.join().unwrap().unwrap();
    }
}

#[test]
fn a_result_that_does_not_fit_the_type_that_is_asked_for_fails_its_task_alone() {
    let pool = pool("square").build().unwrap();
    let squares = pool.imap::<i64, u8, _>("square", [15, 16, 3]).unwrap();
    let squares: Vec<Result<u8, Failure>> = squares.collect();
    let [Ok(225), Err(failure), Ok(9)] = &squares[..] else {
        panic!("{squares:?}");
    };
    assert_eq!(failure.kind(), FailureKind::BadArgument);
    assert_eq!(
        failure.message(),
        "its result does not fit the type that was asked for: expected u8, got 256"
    );
    match pool.map::<i64, f64>("square", [1]) {
        Err(MapError::Task { index: 0, failure }) => {
            assert!(failure.message().contains("f64"), "{failure}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers_of_every_type_go_in_and_come_out_with_all_their_bits() {
    let module = wat(r#"(module
        (func (export "second") (param i32 i64 f32 f64) (result i64) local.get 1)
        (func (export "third") (param i32 i64 f32 f64) (result f32) local.get 2)
        (func (export "all") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
            local.get 3 local.get 2 local.get 1 local.get 0)
        (func (export "sum") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            local.get 0 local.get 9 i32.sub))"#);
    let pool = pool_of(module.path()).build().unwrap();
    let inputs = [
        (-1, i64::MIN, 0.5_f32, f64::MAX),
        (7, 1 << 40, -0.0, 1e-300),
    ];
    let seconds: Vec<i64> = pool.starmap("second", inputs).unwrap();
    assert_eq!(seconds, [i64::MIN, 1 << 40]);
    let thirds: Vec<f32> = pool.starmap("third", inputs).unwrap();
    let bits: Vec<u32> = thirds.into_iter().map(f32::to_bits).collect();
    assert_eq!(bits, inputs.map(|(_, _, third, _)| third.to_bits()));
    let all: Vec<(f64, f32, i64, i32)> = pool.starmap("all", inputs).unwrap();
    let turned = inputs.map(|(a, b, c, d)| (d, c, b, a));
    assert_eq!(all, turned);
    let ten: Vec<Value> = (0..10).map(|number| Value::S32(number * number)).collect();
    assert_eq!(pool.apply::<i32>("sum", ten).unwrap(), -81);
}

#[test]
fn a_lazy_call_knows_how_many_results_are_left() {
    let pool = pool("square").build().unwrap();
    let mut squares = pool.imap::<_, i64, _>("square", 0..1000_i64).unwrap();
    for left in (0..1000).rev() {
        squares.next().unwrap().unwrap();
        assert_eq!(squares.size_hint(), (left, Some(left)));
    }
    assert!(squares.next().is_none());
    assert_eq!(squares.size_hint(), (0, Some(0)));
}
