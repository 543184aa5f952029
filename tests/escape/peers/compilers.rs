//! Compilers that lie, of facts and of artifacts.

use super::{assert_harmless, lying};
use std::time::Duration;
use wpool::{ErrorKind, FailureKind, Limits, Pool};

/// No pool comes to be, and the error says why.
#[track_caller]
fn refused(lie: &str, kind: ErrorKind, says: &str) {
    let error = lying(&format!("compiler {lie}")).build().unwrap_err();
    let message = error.to_string();
    assert_eq!(error.kind(), kind, "{lie}: {message}");
    assert!(message.contains(says), "{lie}: {message}");
    assert_harmless(&message);
}

#[test]
fn bytes_that_are_no_message_are_refused() {
    refused("garbage", ErrorKind::Compile, "");
    refused("giant", ErrorKind::Compile, "");
    refused("half", ErrorKind::Compile, "");
    refused("exit", ErrorKind::Compile, "");
    refused("facts without an artifact", ErrorKind::Compile, "");
    refused("a giant artifact", ErrorKind::Compile, "");
    refused("half an artifact", ErrorKind::Compile, "");
}

#[test]
fn a_flood_of_answers_is_one_answer() {
    refused("flood", ErrorKind::Compile, "memory");
}

#[test]
fn a_long_rejection_is_shown_short_and_escaped() {
    refused("long", ErrorKind::Module, "it is not valid");
}

#[test]
fn a_compiler_that_never_answers_meets_its_time_limit() {
    let limits = Limits {
        compile_timeout: Some(Duration::from_millis(300)),
        ..Limits::default()
    };
    let error = lying("compiler never").limits(limits).build().unwrap_err();
    assert!(error.to_string().contains("300ms"), "{error}");
}

#[test]
fn a_signature_is_held_against_its_limits_before_anything_is_allocated_for_it() {
    for lie in [
        "a billion nodes claimed",
        "a billion nodes nested",
        "a deep type",
        "a wide type",
    ] {
        refused(lie, ErrorKind::Module, "more than is accepted");
    }
    refused("names without end", ErrorKind::Compile, "malformed answer");
}

#[test]
fn needs_that_would_take_all_memory_are_refused() {
    refused(
        "absurd needs",
        ErrorKind::Module,
        "bytes of memory to start",
    );
}

/// The pool comes to be, and its tasks fail with `kind`: what is wrong is met in a confined process.
#[track_caller]
fn contained(lie: &str, kinds: &[FailureKind]) {
    let pool = lying(&format!("compiler {lie}")).build().unwrap();
    let outcomes = pool.map_outcomes("square", 0..20_i64).unwrap();
    assert_eq!(outcomes.len(), 20, "{lie}");
    for outcome in outcomes {
        let failure = outcome.result.unwrap_err();
        assert!(kinds.contains(&failure.kind()), "{lie}: {failure}");
        assert_harmless(failure.message());
    }
}

#[test]
fn bytes_that_are_no_artifact_are_met_in_the_template() {
    for lie in [
        "no artifact",
        "a random artifact",
        "half of the artifact",
        "an artifact of the other kind",
        "an artifact that imports",
    ] {
        contained(lie, &[FailureKind::Init]);
    }
}

#[test]
fn an_artifact_that_is_not_that_of_the_signature_fails_its_own_tasks_alone() {
    let met_in_a_worker = [
        FailureKind::Init,
        FailureKind::Trap,
        FailureKind::Protocol,
        FailureKind::WorkerDied,
    ];
    for lie in ["another artifact", "an artifact of other types"] {
        contained(lie, &met_in_a_worker);
    }
    contained(
        "an artifact that needs more",
        &[FailureKind::Init, FailureKind::Memory],
    );
}

#[test]
fn a_pool_beside_one_that_was_lied_to_is_not_disturbed() {
    let identity = r#"(module (func (export "id") (param i64) (result i64) local.get 0))"#;
    let honest = Pool::builder(identity.as_bytes())
        .worker_program(env!("CARGO_BIN_EXE_wpool-impostor"))
        .build()
        .unwrap();
    contained("a random artifact", &[FailureKind::Init]);
    assert_eq!(honest.map::<_, i64>("id", 0..100_i64).unwrap().len(), 100);
}
