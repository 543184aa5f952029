//! Programs that lie before they are confined.

use super::{assert_harmless, impostor};
use std::fs;
use std::os::unix::fs::symlink;
use wpool::{ErrorKind, Pool};

/// No pool comes to be with a program that greets like this.
#[track_caller]
fn refused(lie: &str) -> String {
    let directory =
        tempfile::tempdir_in(std::path::Path::new(impostor()).parent().unwrap()).unwrap();
    let program = directory.path().join(format!("hello-{lie}"));
    fs::hard_link(impostor(), &program).unwrap();
    let error = Pool::builder(&b"(module)"[..])
        .worker_program(&program)
        .build()
        .unwrap_err();
    let kinds = [ErrorKind::WorkerProgram, ErrorKind::System];
    assert!(kinds.contains(&error.kind()), "{lie}: {error:?}");
    assert_harmless(&error.to_string());
    error.to_string()
}

#[test]
fn a_program_that_does_not_greet_as_a_worker_program_is_none() {
    for lie in ["garbage", "giant", "half", "exit"] {
        let message = refused(lie);
        assert!(message.contains(&format!("hello-{lie}")), "{message}");
    }
}

#[test]
fn another_version_is_named() {
    assert!(refused("version").contains("wpool 0"));
}

#[test]
fn a_panic_and_a_second_greeting_are_told() {
    refused("panic");
    refused("twice");
}

#[test]
fn a_program_that_claims_less_confinement_than_is_enough_is_refused() {
    let directory =
        tempfile::tempdir_in(std::path::Path::new(impostor()).parent().unwrap()).unwrap();
    let program = directory.path().join("hello-unconfined");
    fs::hard_link(impostor(), &program).unwrap();
    let error = Pool::builder(&b"(module)"[..])
        .worker_program(&program)
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Confinement, "{error}");
    assert!(error.to_string().contains("landlock: "), "{error}");
    assert_harmless(&error.to_string());
}

#[test]
fn a_program_that_says_nothing_is_given_up() {
    refused("silent");
}

#[test]
fn a_program_is_opened_once_by_the_path_that_was_named() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    symlink(impostor(), &program).unwrap();
    let identity = r#"(module (func (export "id") (param i64) (result i64) local.get 0))"#;
    let pool = Pool::builder(identity.as_bytes())
        .worker_program(&program)
        .build()
        .unwrap();
    fs::remove_file(&program).unwrap();
    // Its workers start from the descriptor, and so would another template.
    assert_eq!(pool.apply::<i64>("id", (7_i64,)).unwrap(), 7);
}
