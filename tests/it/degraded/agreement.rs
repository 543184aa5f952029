//! What the doctor says is held against a real worker, field by field.

use super::{Machine, NAMESPACES, missing};
use crate::support::{Process, is_root, status_field};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// The lines of `/proc/PID/status` that the doctor shows.
const STATUS: [&str; 12] = [
    "CapAmb",
    "CapBnd",
    "CapEff",
    "CapInh",
    "CapPrm",
    "Gid",
    "Groups",
    "NSpid",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
    "Uid",
];

/// Limits that are the same for every worker.
const FIXED: [(&str, u64); 6] = [
    ("Max core file size", 0),
    ("Max file size", 0),
    ("Max locked memory", 0),
    ("Max msgqueue size", 0),
    ("Max open files", 96),
    ("Max realtime priority", 0),
];

/// Limits of memory, which depend on the module.
const MEMORY: [&str; 2] = ["Max address space", "Max data size"];

/// Limits that others set, or nobody.
const OTHERS: [&str; 2] = ["Max cpu time", "Max processes"];

/// What the kernel shows of a process.
struct Shown {
    process: Process,
    status: String,
    limits: String,
}

impl Shown {
    fn of(process: Process) -> Shown {
        let read = |file| fs::read_to_string(process.file(file)).unwrap();
        Shown {
            process,
            status: read("status"),
            limits: read("limits"),
        }
    }

    fn field(&self, name: &str) -> String {
        status_field(&self.status, name).unwrap_or_else(|| panic!("{name} in {}", self.status))
    }

    fn count(&self, name: &str) -> u32 {
        self.field(name).parse().unwrap()
    }

    /// The soft and the hard limit.
    fn limit(&self, name: &str) -> String {
        let mut lines = self.limits.lines();
        let values = lines.find_map(|line| line.strip_prefix(name)).unwrap();
        let values: Vec<&str> = values.split_whitespace().take(2).collect();
        values.join(" ")
    }

    fn namespace(&self, name: &str) -> std::path::PathBuf {
        fs::read_link(self.process.file(&format!("ns/{name}"))).unwrap()
    }

    fn has_no_capability(&self) -> bool {
        ["CapInh", "CapPrm", "CapEff", "CapAmb"]
            .iter()
            .all(|set| self.field(set) == "0000000000000000")
    }
}

