//! Tasks that nobody wants any more.

use super::harness::*;

/// Worker 0 of one has tasks 0 to 3, and 4 to 6 wait; all is quick.
fn at_work() -> Env {
    let mut env = Env::warm(1, 1, us(300));
    env.tasks(0..4);
    env.then(&["send w0 @1: 0-2"]);
    env.tasks(4..7);
    env.take();
    env
}

#[test]
fn a_task_that_waits_is_over_at_once() {
    let mut env = Env::new(1);
    env.tasks(0..4);
    env.then(&["template p0"]);
    env.cancel([1, 3]);
    env.then(&["fail 1 x0 Cancelled", "fail 3 x0 Cancelled"]);
    env.template_ready(A);
    env.then(&["start w0 of p0"]);
    env.ready(0);
    env.then(&["send w0 @0: 0"]);
    env.finish(0, 0..1, true, [0]);
    env.then(&["send w0 @1: 2"]);
}

#[test]
fn a_worker_that_is_at_the_task_is_killed_and_the_others_run_elsewhere() {
    let mut env = at_work();
    env.cancel([0]);
    env.then(&["kill w0 Cancelled"]);
    env.died(0, 2, super::super::Death::Cancelled);
    env.then(&["fail 0 x1 Cancelled", "start w1 of p0"]);
    assert!(env.scheduler.cancelled.is_empty());
}

#[test]
fn a_task_that_a_worker_has_not_come_to_is_met_when_its_turn_comes() {
    let mut env = at_work();
    env.cancel([1]);
    env.then(&[]);
    env.finish(0, 1..2, false, [0]);
    env.then(&["kill w0 Cancelled"]);
    env.died(0, 3, super::super::Death::Cancelled);
    env.then(&["fail 1 x1 Cancelled", "start w1 of p0"]);
}

#[test]
fn a_result_that_was_on_its_way_counts() {
    let mut env = at_work();
    env.cancel([1]);
    env.finish(0, 1..3, false, [0, 1]);
    assert!(env.scheduler.cancelled.is_empty());
    env.take();
}

#[test]
fn a_cancelled_task_that_kills_its_worker_blames_nobody_else() {
    let mut env = at_work();
    env.cancel([0]);
    env.then(&["kill w0 Cancelled"]);
    env.died(0, 2, CRASHED);
    env.then(&["fail 0 x1 Died(Signal(11))", "start w1 of p0"]);
    assert!(env.scheduler.cancelled.is_empty());
}

#[test]
fn what_is_recalled_from_a_worker_is_not_run_elsewhere_if_it_was_cancelled() {
    let mut env = Env::warm(2, 1, us(300));
    env.tasks(0..4);
    let sent = env.take();
    assert_eq!(sent[0], "send w0 @1: 0-2");
    env.cancel([2]);
    env.take();
    env.died(0, 2, KILLED);
    let told = env.take();
    assert!(
        told.contains(&"fail 2 x0 Cancelled".to_string()),
        "{told:?}"
    );
    assert!(
        told.contains(&"fail 0 x1 Died(Signal(9))".to_string()),
        "{told:?}"
    );
}
