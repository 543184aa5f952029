//! Processes that do nothing at all where something is waited for.

use super::{failure_of, lying, outcomes};
use std::thread;
use wpool::FailureKind;

#[test]
fn a_template_and_workers_that_never_get_ready_are_given_up() {
    // Each is given ten to thirty seconds, several times; both at once.
    thread::scope(|scope| {
        for (lie, says) in [
            ("template hangs", "in time"),
            ("worker never ready", "in time"),
        ] {
            scope.spawn(move || {
                let pool = lying(lie).build().unwrap();
                for outcome in outcomes(&pool, lie) {
                    let (kind, message) = failure_of(&outcome).unwrap();
                    assert_eq!(kind, FailureKind::Init, "{lie}: {message}");
                    assert!(message.contains(says), "{lie}: {message}");
                }
            });
        }
    });
}