/// Holds every field of a doctor's report against a worker that computes on the machine.
#[track_caller]
pub fn assert_agrees(machine: &Machine, report: &Value) {
    let (running, worker) = machine.worker();
    let (worker, supervisor) = (Shown::of(worker), Shown::of(running.process));
    let on = &machine.refused;

    let shown = layers(&worker, &supervisor);
    let layers: BTreeMap<&str, bool> = report["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| {
            (
                layer["layer"].as_str().unwrap(),
                layer["in_force"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(layers.len(), 12, "{report}");
    for (layer, in_force) in &layers {
        match shown.get(layer) {
            Some(shown) => assert_eq!(shown, in_force, "{layer} with {on:?}"),
            // The kernel shows Landlock nowhere; what it refuses is for the tests called escape.
            None if *layer == "landlock" => {
                assert_eq!(report["landlock_abi"].is_u64(), *in_force, "{report}")
            }
            // Without privilege only some of the namespaces of a worker can be seen.
            None => assert!(!is_root() && layer.ends_with("-namespace"), "{layer}"),
        }
    }
    let all = |names: &[&str]| names.iter().all(|name| layers[name]);
    let level = if all(&NAMESPACES[1..]) {
        "full"
    } else if layers["landlock"] {
        "reduced"
    } else {
        "refused"
    };
    assert_eq!(report["level"], level);
    assert_eq!(report["error"], Value::Null);
    let runs_as = if machine.changes_user() {
        "own-id"
    } else {
        "supervisor"
    };
    assert_eq!(report["runs_as"], runs_as);

    assert_is_nobody_with_privilege(machine, &worker, &supervisor, &missing(report));
    assert_worker_is_shown(&worker, report, on);
}

/// Which layers hold the worker, as far as the kernel shows it.
fn layers(worker: &Shown, supervisor: &Shown) -> BTreeMap<&'static str, bool> {
    // The tests may have put filters on the supervisor, which its processes inherit.
    let own_filters = worker.count("Seccomp_filters") > supervisor.count("Seccomp_filters");
    let limits = FIXED.iter().all(|(name, value)| {
        let expected = format!("{value} {value}");
        worker.limit(name) == expected
    });
    let bounded = MEMORY
        .iter()
        .all(|name| !worker.limit(name).contains("unlimited"));
    let numbers = worker.field("NSpid").split(' ').count();
    let mut layers = BTreeMap::from([
        ("seccomp", worker.field("Seccomp") == "2" && own_filters),
        ("no-new-privileges", worker.field("NoNewPrivs") == "1"),
        ("capabilities", worker.has_no_capability()),
        ("resource-limits", limits && bounded),
        (
            "pid-namespace",
            numbers > supervisor.field("NSpid").split(' ').count(),
        ),
    ]);
    if is_root() {
        let files = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];
        for (layer, file) in NAMESPACES.into_iter().zip(files) {
            let own = worker.namespace(file) != supervisor.namespace(file);
            assert!(layer != "pid-namespace" || layers[layer] == own);
            layers.insert(layer, own);
        }
        let mut root = fs::read_dir(worker.process.file("root")).unwrap();
        assert_eq!(root.next().is_none(), layers["mount-namespace"]);
    }
    layers
}

/// What holds on every machine, and of which only the details differ.
#[track_caller]
fn assert_is_nobody_with_privilege(
    machine: &Machine,
    worker: &Shown,
    supervisor: &Shown,
    missing: &[&str],
) {
    for name in ["Uid", "Gid"] {
        let ids = worker.field(name);
        // Those of root have an id to themselves, whatever else the machine refuses; others have
        // their user's.
        match machine.changes_user() {
            true => assert!(ids.split(' ').all(is_from_the_default_range), "{ids}"),
            false => assert_eq!(ids, supervisor.field(name)),
        }
    }
    if machine.changes_user() {
        assert_eq!(worker.field("Groups"), "");
    }
    let own_user_namespace = !missing.contains(&"user-namespace");
    // Whoever has no privilege to begin with cannot change what bounds it, and cannot gain any either.
    let bounding = if own_user_namespace || machine.changes_user() {
        "0000000000000000".into()
    } else {
        supervisor.field("CapBnd")
    };
    assert_eq!(worker.field("CapBnd"), bounding);
    // A template, and twice its one worker; elsewhere it would count the processes of others.
    let processes = if own_user_namespace || machine.changes_user() {
        "3 3".into()
    } else {
        supervisor.limit("Max processes")
    };
    assert_eq!(worker.limit("Max processes"), processes);
}

fn is_from_the_default_range(id: &str) -> bool {
    (2_100_000_000..=2_147_000_000).contains(&id.parse::<u32>().unwrap_or(0))
}

/// The doctor's own worker is like this one.
#[track_caller]
fn assert_worker_is_shown(worker: &Shown, report: &Value, on: &[crate::support::Call]) {
    let fields = report["worker"].as_object().unwrap();
    let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
    names.sort_unstable();
    let mut expected = STATUS.to_vec();
    expected.push("limits");
    assert_eq!(names, expected);
    for name in STATUS {
        let (said, shown) = (fields[name].as_str().unwrap(), worker.field(name));
        if name == "NSpid" {
            // They are two processes, with as many numbers each.
            assert_eq!(said.split(' ').count(), shown.split(' ').count(), "{on:?}");
        } else if is_from_the_default_range(shown.split(' ').next().unwrap()) {
            // And with an id each.
            assert_ne!(said, shown, "{name} with {on:?}");
            assert!(said.split(' ').all(is_from_the_default_range), "{said}");
        } else {
            assert_eq!(said, shown, "{name} with {on:?}");
        }
    }

    let limits = fields["limits"].as_object().unwrap();
    let fixed = FIXED.iter().map(|(name, _)| *name);
    let exact: Vec<&str> = fixed.chain(OTHERS).collect();
    assert_eq!(limits.len(), exact.len() + MEMORY.len(), "{limits:?}");
    for name in exact {
        assert_eq!(limits[name].as_str().unwrap(), worker.limit(name), "{name}");
    }
    for name in MEMORY {
        let bytes = |text: &str| text.split(' ').next()?.parse::<u64>().ok();
        let said = bytes(limits[name].as_str().unwrap()).unwrap();
        let shown = bytes(&worker.limit(name)).unwrap();
        // The modules differ by some kilobytes.
        assert!(said.abs_diff(shown) < 1 << 20, "{name}: {said}, {shown}");
    }
}
