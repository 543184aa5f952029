//! What a batch holds, and when a worker gets the next.

use super::super::{Action, Death, Task, TaskId, WorkerId};
use super::harness::*;

#[test]
fn a_batch_is_about_a_millisecond_of_work_and_the_next_is_sent_before_it_runs_out() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..400);
    env.then(&["send w0 @1: 0-99", "send w0 @101: 100-199"]);
    env.pass(us(100));
    env.finish(0, 1..11, false, 0..10);
    env.then(&[]);
    env.pass(us(900));
    env.finish(0, 11..101, true, 10..100);
    env.then(&["send w0 @201: 200-299"]);
}

#[test]
fn a_worker_is_sent_a_second_batch_at_once_only_while_there_is_one_for_each() {
    let mut env = Env::warm(2, 2, us(10));
    env.tasks(0..399);
    env.then(&["send w0 @1: 0-99", "send w1 @1: 100-199"]);

    let mut env = Env::warm(2, 2, us(10));
    env.tasks(0..400);
    env.then(&[
        "send w0 @1: 0-99",
        "send w1 @1: 100-199",
        "send w0 @101: 200-299",
        "send w1 @101: 300-349",
    ]);
}

#[test]
fn a_worker_with_one_batch_is_sent_another_unless_that_is_far_longer_than_was_thought() {
    for (took, then) in [(30, vec!["send w0 @201: 200-265"]), (1000, vec![])] {
        let mut env = Env::warm(1, 1, us(10));
        env.tasks(0..300);
        env.then(&["send w0 @1: 0-99", "send w0 @101: 100-199"]);
        env.pass(us(100 * took));
        env.finish(0, 1..101, true, 0..100);
        // A batch is 66 tasks now, or three.
        env.then(&then);
    }
}

#[test]
fn a_batch_is_up_to_eight_milliseconds_of_work_while_four_of_those_wait_for_each_worker() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..4000);
    env.then(&["send w0 @1: 0-799", "send w0 @801: 800-1599"]);
    env.pass(us(8000));
    env.finish(0, 1..801, true, 0..800);
    env.then(&["send w0 @1601: 1600-2199"]);
    env.pass(us(8000));
    env.finish(0, 801..1601, true, 800..1600);
    env.then(&["send w0 @2201: 2200-2649"]);
}

#[test]
fn a_batch_holds_at_least_one_and_at_most_4096_tasks() {
    let mut env = Env::warm(1, 1, us(0));
    env.tasks(0..5000);
    env.then(&["send w0 @1: 0-4095"]);

    let mut env = Env::warm(1, 1, ms(4));
    env.tasks(0..5);
    env.then(&["send w0 @1: 0", "send w0 @2: 1"]);
    env.tasks(5..6);
    env.then(&[]);
}

#[test]
fn a_long_task_is_sent_only_to_a_worker_that_waits() {
    let mut env = Env::warm(1, 1, ms(5));
    env.tasks(0..5);
    env.then(&["send w0 @1: 0"]);
    env.tasks(5..6);
    env.then(&[]);
    env.pass(ms(5));
    env.finish(0, 1..2, true, [0]);
    env.then(&["send w0 @2: 1"]);
}

#[test]
fn a_batch_follows_what_tasks_cost_now() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..110);
    env.then(&["send w0 @1: 0-99"]);
    env.pass(us(1000 * 100));
    env.finish(0, 1..101, true, 0..100);
    // A quarter of the new cost and three of the old: 257.5 us.
    env.then(&["send w0 @101: 100-102", "send w0 @104: 103-105"]);
}

#[test]
fn a_batch_holds_one_function() {
    let mut env = Env::warm(1, 1, us(10));
    let functions = [1, 1, 2, 1];
    env.submit(
        A,
        (0..).zip(functions).map(|(id, function)| Task {
            function,
            ..task(id)
        }),
    );
    env.then(&["send w0 @1: 0-1"]);
    env.pass(us(20));
    env.finish(0, 1..3, true, 0..2);
    env.then(&["send w0 @3: 2"]);
}

