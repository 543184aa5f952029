//! Templates and workers: when they are started, and what becomes of tasks when that fails.

use super::super::{Death, TaskId};
use super::harness::*;

#[test]
fn the_first_task_starts_a_template_and_then_as_many_workers_as_there_are_tasks() {
    let mut env = Env::new(4);
    env.tasks(0..3);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0", "start w1 of p0", "start w2 of p0"]);
    env.ready(1);
    env.then(&["send w1 @0: 0"]);
    env.ready(0);
    env.then(&["send w0 @0: 1"]);
    env.finish(1, 0..1, true, [0]);
    env.then(&["send w1 @1: 2"]);
    env.ready(2);
    env.then(&[]);
}

#[test]
fn no_more_workers_are_started_than_the_budget_allows() {
    let mut env = Env::new(2);
    env.tasks(0..9);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0", "start w1 of p0"]);
    env.tasks(9..20);
    env.then(&[]);
}

#[test]
fn while_the_cost_is_unknown_a_worker_gets_one_task() {
    let mut env = Env::new(1);
    env.tasks(0..500);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0"]);
    env.ready(0);
    env.then(&["send w0 @0: 0"]);
}

#[test]
fn tasks_of_an_unknown_plugin_fail_at_once() {
    let mut env = Env::new(1);
    env.submit(B, [task(5)]);
    env.then(&["fail 5 x0 NoPlugin"]);
    assert_eq!(env.scheduler.unfinished(), 0);
}

#[test]
fn a_template_that_fails_three_times_fails_what_waits_and_later_tasks_get_a_new_chance() {
    let mut env = Env::new(2);
    env.tasks(0..2);
    env.then(&["template p0"]);
    env.template_failed(A);
    env.then(&["template p0"]);
    env.template_failed(A);
    env.then(&["template p0"]);
    env.template_failed(A);
    env.then(&["fail 0 x0 PluginBroken", "fail 1 x0 PluginBroken"]);
    env.tasks(2..3);
    env.then(&["template p0"]);
    env.template_failed(A);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0"]);
}

#[test]
fn a_template_that_would_fail_again_is_not_tried_again_for_what_waits() {
    let mut env = Env::new(2);
    env.tasks(0..2);
    env.then(&["template p0"]);
    env.scheduler.last_chance(A);
    env.template_failed(A);
    env.then(&["fail 0 x0 PluginBroken", "fail 1 x0 PluginBroken"]);
    env.tasks(2..3);
    env.then(&["template p0"]);
    env.template_failed(A);
    env.then(&["template p0"]);
}

#[test]
fn workers_that_fail_to_start_three_times_in_a_row_fail_what_waits() {
    let mut env = Env::new(2);
    env.tasks(0..2);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0", "start w1 of p0"]);
    for round in [0, 2] {
        env.failed(round);
        env.then(&[]);
        assert_eq!(env.timer_in(), Some(ms(100)), "no other is started at once");
        env.failed(round + 1);
        env.then(&[]);
        env.pass(ms(99));
        env.timer();
        env.then(&[]);
        env.pass(ms(1));
        env.timer();
        env.then(&[
            &format!("start w{} of p0", round + 2),
            &format!("start w{} of p0", round + 3),
        ]);
        assert_eq!(env.timer_in(), None);
    }
    env.failed(4);
    env.then(&["fail 0 x0 PluginBroken", "fail 1 x0 PluginBroken"]);
    env.failed(5);
    env.tasks(2..3);
    env.then(&[]);
    env.pass(ms(100));
    env.timer();
    env.then(&["start w6 of p0"]);
    env.ready(6);
    env.then(&["send w6 @0: 2"]);
}

#[test]
fn a_finished_task_ends_the_row_of_failures() {
    let mut env = Env::new(1);
    for (round, last) in [(0, 0), (1, 3)] {
        env.submit(A, [task(round)]);
        if round == 0 {
            env.then(&["template p0"]);
            env.template_ready(A);
        }
        env.then(&[&format!("start w{last} of p0")]);
        for worker in last..last + 2 {
            env.failed(worker);
            env.pass(ms(100));
            env.timer();
            env.then(&[&format!("start w{} of p0", worker + 1)]);
        }
        env.ready(last + 2);
        env.then(&[&format!("send w{} @0: {round}", last + 2)]);
        env.finish(last + 2, 0..1, true, [round]);
        // It is killed while it waits, so that the next round needs another.
        env.died(last + 2, 1, Death::Retired);
    }
}

