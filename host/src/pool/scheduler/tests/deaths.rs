//! Which task fails with a worker, and what becomes of the others.

use super::super::{Death, TaskId, WorkerId};
use super::harness::*;

/// Worker 0 of two has tasks 0 to 3; all is quick.
fn at_work() -> Env {
    let mut env = Env::warm(2, 1, us(10));
    env.tasks(0..4);
    env.then(&["send w0 @1: 0-3"]);
    env
}

/// Lets a single worker do what waits, one task at a time, and returns tasks and attempts.
fn one_by_one(env: &mut Env, worker: u32) -> Vec<(u64, u32)> {
    env.ready(worker);
    let mut finished = Vec::new();
    for seq in 0.. {
        let sent = env.take();
        if sent.is_empty() {
            break;
        }
        assert!(sent.len() == 1 && !sent[0].contains('-'), "{sent:?}");
        let results = env.results(worker, seq..seq + 1, true).unwrap();
        finished.extend(
            results
                .iter()
                .map(|finished| (finished.task.0, finished.attempts)),
        );
    }
    finished
}

#[test]
fn a_worker_that_dies_fails_only_the_task_it_was_running() {
    let mut env = at_work();
    env.finish(0, 1..2, false, [0]);
    env.died(0, 4, CRASHED);
    env.then(&[
        "fail 2 x1 Died(Signal(11))",
        "start w1 of p0",
        "start w2 of p0",
    ]);
    // 1 had run and its result is lost; 3 had not started.
    assert_eq!(one_by_one(&mut env, 1), [(1, 2), (3, 1)]);
    assert!(env.scheduler.losses.is_empty());
}

#[test]
fn unstarted_tasks_run_elsewhere_in_order_and_before_later_ones() {
    let mut env = at_work();
    env.tasks(10..12);
    env.then(&["send w0 @5: 10-11"]);
    env.tasks(12..300);
    env.take();
    env.died(0, 2, KILLED);
    let failed = env.take();
    assert_eq!(failed[0], "fail 0 x1 Died(Signal(9))");
    env.ready(1);
    env.then(&["send w1 @0: 1"]);
    for (seq, next) in (0..).zip([2, 3, 10, 11]) {
        assert_eq!(env.results(1, seq..seq + 1, true).unwrap()[0].attempts, 1);
        env.then(&[&format!("send w1 @{}: {next}", seq + 1)]);
    }
}

#[test]
fn a_kill_or_a_missed_deadline_before_any_start_blames_nobody() {
    for death in [KILLED, Death::Deadline] {
        let mut env = at_work();
        env.died(0, 1, death);
        env.then(&["start w1 of p0", "start w2 of p0"]);
        assert_eq!(one_by_one(&mut env, 1), [(0, 1), (1, 1), (2, 1), (3, 1)]);
    }
}

#[test]
fn a_crash_before_any_start_blames_the_first() {
    for death in [CRASHED, Death::Exit(1), Death::Violation("x")] {
        let mut env = at_work();
        env.died(0, 1, death);
        env.then(&[
            &format!("fail 0 x1 Died({death:?})"),
            "start w1 of p0",
            "start w2 of p0",
        ]);
        assert_eq!(one_by_one(&mut env, 1), [(1, 1), (2, 1), (3, 1)]);
    }
}

#[test]
fn a_death_of_an_idle_worker_costs_nothing() {
    for death in [KILLED, CRASHED, Death::Unknown, Death::Retired] {
        let mut env = Env::warm(2, 1, us(10));
        env.died(0, 1, death);
        env.then(&[]);
    }
}

#[test]
fn a_result_received_before_the_death_is_reported_counts() {
    let mut env = Env::warm(1, 1, us(10));
    env.add_plugin(B, Some(ms(10)));
    env.tasks(0..3);
    env.then(&["send w0 @1: 0-2"]);
    env.finish(0, 1..3, false, 0..2);
    env.died(0, 4, KILLED);
    env.then(&["fail 2 x1 Died(Signal(9))"]);
    assert_eq!(env.scheduler.unfinished(), 0);
}

#[test]
fn a_task_behind_many_that_crash_is_not_counted_as_lost() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..60);
    env.then(&["send w0 @1: 0-59"]);
    env.died(0, 2, CRASHED);
    env.then(&["fail 0 x1 Died(Signal(11))", "start w1 of p0"]);
    for task in 1..59 {
        let worker = task;
        env.ready(worker);
        env.then(&[&format!("send w{worker} @0: {task}")]);
        env.died(worker, 1, CRASHED);
        env.then(&[
            &format!("fail {task} x1 Died(Signal(11))"),
            &format!("start w{} of p0", worker + 1),
        ]);
    }
    assert_eq!(one_by_one(&mut env, 59), [(59, 1)]);
}

