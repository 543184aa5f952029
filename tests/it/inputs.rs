//! Where the inputs of `map` come from: files, other delimiters, and what is in the files that they name.

use crate::support::{feed, guest, run, wpool};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn map(module: &str, options: &[&str]) -> Command {
    let mut command = wpool();
    command.arg("map").args(options).arg(guest(module));
    command
}

fn file(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn map_files(module: &str, options: &[&str], files: &[&Path]) -> Command {
    let mut command = map(module, options);
    for path in files {
        command.arg("-a").arg(path);
    }
    command
}

#[test]
fn files_of_inputs_are_read_one_after_the_other() {
    let folder = TempDir::new().unwrap();
    let one = file(&folder, "one", "1\n2");
    let two = file(&folder, "two", "3\n");
    let empty = file(&folder, "empty", "");
    let standard = Path::new("-");
    let files = [&*one, &*empty, standard, &*two];
    let ran = feed(&mut map_files("square", &[], &files), "7\n");
    assert_eq!(ran.results(), ["1", "4", "49", "9"]);
}

#[test]
fn inputs_end_with_what_was_asked_for() {
    for (options, input) in [
        (&["-0"][..], "2\x003\0"),
        (&["-d", ","], "2,3"),
        (&["-d", "\\t"], "2\t3\t"),
        (&["-d", "\\x1e"], "2\x1e3"),
    ] {
        let ran = feed(&mut map("square", options), input);
        assert_eq!(ran.results(), ["4", "9"], "{options:?}");
    }
    let ran = feed(&mut map("greet", &["-0"]), "a\nb\0");
    assert_eq!(ran.stdout, "Hello, a\nb!\n");
}

#[test]
fn a_file_that_is_named_is_given_whole_as_text_or_as_bytes() {
    let folder = TempDir::new().unwrap();
    let two = file(&folder, "two\nlines", "a b\nc\n");
    let one = file(&folder, "one", "d");
    let count = || map("wordcount", &["--files"]);
    let ran = run(count().args([&two, &one]));
    assert_eq!(ran.results(), ["2 3 6", "0 1 1"]);
    let names = [two.to_str().unwrap(), one.to_str().unwrap()].join("\0");
    let ran = feed(count().arg("-0"), names);
    assert_eq!(ran.results(), ["2 3 6", "0 1 1"]);
}

#[test]
fn files_that_cannot_be_read_are_refused_before_any_task_or_are_that_tasks_failure() {
    let folder = TempDir::new().unwrap();
    let one = file(&folder, "one", "a");
    let missing = folder.path().join("missing");
    for (refused, why) in [
        (&*missing, "No such file"),
        (folder.path(), "is a directory"),
    ] {
        for command in [
            &mut map_files("square", &[], &[&one, refused]),
            map("wordcount", &["--files"]).args([&*one, refused]),
        ] {
            let ran = run(command);
            assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""), "{ran:?}");
            assert!(ran.complaints()[0].contains(why), "{ran:?}");
        }
    }
    let names = format!("{}\n{}\n", missing.display(), one.display());
    let ran = feed(&mut map("wordcount", &["--files"]), names);
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, "0 1 1\n"));
    assert!(ran.complaints()[0].contains("bad-argument"), "{ran:?}");
    assert!(
        ran.complaints()[0].contains("it cannot be opened: No such file"),
        "{ran:?}"
    );
}

#[test]
fn a_pipe_with_a_name_is_opened_once() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::Mode::RUSR.union(rustix::fs::Mode::WUSR),
    )
    .unwrap();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        // Opened when it has a reader; the one who opened it first is the one who reads it.
        move || std::fs::write(pipe, "1\n2\n")
    });
    let ran = run(&mut map_files("square", &[], &[&pipe]));
    assert_eq!(ran.results(), ["1", "4"]);
    writer.join().unwrap().unwrap();
}

#[test]
fn a_file_longer_than_the_limit_is_that_tasks_failure() {
    let folder = TempDir::new().unwrap();
    let long = file(&folder, "long", "x".repeat(100));
    let mut command = map("wordcount", &["--files", "--argument-limit", "99B"]);
    let ran = run(command.arg(long));
    assert_eq!(ran.code(), 1);
    assert!(
        ran.complaints()[0].contains("longer than the limit of 99 bytes"),
        "{ran:?}"
    );
}

#[test]
fn inputs_come_from_one_place_and_have_one_delimiter() {
    let folder = TempDir::new().unwrap();
    let one = file(&folder, "one", "1");
    for command in [
        map_files("square", &[], &[&one]).arg("1"),
        &mut map("square", &["-0", "-d", ","]),
        &mut map("square", &["-d", "ab"]),
    ] {
        let ran = run(command);
        assert_eq!((ran.code(), ran.complaints().len()), (2, 1), "{ran:?}");
        assert_eq!(ran.stderr.matches("--help").count(), 1, "{ran:?}");
    }
}
