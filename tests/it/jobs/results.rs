//! What is written of results: tags, JSON lines, files, and what would be called.

use super::{divide, map};
use crate::support::{Running, feed, run, wat};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

fn objects(stdout: &str) -> Vec<Value> {
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn files(directory: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    });
    let entries = entries.filter(|(name, _)| !name.starts_with('.'));
    let mut files: Vec<_> = entries.collect();
    files.sort();
    files
}

#[test]
fn json_lines_have_the_input_and_the_value_or_how_it_failed() {
    let ran = run(divide(&["--json-lines"]).args(["6, 3", "1, 0", "9, 3"]));
    assert_eq!(ran.code(), 1);
    let objects = objects(&ran.stdout);
    let of = |index: usize, fields: &[&str]| -> Vec<Value> {
        fields
            .iter()
            .map(|field| objects[index][field].clone())
            .collect()
    };
    let fields = ["seq", "input", "outcome", "value", "message"];
    assert_eq!(
        of(0, &fields),
        [json!(1), json!("6, 3"), json!("ok"), json!(2), json!(null)]
    );
    assert_eq!(
        of(1, &fields),
        [
            json!(2),
            json!("1, 0"),
            json!("trap"),
            json!(null),
            json!("integer divide by zero")
        ]
    );
    assert!(objects[2]["wall_ms"].as_f64().unwrap() > 0.0 && objects[2]["attempts"] == 1);
}

#[test]
fn json_lines_of_json_inputs_have_them_as_they_are_and_those_of_text_as_strings() {
    let ran = feed(
        &mut divide(&["--json-lines", "--format", "json"]),
        "[6, 3]\nnonsense\n",
    );
    let lines = objects(&ran.stdout);
    assert_eq!(
        (&lines[0]["input"], &lines[0]["value"]),
        (&json!([6, 3]), &json!(2))
    );
    assert_eq!(
        (&lines[1]["input"], &lines[1]["outcome"]),
        (&json!("nonsense"), &json!("bad-argument"))
    );
    let ran = run(map("greet", &["--json-lines"]).arg("Ann\u{1b}"));
    assert_eq!(objects(&ran.stdout)[0]["value"], "Hello, Ann\u{1b}!");
    assert_eq!(ran.stdout.lines().count(), 1);
    assert!(!ran.stdout.contains('\u{1b}'));
}

#[test]
fn a_tag_is_the_input_before_each_line() {
    let ran = run(map("square", &["--tag"]).args(["2", "3"]));
    assert_eq!(ran.stdout, "2\t4\n3\t9\n");
    let ran = run(map("greet", &["--tag"]).arg("a\n\tb"));
    assert_eq!(ran.stdout, "a\\n\\tb\tHello, a\na\\n\\tb\t\tb!\n");
    let ran = feed(&mut divide(&["--tag", "--csv"]), "6,3\n1,0\n");
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, "6,3\t2\n"));
}

#[test]
fn results_are_files_named_by_their_numbers_and_what_went_wrong_is_apart() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("made/for it");
    let ran = run(divide(&["--results"])
        .arg(&directory)
        .args(["6, 3", "1, 0", "9, 3"]));
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, ""));
    let file = |name: &str, content: &str| (name.to_string(), content.to_string());
    let expected = [
        file("1.out", "2\n"),
        file("2.err", "wpool: trap: integer divide by zero\n"),
        file("3.out", "3\n"),
    ];
    assert_eq!(files(&directory), expected);
    let again = run(divide(&["--results"]).arg(&directory).arg("6, 3"));
    assert_eq!((again.code(), files(&directory).len()), (2, 3));
    assert!(again.complaints()[0].contains("--resume"), "{again:?}");
}

#[test]
fn a_programs_streams_are_two_files() {
    let folder = TempDir::new().unwrap();
    let mut command = map("tool", &["--arg", "say"]);
    let ran = run(command.args(["x", "y", "--results"]).arg(folder.path()));
    assert_eq!(ran.results(), [""; 0]);
    let file = |name: &str, content: &str| (name.to_string(), content.to_string());
    let streams = ["err", "out"].map(|stream| (stream, format!("to std{stream}\n")));
    let expected = [1, 2].map(|number| {
        streams
            .clone()
            .map(|(stream, said)| file(&format!("{number}.{stream}"), &said))
    });
    assert_eq!(files(folder.path()), expected.concat());
}

#[test]
fn a_dry_run_shows_the_calls_and_makes_none() {
    let ran = feed(&mut divide(&["--dry-run"]), "1, 0\nx\n6,  3\n");
    assert_eq!(
        (ran.code(), ran.stdout.as_str()),
        (1, "1\tdivide(1, 0)\n3\tdivide(6, 3)\n")
    );
    assert!(
        ran.complaints()[0].starts_with("wpool: task 2: bad-argument: "),
        "{ran:?}"
    );
    let ran = run(map("greet", &["--dry-run"]).arg("a\u{1b}\"b"));
    assert_eq!(ran.results(), [r#"1	greet("a\u{1b}\"b")"#]);
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    run(map("square", &["--dry-run"])
        .arg("1")
        .arg("--joblog")
        .arg(&log))
    .results();
    assert!(!log.exists());
}

#[test]
fn everything_a_guest_wrote_is_escaped_in_the_joblog_and_the_report() {
    let text = r#"(component
        (core module $m
            (memory (export "memory") 1)
            (data (i32.const 0) "\01\00\00\00\10\00\00\00\04\00\00\00") (data (i32.const 16) "\1b[2J")
            (func (export "say") (param i32 i32) (result i32) i32.const 0)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64))
        (core instance $i (instantiate $m))
        (func (export "say") (param "to" string) (result (result (error string)))
            (canon lift (core func $i "say") (memory $i "memory") (realloc (func $i "realloc")))))"#;
    let module = wat(text);
    let folder = TempDir::new().unwrap();
    let path = |name| folder.path().join(name);
    let mut command = crate::support::wpool();
    command
        .arg("map")
        .arg("--joblog")
        .arg(path("log"))
        .arg("--report")
        .arg(path("report"));
    let ran = run(command.arg(&module).arg("\u{1b}c"));
    assert_eq!(ran.code(), 1);
    for text in [
        ran.stderr,
        fs::read_to_string(path("log")).unwrap(),
        fs::read_to_string(path("report")).unwrap(),
    ] {
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}

#[test]
fn memory_does_not_grow_with_results_that_come_behind_a_slow_task() {
    let mut command = map(
        "spin",
        &["-j", "2", "--isolation", "worker", "--unordered", "--tag"],
    );
    let mut running = Running::start(command.args(["--timeout", "none"]).stdin(Stdio::piped()));
    // The first of them never ends.
    running.write("-1\n");
    let mut write = |thousands: usize| {
        for _ in 0..thousands {
            running.write(&"1\n".repeat(1000));
            running.skip_lines(1000);
        }
        running.process.peak_kib()
    };
    let (before, after) = (write(20), write(300));
    running.process.signal(rustix::process::Signal::TERM);
    assert_eq!(running.finish().code(), 143);
    assert!(after < before + 8 * 1024, "{before} KiB became {after}");
}
