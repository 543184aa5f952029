//! Processes that were killed and do not end.

use super::harness::*;
use std::time::Duration;

const TEN_SECONDS: Duration = Duration::from_secs(10);

#[test]
fn a_process_that_does_not_end_has_the_place_of_a_worker() {
    let mut env = Env::warm(2, 1, ms(10));
    env.unreaped(1);
    env.tasks(0..3);
    env.then(&["send w0 @1: 0"]);
    assert_eq!(
        env.timer_in(),
        None,
        "one works, and the others wait for it"
    );
    env.unreaped(0);
    env.then(&["start w1 of p0"]);
    env.ready(1);
    env.then(&["send w1 @0: 1"]);
    env.finish(0, 1..2, true, [0]);
    env.then(&["send w0 @2: 2"]);
}

#[test]
fn where_they_have_all_places_tasks_wait_for_a_while_and_then_fail() {
    let mut env = Env::new(1);
    env.unreaped(1);
    env.tasks(0..2);
    env.then(&[]);
    env.pass(ms(3000));
    assert_eq!(env.timer_in(), Some(ms(7000)));
    // More of them change nothing about since when.
    env.unreaped(2);
    env.pass(ms(7000));
    env.timer();
    env.then(&["fail 0 x0 NoPlace", "fail 1 x0 NoPlace"]);
    assert_eq!(env.timer_in(), None);
    env.submit(A, [task(2)]);
    env.timer();
    env.then(&["fail 2 x0 NoPlace"]);
}

#[test]
fn a_place_that_is_free_in_time_is_taken() {
    let mut env = Env::new(1);
    env.unreaped(1);
    env.tasks(0..1);
    env.then(&[]);
    env.pass(TEN_SECONDS - ms(1));
    env.timer();
    env.then(&[]);
    env.unreaped(0);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0"]);
    env.ready(0);
    env.then(&["send w0 @0: 0"]);
}

#[test]
fn a_plugin_with_a_worker_goes_on_while_another_waits_for_a_place() {
    let mut env = Env::warm(2, 1, ms(10));
    env.add_plugin(B, None);
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.unreaped(2);
    env.submit(B, [task(10)]);
    env.then(&[]);
    env.pass(TEN_SECONDS);
    env.timer();
    env.then(&["fail 10 x0 NoPlace"]);
    env.finish(0, 1..2, true, [0]);
}
