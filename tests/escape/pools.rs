//! With all layers that a machine has: every attack from a worker, a template and a compiler ends in death or refusal.

use crate::impostor::User;
use crate::support::{Call, refusing};
use crate::table::Table;
use rustix::io::Errno;
use std::collections::BTreeSet;
use wpool::Level::{self, Full, Reduced};

/// Holds what happens in all places against the table of the user.
#[track_caller]
fn assert_refused(user: User) {
    for place in ["worker", "template", "compiler"] {
        assert_refused_from(user, place, &[]);
    }
}

/// The same for one place, where `terms` say what workers run tasks under.
#[track_caller]
fn assert_refused_from(user: User, place: &str, terms: &[&str]) {
    let table = Table::of(user.name());
    let answers = user.impostor(&[&["pool", place], terms].concat());
    let tried: BTreeSet<&str> = answers.iter().map(|(attack, _)| attack.as_str()).collect();
    assert_eq!(tried, table.attacks().collect(), "{place}");
    let wrong: Vec<String> = answers
        .iter()
        .filter(|(attack, answer)| {
            let mut refusals = table.cell(attack, place).split('/');
            !refusals.any(|refusal| refusal == answer)
        })
        .map(|(attack, answer)| format!("{place}: {attack}: {answer}"))
        .collect();
    assert!(wrong.is_empty(), "{user:?}: {wrong:#?}");
}

#[test]
fn the_tables_allow_nothing_but_that_a_template_forks() {
    for user in ["root", "user"] {
        let table = Table::of(user);
        for attack in table.attacks() {
            for place in ["worker", "template", "compiler"] {
                let cell = table.cell(attack, place);
                if (attack, place) == ("fork", "template") {
                    assert_eq!(cell, "ok");
                } else {
                    let refusals = ["SIGSYS", "EACCES", "EPERM", "ENOMEM", "EINVAL"];
                    let refused = cell.split('/').all(|answer| refusals.contains(&answer));
                    assert!(refused, "{attack} from a {place}: {cell}");
                }
            }
        }
    }
}

/// Holds it for root and for an ordinary user, each with that much of the confinement.
#[track_caller]
fn assert_refused_everywhere(lacking: &[Call], root: Level, ordinary: Level) {
    for user in User::all() {
        let level = match user {
            User::Root => root,
            User::Ordinary => ordinary,
        };
        refusing(lacking, || {
            let (_, achieved) = &user.impostor(&["pool", "level"])[0];
            assert_eq!(*achieved, format!("{level:?}"), "{lacking:?} {user:?}");
            assert_refused(user);
        });
    }
}

#[test]
fn every_attack_is_refused_whatever_tasks_share_and_with_functions_of_the_application() {
    for lacking in [&[][..], &[Call::Unshare]] {
        for user in User::all() {
            refusing(lacking, || {
                for terms in ["process", "kept", "host", "wasi"] {
                    assert_refused_from(user, "worker", &[terms]);
                }
                assert_refused_from(user, "template", &["prepared"]);
            });
        }
    }
}

#[test]
fn every_attack_is_refused_with_full_confinement() {
    assert_refused_everywhere(&[], Full, Full);
}

#[test]
fn every_attack_is_refused_with_reduced_confinement() {
    assert_refused_everywhere(&[Call::Unshare], Reduced, Reduced);
}

#[test]
fn every_attack_is_refused_with_reduced_confinement_and_the_oldest_landlock() {
    assert_refused_everywhere(&[Call::LandlockAbi(1), Call::Unshare], Reduced, Reduced);
}

#[test]
fn every_attack_is_refused_where_nothing_can_be_mounted() {
    assert_refused_everywhere(&[Call::Mount], Reduced, Reduced);
}

#[test]
fn every_attack_is_refused_where_the_root_cannot_be_emptied() {
    assert_refused_everywhere(&[Call::PivotRoot], Reduced, Reduced);
}

#[test]
fn every_attack_is_refused_where_one_kind_of_namespace_is_used_up() {
    assert_refused_everywhere(&[Call::UnshareNetwork], Reduced, Reduced);
}

#[test]
fn every_attack_is_refused_where_no_id_can_be_mapped() {
    assert_refused_everywhere(&[Call::UidMap], Full, Reduced);
}

#[test]
fn every_attack_is_refused_in_a_container_with_the_default_profile() {
    assert_refused_everywhere(&[Call::Container], Reduced, Reduced);
}

#[test]
fn every_attack_is_refused_without_user_namespaces() {
    assert_refused_everywhere(&[Call::UnshareUser(Errno::NOSPC)], Full, Reduced);
}

#[test]
fn every_attack_is_refused_without_landlock() {
    assert_refused_everywhere(&[Call::Landlock(Errno::NOSYS)], Full, Full);
}
