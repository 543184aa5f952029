//! Tasks that run again after a while, and plugins that begin nothing any more.

use super::harness::*;

#[test]
fn a_task_that_is_to_run_again_waits_for_its_time_and_is_sent_alone_before_others() {
    let mut env = Env::warm(1, 1, us(300));
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.finish(0, 1..2, true, [0]);
    env.retry(0, 1, ms(100));
    assert_eq!(env.timer_in(), Some(ms(100)));
    env.pass(ms(99));
    env.timer();
    env.then(&[]);
    env.tasks(1..5);
    env.then(&["send w0 @2: 1-4"]);
    env.pass(ms(1));
    env.timer();
    env.then(&[]);
    env.tasks(5..6);
    env.then(&[]);
    env.finish(0, 2..6, true, [1, 2, 3, 4]);
    env.then(&["send w0 @6: 0"]);
    let again = env.results(0, 6..7, true).unwrap();
    assert_eq!((again[0].task.0, again[0].attempts), (0, 2));
    env.then(&["send w0 @7: 5"]);
}

#[test]
fn a_task_that_dies_again_counts_all_its_attempts() {
    let mut env = Env::warm(1, 1, us(300));
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.finish(0, 1..2, true, [0]);
    env.retry(0, 3, ms(1));
    env.pass(ms(1));
    env.timer();
    env.then(&["send w0 @2: 0"]);
    env.died(0, 3, CRASHED);
    env.then(&["fail 0 x4 Died(Signal(11))"]);
}

#[test]
fn a_task_that_waits_to_run_again_can_be_cancelled() {
    let mut env = Env::warm(1, 1, us(300));
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.finish(0, 1..2, true, [0]);
    env.retry(0, 1, ms(100));
    env.cancel([0]);
    env.then(&["fail 0 x1 Cancelled"]);
    assert_eq!(env.timer_in(), None);
}

#[test]
fn a_halted_plugin_finishes_what_its_workers_are_at_and_cancels_the_rest() {
    let mut env = Env::warm(1, 1, us(300));
    env.tasks(0..4);
    env.then(&["send w0 @1: 0-2"]);
    env.halt(A);
    env.then(&["recall w0", "fail 3 x0 Cancelled"]);
    // It has started the first of them.
    env.recalled(0, 2);
    env.then(&["fail 1 x0 Cancelled", "fail 2 x0 Cancelled"]);
    env.finish(0, 1..2, true, [0]);
    env.tasks(5..6);
    env.then(&["fail 5 x0 Cancelled"]);
}

#[test]
fn a_halted_plugin_runs_nothing_again() {
    let mut env = Env::warm(1, 1, us(300));
    env.tasks(0..2);
    env.then(&["send w0 @1: 0-1"]);
    env.finish(0, 1..2, false, [0]);
    env.retry(0, 1, ms(100));
    env.halt(A);
    env.then(&["fail 0 x1 Cancelled"]);
    assert!(!env.scheduler.may_retry(A));
    env.died(0, 2, KILLED);
    env.then(&["fail 1 x0 Cancelled"]);
}