#[test]
fn a_batch_holds_a_mebibyte_of_arguments_or_one_task() {
    const HALF: u32 = 512 * 1024;
    let mut env = Env::warm(1, 1, us(10));
    let lengths = [HALF, HALF, 1, 3 * HALF, 2];
    env.submit(
        A,
        (0..)
            .zip(lengths)
            .map(|(id, bytes)| Task { bytes, ..task(id) }),
    );
    for (seqs, tasks, line) in [
        (1..3, 0..2, "send w0 @1: 0-1"),
        (3..4, 2..3, "send w0 @3: 2"),
        (4..5, 3..4, "send w0 @4: 3"),
    ] {
        env.then(&[line]);
        env.finish(0, seqs, true, tasks);
    }
    env.then(&["send w0 @5: 4"]);
}

#[test]
fn the_last_tasks_are_split_fairly() {
    let mut env = Env::warm(4, 4, us(10));
    env.tasks(0..16);
    env.then(&[
        "send w0 @1: 0-3",
        "send w1 @1: 4-6",
        "send w2 @1: 7-9",
        "send w3 @1: 10-11",
    ]);
    env.pass(us(20));
    env.finish(3, 1..3, true, 10..12);
    env.then(&[
        "send w3 @3: 12",
        "send w1 @4: 13",
        "send w2 @4: 14",
        "send w0 @5: 15",
    ]);
}

#[test]
fn the_least_busy_worker_is_served_first() {
    let mut env = Env::warm(2, 2, us(200));
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.tasks(1..2);
    env.then(&["send w1 @1: 1"]);
    env.finish(0, 1..2, true, [0]);
    env.tasks(2..4);
    env.then(&["send w0 @2: 2", "send w1 @2: 3"]);
}

#[test]
fn results_of_a_queued_batch_are_counted_on_after_those_of_the_first() {
    let mut env = Env::warm(1, 1, us(500));
    env.tasks(0..5);
    env.then(&["send w0 @1: 0-1", "send w0 @3: 2-3"]);
    env.finish(0, 1..3, true, 0..2);
    env.then(&["send w0 @5: 4"]);
    env.finish(0, 3..5, true, 2..4);
    env.then(&[]);
    env.finish(0, 5..6, true, 4..5);
    assert_eq!(env.scheduler.unfinished(), 0);
}

#[test]
fn a_worker_whose_numbers_near_their_end_is_retired_when_it_has_nothing_left_to_do() {
    let mut env = Env::warm(1, 1, us(500));
    env.scheduler
        .change_worker(WorkerId(0), |worker, _| worker.next_seq = (1 << 31) - 2);
    env.tasks(0..4);
    env.then(&["send w0 @2147483646: 0-1"]);
    env.tasks(4..5);
    env.then(&[]);
    env.finish(0, 2147483646..2147483647, false, [0]);
    env.then(&[]);
    env.finish(0, 2147483647..2147483648, true, [1]);
    assert!(!env.scheduler.has_left(WorkerId(1)), "there is none");
    env.then(&["kill w0 Retired", "start w1 of p0"]);
    assert!(env.scheduler.has_left(WorkerId(0)));
    env.died(0, u32::MAX, Death::Retired);
    env.ready(1);
    env.then(&["send w1 @0: 2-4"]);
}

#[test]
fn a_million_tasks_keep_their_order() {
    let mut env = Env::warm(1, 1, us(1));
    let tasks: Vec<Task> = (0..1_000_000).map(task).collect();
    env.scheduler.submit(env.now, A, &tasks);
    let (mut seq, mut next, mut sent) = (1, 0, Vec::new());
    while next < 1_000_000 {
        while let Some(Action::Send { tasks, .. }) = env.scheduler.poll_action() {
            sent.push(tasks.len() as u32);
        }
        let count = sent.remove(0);
        env.now += us(u64::from(count));
        for finished in env
            .scheduler
            .results(env.now, WorkerId(0), seq, count, true)
            .unwrap()
        {
            assert_eq!(finished.task, TaskId(next));
            next += 1;
        }
        seq += count;
    }
    assert_eq!(env.scheduler.unfinished(), 0);
}

#[test]
fn a_worker_has_two_batches_at_most_however_short_they_are() {
    let mut env = Env::warm(1, 1, us(10));
    let alternating = |id| Task {
        function: id as u32 % 2,
        ..task(id)
    };
    env.submit(A, (0..200).map(alternating));
    env.then(&["send w0 @1: 0", "send w0 @2: 1"]);
    env.submit(A, (200..300).map(alternating));
    env.then(&[]);
    env.finish(0, 1..2, true, [0]);
    env.then(&["send w0 @3: 2"]);
}
