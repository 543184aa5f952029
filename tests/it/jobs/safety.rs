//! What survives a kill at any moment and a disk that is full.

use super::{Folder, divide, lines, map, numbers};
use crate::support::{Running, eventually, feed, run};
use rustix::process::Signal;
use std::fs;
use std::process::{Command, Stdio};

#[test]
fn killed_at_any_moment_and_resumed_nothing_is_lost_and_each_result_is_there_once() {
    const COUNT: u64 = 3000;
    let folder = Folder::new();
    let results = folder.path("results");
    let options = ["--results", results.to_str().unwrap(), "--resume"];
    // Each seventh divides by zero.
    let inputs = (1..=COUNT).map(|number| format!("{number}, {}\n", number % 7));
    let mut inputs: Vec<String> = inputs.collect();
    let command = || {
        let mut command = folder.logged(divide(&options), &["-a"]);
        command.arg(folder.path("inputs"));
        command
    };
    let mut before = 0;
    for round in 0..6 {
        fs::write(folder.path("inputs"), inputs.concat()).unwrap();
        let running = Running::start(&mut command());
        eventually("it got further, or to the end", || {
            let stored = fs::read_dir(&results).map_or(0, Iterator::count);
            (stored > before + 100 * round || !running.process.is_alive()).then_some(())
        });
        running.process.signal(Signal::KILL);
        drop(running);
        before = fs::read_dir(&results).map_or(0, Iterator::count);
        // Meanwhile somebody sorts the inputs otherwise.
        inputs.rotate_left(500);
    }
    let ran = run(&mut command());
    assert_eq!(ran.stdout, "", "{ran:?}");
    let mut expected: Vec<String> = (1..=COUNT)
        .filter(|number| number % 7 != 0)
        .map(|number| format!("{}\n", number / (number % 7)))
        .collect();
    let mut found: Vec<String> = folder
        .results()
        .into_iter()
        .map(|(_, result)| result)
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let rows = folder.rows();
    let failed = rows
        .iter()
        .filter(|(_, exit_code, _)| *exit_code == 134)
        .count() as u64;
    assert_eq!((rows.len() as u64, failed), (COUNT, COUNT / 7));
    let names = fs::read_dir(&results).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let others: Vec<_> = names.filter(|name| !name.ends_with(".out")).collect();
    assert_eq!(
        others.len() as u64,
        COUNT / 7 + 1,
        "what failed, and whose they are"
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
        cp -r results .. && ls results | wc -l
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
