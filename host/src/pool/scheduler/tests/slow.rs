//! A slow task does not hold back what waits behind it.

use super::super::{Death, Violation};
use super::harness::*;

/// Worker 0 has been at task 0 for 2 ms, with 1 to 3 behind it; worker 1 is idle.
fn with_followers() -> Env {
    let mut env = Env::warm(2, 2, us(10));
    env.tasks(0..8);
    env.then(&["send w0 @1: 0-3", "send w1 @1: 4-5"]);
    env.pass(us(20));
    env.finish(1, 1..3, true, 4..6);
    env.then(&["send w1 @3: 6", "send w0 @5: 7"]);
    env.pass(us(10));
    env.finish(1, 3..4, true, [6]);
    env.then(&[]);
    assert_eq!(env.timer_in(), Some(us(1970)));
    env.pass(us(1969));
    env.timer();
    env.then(&[]);
    env.pass(us(1));
    env.timer();
    env.then(&["recall w0"]);
    assert_eq!(env.timer_in(), None);
    env
}

#[test]
fn what_waits_behind_a_slow_task_goes_to_an_idle_worker_in_order() {
    let mut env = with_followers();
    env.recalled(0, 2);
    env.then(&["send w1 @4: 1-2"]);
    env.pass(us(20));
    env.finish(1, 4..6, true, 1..3);
    env.then(&["send w1 @6: 3"]);
    env.finish(1, 6..7, true, [3]);
    env.then(&["send w1 @7: 7"]);
    env.finish(1, 7..8, true, [7]);
    env.pass(ms(50));
    env.finish(0, 1..2, true, [0]);
    // The batch behind it ends empty; only then it is sent more, with new numbers.
    env.tasks(20..22);
    env.then(&["send w1 @8: 20"]);
    env.finish(0, 0..0, true, []);
    env.then(&["send w0 @6: 21 after recall"]);
    env.finish(0, 6..7, true, [21]);
}

#[test]
fn results_for_recalled_tasks_are_a_violation() {
    let mut env = with_followers();
    env.recalled(0, 2);
    env.then(&["send w1 @4: 1-2"]);
    assert_eq!(
        env.results(0, 1..3, false),
        Err(Violation("more results than tasks"))
    );
    env.died(0, 3, Death::Violation("more results than tasks"));
    env.then(&[
        "fail 0 x1 Died(Violation(\"more results than tasks\"))",
        "send w1 @6: 3 7",
    ]);
}

#[test]
fn a_worker_that_started_everything_before_the_recall_keeps_it() {
    let mut env = with_followers();
    env.recalled(0, 6);
    env.then(&[]);
    env.finish(0, 1..5, true, 0..4);
    env.finish(0, 5..6, true, [7]);
    env.tasks(8..9);
    env.then(&["send w0 @6: 8 after recall"]);
}

#[test]
fn a_worker_that_started_nothing_gives_everything_back() {
    let mut env = with_followers();
    env.recalled(0, 1);
    env.then(&["send w1 @4: 0-2"]);
    env.finish(0, 0..0, true, []);
    env.then(&["send w1 @7: 3"]);
    env.finish(0, 0..0, true, []);
    env.then(&["send w0 @6: 7 after recall"]);
}

#[test]
fn a_recall_that_was_not_asked_for_takes_nothing() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..4);
    env.then(&["send w0 @1: 0-3"]);
    env.recalled(0, 1);
    env.then(&[]);
    env.finish(0, 1..5, true, 0..4);
}

#[test]
fn without_a_worker_that_could_take_them_nothing_is_recalled() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..4);
    env.then(&["send w0 @1: 0-3"]);
    assert_eq!(env.timer_in(), None);
    env.pass(ms(500));
    env.timer();
    env.then(&[]);
}

#[test]
fn a_worker_is_started_for_them_where_the_budget_allows() {
    let mut env = Env::warm(2, 1, us(10));
    env.tasks(0..4);
    env.then(&["send w0 @1: 0-3"]);
    env.pass(ms(2));
    env.timer();
    env.then(&["recall w0"]);
    env.recalled(0, 2);
    env.then(&["start w1 of p0"]);
    env.ready(1);
    env.then(&["send w1 @0: 1-2"]);
}

#[test]
fn nothing_is_sent_to_wait_behind_a_slow_task() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.pass(ms(2));
    env.tasks(1..3);
    env.then(&[]);
    env.finish(0, 1..2, true, [0]);
    env.then(&["send w0 @2: 1", "send w0 @3: 2"]);
}
