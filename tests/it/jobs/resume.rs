//! Jobs that go on where they were interrupted, killed or ran out of disk.

use super::{divide, map};
use crate::support::{Ran, Running, eventually, feed, run, wat};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command with its joblog.
    fn logged(&self, command: Command, options: &[&str]) -> Command {
        let mut command = command;
        command.arg("--joblog").arg(self.path("log")).args(options);
        command
    }

    /// The sequence number, exit value and signal of each row.
    fn rows(&self) -> Vec<(u64, i32, i32)> {
        let text = fs::read_to_string(self.path("log")).unwrap();
        let rows = text.lines().skip(1).map(|row| {
            let columns: Vec<&str> = row.split('\t').collect();
            assert_eq!(columns.len(), 9, "{row}");
            let number = |at: usize| columns[at].parse().unwrap();
            (columns[0].parse().unwrap(), number(6), number(7))
        });
        rows.collect()
    }

    /// Numbers and contents of results.
    fn results(&self) -> Vec<(u64, String)> {
        let entries = fs::read_dir(self.path("results"))
            .unwrap()
            .filter_map(|entry| {
                let path = entry.unwrap().path();
                let is_result = path.extension().is_some_and(|extension| extension == "out");
                let number = path.file_stem()?.to_str()?.parse().ok()?;
                is_result.then(|| (number, fs::read_to_string(path).unwrap()))
            });
        let mut results: Vec<_> = entries.collect();
        results.sort();
        results
    }
}

fn lines(ran: &Ran) -> Vec<&str> {
    ran.stdout.lines().collect()
}

#[test]
fn a_joblog_has_a_row_for_each_task_with_how_it_ended() {
    let folder = Folder::new();
    let ran = run(folder.logged(divide(&[]), &[]).args(["6, 3", "1, 0"]));
    assert_eq!(ran.code(), 1);
    assert_eq!(folder.rows(), [(1, 0, 0), (2, 134, 0)]);
    // Without --resume it is begun anew.
    run(folder.logged(divide(&[]), &[]).args(["6, 3"]));
    assert_eq!(folder.rows(), [(1, 0, 0)]);
}

#[test]
fn a_job_goes_on_by_what_its_inputs_are_and_not_by_where_they_stand() {
    let folder = Folder::new();
    feed(&mut folder.logged(divide(&[]), &[]), "6, 3\n1, 0\n8, 2\n");
    let ran = feed(
        &mut folder.logged(divide(&[]), &["--resume"]),
        "9, 3\n8, 2\n6, 3\n6, 3\n1, 0\n",
    );
    assert_eq!(lines(&ran), ["3", "2"]);
    assert_eq!((ran.code(), ran.complaints().len()), (0, 0), "{ran:?}");
    let numbers: Vec<u64> = folder.rows().iter().map(|row| row.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let ran = feed(
        &mut folder.logged(divide(&[]), &["--resume-failed"]),
        "1, 0\n6, 3\n",
    );
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, ""));
    assert!(
        ran.complaints()[0].starts_with("wpool: task 2 (1, 0): trap"),
        "{ran:?}"
    );
}

#[test]
fn nothing_of_another_module_function_or_format_counts_as_done() {
    let folder = Folder::new();
    let module = |constant: i32| {
        wat(&format!(
            r#"(module (func (export "f") (param i32) (result i32) (i32.const {constant}))
                (func (export "g") (param i32) (result i32) (i32.const {constant})))"#
        ))
    };
    let (one, other) = (module(1), module(2));
    let ran = |path: &Path, function: &str, format: &str| {
        let mut command = crate::support::wpool();
        command.args(["map", "-f", function, "--format", format]);
        let mut command = folder.logged(command, &["--resume"]);
        lines(&feed(command.arg(path), "7\n")).join(" ")
    };
    let (one, other): (&Path, &Path) = (one.path(), other.path());
    assert_eq!(ran(one, "f", "text"), "1");
    assert_eq!(ran(one, "f", "text"), "");
    assert_eq!(ran(other, "f", "text"), "2");
    assert_eq!(ran(one, "g", "text"), "1");
    assert_eq!(ran(one, "f", "json"), "1");
    for (path, function, format) in [(one, "f", "text"), (other, "f", "text"), (one, "g", "text")] {
        assert_eq!(ran(path, function, format), "");
    }
}

#[test]
fn results_of_another_module_are_never_mixed_with_those_that_are_there() {
    let folder = Folder::new();
    let results = folder.path("results");
    let options = ["--results", results.to_str().unwrap()];
    feed(&mut folder.logged(map("square", &options), &[]), "2\n3\n");
    let ran = feed(
        &mut folder.logged(map("spin", &options), &["--resume"]),
        "2\n3\n4\n",
    );
    assert_eq!((ran.code(), ran.complaints().len()), (2, 1), "{ran:?}");
    assert_eq!(folder.results(), [(1, "4\n".into()), (2, "9\n".into())]);
}

