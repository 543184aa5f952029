//! Workers that run a number of tasks each, batches of a chosen length, and tasks that may not run twice.

use super::super::{Death, PluginConfig};
use super::harness::*;
use std::num::NonZeroU32;

fn each(tasks: u32) -> PluginConfig {
    PluginConfig {
        tasks_per_worker: NonZeroU32::new(tasks),
        ..PluginConfig::default()
    }
}

#[test]
fn a_worker_that_has_run_its_tasks_is_retired_and_another_is_started() {
    let mut env = Env::configured(1, each(2), 1);
    env.tasks(0..2);
    env.then(&[]);
    env.finish(0, 0..1, true, [1000]);
    env.then(&["send w0 @1: 0"]);
    env.finish(0, 1..2, true, [0]);
    env.then(&["kill w0 Retired", "start w1 of p0"]);
    env.ready(1);
    env.then(&["send w1 @0: 1"]);
    env.died(0, 2, Death::Retired);
    env.then(&[]);
}

#[test]
fn no_more_are_started_than_the_budget_while_those_that_are_done_take_their_time_to_go() {
    let mut env = Env::configured(1, each(1), 1);
    env.tasks(0..3);
    env.finish(0, 0..1, true, [1000]);
    env.then(&["kill w0 Retired", "start w1 of p0", "send w1 @0: 0"]);
    env.ready(1);
    env.finish(1, 0..1, true, [0]);
    env.then(&["kill w1 Retired"]);
    env.died(0, 1, Death::Retired);
    env.then(&["start w2 of p0", "send w2 @0: 1"]);
}

#[test]
fn those_that_are_done_make_room_once_however_many_plugins_they_are_of() {
    let mut env = Env::configured(1, each(1), 1);
    env.scheduler.add_plugin(B, each(1));
    env.submit(B, [task(0)]);
    env.then(&["template p1"]);
    env.template_ready(B);
    env.then(&[]);
    env.finish(0, 0..1, true, [1000]);
    env.then(&["kill w0 Retired", "start w1 of p1", "send w1 @0: 0"]);
    env.ready(1);
    env.finish(1, 0..1, true, [0]);
    env.then(&["kill w1 Retired"]);
    env.tasks(1..2);
    env.then(&[]);
    env.died(0, 1, Death::Retired);
    env.then(&["start w2 of p0", "send w2 @0: 1"]);
}

#[test]
fn a_batch_holds_no_more_tasks_than_its_worker_may_still_run() {
    let mut env = Env::configured(1, each(4), 1);
    env.pass(us(10));
    env.finish(0, 0..1, true, [1000]);
    env.then(&[]);
    env.tasks(0..500);
    env.then(&["send w0 @1: 0-2"]);
    env.pass(us(30));
    env.finish(0, 1..4, true, [0, 1, 2]);
    env.then(&["kill w0 Retired", "start w1 of p0"]);
}

#[test]
fn what_is_taken_back_from_a_worker_is_not_counted_against_it() {
    let mut env = Env::configured(2, each(4), 2);
    env.pass(us(10));
    env.finish(0, 0..1, true, [1000]);
    env.finish(1, 0..1, true, [1001]);
    env.tasks(0..6);
    env.then(&["send w0 @1: 0-2", "send w1 @1: 3-4"]);
    // The other one has still a task to give, and takes what is left.
    env.finish(1, 1..3, true, [3, 4]);
    env.then(&["send w1 @3: 5"]);
    env.finish(1, 3..4, true, [5]);
    env.then(&["kill w1 Retired"]);
    env.died(1, 4, Death::Retired);
    env.pass(ms(2));
    env.timer();
    env.then(&["recall w0"]);
    env.recalled(0, 2);
    env.then(&["start w2 of p0"]);
    env.finish(0, 1..2, true, [0]);
    env.then(&["send w0 @4: 1 after recall"]);
}

#[test]
fn a_chosen_length_is_that_of_each_batch_whatever_tasks_cost() {
    let config = PluginConfig {
        batch: NonZeroU32::new(3),
        ..PluginConfig::default()
    };
    let mut env = Env::configured(1, config, 1);
    env.pass(us(1));
    env.finish(0, 0..1, true, [1000]);
    env.tasks(0..100);
    env.then(&["send w0 @1: 0-2", "send w0 @4: 3-5"]);
    env.finish(0, 1..4, true, 0..3);
    env.then(&["send w0 @7: 6-8"]);
}

#[test]
fn what_has_effects_and_has_begun_is_not_run_again() {
    let config = PluginConfig {
        has_effects: true,
        ..PluginConfig::default()
    };
    let mut env = Env::configured(1, config, 1);
    env.pass(us(10));
    env.finish(0, 0..1, true, [1000]);
    env.tasks(0..4);
    env.then(&["send w0 @1: 0-3"]);
    // Its page says that it had begun the third.
    env.died(0, 4, Death::Template);
    env.then(&[
        "fail 0 x1 Died(Template)",
        "fail 1 x1 Died(Template)",
        "fail 2 x1 Died(Template)",
        "start w1 of p0",
    ]);
    env.ready(1);
    env.then(&["send w1 @0: 3"]);
}
