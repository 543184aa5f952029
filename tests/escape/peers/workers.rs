//! Workers that lie.

use super::{UNLUCKY, assert_harmless, failure_of, lying, outcomes, value_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use wpool::{FailureKind, Isolation, Value};

/// Every task but the unlucky one is right, and that one ended like this.
#[track_caller]
fn ends(lie: &str, expected: FailureKind, says: &str) {
    ends_as_one_of(lie, &[expected], says);
}

#[track_caller]
fn ends_as_one_of(lie: &str, expected: &[FailureKind], says: &str) {
    let lie = format!("worker {lie}");
    let pool = lying(&lie).build().unwrap();
    for _ in 0..2 {
        let outcomes = outcomes(&pool, &lie);
        for (n, outcome) in outcomes.iter().enumerate() {
            if n == UNLUCKY {
                let Some((kind, message)) = failure_of(outcome) else {
                    panic!("{lie}: {outcome:?}")
                };
                assert!(expected.contains(&kind), "{lie}: {kind}: {message}");
                assert!(message.contains(says), "{lie}: {message}");
                assert_harmless(message);
            } else {
                assert_eq!(
                    value_of(outcome),
                    Some(&Value::S64(n as i64 + 1)),
                    "{lie}: {outcome:?}"
                );
            }
        }
    }
}

#[test]
fn bytes_that_are_no_message_are_a_violation() {
    ends("garbage", FailureKind::Protocol, "malformed");
    ends("an empty frame", FailureKind::Protocol, "malformed");
    ends("an unknown failure", FailureKind::Protocol, "");
    ends("a count without results", FailureKind::Protocol, "");
}

#[test]
fn a_frame_longer_than_any_result_is_a_violation_at_its_length() {
    ends("giant", FailureKind::Protocol, "too long");
}

#[test]
fn a_worker_that_ends_within_a_frame_has_died() {
    ends("half a frame", FailureKind::WorkerDied, "status 0");
    ends("exit", FailureKind::WorkerDied, "status 0");
}

#[test]
fn a_worker_that_does_not_go_on_meets_its_deadline() {
    ends("never", FailureKind::Timeout, "3s");
    ends("half a frame, then nothing", FailureKind::Timeout, "3s");
}

#[test]
fn answers_for_tasks_that_it_was_not_given_are_a_violation() {
    ends("unasked", FailureKind::Protocol, "");
    ends("backwards", FailureKind::Protocol, "");
    ends("more than there are", FailureKind::Protocol, "");
}

#[test]
fn a_batch_that_ends_before_all_its_tasks_is_a_violation_unless_they_were_recalled() {
    // Recalled ones run elsewhere; here that is another liar, who then does nothing.
    let either = [FailureKind::Protocol, FailureKind::Timeout];
    ends_as_one_of("done early", &either, "was killed");
}

#[test]
fn a_worker_that_stops_reading_holds_back_nothing_but_its_task() {
    let lie = "worker never";
    let pool = lying(lie).build().unwrap();
    let outcomes = pool.map_outcomes(&format!("lie {lie}"), 0..100_000_i64);
    let failed = outcomes
        .unwrap()
        .into_iter()
        .enumerate()
        .filter_map(|(n, outcome)| {
            (value_of(&outcome) != Some(&Value::S64(n as i64 + 1))).then_some((n, outcome))
        });
    let failed: Vec<_> = failed.collect();
    let [(UNLUCKY, outcome)] = &failed[..] else {
        panic!("{failed:?}")
    };
    assert_eq!(failure_of(outcome).unwrap().0, FailureKind::Timeout);
}

#[test]
fn a_value_that_is_not_of_the_functions_type_is_a_violation() {
    ends("another type", FailureKind::Protocol, "");
    ends("another type, long", FailureKind::Protocol, "");
    ends("a value and more", FailureKind::Protocol, "");
}

#[test]
fn a_call_of_the_host_that_no_honest_task_could_make_is_a_violation() {
    ends("calls another function", FailureKind::Protocol, "not given");
    ends(
        "calls without arguments",
        FailureKind::Protocol,
        "not of its types",
    );
    ends(
        "calls with other arguments",
        FailureKind::Protocol,
        "not of its types",
    );
    ends(
        "calls twice at once",
        FailureKind::Protocol,
        "another one is open",
    );
    ends(
        "calls and answers",
        FailureKind::Protocol,
        "while a host call is open",
    );
}

#[test]
fn a_second_greeting_and_a_second_panic_are_violations() {
    ends("greets again", FailureKind::Protocol, "greeting");
    ends("panics twice", FailureKind::Protocol, "panic");
}

#[test]
fn a_long_message_is_shown_short_and_escaped() {
    ends("a long message", FailureKind::Trap, r"\u{1b}[2J");
}

#[test]
fn a_flood_of_frames_with_nothing_in_them_ends() {
    ends(
        "a flood of nothing",
        FailureKind::Protocol,
        "neither results",
    );
}

#[test]
fn a_result_that_is_sent_twice_counts_once() {
    let lie = "worker twice";
    let pool = lying(lie).build().unwrap();
    for (n, outcome) in outcomes(&pool, lie).iter().enumerate() {
        match failure_of(outcome) {
            // The second copy was taken for the answer of the next task, or of none.
            Some((kind, _)) => assert_eq!((n > UNLUCKY, kind), (true, FailureKind::Protocol)),
            None if n > UNLUCKY => assert!(value_of(outcome).is_some()),
            None => assert_eq!(value_of(outcome), Some(&Value::S64(n as i64 + 1))),
        }
    }
}

#[test]
fn absurd_claims_about_cost_and_a_page_that_lies_change_no_outcome() {
    for lie in ["worker absurd cost", "worker the page"] {
        let pool = lying(lie).build().unwrap();
        for (n, outcome) in outcomes(&pool, lie).iter().enumerate() {
            assert_eq!(
                value_of(outcome),
                Some(&Value::S64(n as i64 + 1)),
                "{lie}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_task_that_called_the_application_is_not_run_again_whatever_the_page_says() {
    let lie = "worker calls, then has not begun";
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    // All in one batch, so that the frame that it waits for is the answer.
    let pool = lying(lie)
        .workers(1)
        .chunk_size(100)
        .host_function("env", "ask", move |n: i64| {
            counted.fetch_add(1, Ordering::Relaxed);
            n
        })
        .build()
        .unwrap();
    for (n, outcome) in outcomes(&pool, lie).iter().enumerate() {
        match failure_of(outcome) {
            Some((kind, _)) => assert_eq!((n, kind), (UNLUCKY, FailureKind::Timeout)),
            None => assert_eq!(value_of(outcome), Some(&Value::S64(n as i64 + 1))),
        }
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn values_deep_or_wide_are_refused_by_their_claims() {
    for lie in ["worker deep", "worker wide", "worker text"] {
        let pool = lying(lie).build().unwrap();
        let unlucky = [UNLUCKY as i64];
        let outcomes = pool.map_outcomes(&format!("lie {lie}"), unlucky).unwrap();
        let [outcome] = &outcomes[..] else {
            panic!("{outcomes:?}")
        };
        let (kind, message) = failure_of(outcome).unwrap();
        assert_eq!(kind, FailureKind::Protocol, "{lie}: {message}");
    }
}

#[test]
fn workers_that_end_before_they_are_ready_fail_the_tasks_and_say_so() {
    for (lie, says) in [
        ("worker exits before it is ready", "before it was ready"),
        ("worker garbage before it is ready", "malformed"),
    ] {
        let pool = lying(lie).build().unwrap();
        for outcome in outcomes(&pool, lie) {
            let (kind, message) = failure_of(&outcome).unwrap();
            assert_eq!(kind, FailureKind::Init, "{lie}: {message}");
            assert!(message.contains(says), "{lie}: {message}");
        }
    }
}

#[test]
fn nothing_is_believed_of_a_worker_that_did_not_greet() {
    for lie in [
        "worker answers before it is ready",
        "worker answers at length before it is ready",
        "worker calls before it is ready",
    ] {
        for isolation in [Isolation::Process, Isolation::Instance] {
            let pool = lying(lie).isolation(isolation).build().unwrap();
            for outcome in outcomes(&pool, lie) {
                let (kind, message) = failure_of(&outcome).unwrap();
                let kinds = [FailureKind::Init, FailureKind::Protocol];
                assert!(kinds.contains(&kind), "{lie}: {kind}");
                assert!(message.contains("before it greeted"), "{lie}: {message}");
                assert_eq!(outcome.usage.host_calls, 0, "{lie}");
            }
        }
    }
}

#[test]
fn a_worker_that_greets_twice_before_any_task_fails_the_tasks_and_says_so() {
    let lie = "worker ready twice";
    let pool = lying(lie).build().unwrap();
    for outcome in outcomes(&pool, lie) {
        assert!(failure_of(&outcome).is_some(), "{outcome:?}");
    }
}
