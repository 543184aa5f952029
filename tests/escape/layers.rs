//! Each layer alone: it refuses what the table says, as the table says, and that is what it is there for.

use crate::impostor::User;
use crate::support::{Call, refusing};
use crate::table::Table;
use std::collections::BTreeMap;

const LAYERS: [&str; 8] = [
    "seccomp-worker",
    "seccomp-template",
    "seccomp-compiler",
    "namespaces",
    "landlock",
    "capabilities",
    "limits",
    "no-new-privileges",
];

/// Landlock's version from which it refuses what the table marks so: `EPERM@6`.
fn landlock_abi() -> u32 {
    wpool::Pool::builder(&b"(module)"[..])
        .worker_program(env!("CARGO_BIN_EXE_wpool-impostor"))
        .build()
        .unwrap()
        .confinement()
        .landlock_abi
        .unwrap_or(0)
}

/// How a layer alone refuses what goes through without it; `-` where it does not.
fn refusal<'a>(alone: &'a str, without: &str) -> &'a str {
    let refused_anyway = matches!(without, "EPERM" | "EACCES") && !is_death(alone);
    let goes_through = matches!(alone, "ok" | "ended") || alone == without;
    if refused_anyway || goes_through {
        "-"
    } else {
        alone
    }
}

fn is_death(answer: &str) -> bool {
    answer.starts_with("SIG") || answer.starts_with("signal")
}

/// Which attacks are refused otherwise than the table says, under each of `layers` alone.
fn wrong(user: User, layers: &[&str]) -> Vec<String> {
    let abi = landlock_abi();
    let table = Table::of(user.name());
    let without: BTreeMap<String, String> =
        user.impostor(&["alone", "nothing"]).into_iter().collect();
    let mut wrong = Vec::new();
    for layer in layers {
        for (attack, answer) in user.impostor(&["alone", layer]) {
            let (expected, from) = match table.cell(&attack, layer).split_once('@') {
                Some((expected, from)) => (expected, from.parse().unwrap()),
                None => (table.cell(&attack, layer), 0),
            };
            let expected = if *layer == "landlock" && abi < from {
                "-"
            } else {
                expected
            };
            let baseline = without[&attack].as_str();
            let found = refusal(&answer, baseline);
            // A machine may refuse by itself what is open elsewhere: io_uring, for example.
            let closed_anyway = expected != "-" && !matches!(baseline, "ok" | "ended");
            if found != expected && !(found == "-" && closed_anyway) {
                wrong.push(format!(
                    "{layer}: {attack}: {answer}, without it {baseline}"
                ));
            }
        }
    }
    wrong
}

#[test]
fn each_layer_alone_refuses_what_the_tables_say() {
    for user in User::all() {
        let wrong = wrong(user, &LAYERS);
        assert!(wrong.is_empty(), "{user:?}: {wrong:#?}");
    }
}

#[test]
fn an_old_landlock_alone_refuses_what_the_tables_say_of_it() {
    for abi in 1..=6 {
        for user in User::all() {
            let wrong = refusing(&[Call::LandlockAbi(abi)], || {
                assert_eq!(landlock_abi(), abi);
                wrong(user, &["landlock"])
            });
            assert!(wrong.is_empty(), "ABI {abi}, {user:?}: {wrong:#?}");
        }
    }
}