#[test]
fn a_task_is_run_again_twice_and_fails_when_it_is_lost_once_more() {
    let mut env = Env::new(1);
    env.tasks(0..1);
    env.then(&["template p0"]);
    for worker in 0..3 {
        env.template_ready(A);
        env.then(&[&format!("start w{worker} of p0")]);
        env.ready(worker);
        env.then(&[&format!("send w{worker} @0: 0")]);
        env.template_died(A, true);
        env.then(&[]);
        env.died(worker, 1, Death::Template);
        match worker {
            2 => env.then(&["fail 0 x3 LostTooOften(Template)"]),
            _ => env.then(&["template p0"]),
        }
    }
    assert_eq!(env.scheduler.unfinished(), 0);
    assert!(env.scheduler.losses.is_empty());
}

#[test]
fn a_task_whose_workers_are_killed_before_they_start_it_is_given_up_in_the_end() {
    let mut env = Env::new(1);
    env.tasks(0..1);
    env.then(&["template p0"]);
    env.template_ready(A);
    for worker in 0..10 {
        env.then(&[&format!("start w{worker} of p0")]);
        env.ready(worker);
        env.then(&[&format!("send w{worker} @0: 0")]);
        env.died(worker, 0, KILLED);
    }
    env.then(&["start w10 of p0"]);
    env.ready(10);
    env.then(&["send w10 @0: 0"]);
    env.died(10, 0, KILLED);
    env.then(&["fail 0 x0 LostTooOften(Signal(9))"]);
}

#[test]
fn workers_that_die_idle_again_and_again_fail_what_waits() {
    let mut env = Env::new(1);
    env.tasks(0..2);
    env.then(&["template p0"]);
    env.template_ready(A);
    for worker in 0..20 {
        env.then(&[&format!("start w{worker} of p0")]);
        env.died(worker, 0, KILLED);
    }
    env.then(&["start w20 of p0"]);
    env.died(20, 0, KILLED);
    env.then(&["fail 0 x0 PluginBroken", "fail 1 x0 PluginBroken"]);
}

#[test]
fn attempts_count_lost_runs() {
    let mut env = at_work();
    env.died(0, 3, CRASHED);
    env.then(&[
        "fail 1 x1 Died(Signal(11))",
        "start w1 of p0",
        "start w2 of p0",
    ]);
    env.ready(1);
    env.then(&["send w1 @0: 0"]);
    env.ready(2);
    env.then(&["send w2 @0: 2"]);
    env.died(1, 1, CRASHED);
    env.then(&["fail 0 x2 Died(Signal(11))", "start w3 of p0"]);
    env.finish(2, 0..1, true, [2]);
    env.then(&["send w2 @1: 3"]);
    let finished = env.results(2, 1..2, true).unwrap();
    assert_eq!((finished[0].task, finished[0].attempts), (TaskId(3), 1));
}

#[test]
fn a_lost_task_is_not_sent_with_those_before_it() {
    let mut env = Env::warm(2, 2, us(10));
    env.tasks(0..8);
    env.then(&["send w0 @1: 0-3", "send w1 @1: 4-5"]);
    env.pass(us(20));
    env.finish(1, 1..3, true, 4..6);
    env.then(&["send w1 @3: 6", "send w0 @5: 7"]);
    env.finish(1, 3..4, true, [6]);
    env.pass(ms(2));
    env.timer();
    env.then(&["recall w0"]);
    env.tasks(20..22);
    env.then(&["send w1 @4: 20"]);
    env.tasks(22..23);
    env.then(&["send w1 @5: 21"]);
    env.died(1, 4, KILLED);
    env.then(&["start w2 of p0"]);
    // Those that were recalled come before 20 and 21, which were lost.
    env.recalled(0, 4);
    env.then(&[]);
    env.ready(2);
    env.then(&["send w2 @0: 3 7"]);
    env.finish(2, 0..2, true, [3, 7]);
    env.then(&["send w2 @2: 20"]);
}

#[test]
fn a_worker_whose_connection_is_closed_gets_nothing_more_and_no_later_task_is_blamed() {
    let mut env = Env::warm(1, 1, us(10));
    env.scheduler.worker_closing(WorkerId(0));
    env.tasks(0..1);
    env.then(&[]);
    env.died(0, 1, CRASHED);
    env.then(&["start w1 of p0"]);
}
