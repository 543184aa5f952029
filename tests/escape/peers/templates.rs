//! Templates that lie.

use super::{assert_harmless, failure_of, lying, outcomes};
use crate::support::{Call, alone, nobody_is_left, refusing};
use std::fs;
use wpool::FailureKind;

/// No task runs, each is told why, and all at once: nobody waits for such a template.
#[track_caller]
fn fails(lie: &str, says: &str) {
    let lie = format!("template {lie}");
    let pool = lying(&lie).build().unwrap();
    for outcome in outcomes(&pool, &lie) {
        let (kind, message) = failure_of(&outcome).unwrap();
        assert_eq!(kind, FailureKind::Init, "{lie}: {message}");
        assert!(message.contains(says), "{lie}: {message}");
        assert_harmless(message);
    }
}

#[test]
fn bytes_that_are_no_message_end_it() {
    fails("garbage", "");
    fails("giant", "");
    fails("half", "");
    fails("calls", "");
    fails("exit", "ended");
}

#[test]
fn what_it_says_of_an_artifact_is_shown_short_and_escaped() {
    fails("panic", r"\u{1b}[2J");
    fails("long", "");
}

#[test]
fn messages_that_nobody_asked_for_end_it() {
    fails("loaded twice", "not asked");
    fails("reaped unasked", "not asked");
    fails("a flood", "not asked");
}

#[test]
fn a_template_that_cannot_fork_is_given_up() {
    fails("forks fail", "fork");
}

#[test]
fn a_template_that_offers_itself_as_a_worker_is_ended() {
    fails("itself", "not its template's child");
}

#[test]
fn a_template_that_offers_a_process_which_is_not_its_child_is_ended() {
    fails("a grandchild", "not its template's child");
}

#[test]
fn what_a_template_forked_in_secret_ends_with_it_without_a_pid_namespace_too() {
    let test = "peers::templates::what_a_template_forked_in_secret_ends_with_it_without_a_pid_namespace_too";
    alone(test, || {
        refusing(&[Call::Unshare], || {
            fails("a grandchild", "not its template's child")
        });
        nobody_is_left();
    });
}

#[test]
fn a_template_that_closes_its_workers_sockets_is_given_up() {
    fails("nobody", "");
}

#[test]
fn descriptors_that_a_template_sends_are_closed() {
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    for _ in 0..5 {
        fails("descriptors", "");
    }
    // Other tests open some meanwhile; what was sent would be 1,000 and more.
    assert!(open() < before + 500, "{} and {before}", open());
}