#[test]
fn what_is_no_joblog_is_refused_and_resuming_needs_one() {
    let folder = Folder::new();
    fs::write(folder.path("log"), "my notes\n").unwrap();
    let ran = feed(&mut folder.logged(divide(&[]), &["--resume"]), "6, 3\n");
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    assert!(
        ran.complaints()[0].contains("line 1 is no row of a joblog"),
        "{ran:?}"
    );
    assert_eq!(
        fs::read_to_string(folder.path("log")).unwrap(),
        "my notes\n"
    );
    let ran = run(divide(&["--resume"]).arg("6, 3"));
    assert_eq!(ran.code(), 2);
    assert!(ran.complaints()[0].contains("--joblog"), "{ran:?}");
}

#[test]
fn a_dry_run_of_a_job_that_goes_on_shows_what_is_left() {
    let folder = Folder::new();
    feed(&mut folder.logged(divide(&[]), &[]), "6, 3\n");
    let before = fs::read(folder.path("log")).unwrap();
    let ran = feed(
        &mut folder.logged(divide(&[]), &["--resume", "--dry-run"]),
        "6, 3\n8, 2\n",
    );
    assert_eq!(ran.results(), ["2\tdivide(8, 2)"]);
    assert_eq!(fs::read(folder.path("log")).unwrap(), before);
}

#[test]
fn a_result_that_somebody_removed_is_made_again() {
    let folder = Folder::new();
    let results = folder.path("results");
    let options = ["--results", results.to_str().unwrap()];
    feed(&mut folder.logged(map("square", &options), &[]), "2\n3\n");
    fs::remove_file(results.join("1.out")).unwrap();
    feed(
        &mut folder.logged(map("square", &options), &["--resume"]),
        "2\n3\n",
    )
    .results();
    assert_eq!(folder.results(), [(1, "4\n".into()), (2, "9\n".into())]);
}

#[test]
fn an_input_that_is_refused_leaves_an_old_joblog_as_it_is() {
    let folder = Folder::new();
    feed(&mut folder.logged(map("square", &[]), &[]), "2\n").results();
    let before = folder.rows();
    assert_eq!(
        run(folder.logged(map("square", &[]), &[]).arg("x")).code(),
        2
    );
    assert_eq!(folder.rows(), before);
}

#[test]
fn an_interrupted_job_says_how_it_goes_on_and_does() {
    let folder = Folder::new();
    let mut command = folder.logged(map("square", &[]), &[]);
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.write("2\n");
    assert_eq!(running.line(), Some("4".into()));
    let stdin = running.take_stdin();
    eventually("it is logged", || (folder.rows().len() == 1).then_some(()));
    running.process.signal(Signal::INT);
    let ran = running.finish();
    drop(stdin);
    let said = "wpool: interrupted; 0 tasks that were read did not run; --resume goes on";
    assert_eq!((ran.code(), ran.complaints()), (130, vec![said]));
    let ran = feed(
        &mut folder.logged(map("square", &[]), &["--resume"]),
        "2\n3\n",
    );
    assert_eq!(ran.results(), ["9"]);
}

/// The inputs 1 to `count`, a line each.
fn numbers(count: u64) -> String {
    (1..=count).map(|number| format!("{number}\n")).collect()
}

#[test]
fn killed_at_any_moment_and_resumed_nothing_is_lost_and_each_result_is_there_once() {
    const COUNT: u64 = 3000;
    let folder = Folder::new();
    let results = folder.path("results");
    let options = ["--results", results.to_str().unwrap(), "--resume"];
    fs::write(folder.path("inputs"), numbers(COUNT)).unwrap();
    let command = || {
        let mut command = folder.logged(map("square", &options), &["-a"]);
        command.arg(folder.path("inputs"));
        command
    };
    let mut before = 0;
    for _ in 0..6 {
        let running = Running::start(&mut command());
        eventually("it got further, or to the end", || {
            let logged = fs::metadata(folder.path("log")).map_or(0, |file| file.len());
            let stored = fs::read_dir(&results).map_or(0, Iterator::count);
            let is_further = logged > 200 && stored > before + 100;
            (is_further || !running.process.is_alive()).then_some(())
        });
        running.process.signal(Signal::KILL);
        drop(running);
        before = folder.results().len();
    }
    let ran = run(&mut command());
    assert_eq!((ran.code(), ran.stdout.as_str()), (0, ""), "{ran:?}");
    let expected: Vec<_> = (1..=COUNT)
        .map(|number| (number, format!("{}\n", number * number)))
        .collect();
    assert_eq!(folder.results(), expected);
    let mut logged: Vec<u64> = folder.rows().iter().map(|row| row.0).collect();
    logged.sort_unstable();
    assert_eq!(logged, (1..=COUNT).collect::<Vec<_>>());
    assert_eq!(
        fs::read_dir(&results).unwrap().count() as u64,
        COUNT,
        "nothing else is left"
    );
}

