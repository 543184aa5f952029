//! Tasks that are run again because their worker died, pools that begin nothing any more, and what workers are at.

use crate::support::{eventually, pool};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;
use wpool::{FailureKind, Order, Outcome, Pool, Value};

/// Turns that take a moment, and turns that never end.
const LONG: i64 = 3_000_000_000;
const ENDLESS: i64 = -1;

/// The worker that is at a task, and what of.
fn busy_worker(pool: &Pool) -> (u32, wpool::TaskStats) {
    eventually("a worker is at a task", || {
        let mut workers = pool.stats().workers.into_iter();
        workers.find_map(|worker| Some((worker.pid, worker.task?)))
    })
}

/// Kills the worker that is at a task, so many times, each another one.
fn kill_busy_workers(pool: &Pool, times: usize) {
    let mut last = 0;
    for _ in 0..times {
        last = eventually("another worker is at the task", || {
            let (pid, _) = busy_worker(pool);
            (pid != last).then_some(pid)
        });
        kill_process(Pid::from_raw(last.cast_signed()).unwrap(), Signal::KILL).unwrap();
    }
}

fn spin(pool: &Pool, turns: i64) -> wpool::Outcomes {
    let (mut inputs, outcomes) = pool.stream("spin", Order::Input).unwrap();
    inputs.send(&[Value::S64(turns)]).unwrap();
    outcomes
}

fn kind(outcome: &Outcome) -> Option<FailureKind> {
    outcome.result.as_ref().err().map(wpool::Failure::kind)
}

#[test]
fn a_task_whose_worker_died_runs_again_as_often_as_was_asked_for_and_not_more() {
    let pool = pool("spin").timeout(None).retries(2).build().unwrap();
    let mut outcomes = spin(&pool, LONG);
    kill_busy_workers(&pool, 2);
    let (_, outcome) = outcomes.next().unwrap();
    assert_eq!((kind(&outcome), outcome.usage.attempts), (None, 3));
    let mut outcomes = spin(&pool, ENDLESS);
    kill_busy_workers(&pool, 3);
    let (_, outcome) = outcomes.next().unwrap();
    assert_eq!(
        (kind(&outcome), outcome.usage.attempts),
        (Some(FailureKind::WorkerDied), 3)
    );
}

#[test]
fn those_around_a_task_that_runs_again_have_one_outcome_each_under_their_numbers() {
    let pool = pool("spin").workers(1).chunk_size(6).retries(1);
    let pool = pool.timeout(Duration::from_millis(400));
    let pool = pool.retry_timeouts(true).build().unwrap();
    let turns = [1, 1, ENDLESS, 1, ENDLESS, 1];
    for order in [Order::Input, Order::Completion] {
        let (mut inputs, outcomes) = pool.stream("spin", order).unwrap();
        for turns in turns {
            inputs.send(&[Value::S64(turns)]).unwrap();
        }
        drop(inputs);
        let mut outcomes: Vec<(u64, Outcome)> = outcomes.collect();
        let is_in_order = outcomes.is_sorted_by_key(|(number, _)| *number);
        assert!(is_in_order || order == Order::Completion);
        outcomes.sort_by_key(|(number, _)| *number);
        let ended = outcomes
            .iter()
            .map(|(number, outcome)| (*number, kind(outcome), outcome.usage.attempts));
        let timeout = Some(FailureKind::Timeout);
        let expected = turns.iter().zip(0..).map(|(turns, number)| match *turns {
            ENDLESS => (number, timeout, 2),
            _ => (number, None, 1),
        });
        assert!(ended.eq(expected), "{outcomes:?}");
    }
}

#[test]
fn a_task_that_ran_too_long_runs_again_only_where_that_was_asked_for() {
    for (retry, attempts) in [(true, 2), (false, 1)] {
        let pool = pool("spin")
            .timeout(Duration::from_millis(30))
            .retries(1)
            .retry_timeouts(retry);
        let outcomes = pool.build().unwrap().map_outcomes("spin", [ENDLESS]);
        let outcome = &outcomes.unwrap()[0];
        assert_eq!(
            (kind(outcome), outcome.usage.attempts),
            (Some(FailureKind::Timeout), attempts)
        );
    }
}

#[test]
fn a_trap_or_a_wrong_argument_is_not_tried_again() {
    let pool = pool("faults").retries(5).retry_timeouts(true);
    let outcomes = pool.build().unwrap().map_outcomes("load", [-1]).unwrap();
    assert_eq!(
        (kind(&outcomes[0]), outcomes[0].usage.attempts),
        (Some(FailureKind::Trap), 1)
    );
}

#[test]
fn a_halted_pool_finishes_what_runs_and_cancels_the_rest() {
    let pool = pool("spin").timeout(None).workers(1).build().unwrap();
    let (mut inputs, outcomes) = pool.stream("spin", Order::Input).unwrap();
    for turns in [LONG, 1, 1] {
        inputs.send(&[Value::S64(turns)]).unwrap();
    }
    inputs.flush();
    let (_, task) = busy_worker(&pool);
    assert_eq!(task.index, 0);
    pool.halt();
    inputs.send(&[Value::S64(1)]).unwrap();
    drop(inputs);
    let kinds: Vec<_> = outcomes.map(|(_, outcome)| kind(&outcome)).collect();
    let cancelled = Some(FailureKind::Cancelled);
    assert_eq!(kinds, [None, cancelled, cancelled, cancelled]);
}

#[test]
fn a_worker_says_what_it_is_at() {
    let pool = pool("spin").timeout(None).workers(1).build().unwrap();
    let (mut inputs, outcomes) = pool.stream("spin", Order::Input).unwrap();
    for turns in [1, 2, ENDLESS] {
        inputs.send(&[Value::S64(turns)]).unwrap();
    }
    inputs.flush();
    eventually("it is at the last of them", || {
        let (_, task) = busy_worker(&pool);
        (task.index == 2).then_some(())
    });
    let (_, task) = busy_worker(&pool);
    assert_eq!(
        (&*task.function, task.arguments),
        ("spin", vec![Value::S64(ENDLESS)])
    );
    assert!(task.running > Duration::ZERO);
    drop(outcomes);
}