#[test]
fn workers_that_somebody_kills_as_they_start_are_replaced_at_once_but_not_for_ever() {
    let mut env = Env::new(1);
    env.tasks(0..1);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0"]);
    for worker in 0..20 {
        env.killed(worker);
        env.then(&[&format!("start w{} of p0", worker + 1)]);
    }
    env.killed(20);
    env.then(&["fail 0 x0 PluginBroken"]);
}

#[test]
fn as_long_as_tasks_finish_kills_do_not_count() {
    let mut env = Env::warm(1, 1, ms(1));
    env.died(0, 1, KILLED);
    env.tasks(0..1);
    env.then(&["start w1 of p0"]);
    for worker in 1..100 {
        env.killed(worker);
        env.then(&[&format!("start w{} of p0", worker + 1)]);
    }
    env.pass(ms(1000));
    for worker in 100..120 {
        env.killed(worker);
        env.then(&[&format!("start w{} of p0", worker + 1)]);
    }
    env.killed(120);
    env.then(&["fail 0 x0 PluginBroken"]);
}

#[test]
fn where_some_workers_run_others_that_fail_to_start_cost_no_task() {
    let mut env = Env::new(2);
    env.tasks(0..3);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0", "start w1 of p0"]);
    env.ready(0);
    env.then(&["send w0 @0: 0"]);
    for worker in 1..30 {
        env.failed(worker);
        env.then(&[]);
        env.pass(ms(100));
        env.timer();
        env.then(&[&format!("start w{} of p0", worker + 1)]);
    }
    env.finish(0, 0..1, true, [0]);
    env.then(&["send w0 @1: 1"]);
}

#[test]
fn a_template_that_dies_costs_no_task_and_is_started_again() {
    let mut env = Env::warm(3, 2, us(100));
    env.tasks(0..2);
    env.then(&["send w0 @1: 0", "send w1 @1: 1"]);
    env.tasks(2..4);
    env.then(&["send w0 @2: 2", "send w1 @2: 3"]);
    env.template_died(A, true);
    env.then(&[]);
    env.died(1, 2, Death::Template);
    env.then(&["template p0"]);
    env.died(0, 0, Death::Template);
    env.then(&[]);
    env.template_ready(A);
    env.then(&["start w2 of p0", "start w3 of p0", "start w4 of p0"]);
    // Those of one worker stay in order; 1 had started, 0 and 2 and 3 had not.
    env.ready(2);
    env.then(&["send w2 @0: 0"]);
    env.ready(3);
    env.then(&["send w3 @0: 2"]);
    env.ready(4);
    env.then(&["send w4 @0: 1"]);
    env.finish(2, 0..1, true, [0]);
    env.then(&["send w2 @1: 3"]);
    let finished = env.results(4, 0..1, true).unwrap();
    assert_eq!((finished[0].task, finished[0].attempts), (TaskId(1), 2));
    env.finish(3, 0..1, true, [2]);
    env.finish(2, 1..2, true, [3]);
    assert_eq!(env.scheduler.unfinished(), 0);
    assert!(env.scheduler.losses.is_empty());
}

#[test]
fn starting_workers_that_go_with_their_template_do_not_count_against_the_plugin() {
    let mut env = Env::new(4);
    env.tasks(0..4);
    env.then(&["template p0"]);
    for round in 0..2 {
        env.template_ready(A);
        let first = round * 4;
        env.then(
            &[0, 1, 2, 3]
                .map(|n| format!("start w{} of p0", first + n))
                .each_ref()
                .map(String::as_str),
        );
        env.template_died(A, true);
        env.then(&["template p0"]);
        for worker in first..first + 3 {
            env.died(worker, 0, Death::Template);
        }
        env.died(first + 3, u32::MAX, Death::Template);
    }
    // Reported as failed instead, and before the template: one cause, counted once.
    env.template_ready(A);
    env.take();
    for worker in 8..12 {
        env.failed(worker);
    }
    env.template_died(A, true);
    env.then(&["template p0"]);
    assert_eq!(env.scheduler.unfinished(), 4);
}
