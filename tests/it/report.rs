//! `--report FILE`: one JSON object for each task.

use crate::support::{Ran, Running, feed, guest, only_busy_worker, run, wpool};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

const FIELDS: [&str; 14] = [
    "attempts",
    "cpu_ms",
    "exit_code",
    "fuel",
    "host_calls",
    "host_ms",
    "memory_bytes",
    "message",
    "outcome",
    "pid",
    "seq",
    "stderr",
    "wall_ms",
    "worker",
];

struct Report {
    directory: TempDir,
}

impl Report {
    fn new() -> Report {
        Report {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = wpool();
        command
            .arg(subcommand)
            .arg("--report")
            .arg(self.directory.path().join("report"));
        command
    }

    /// The objects, each checked to have exactly the documented fields.
    fn entries(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join("report")).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        let entries: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for entry in &entries {
            let fields: BTreeSet<&str> = entry
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(fields, BTreeSet::from(FIELDS));
        }
        entries
    }
}

fn outcomes(entries: &[Value]) -> Vec<(u64, &str)> {
    entries
        .iter()
        .map(|entry| {
            (
                entry["seq"].as_u64().unwrap(),
                entry["outcome"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn each_task_that_succeeds_is_reported_with_what_it_used_and_where_it_ran() {
    let report = Report::new();
    let ran = run(report
        .command("map")
        .args(["-j", "2"])
        .arg(guest("square"))
        .args(["1", "2", "3"]));
    assert_eq!(ran.results(), ["1", "4", "9"]);
    let entries = report.entries();
    assert_eq!(outcomes(&entries), [(1, "ok"), (2, "ok"), (3, "ok")]);
    for entry in &entries {
        assert_eq!(
            (&entry["message"], &entry["exit_code"], &entry["fuel"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
        assert!(entry["wall_ms"].as_f64().unwrap() > 0.0, "{entry}");
        assert!(entry["cpu_ms"].as_f64().unwrap() > 0.0, "{entry}");
        assert_eq!(entry["attempts"], 1);
        assert!(
            entry["worker"].as_str().unwrap().starts_with("worker-"),
            "{entry}"
        );
        assert!(entry["pid"].as_u64().unwrap() > 1, "{entry}");
        assert!(entry["memory_bytes"].as_u64().unwrap() > 0, "{entry}");
    }
}

#[test]
fn what_a_task_costs_is_measured() {
    let report = Report::new();
    let ran = run(report
        .command("map")
        .args(["-f", "fill"])
        .arg(guest("faults"))
        .args(["1", "100"]));
    assert_eq!(ran.results(), ["1", "100"]);
    let entries = report.entries();
    let memory = |index: usize| entries[index]["memory_bytes"].as_u64().unwrap();
    assert_eq!(memory(1) - memory(0), 99 << 20);

    let ran = run(report
        .command("map")
        .args(["-j", "1"])
        .arg(guest("spin"))
        .args(["1000", "300000000"]));
    assert_eq!(ran.code(), 0);
    let entries = report.entries();
    for field in ["wall_ms", "cpu_ms"] {
        let [small, large] = [0, 1].map(|index| entries[index][field].as_f64().unwrap());
        assert!(large > small && large > 20.0, "{field}: {small}, {large}");
    }

    let ran = run(report
        .command("map")
        .args(["--fuel", "1000000"])
        .arg(guest("spin"))
        .args(["10", "1000"]));
    assert_eq!(ran.code(), 0);
    let fuel: Vec<u64> = report
        .entries()
        .iter()
        .map(|entry| entry["fuel"].as_u64().unwrap())
        .collect();
    assert!(
        fuel[0] > 10 && fuel[1] > fuel[0] + 900 && fuel[1] < 1_000_000,
        "{fuel:?}"
    );
}

#[test]
fn failures_have_the_same_names_and_messages_as_on_standard_error() {
    let cases: [(&[&str], &str, &[&str], &str); 5] = [
        (&["-f", "divide"], "faults", &["1, 0"], "trap"),
        (&["--timeout", "300ms"], "spin", &["-1"], "timeout"),
        (&["--fuel", "1000"], "spin", &["-1"], "fuel"),
        (
            &["-f", "grow_or_trap", "--memory", "4MiB"],
            "faults",
            &["100"],
            "memory",
        ),
        (&["-f", "recurse"], "faults", &["10000000"], "trap"),
    ];
    for (options, module, inputs, outcome) in cases {
        let report = Report::new();
        let ran = run(report
            .command("map")
            .args(options)
            .arg(guest(module))
            .arg("--")
            .args(inputs));
        assert_eq!(ran.code(), 1);
        let entries = report.entries();
        assert_eq!(outcomes(&entries), [(1, outcome)]);
        let message = entries[0]["message"].as_str().unwrap();
        let [line] = ran.complaints()[..] else {
            panic!("{ran:?}")
        };
        assert!(
            line.ends_with(&format!(": {outcome}: {message}")),
            "{line} and {message}"
        );
        assert_eq!(entries[0]["attempts"], 1);
        assert!(
            entries[0]["pid"].is_u64() && entries[0]["worker"].is_string(),
            "{}",
            entries[0]
        );
    }
}

#[test]
fn a_task_whose_worker_died_is_reported_with_that_worker() {
    let report = Report::new();
    let mut command = report.command("map");
    let running = Running::start(
        command
            .args(["-j", "1", "--timeout", "none"])
            .arg(guest("spin"))
            .arg("-1"),
    );
    let worker = only_busy_worker(&running.process);
    worker.signal(Signal::KILL);
    assert_eq!(running.finish().code(), 1);
    let entries = report.entries();
    assert_eq!(outcomes(&entries), [(1, "worker-died")]);
    assert_eq!(entries[0]["pid"], worker.pid);
    assert_eq!(entries[0]["worker"], "worker-1");
    assert!(
        entries[0]["wall_ms"].as_f64().unwrap() > 0.0,
        "{}",
        entries[0]
    );
}

#[test]
fn a_bad_line_is_reported_as_a_task_that_was_never_attempted() {
    let report = Report::new();
    let ran: Ran = feed(report.command("map").arg(guest("square")), "1\nx\n3\n");
    assert_eq!(ran.code(), 1);
    let entries = report.entries();
    assert_eq!(
        outcomes(&entries),
        [(1, "ok"), (2, "bad-argument"), (3, "ok")]
    );
    assert_eq!(
        (&entries[1]["attempts"], &entries[1]["pid"]),
        (&Value::from(0), &Value::Null)
    );
}

#[test]
fn thousands_of_tasks_are_reported_once_each_by_at_most_as_many_workers_as_asked_for() {
    let report = Report::new();
    let inputs: String = (0..5000).map(|number| format!("{number}\n")).collect();
    let ran = feed(
        report.command("map").args(["-j", "3"]).arg(guest("square")),
        &inputs,
    );
    assert_eq!(ran.results().len(), 5000);
    let entries = report.entries();
    let numbers: Vec<u64> = entries
        .iter()
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=5000).collect::<Vec<u64>>());
    let workers: HashSet<&str> = entries
        .iter()
        .map(|entry| entry["worker"].as_str().unwrap())
        .collect();
    let pids: HashSet<u64> = entries
        .iter()
        .map(|entry| entry["pid"].as_u64().unwrap())
        .collect();
    assert!(
        (1..=3).contains(&workers.len()) && workers.len() == pids.len(),
        "{workers:?} {pids:?}"
    );
}

#[test]
fn unordered_reports_keep_the_numbers_of_the_inputs() {
    let report = Report::new();
    let inputs: Vec<String> = (1..=300).map(|number| number.to_string()).collect();
    let ran = run(report
        .command("map")
        .args(["--unordered", "-j", "2"])
        .arg(guest("square"))
        .args(&inputs));
    // The report and the results are in the same order.
    let squares: Vec<u64> = ran
        .results()
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    let entries = report.entries();
    let numbers: Vec<u64> = entries
        .iter()
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(
        squares,
        numbers
            .iter()
            .map(|number| number * number)
            .collect::<Vec<_>>()
    );
    assert_eq!(
        numbers.iter().copied().collect::<BTreeSet<_>>(),
        (1..=300).collect()
    );
}

#[test]
fn apply_reports_its_one_task() {
    let report = Report::new();
    assert_eq!(
        run(report.command("apply").arg(guest("add")).args(["2", "3"])).results(),
        ["5"]
    );
    assert_eq!(outcomes(&report.entries()), [(1, "ok")]);
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_runs() {
    let nowhere = tempfile::tempdir().unwrap().path().join("gone/report");
    let ran = run(wpool()
        .args(["map", "--report"])
        .arg(&nowhere)
        .arg(guest("square"))
        .arg("1"));
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    let [line] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(
        line.contains("gone/report") && line.contains("No such file"),
        "{line}"
    );
}
