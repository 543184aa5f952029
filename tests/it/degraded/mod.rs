//! Machines that refuse part of the confinement: full, reduced with a warning, or refused, and each time `wpool doctor` agrees
//! with what the kernel shows.

mod agreement;
mod container;
mod doctor;
mod full;
mod landlock;
mod never;
mod reduced;

use crate::support::{
    Call, Ordinary, Process, Ran, Running, eventually, is_root, refusing, run, wat, workers_of,
    wpool,
};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
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

/// Without memory, as the module that the doctor runs, so that their workers have the same limits.
const ENDLESS: &str = r#"(module (func (export "f") (param i32) (loop (br 0))))"#;

/// A machine that refuses some calls, and somebody at its terminal.
struct Machine {
    refused: Vec<Call>,
    user: Ordinary,
    is_root: bool,
}

impl Machine {
    /// Where an ordinary user types.
    fn of_a_user(refused: &[Call]) -> Machine {
        crate::support::assert_processes_show();
        Machine {
            refused: refused.to_vec(),
            user: Ordinary::user(),
            is_root: false,
        }
    }

    /// Where root types, if root runs the tests.
    fn of_root(refused: &[Call]) -> Option<Machine> {
        let machine = Machine::of_a_user(refused);
        is_root().then_some(Machine {
            is_root: true,
            ..machine
        })
    }

    /// Where one and then the other types.
    fn of_everybody(refused: &[Call]) -> Vec<Machine> {
        let root = Machine::of_root(refused);
        root.into_iter()
            .chain([Machine::of_a_user(refused)])
            .collect()
    }

    /// Whether processes are other users than whoever types.
    fn changes_user(&self) -> bool {
        self.is_root && !self.refused.contains(&Call::Capabilities)
    }

    fn wpool(&self) -> Command {
        if self.is_root {
            wpool()
        } else {
            self.user.wpool()
        }
    }

    /// Runs a command there. This thread stays outside, so that it can look at everything.
    fn run(&self, command: &mut Command) -> Ran {
        refusing(&self.refused, || run(command))
    }

    fn squares(&self, options: &[&str]) -> Ran {
        let square = self.user.guest("square");
        let mut command = self.wpool();
        self.run(
            command
                .arg("map")
                .args(options)
                .arg(square)
                .args(["1", "2", "3"]),
        )
    }

    /// A command there with a worker that computes until it is dropped.
    fn worker(&self) -> (Running, Process) {
        let endless = wat(ENDLESS);
        let directory = endless.path().parent().unwrap();
        fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
        let mut command = self.wpool();
        command
            .args(["map", "-j", "1", "--timeout", "none"])
            .arg(&endless)
            .arg("1");
        let running = refusing(&self.refused, || Running::start(&mut command));
        let worker = eventually("a worker computes", || {
            workers_of(&running.process)
                .into_iter()
                .find(|worker| worker.cpu_ticks() > 1)
        });
        (running, worker)
    }

    /// What the doctor says, with its exit code.
    fn doctor(&self) -> (Value, i32) {
        let ran = self.run(self.wpool().args(["doctor", "--json"]));
        assert_eq!(ran.stderr, "", "{:?}", self.refused);
        (serde_json::from_str(&ran.stdout).unwrap(), ran.code())
    }
}

fn layer<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut layers = report["layers"].as_array().unwrap().iter();
    layers.find(|layer| layer["layer"] == name).unwrap()
}

fn missing(report: &Value) -> Vec<&str> {
    let layers = report["layers"].as_array().unwrap().iter();
    layers
        .filter(|layer| layer["in_force"] == false)
        .map(|layer| layer["layer"].as_str().unwrap())
        .collect()
}

/// Each layer that is not in force says why, and what to do about it.
#[track_caller]
fn assert_explained(report: &Value, advice: &str) {
    for name in missing(report) {
        let layer = layer(report, name);
        assert!(layer["detail"].is_string(), "{layer}");
        let given = layer["advice"].as_str().unwrap();
        assert!(given.contains(advice), "{layer}");
    }
}

/// Full confinement without a word, but for the layers that are `left_out`, for which `advice` is given.
#[track_caller]
fn assert_full(machine: &Machine, left_out: &[&str], advice: &str) -> Value {
    let ran = machine.squares(&["--require-full"]);
    assert_eq!(
        (ran.results(), ran.stderr.as_str()),
        (vec!["1", "4", "9"], ""),
        "{:?}",
        machine.refused
    );
    let (report, code) = machine.doctor();
    assert_eq!((report["level"].as_str().unwrap(), code), ("full", 0));
    assert_eq!(missing(&report), left_out, "{:?}", machine.refused);
    assert_explained(&report, advice);
    agreement::assert_agrees(machine, &report);
    report
}

/// Reduced confinement with one warning that says what is missing, why and what to do; refused where full is required.
#[track_caller]
fn assert_reduced(machine: &Machine, why: &str, advice: &str) -> Value {
    let ran = machine.squares(&[]);
    assert_eq!(ran.results(), ["1", "4", "9"]);
    let [warning] = ran.warnings()[..] else {
        panic!("{ran:?}")
    };
    let required = machine.squares(&["--require-full"]);
    assert_eq!((required.code(), required.stdout.as_str()), (3, ""));
    let [complaint] = required.complaints()[..] else {
        panic!("{required:?}")
    };
    assert!(warning.starts_with("reduced confinement, without "));
    assert!(warning.contains("; to get them, "), "{warning}");
    assert!(complaint.contains("full confinement is required, missing: "));
    for line in [warning, complaint] {
        for said in NAMESPACES.iter().chain(&[why, advice]) {
            assert!(line.contains(said), "{said} in {line}");
        }
    }

    let (report, code) = machine.doctor();
    assert_eq!((report["level"].as_str().unwrap(), code), ("reduced", 0));
    assert_eq!(missing(&report), NAMESPACES, "{:?}", machine.refused);
    assert_explained(&report, advice);
    agreement::assert_agrees(machine, &report);
    report
}

/// Nothing is run, and one line says all of this.
#[track_caller]
fn assert_refused(machine: &Machine, said: &[&str]) {
    for options in [&[][..], &["--require-full"]] {
        let ran = machine.squares(options);
        assert_eq!((ran.code(), ran.stdout.as_str()), (3, ""), "{ran:?}");
        let ([], [complaint]) = (&ran.warnings()[..], &ran.complaints()[..]) else {
            panic!("{ran:?}")
        };
        for words in said {
            assert!(complaint.contains(words), "{words} in {complaint}");
        }
    }
    let (report, code) = machine.doctor();
    assert_eq!((report["level"].as_str().unwrap(), code), ("refused", 3));
    assert_eq!(report["layers"], serde_json::json!([]));
    assert_eq!(report["landlock_abi"], Value::Null);
    // There is nothing to look at.
    assert_eq!(report["worker"], serde_json::json!({}));
    let text = machine.run(machine.wpool().arg("doctor"));
    assert_eq!((text.code(), text.stderr.as_str()), (3, ""));
    let lines = text.lines();
    assert_eq!((lines.len(), lines[0]), (2, "confinement: refused"));
    for words in said {
        assert!(report["error"].as_str().unwrap().contains(words));
        assert!(lines[1].contains(words), "{words} in {}", lines[1]);
    }
}
