//! Plugins that give up their processes, and those that are unloaded.

use super::super::{Death, Parking, PluginId};
use super::harness::*;

/// A pool with plugins A and B, which may not both have processes.
fn one_at_a_time() -> Env {
    let mut env = Env::new(2);
    env.add_plugin(B, None);
    env.scheduler.set_parking(Parking {
        templates: 1,
        after: Some(ms(1000)),
    });
    env
}

/// Runs the first task of A, on worker 0.
fn with_one_done() -> Env {
    let mut env = one_at_a_time();
    env.tasks(0..1);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0"]);
    env.ready(0);
    env.then(&["send w0 @0: 0"]);
    env.finish(0, 0..1, true, [0]);
    env.then(&[]);
    env
}

#[test]
fn one_that_has_nothing_to_do_makes_room_for_another() {
    let mut env = with_one_done();
    env.submit(B, [task(1)]);
    env.then(&["park p0", "template p1"]);
    env.died(0, 0, Death::Retired);
    env.template_ready(B);
    env.then(&["start w1 of p1"]);
    env.ready(1);
    env.then(&["send w1 @0: 1"]);
    // Its turn comes again once the other one has nothing to do.
    env.tasks(2..3);
    env.then(&[]);
    env.finish(1, 0..1, true, [1]);
    env.then(&["park p1", "template p0"]);
    env.died(1, 1, Death::Retired);
    env.template_ready(A);
    env.then(&["start w2 of p0"]);
}

#[test]
fn one_that_has_something_to_do_keeps_its_processes() {
    let mut env = with_one_done();
    env.tasks(1..2);
    env.then(&["send w0 @1: 1"]);
    env.submit(B, [task(2)]);
    env.then(&[]);
}

#[test]
fn without_tasks_for_long_enough_a_plugin_gives_up_its_processes() {
    let mut env = with_one_done();
    assert_eq!(env.timer_in(), Some(ms(1000)));
    env.pass(ms(999));
    env.timer();
    env.then(&[]);
    env.pass(ms(1));
    env.timer();
    env.then(&["park p0"]);
    env.died(0, 1, Death::Retired);
    assert_eq!(env.timer_in(), None);
    env.tasks(1..2);
    env.then(&["template p0"]);
}

#[test]
fn one_that_is_unloaded_runs_what_it_has_and_takes_nothing_more() {
    let mut env = with_one_done();
    env.tasks(1..2);
    env.then(&["send w0 @1: 1"]);
    env.unload(A);
    env.then(&[]);
    env.tasks(2..3);
    env.then(&["fail 2 x0 NoPlugin"]);
    env.finish(0, 1..2, true, [1]);
    env.then(&["park p0"]);
    env.died(0, 2, Death::Retired);
    env.then(&["forget p0"]);
    env.tasks(3..4);
    env.then(&["fail 3 x0 NoPlugin"]);
}

#[test]
fn of_several_that_have_nothing_to_do_the_one_that_was_used_longest_ago_makes_room() {
    let c = PluginId(2);
    let mut env = Env::new(3);
    env.add_plugin(B, None);
    env.add_plugin(c, None);
    env.scheduler.set_parking(Parking {
        templates: 2,
        after: None,
    });
    // A, then B, then A again.
    for (worker, plugin) in [(0, A), (1, B)] {
        env.submit(plugin, [task(u64::from(worker))]);
        env.then(&[&format!("template p{}", plugin.0)]);
        env.template_ready(plugin);
        env.then(&[&format!("start w{worker} of p{}", plugin.0)]);
        env.ready(worker);
        env.then(&[&format!("send w{worker} @0: {worker}")]);
        env.pass(ms(1));
        env.finish(worker, 0..1, true, [u64::from(worker)]);
    }
    env.submit(A, [task(2)]);
    env.then(&["send w0 @1: 2"]);
    env.finish(0, 1..2, true, [2]);
    env.submit(c, [task(3)]);
    env.then(&["park p1", "template p2"]);
    env.died(1, 1, Death::Retired);
}

#[test]
fn what_a_host_function_waits_for_does_not_wait_for_another_plugin_to_have_nothing_to_do() {
    let mut env = with_one_done();
    env.tasks(1..2);
    env.then(&["send w0 @1: 1"]);
    env.calls_host(0);
    env.submit(B, [nested(2)]);
    env.then(&["template p1"]);
    env.template_ready(B);
    env.then(&["start w1 of p1"]);
}
