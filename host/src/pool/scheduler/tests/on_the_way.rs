//! Workers for a single task, which are given it on their way.

use super::super::{Death, PluginConfig, WorkerId};
use super::harness::*;
use std::num::NonZeroU32;

/// A pool of workers for a single task each, whose template is ready.
fn one_each(budget: usize) -> Env {
    let config = PluginConfig {
        tasks_per_worker: NonZeroU32::new(1),
        kill_after: Some(ms(100)),
        ..PluginConfig::default()
    };
    let mut env = Env::configured(budget, config, 0);
    env.then(&[]);
    env
}

/// Two workers that start, with a task each.
fn two_on_their_way() -> Env {
    let mut env = one_each(2);
    env.tasks(0..2);
    env.then(&[
        "start w0 of p0",
        "send w0 @0: 0",
        "start w1 of p0",
        "send w1 @0: 1",
    ]);
    env
}

#[test]
fn each_worker_gets_its_task_before_it_is_there() {
    let mut env = two_on_their_way();
    env.tasks(2..3);
    env.then(&[]);
    env.ready(1);
    env.then(&[]);
    env.finish(1, 0..1, true, [1]);
    env.then(&["kill w1 Retired", "start w2 of p0", "send w2 @0: 2"]);
}

#[test]
fn results_of_one_that_is_not_there_are_not_believed() {
    let mut env = one_each(1);
    env.tasks(0..1);
    env.then(&["start w0 of p0", "send w0 @0: 0"]);
    assert!(env.results(0, 0..1, true).is_err());
}

#[test]
fn a_host_call_of_one_that_is_not_there_makes_no_room_for_another() {
    let mut env = one_each(1);
    env.tasks(0..2);
    env.then(&["start w0 of p0", "send w0 @0: 0"]);
    env.calls_host(0);
    env.ready(0);
    env.then(&[]);
    env.finish(0, 0..1, true, [0]);
    env.then(&["kill w0 Retired", "start w1 of p0", "send w1 @0: 1"]);
}

#[test]
fn the_time_limit_counts_from_when_it_is_there() {
    let mut env = one_each(1);
    env.tasks(0..1);
    env.then(&["start w0 of p0", "send w0 @0: 0"]);
    assert_eq!(env.timer_in(), None);
    env.pass(ms(500));
    env.ready(0);
    env.then(&[]);
    assert_eq!(env.timer_in(), Some(ms(100)));
    env.pass(ms(100));
    env.timer();
    env.then(&["kill w0 Deadline"]);
    env.died(0, 1, Death::Deadline);
    env.then(&["fail 0 x1 Died(Deadline)"]);
}

#[test]
fn one_whose_result_comes_after_it_was_killed_for_being_late_makes_room_as_others_do() {
    let mut env = one_each(1);
    env.tasks(0..2);
    env.then(&["start w0 of p0", "send w0 @0: 0"]);
    env.ready(0);
    env.pass(ms(100));
    env.timer();
    env.then(&["kill w0 Deadline"]);
    env.finish(0, 0..1, true, [0]);
    env.then(&["start w1 of p0", "send w1 @0: 1"]);
    env.died(0, 1, Death::Deadline);
    env.then(&[]);
}

#[test]
fn what_was_given_to_one_that_never_comes_is_for_the_next_in_its_turn() {
    let mut env = one_each(1);
    env.tasks(0..2);
    env.then(&["start w0 of p0", "send w0 @0: 0"]);
    env.killed(0);
    env.then(&["start w1 of p0", "send w1 @0: 0"]);
    env.failed(1);
    env.then(&[]);
    env.pass(ms(100));
    env.timer();
    env.then(&["start w2 of p0", "send w2 @0: 0"]);
    env.ready(2);
    // It was never run before.
    env.finish(2, 0..1, true, [0]);
    env.then(&["kill w2 Retired", "start w3 of p0", "send w3 @0: 1"]);
}

