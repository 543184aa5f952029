//! `docs/jobs.md`: twelve everyday jobs, each run as it is written there.

use crate::support::{guest, run};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A command, and what it is said to write.
#[derive(Debug, Default)]
struct Step {
    command: String,
    expected: Vec<String>,
}

/// The sections of the transcript: their titles and the text below.
fn jobs() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/jobs.md");
    let text = fs::read_to_string(path).unwrap();
    let sections = text.split("\n## ").skip(1);
    let sections = sections.map(|section| section.split_once('\n').unwrap());
    sections
        .map(|(title, text)| (title.into(), text.into()))
        .collect()
}

fn steps(section: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let blocks = section.split("```console\n").skip(1);
    for line in blocks.flat_map(|block| block.split("```").next().unwrap().lines()) {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.into(),
                ..Step::default()
            });
            continue;
        }
        let step = steps.last_mut().unwrap();
        match line.strip_prefix("> ") {
            Some(more) => step.command += &format!("\n{more}"),
            None => step.expected.push(line.into()),
        }
    }
    steps
}

/// Whether a line is as it was written, where `…` stands for anything.
fn is_like(line: &str, expected: &str) -> bool {
    let parts: Vec<&str> = expected.split('…').collect();
    let [first, middle @ .., last] = &parts[..] else {
        return line == expected;
    };
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

fn folder_with_modules() -> TempDir {
    let folder = TempDir::new().unwrap();
    let modules = guest("square");
    for entry in fs::read_dir(modules.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        symlink(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

#[track_caller]
fn try_job(number: usize) {
    let (title, text) = jobs().swap_remove(number - 1);
    assert!(title.starts_with(&format!("{number}. ")), "{title}");
    let folder = folder_with_modules();
    let bin = Path::new(env!("CARGO_BIN_EXE_wpool")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{title}");
    for Step { command, expected } in steps {
        let mut shell = Command::new("sh");
        shell
            .current_dir(&folder)
            .env("PATH", &path)
            .args(["-c", &format!("exec 2>&1; {command}")]);
        let ran = run(&mut shell);
        let lines: Vec<&str> = ran
            .lines()
            .into_iter()
            .filter(|line| !line.contains(": warning: "))
            .collect();
        let is_as_written = lines.len() == expected.len()
            && lines
                .iter()
                .zip(&expected)
                .all(|(line, expected)| is_like(line, expected));
        assert!(
            is_as_written,
            "{title}: {command}\n{lines:#?}\nis not\n{expected:#?}"
        );
    }
}

/// A test for each job, by its number.
macro_rules! jobs {
    ($($name:ident = $number:literal)*) => {
        $(#[test]
        fn $name() {
            try_job($number);
        })*

        #[test]
        fn there_are_no_other_jobs_than_these() {
            assert_eq!(jobs().len(), [$($number),*].len());
        }
    };
}

jobs! {
    a_function_over_some_inputs = 1
    a_function_over_many_lines = 2
    the_content_of_files = 3
    a_table = 4
    json_in_json_out = 5
    some_inputs_fail = 6
    everything_about_each_task = 7
    stop_when_it_goes_wrong = 8
    a_long_job_that_was_interrupted = 9
    try_again_what_failed = 10
    one_result_from_many = 11
    a_program_for_each_line = 12
}

#[test]
fn dots_stand_for_anything_and_nothing_else_does() {
    assert!(is_like("abcdef", "a…c…f") && is_like("abc", "abc") && is_like("ab", "…"));
    assert!(!is_like("abcdef", "a…x…f") && !is_like("abcd", "abc") && !is_like("abc", "…d"));
}
