//! With all layers that a machine has: every attack from a worker, a template and a compiler ends in death or refusal.

use crate::impostor::User;
use crate::support::{Call, refusing};
use crate::table::Table;
use rustix::io::Errno;
use std::collections::BTreeSet;

/// Holds what happens in all places against the table of the user.
#[track_caller]
fn assert_refused(user: User) {
    let table = Table::of(user.name());
    for place in ["worker", "template", "compiler"] {
        let answers = user.impostor(&["pool", place]);
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

#[test]
fn every_attack_is_refused_with_full_confinement() {
    User::all().into_iter().for_each(assert_refused);
}

#[test]
fn every_attack_is_refused_with_reduced_confinement() {
    for user in User::all() {
        refusing(&[Call::Unshare], || assert_refused(user));
    }
}

#[test]
fn every_attack_is_refused_without_user_namespaces() {
    for user in User::all() {
        refusing(&[Call::UnshareUser(Errno::NOSPC)], || assert_refused(user));
    }
}

#[test]
fn every_attack_is_refused_without_landlock() {
    for user in User::all() {
        refusing(&[Call::Landlock(Errno::NOSYS)], || assert_refused(user));
    }
}
