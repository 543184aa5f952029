//! Deadlines, and when the timer is due.

use super::super::{Death, Violation};
use super::harness::*;

/// Worker 0 of plugin B, whose tasks may take 10 ms, is at work on 0 to 3.
fn with_deadline() -> Env {
    let mut env = Env::new(1);
    env.add_plugin(B, Some(ms(10)));
    env.submit(B, [task(100)]);
    env.then(&["template p1"]);
    env.template_ready(B);
    env.then(&["start w0 of p1"]);
    assert_eq!(env.timer_in(), None, "starting has its own limit");
    env.ready(0);
    env.then(&["send w0 @0: 100"]);
    assert_eq!(env.timer_in(), Some(ms(10)));
    env.pass(us(10));
    env.finish(0, 0..1, true, [100]);
    assert_eq!(env.timer_in(), None);
    env.pass(ms(5));
    env.submit(B, (0..4).map(task));
    env.then(&["send w0 @1: 0-3"]);
    env
}

#[test]
fn a_worker_without_progress_for_as_long_as_a_task_may_take_is_killed() {
    let mut env = with_deadline();
    assert_eq!(env.timer_in(), Some(ms(10)));
    env.pass(us(9999));
    env.timer();
    env.then(&[]);
    env.pass(us(1));
    env.timer();
    env.then(&["kill w0 Deadline"]);
    assert_eq!(env.timer_in(), None);
    env.timer();
    env.then(&[]);
    // What it still said counts; it is sent nothing more.
    env.finish(0, 1..2, false, [0]);
    env.died(0, 3, Death::Deadline);
    env.then(&["fail 1 x1 Died(Deadline)", "start w1 of p1"]);
}

#[test]
fn progress_starts_the_deadline_again() {
    let mut env = with_deadline();
    env.pass(ms(6));
    env.finish(0, 1..2, false, [0]);
    // It is looked at when it would have been late, and then not before it will be.
    assert_eq!(env.timer_in(), Some(ms(4)));
    env.pass(ms(4));
    env.timer();
    env.then(&[]);
    assert_eq!(env.timer_in(), Some(ms(6)));
    env.pass(ms(2));
    env.submit(B, [task(9)]);
    env.then(&[]);
    assert_eq!(env.timer_in(), Some(ms(4)), "a new task is no progress");
    env.pass(us(3999));
    env.timer();
    env.then(&[]);
    env.pass(us(1));
    env.timer();
    env.then(&["kill w0 Deadline"]);
    env.died(0, 3, Death::Deadline);
    env.then(&["fail 1 x1 Died(Deadline)", "start w1 of p1"]);
}

#[test]
fn an_invalid_answer_is_no_progress() {
    let mut env = with_deadline();
    env.pass(ms(6));
    assert_eq!(
        env.results(0, 2..3, false),
        Err(Violation("results out of order"))
    );
    assert_eq!(env.timer_in(), None, "the driver kills it");
}

#[test]
fn without_a_limit_there_is_no_deadline() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    assert_eq!(env.timer_in(), None);
    env.pass(ms(3_600_000));
    env.timer();
    env.then(&[]);
}

#[test]
fn a_recall_comes_before_the_deadline_and_does_not_move_it() {
    let mut env = Env::new(2);
    env.add_plugin(B, Some(ms(10)));
    env.warm_up(B, 0, 1, us(10));
    env.submit(B, (0..4).map(task));
    env.then(&["send w0 @1: 0-3"]);
    assert_eq!(env.timer_in(), Some(ms(2)));
    env.pass(ms(3));
    env.timer();
    env.then(&["recall w0"]);
    env.recalled(0, 2);
    env.then(&["start w1 of p1"]);
    assert_eq!(env.timer_in(), Some(ms(7)));
    env.pass(ms(7));
    env.timer();
    env.then(&["kill w0 Deadline"]);
    env.died(0, 2, Death::Deadline);
    env.then(&["fail 0 x1 Died(Deadline)", "start w2 of p1"]);
}

#[test]
fn a_recalled_worker_that_does_not_end_its_batch_is_killed_and_nobody_blamed() {
    let mut env = Env::warm(2, 2, us(10));
    env.tasks(0..2);
    env.then(&["send w0 @1: 0", "send w1 @1: 1"]);
    env.tasks(2..4);
    env.then(&["send w0 @2: 2", "send w1 @2: 3"]);
    env.finish(1, 1..2, true, [1]);
    env.finish(1, 2..3, true, [3]);
    env.pass(ms(60));
    env.timer();
    env.then(&["recall w0"]);
    env.recalled(0, 1);
    env.then(&["send w1 @3: 0"]);
    env.finish(1, 3..4, true, [0]);
    env.then(&["send w1 @4: 2"]);
    env.finish(1, 4..5, true, [2]);
    assert_eq!(env.timer_in(), Some(ms(5000)), "from the recall on");
    env.pass(ms(5000));
    env.timer();
    env.then(&["kill w0 Stuck"]);
    env.died(0, u32::MAX, Death::Stuck);
    env.then(&[]);
}

#[test]
fn a_worker_that_answers_all_and_never_ends_its_batch_is_killed() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.finish(0, 1..2, false, [0]);
    assert_eq!(env.timer_in(), Some(ms(5000)));
    env.pass(ms(5000));
    env.timer();
    env.then(&["kill w0 Stuck"]);
    env.died(0, 2, Death::Stuck);
}

#[test]
fn the_earliest_of_all_workers_counts() {
    let mut env = Env::new(2);
    env.add_plugin(B, Some(ms(10)));
    env.warm_up(B, 0, 2, ms(6));
    env.submit(B, [task(0)]);
    env.then(&["send w0 @1: 0"]);
    env.pass(ms(3));
    env.submit(B, [task(1)]);
    env.then(&["send w1 @1: 1"]);
    assert_eq!(env.timer_in(), Some(ms(7)));
    env.finish(0, 1..2, true, [0]);
    assert_eq!(env.timer_in(), Some(ms(10)));
    assert_eq!(env.elapsed(), ms(9));
}