#[test]
fn tasks_of_a_plugin_whose_workers_never_come_fail_with_what_waits() {
    let mut env = one_each(1);
    env.tasks(0..2);
    env.then(&["start w0 of p0", "send w0 @0: 0"]);
    for worker in 0..2 {
        env.failed(worker);
        env.then(&[]);
        env.pass(ms(100));
        env.timer();
        let next = worker + 1;
        let started = [
            format!("start w{next} of p0"),
            format!("send w{next} @0: 0"),
        ];
        env.then(&started.each_ref().map(String::as_str));
    }
    env.failed(2);
    env.then(&["fail 0 x0 PluginBroken", "fail 1 x0 PluginBroken"]);
}

#[test]
fn all_that_were_on_their_way_when_everything_is_given_up_are_given_up_as_they_fail_too() {
    let mut env = one_each(4);
    env.tasks(0..6);
    env.take();
    for first in [0, 4] {
        for worker in first..first + 4 {
            env.failed(worker);
        }
        env.then(&[]);
        env.pass(ms(100));
        env.timer();
        env.take();
    }
    env.failed(8);
    env.then(&[
        "fail 0 x0 PluginBroken",
        "fail 4 x0 PluginBroken",
        "fail 5 x0 PluginBroken",
    ]);
    for (worker, task) in [(9, 1), (10, 2)] {
        env.failed(worker);
        env.then(&[&format!("fail {task} x0 PluginBroken")]);
    }
    // One comes after all.
    env.ready(11);
    env.finish(11, 0..1, true, [3]);
    env.then(&["kill w11 Retired"]);
    assert_eq!(env.scheduler.unfinished(), 0);
}

#[test]
fn one_that_comes_with_a_task_that_nobody_wants_any_more_is_killed() {
    let mut env = two_on_their_way();
    env.cancel([0, 1]);
    env.then(&[]);
    env.ready(0);
    env.then(&["kill w0 Cancelled"]);
    env.died(0, 0, Death::Cancelled);
    env.then(&["fail 0 x0 Cancelled"]);
    // The other one never comes.
    env.failed(1);
    env.then(&["fail 1 x0 Cancelled"]);
}

#[test]
fn a_plugin_that_is_halted_begins_none_of_those_on_their_way() {
    let mut env = two_on_their_way();
    env.ready(0);
    env.halt(A);
    env.then(&["recall w1"]);
    env.recalled(1, 0);
    env.then(&["fail 1 x0 Cancelled"]);
    env.ready(1);
    assert!(env.results(1, 0..0, true).is_ok());
    env.then(&[]);
    env.finish(0, 0..1, true, [0]);
    env.then(&["kill w0 Retired"]);
}

#[test]
fn a_template_that_dies_costs_no_task_that_was_on_its_way() {
    let mut env = one_each(1);
    env.tasks(0..1);
    env.then(&["start w0 of p0", "send w0 @0: 0"]);
    // However often that happens.
    for worker in 0..20 {
        env.template_closing(A);
        env.died(worker, 0, Death::Template);
        env.then(&[]);
        env.template_died(A, true);
        env.then(&["template p0"]);
        env.template_ready(A);
        let next = worker + 1;
        let started = [
            format!("start w{next} of p0"),
            format!("send w{next} @0: 0"),
        ];
        env.then(&started.each_ref().map(String::as_str));
    }
    env.template_closing(A);
    env.died(20, 0, Death::Template);
    env.template_died(A, true);
    env.then(&["fail 0 x0 PluginBroken"]);
}

#[test]
fn one_that_is_killed_for_what_nobody_wants_is_known_to_be_about_to_end() {
    let mut env = one_each(1);
    env.tasks(0..1);
    env.then(&["start w0 of p0", "send w0 @0: 0"]);
    env.cancel([0]);
    assert!(!env.scheduler.is_dying(WorkerId(0)));
    env.ready(0);
    env.then(&["kill w0 Cancelled"]);
    assert!(
        env.scheduler.is_dying(WorkerId(0)),
        "its calls are nobody's"
    );
    env.died(0, 0, Death::Cancelled);
    env.then(&["fail 0 x0 Cancelled"]);
}
