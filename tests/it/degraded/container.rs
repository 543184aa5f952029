//! Containers as Docker starts them: reduced confinement, for root with few capabilities and for everybody else.

use super::{Machine, assert_reduced};
use crate::support::{Call, Ordinary, run};

#[test]
fn in_a_container_with_the_default_profile_everybody_gets_reduced_confinement() {
    for machine in Machine::of_everybody(&[Call::Container]) {
        let report = assert_reduced(
            &machine,
            "unshare was refused: Operation not permitted",
            "docker run --security-opt seccomp=FILE",
        );
        assert!(report["landlock_abi"].as_u64().unwrap() >= 1, "{report}");
    }
}

#[test]
fn root_that_cannot_become_another_user_is_confined_as_an_ordinary_user_is() {
    for (refused, why, advice) in [
        (
            &[Call::Capabilities][..],
            "writing \"0 0 1\" to /proc/self/uid_map was refused: Operation not permitted",
            "--cap-add SETFCAP",
        ),
        (
            &[Call::Container, Call::Capabilities],
            "unshare was refused: Operation not permitted",
            "docker run --security-opt seccomp=FILE",
        ),
    ] {
        if let Some(machine) = Machine::of_root(refused) {
            let report = assert_reduced(&machine, why, advice);
            assert_eq!(report["runs_as"], "supervisor");
        }
    }
}

#[test]
fn root_of_a_user_namespace_with_one_id_gets_full_confinement_as_an_ordinary_user_does() {
    let user = Ordinary::user();
    let unshare = || {
        let mut unshare = user.command("/usr/bin/unshare");
        unshare.args(["--user", "--map-root-user"]);
        unshare
    };
    let possible = run(unshare().arg("true"));
    if possible.code() != 0 {
        println!("NOT CHECKED: it takes user namespaces: {}", possible.stderr);
        return;
    }
    let program = user.wpool().get_program().to_owned();
    let ran = run(unshare().arg(program).args(["doctor", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let said = ["level", "runs_as", "error"].map(|name| &report[name]);
    assert_eq!(
        said,
        [
            &"full".into(),
            &"supervisor".into(),
            &serde_json::Value::Null
        ]
    );
    let worker = |name: &str| report["worker"][name].as_str().unwrap();
    assert_eq!(
        worker("Uid"),
        "0 0 0 0",
        "as itself, and without any privilege"
    );
    for capabilities in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(worker(capabilities), "0000000000000000", "{capabilities}");
    }
}