#[test]
fn killed_while_it_prints_and_resumed_every_result_is_printed_at_least_once() {
    let folder = Folder::new();
    let mut command = folder.logged(map("square", &[]), &[]);
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.write(&numbers(500));
    let mut printed: Vec<String> = (0..100).map(|_| running.line().unwrap()).collect();
    running.process.signal(Signal::KILL);
    drop(running.take_stdin());
    while let Some(line) = running.line() {
        printed.push(line);
    }
    drop(running);
    let ran = feed(
        &mut folder.logged(map("square", &[]), &["--resume"]),
        numbers(1000),
    );
    printed.extend(lines(&ran).into_iter().map(str::to_string));
    for number in 1..=1000_u64 {
        assert!(printed.contains(&(number * number).to_string()), "{number}");
    }
}

#[test]
fn a_disk_that_is_full_ends_the_job_and_it_goes_on_when_there_is_room() {
    // What is written to it is refused: that is what a full disk does.
    let folder = Folder::new();
    let mut command = divide(&["--joblog", "/dev/full"]);
    let ran = feed(&mut command, "6, 3\n");
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(ran.complaints()[0].contains("No space left"), "{ran:?}");
    // A limit on the size of files refuses at some byte in the middle of a row.
    let inputs = folder.path("inputs");
    fs::write(&inputs, numbers(2000)).unwrap();
    let mut limited = Command::new("prlimit");
    limited
        .args(["--fsize=40000:unlimited", "--"])
        .arg(env!("CARGO_BIN_EXE_wpool"));
    let of = |command: &mut Command, options: &[&str]| {
        command
            .arg("map")
            .args(options)
            .arg("--joblog")
            .arg(folder.path("log"));
        command
            .arg("-a")
            .arg(&inputs)
            .arg(crate::support::guest("square"));
        run(command)
    };
    let first = of(&mut limited, &[]);
    assert_eq!(first.code(), 1, "{first:?}");
    assert!(
        first.complaints()[0].contains("writing the joblog failed"),
        "{first:?}"
    );
    assert_eq!(fs::metadata(folder.path("log")).unwrap().len(), 40_000);
    let second = of(&mut crate::support::wpool(), &["--resume"]);
    assert_eq!(second.code(), 0, "{second:?}");
    let printed: Vec<&str> = lines(&first).into_iter().chain(lines(&second)).collect();
    for number in 1..=2000_u64 {
        assert!(
            printed.contains(&&*(number * number).to_string()),
            "{number}"
        );
    }
    assert_eq!(folder.rows().len(), 2000);
}

#[test]
fn a_disk_that_is_full_of_results_loses_none_of_them() {
    // In a mount namespace of its own, a disk of a few pages that grows before the job goes on.
    let script = r#"
        mount -t tmpfs -o size=300k none disk && cd disk || exit 99
        "$WPOOL" map --joblog ../log --results results -a ../inputs "$SQUARE" 2> ../first
        echo "first: $?"
        mount -o remount,size=64m . || exit 99
        "$WPOOL" map --joblog ../log --results results --resume -a ../inputs "$SQUARE" 2> ../second
        echo "second: $?"
        cp -r results .. && ls -A results | wc -l
    "#;
    const COUNT: u64 = 2000;
    let folder = Folder::new();
    fs::write(folder.path("inputs"), numbers(COUNT)).unwrap();
    fs::create_dir(folder.path("disk")).unwrap();
    let mut unshare = Command::new("unshare");
    if !crate::support::is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare
        .current_dir(folder.0.path())
        .args(["--mount", "sh", "-c", script]);
    unshare
        .env("WPOOL", env!("CARGO_BIN_EXE_wpool"))
        .env("SQUARE", crate::support::guest("square"));
    let ran = run(&mut unshare);
    let first = fs::read_to_string(folder.path("first")).unwrap();
    assert!(first.contains("No space left on device"), "{first}");
    assert_eq!(
        lines(&ran),
        ["first: 1", "second: 0", &COUNT.to_string()],
        "{ran:?}"
    );
    let expected: Vec<_> = (1..=COUNT)
        .map(|number| (number, format!("{}\n", number * number)))
        .collect();
    assert_eq!(folder.results(), expected);
}
