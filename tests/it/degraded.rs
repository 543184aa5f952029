//! Machines that refuse part of the confinement: full, reduced with a warning, or refused. `wpool doctor` agrees.

use crate::support::{
    Call, Ordinary, Process, Ran, Running, eventually, guest, is_root, refusing, run, workers_of,
    wpool,
};
use serde_json::Value;
use std::process::Command;

const NAMESPACES: [&str; 7] = [
    "user-namespace",
    "mount-namespace",
    "pid-namespace",
    "network-namespace",
    "ipc-namespace",
    "uts-namespace",
    "cgroup-namespace",
];

/// `wpool doctor --json`, checked for what holds on every machine.
fn doctor(mut wpool: Command) -> (Value, i32) {
    let ran = run(wpool.args(["doctor", "--json"]));
    assert_eq!(ran.stderr, "");
    (serde_json::from_str(&ran.stdout).unwrap(), ran.code())
}

fn missing(report: &Value) -> Vec<&str> {
    let layers = report["layers"].as_array().unwrap().iter();
    layers
        .filter(|layer| layer["in_force"] == false)
        .map(|layer| layer["layer"].as_str().unwrap())
        .collect()
}

fn squares(mut wpool: Command, options: &[&str], user: &Ordinary) -> Ran {
    run(wpool
        .arg("map")
        .args(options)
        .arg(user.guest("square"))
        .args(["1", "2", "3"]))
}

/// Checks that a worker is what the doctor says of it.
fn check_a_worker(mut wpool: Command, user: &Ordinary, report: &Value) {
    let mut command = wpool.args(["map", "-j", "1", "--timeout", "none"]);
    command = command.arg(user.guest("spin")).arg("-1");
    let running = Running::start(command);
    let worker: Process = eventually("a worker computes", || {
        workers_of(&running.process)
            .into_iter()
            .find(|worker| worker.cpu_ticks() > 1)
    });
    assert_eq!(worker.status("Seccomp").unwrap(), "2");
    assert_eq!(worker.status("NoNewPrivs").unwrap(), "1");
    assert_eq!(worker.status("CapEff").unwrap(), "0000000000000000");
    let own_pid_namespace = worker.status("NSpid").unwrap().contains(' ');
    assert_eq!(
        own_pid_namespace,
        !missing(report).contains(&"pid-namespace")
    );
    for field in ["Seccomp", "NoNewPrivs", "CapEff", "CapBnd", "Uid"] {
        assert_eq!(
            report["worker"][field].as_str().unwrap(),
            worker.status(field).unwrap(),
            "{field}"
        );
    }
    assert!(worker.status("Uid").unwrap().split(' ').all(|id| id != "0"));
}

