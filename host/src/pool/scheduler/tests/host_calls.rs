//! Workers that wait for functions of the host, and what those wait for.

use super::super::{Death, PluginConfig};
use super::harness::*;

fn busy(budget: usize, workers: u32) -> Env {
    let config = PluginConfig {
        has_effects: true,
        ..PluginConfig::default()
    };
    Env::configured(budget, config, workers)
}

#[test]
fn a_worker_that_waits_gives_its_place_to_another() {
    let mut env = busy(2, 2);
    env.tasks(0..2);
    env.then(&[]);
    env.calls_host(0);
    env.then(&["start w2 of p0"]);
    env.ready(2);
    env.then(&["send w2 @0: 0"]);
    env.host_answers(0);
    env.then(&[]);
    // All go on; the first of them that has nothing to do is one too many.
    env.finish(1, 0..1, true, [1001]);
    env.then(&["kill w1 Retired", "send w0 @1: 1"]);
    env.died(1, 1, Death::Retired);
    env.finish(2, 0..1, true, [0]);
    env.finish(0, 0..1, true, [1000]);
    env.then(&[]);
}

#[test]
fn the_last_worker_is_kept_for_what_host_functions_wait_for() {
    let mut env = busy(1, 1);
    env.tasks(0..3);
    env.calls_host(0);
    env.then(&[]);
    env.submit(A, [nested(10), nested(11)]);
    env.then(&["start w1 of p0"]);
    env.ready(1);
    env.then(&["send w1 @0: 10"]);
    env.finish(1, 0..1, true, [10]);
    env.then(&["send w1 @1: 11"]);
    env.finish(1, 1..2, true, [11]);
    env.then(&[]);
    env.host_answers(0);
    env.then(&["kill w1 Retired", "send w0 @1: 0-1"]);
}

#[test]
fn while_one_waits_nobody_is_sent_a_second_batch_at_once() {
    for waits in [false, true] {
        let mut env = Env::warm(2, 2, us(500));
        env.tasks(0..1);
        env.then(&["send w0 @1: 0"]);
        if waits {
            env.calls_host(0);
            env.then(&[]);
        }
        env.tasks(1..21);
        let sent = env.take();
        let second = sent
            .iter()
            .filter(|line| line.starts_with("send w1"))
            .count();
        assert_eq!(second, if waits { 1 } else { 2 }, "{sent:?}");
    }
}

#[test]
fn nothing_is_sent_to_a_worker_that_waits() {
    let mut env = busy(1, 1);
    env.pass(us(10));
    env.finish(0, 0..1, true, [1000]);
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.calls_host(0);
    env.then(&[]);
    env.submit(A, [nested(10)]);
    env.then(&["start w1 of p0"]);
}

#[test]
fn where_all_workers_that_there_may_be_wait_what_they_wait_for_fails_at_once() {
    let mut env = busy(1, 1);
    env.calls_host(0);
    env.submit(A, [nested(10)]);
    env.then(&["start w1 of p0"]);
    env.ready(1);
    env.then(&["send w1 @0: 10"]);
    env.tasks(0..1);
    env.calls_host(1);
    env.then(&[]);
    env.submit(A, [nested(11)]);
    env.then(&["fail 11 x0 NoWorkerLeft"]);
    // Others wait until there is a worker for them.
    env.host_answers(1);
    env.finish(1, 0..1, true, [10]);
    env.then(&[]);
    env.host_answers(0);
    env.then(&["kill w1 Retired", "send w0 @1: 0"]);
}

#[test]
fn a_worker_that_dies_while_it_waits_waits_no_more() {
    let mut env = busy(1, 1);
    env.tasks(0..1);
    env.calls_host(0);
    env.then(&[]);
    env.died(0, 1, KILLED);
    env.then(&["fail 1000 x1 Died(Signal(9))", "start w1 of p0"]);
    env.ready(1);
    env.then(&["send w1 @0: 0"]);
}

/// The only worker of plugin A waits for a host function, and that for a task of plugin B.
fn calls_another_plugin() -> Env {
    let mut env = busy(1, 1);
    env.add_plugin(B, None);
    env.calls_host(0);
    env.submit(B, [nested(10)]);
    env.then(&["template p1"]);
    env.template_ready(B);
    env.then(&["start w1 of p1"]);
    env.ready(1);
    env.then(&["send w1 @0: 10"]);
    env
}

/// The same function of the host waits for the plugin that called it, next.
fn then_calls_back(mut env: Env) {
    env.submit(A, [nested(11)]);
    env.then(&["kill w1 Retired"]);
    env.died(1, 1, Death::Retired);
    env.then(&["start w2 of p0"]);
    env.ready(2);
    env.then(&["send w2 @0: 11"]);
}

#[test]
fn an_idle_worker_of_another_plugin_gives_its_place_to_what_a_host_function_waits_for() {
    let mut env = calls_another_plugin();
    env.finish(1, 0..1, true, [10]);
    then_calls_back(env);
}

#[test]
fn an_idle_worker_whose_plugin_may_begin_nothing_gives_its_place_too() {
    let mut env = calls_another_plugin();
    env.submit(B, [task(0)]);
    env.finish(1, 0..1, true, [10]);
    env.then(&[]);
    then_calls_back(env);
}

#[test]
fn what_runs_again_waits_behind_what_a_host_function_waits_for() {
    let mut env = busy(1, 1);
    env.finish(0, 0..1, true, [1000]);
    env.retry(1000, 1, ms(1));
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.calls_host(0);
    env.submit(A, [nested(10), nested(11)]);
    env.then(&["start w1 of p0"]);
    env.ready(1);
    env.then(&["send w1 @0: 10"]);
    env.pass(ms(1));
    env.timer();
    env.finish(1, 0..1, true, [10]);
    env.then(&["send w1 @1: 11"]);
}

#[test]
fn what_a_dead_worker_had_waits_behind_what_a_host_function_waits_for() {
    let mut env = Env::warm(2, 2, us(500));
    env.tasks(0..5);
    env.then(&["send w0 @1: 0-1", "send w1 @1: 2-3"]);
    env.calls_host(0);
    env.then(&["send w1 @3: 4"]);
    env.submit(A, [nested(10), nested(11)]);
    env.then(&["start w2 of p0"]);
    env.died(1, 2, CRASHED);
    env.then(&["fail 2 x1 Died(Signal(11))", "start w3 of p0"]);
    env.ready(2);
    env.then(&["send w2 @0: 10"]);
    env.ready(3);
    env.then(&["send w3 @0: 11"]);
    env.finish(2, 0..1, true, [10]);
    env.then(&["send w2 @1: 3"]);
}

#[test]
fn while_one_waits_batches_are_short() {
    for (waits, first) in [(false, "send w1 @1: 1-16"), (true, "send w1 @1: 1-2")] {
        let mut env = Env::warm(2, 2, us(500));
        env.tasks(0..1);
        env.then(&["send w0 @1: 0"]);
        if waits {
            env.calls_host(0);
        }
        env.tasks(1..1001);
        let sent = env.take();
        assert!(sent.iter().any(|line| line == first), "{sent:?}");
    }
}
