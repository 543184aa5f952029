//! Workers that lie.

use super::super::{Death, TaskId, Violation, WorkerId};
use super::harness::*;

#[test]
fn a_lying_page_blames_no_task_of_another_worker_and_loses_none() {
    for (page, blamed) in [
        (0, 0),
        (1, 0),
        (2, 0),
        (3, 1),
        (5, 3),
        (6, 3),
        (u32::MAX, 3),
    ] {
        let mut env = Env::warm(2, 2, us(10));
        env.tasks(0..8);
        env.then(&["send w0 @1: 0-3", "send w1 @1: 4-5"]);
        env.died(0, page, CRASHED);
        env.then(&[
            &format!("fail {blamed} x1 Died(Signal(11))"),
            "start w2 of p0",
        ]);
        assert_eq!(env.scheduler.unfinished(), 7);
        env.finish(1, 1..3, true, 4..6);
        env.take();
    }
}

#[test]
fn a_task_that_kills_its_workers_and_lies_takes_at_most_one_other_with_it() {
    // Task 2 is the one. Whatever the first lie is, it is then alone, and no lie helps.
    for first in [0, 1, 2, 3, 4, 5, u32::MAX] {
        for then in [0, 1, u32::MAX] {
            for signal in [KILLED, CRASHED] {
                let mut env = Env::warm(1, 1, us(10));
                env.tasks(0..5);
                env.then(&["send w0 @1: 0-4"]);
                env.died(0, first, signal);
                let mut failed: Vec<_> = env.take();
                for worker in 1..60 {
                    failed.retain(|line| line.starts_with("fail"));
                    env.scheduler.worker_ready(env.now, WorkerId(worker));
                    for seq in 0.. {
                        let sent = env.take();
                        let Some(sent) = sent.first() else { break };
                        if sent.ends_with(": 2") {
                            env.died(worker, then, signal);
                            failed.extend(env.take());
                            break;
                        }
                        env.results(worker, seq..seq + 1, true).unwrap();
                    }
                }
                failed.retain(|line| line.starts_with("fail"));
                assert_eq!(env.scheduler.unfinished(), 0);
                assert!(failed.len() <= 2, "{first} {then} {signal:?}: {failed:?}");
                assert!(
                    failed.iter().any(|line| line.starts_with("fail 2 ")),
                    "{failed:?}"
                );
            }
        }
    }
}

#[test]
fn a_lie_at_a_recall_concerns_only_the_worker_that_lies() {
    for (page, kept) in [(0, 0), (1, 0), (2, 1), (5, 4), (u32::MAX, 4)] {
        let mut env = Env::warm(2, 1, us(10));
        env.tasks(0..4);
        env.then(&["send w0 @1: 0-3"]);
        env.pass(ms(2));
        env.timer();
        env.then(&["recall w0"]);
        env.recalled(0, page);
        env.take();
        assert_eq!(env.scheduler.workers[&WorkerId(0)].outstanding.len(), kept);
        assert_eq!(env.scheduler.unfinished(), 4);
    }
}

#[test]
fn what_a_worker_answers_is_held_against_what_it_was_sent() {
    let cases: [(u32, u32, bool, &str); 8] = [
        (1, 4, true, "more results than tasks"),
        (1, u32::MAX, true, "more results than tasks"),
        (0, 1, false, "results out of order"),
        (2, 1, false, "results out of order"),
        (u32::MAX, 1, false, "results out of order"),
        (1, 0, false, "neither results nor the end of a batch"),
        (1, 2, true, "the end of the last batch before all its tasks"),
        (1, 0, true, "the end of the last batch before all its tasks"),
    ];
    for (first, count, done, violation) in cases {
        let mut env = Env::warm(2, 1, us(10));
        env.tasks(0..3);
        env.then(&["send w0 @1: 0-2"]);
        let answer = env
            .scheduler
            .results(env.now, WorkerId(0), first, count, done);
        assert_eq!(answer, Err(Violation(violation)));
        env.then(&[]);
        assert_eq!(
            env.scheduler.unfinished(),
            3,
            "nothing was taken for finished"
        );
        env.died(0, 1, Death::Violation(violation));
        env.then(&[
            &format!("fail 0 x1 Died(Violation({violation:?}))"),
            "start w1 of p0",
            "start w2 of p0",
        ]);
    }
}

#[test]
fn what_nobody_asked_for_is_a_violation() {
    let mut env = Env::new(2);
    assert_eq!(
        env.results(7, 0..0, true),
        Err(Violation("results from an unknown worker"))
    );
    env.tasks(0..1);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0"]);
    assert_eq!(
        env.results(0, 0..1, true),
        Err(Violation("results before it was ready"))
    );
    env.ready(0);
    env.then(&["start w1 of p0"]);
    env.died(0, 0, Death::Violation("results before it was ready"));
    env.then(&[]);
    env.ready(1);
    env.then(&["send w1 @0: 0"]);
    env.finish(1, 0..1, true, [0]);
    assert_eq!(
        env.results(1, 1..1, true),
        Err(Violation("the end of a batch that was not sent"))
    );
}

#[test]
fn a_worker_that_violated_gets_no_task_that_its_death_could_be_blamed_on() {
    let mut env = Env::warm(1, 1, us(10));
    assert_eq!(
        env.results(0, 1..2, true),
        Err(Violation("more results than tasks"))
    );
    env.tasks(0..2);
    env.then(&[]);
    env.died(0, u32::MAX, Death::Violation("more results than tasks"));
    env.then(&["start w1 of p0"]);
    env.ready(1);
    env.then(&["send w1 @0: 0-1"]);
}

#[test]
fn a_result_that_was_lost_is_not_taken_from_the_dead() {
    let mut env = Env::warm(1, 1, us(10));
    env.tasks(0..1);
    env.then(&["send w0 @1: 0"]);
    env.died(0, 1, KILLED);
    env.then(&["start w1 of p0"]);
    assert_eq!(
        env.results(0, 1..2, true),
        Err(Violation("results from an unknown worker"))
    );
    env.ready(1);
    env.then(&["send w1 @0: 0"]);
    assert_eq!(env.results(1, 0..1, true).unwrap()[0].task, TaskId(0));
}