/// The one warning of a command that runs with reduced confinement.
#[track_caller]
fn assert_reduced_with_one_warning(user: &Ordinary, wpool: impl Fn() -> Command) {
    let ran = squares(wpool(), &[], user);
    assert_eq!(ran.results(), ["1", "4", "9"]);
    let [warning] = ran.warnings()[..] else {
        panic!("{ran:?}")
    };
    assert!(warning.contains("reduced confinement"), "{warning}");
    for namespace in NAMESPACES {
        assert!(warning.contains(namespace), "{warning}");
    }
    assert!(warning.contains("to get them, "), "{warning}");

    let required = squares(wpool(), &["--require-full"], user);
    assert_eq!((required.code(), required.stdout.as_str()), (3, ""));
    let [complaint] = required.complaints()[..] else {
        panic!("{required:?}")
    };
    assert!(
        complaint.contains("full confinement is required") && complaint.contains("pid-namespace"),
        "{complaint}"
    );

    let (report, code) = doctor(wpool());
    assert_eq!((report["level"].as_str().unwrap(), code), ("reduced", 0));
    assert_eq!(missing(&report), NAMESPACES);
    for layer in report["layers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|layer| layer["in_force"] == false)
    {
        assert!(
            layer["detail"].is_string() && layer["advice"].is_string(),
            "{layer}"
        );
    }
    assert!(report["landlock_abi"].as_u64().unwrap() >= 1);
    check_a_worker(wpool(), user, &report);
}

#[test]
fn without_namespaces_an_ordinary_user_gets_reduced_confinement_and_one_warning() {
    let user = Ordinary::user();
    refusing(&[Call::Unshare], || {
        assert_reduced_with_one_warning(&user, || user.wpool())
    });
}

#[test]
fn namespaces_in_which_nothing_can_be_mounted_are_not_used() {
    let user = Ordinary::user();
    refusing(&[Call::Mount], || {
        assert_reduced_with_one_warning(&user, || user.wpool())
    });
}

#[test]
fn without_namespaces_whoever_runs_the_tests_gets_reduced_confinement_too() {
    let user = Ordinary::user();
    refusing(&[Call::Unshare], || {
        assert_reduced_with_one_warning(&user, wpool)
    });
}

#[test]
fn without_user_namespaces_an_ordinary_user_gets_reduced_confinement() {
    let user = Ordinary::user();
    refusing(&[Call::UnshareUser], || {
        assert_reduced_with_one_warning(&user, || user.wpool())
    });
}

#[test]
fn root_without_user_namespaces_has_the_others_and_no_warning() {
    let user = Ordinary::user();
    refusing(&[Call::UnshareUser], || {
        if !is_root() {
            // Only root can do without.
            return assert_reduced_with_one_warning(&user, wpool);
        }
        let ran = squares(wpool(), &["--require-full"], &user);
        assert_eq!(
            (ran.results(), ran.stderr.as_str()),
            (vec!["1", "4", "9"], "")
        );
        let (report, code) = doctor(wpool());
        assert_eq!((report["level"].as_str().unwrap(), code), ("full", 0));
        assert_eq!(missing(&report), ["user-namespace"]);
        check_a_worker(wpool(), &user, &report);
    });
}

#[test]
fn without_namespaces_and_landlock_nothing_is_run() {
    let user = Ordinary::user();
    refusing(&[Call::Unshare, Call::Landlock], || {
        for typed in [user.wpool(), wpool()] {
            let ran = squares(typed, &[], &user);
            assert_eq!((ran.code(), ran.stdout.as_str()), (3, ""));
            let [complaint] = ran.complaints()[..] else {
                panic!("{ran:?}")
            };
            assert!(
                complaint.contains("landlock") && complaint.contains("namespace"),
                "{complaint}"
            );
        }
        let (report, code) = doctor(user.wpool());
        assert_eq!((report["level"].as_str().unwrap(), code), ("refused", 3));
        assert!(
            report["error"].as_str().unwrap().contains("landlock"),
            "{report}"
        );
        let text = run(user.wpool().arg("doctor"));
        assert_eq!(text.code(), 3);
        assert!(
            text.stdout.contains("refused") && text.stdout.contains("landlock"),
            "{text:?}"
        );
    });
}

#[test]
fn without_landlock_alone_the_confinement_is_full() {
    let user = Ordinary::user();
    refusing(&[Call::Landlock], || {
        let ran = squares(user.wpool(), &["--require-full"], &user);
        assert_eq!(
            (ran.results(), ran.stderr.as_str()),
            (vec!["1", "4", "9"], "")
        );
        let (report, code) = doctor(user.wpool());
        assert_eq!((report["level"].as_str().unwrap(), code), ("full", 0));
        assert_eq!(missing(&report), ["landlock"]);
        assert_eq!(report["landlock_abi"], Value::Null);
        let layers = report["layers"].as_array().unwrap();
        let landlock = layers
            .iter()
            .find(|layer| layer["layer"] == "landlock")
            .unwrap();
        assert!(
            landlock["advice"].as_str().unwrap().contains("5.13"),
            "{landlock}"
        );
        check_a_worker(user.wpool(), &user, &report);
    });
}

#[test]
fn a_machine_that_refuses_nothing_is_full() {
    let user = Ordinary::user();
    for typed in [wpool as fn() -> Command, || Ordinary::user().wpool()]
        .iter()
        .take(1)
    {
        let (report, code) = doctor(typed());
        assert_eq!((report["level"].as_str().unwrap(), code), ("full", 0));
        assert_eq!(missing(&report), [""; 0]);
        check_a_worker(typed(), &user, &report);
    }
    let (report, code) = doctor(user.wpool());
    assert_eq!((report["level"].as_str().unwrap(), code), ("full", 0));
    check_a_worker(user.wpool(), &user, &report);
}

#[test]
fn the_doctor_prints_each_layer_with_its_state_and_how_to_get_it() {
    let text = run(wpool().arg("doctor"));
    let lines = text.results();
    assert_eq!(lines[0], "confinement: full");
    let in_force = |layer: &str| {
        lines
            .iter()
            .any(|line| line.trim().starts_with(layer) && line.contains("in force"))
    };
    for layer in NAMESPACES.iter().chain(&[
        "seccomp",
        "no-new-privileges",
        "capabilities",
        "resource-limits",
        "landlock",
    ]) {
        assert!(in_force(layer), "{layer}: {text:?}");
    }
    assert!(
        text.stdout.contains("Seccomp 2") && text.stdout.contains("NoNewPrivs 1"),
        "{text:?}"
    );

    let user = Ordinary::user();
    let text = refusing(&[Call::Unshare], || run(user.wpool().arg("doctor")));
    let lines = text.results();
    assert_eq!(lines[0], "confinement: reduced");
    let missing = lines.iter().filter(|line| line.contains("missing"));
    assert_eq!(missing.count(), NAMESPACES.len());
    assert!(text.stdout.contains("to get it: "), "{text:?}");
}

#[test]
fn failures_under_reduced_confinement_are_the_same_as_under_full() {
    let user = Ordinary::user();
    let ran = refusing(&[Call::Unshare], || {
        run(user
            .wpool()
            .args(["map", "--timeout", "700ms"])
            .arg(user.guest("spin"))
            .args(["-1", "2"]))
    });
    assert_eq!((ran.code(), ran.lines()), (1, vec!["2"]));
    let [line] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(line.starts_with("wpool: task 1 (-1): timeout: "), "{line}");
    assert_eq!(guest("spin").file_name(), user.guest("spin").file_name());
}
