//! What the command says of itself: help that fits a screen, ideas, options from a file, and what to do next.

use crate::support::{SUBCOMMANDS, feed, guest, run, wat, wpool};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A screen.
const LINES: usize = 24;
const COLUMNS: usize = 80;

fn help(words: &[&str]) -> String {
    let ran = run(wpool().args(words).env("COLUMNS", "80"));
    assert_eq!((ran.code(), ran.stderr.as_str()), (0, ""), "{words:?}");
    ran.stdout
}

/// The commands of a text that are to be tried.
fn examples(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.contains("wpool "))
        .collect()
}

#[test]
fn the_help_of_each_subcommand_fits_a_screen_and_opens_with_three_examples() {
    for subcommand in SUBCOMMANDS {
        for flag in ["--help", "-h"] {
            let text = help(&[subcommand, flag]);
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.len() <= LINES, "{subcommand}: {} lines", lines.len());
            assert!(
                lines.iter().all(|line| line.chars().count() <= COLUMNS),
                "{text}"
            );
            assert!(lines[0].ends_with("For example:"), "{text}");
            for line in &lines[1..4] {
                assert!(
                    line.starts_with("  ") && line.contains(&format!("wpool {subcommand}")),
                    "{text}"
                );
            }
        }
    }
    assert!(help(&["--help"]).lines().count() <= LINES);
}

#[test]
fn each_subcommand_is_explained_with_all_its_options() {
    let all = help(&["help", "map"]);
    for option in [
        "--unordered",
        "--deterministic",
        "--compile-memory",
        "--resume-failed",
        "--reduce",
        "--config",
    ] {
        assert!(all.contains(option), "{option}");
    }
    assert!(!help(&["map", "--help"]).contains("--compile-memory"));
    for subcommand in SUBCOMMANDS {
        assert!(
            help(&["help", subcommand]).contains("Usage: wpool"),
            "{subcommand}"
        );
    }
    assert_eq!(help(&["help"]), help(&["--help"]));
}

#[test]
fn ideas_are_explained_with_examples_that_run() {
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(guest("square").parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        std::os::unix::fs::symlink(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let wpool_here = Path::new(env!("CARGO_BIN_EXE_wpool")).parent().unwrap();
    let path = format!(
        "{}:{}",
        wpool_here.display(),
        std::env::var("PATH").unwrap()
    );
    fs::write(folder.path().join("people.csv"), "2\n3\n").unwrap();
    std::os::unix::fs::symlink(guest("square"), folder.path().join("score.wasm")).unwrap();
    for topic in ["isolation", "limits", "values", "jobs"] {
        let text = help(&["help", topic]);
        assert!(
            text.lines().all(|line| line.chars().count() <= COLUMNS),
            "{topic}"
        );
        let examples = examples(&text);
        assert_eq!(examples.len(), 3, "{topic}");
        for example in examples {
            // A few tasks show as much as a million.
            let example = example.replace("1000000 |", "100 |");
            let ran = run(Command::new("sh")
                .current_dir(&folder)
                .env("PATH", &path)
                .args(["-c", &example]));
            let failures: &[&str] = match topic {
                "limits" => &["timeout", "memory", "fuel"],
                _ => &[],
            };
            let is_expected = match failures {
                [] => ran.code() == 0,
                failures => failures.iter().any(|kind| ran.stderr.contains(kind)),
            };
            assert!(is_expected, "{example}: {ran:?}");
        }
    }
    let ran = run(wpool().args(["help", "nonsense"]));
    assert_eq!(ran.code(), 2);
    assert!(
        ran.complaints()[0].contains("isolation, limits, values, jobs"),
        "{ran:?}"
    );
}

#[test]
fn options_come_from_a_file_that_is_named_and_what_is_typed_counts_more() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("wpool.toml");
    let map = |text: &str, options: &[&str]| {
        fs::write(&config, text).unwrap();
        let mut command = wpool();
        command
            .arg("map")
            .arg("--config")
            .arg(&config)
            .args(options)
            .arg(guest("faults"));
        feed(&mut command, "6, 3\n")
    };
    let divide = "function = \"divide\"\njson_lines = true\n";
    assert!(map(divide, &[]).results()[0].contains("\"value\":2"));
    let ran = map("function = \"abort\"\n", &["-f", "divide"]);
    assert_eq!(ran.results(), ["2"]);
    // What conflicts with what is typed is left out.
    let ran = map(&format!("{divide}csv = true\n"), &["-d", "\\n"]);
    assert!(ran.results()[0].contains("\"value\":2"), "{ran:?}");
    for (text, why) in [
        (
            "functoin = \"divide\"",
            "`functoin` is no option of any subcommand",
        ),
        ("timeout = \"soon\"", "wpool.toml: `timeout`: invalid value"),
        ("report = true", "`report` takes a value"),
        ("x =", "line 1: "),
    ] {
        let ran = map(text, &[]);
        assert_eq!((ran.code(), ran.complaints().len()), (2, 1), "{ran:?}");
        assert!(ran.complaints()[0].contains(why), "{ran:?}");
    }
    let ran = run(wpool()
        .args(["map", "--config", "missing.toml"])
        .arg(guest("square")));
    assert!(
        ran.complaints()[0].contains("missing.toml: it cannot be read: No such file"),
        "{ran:?}"
    );
}

#[test]
fn no_file_that_lies_beside_a_module_is_read() {
    let module = wat(r#"(module (func (export "f") (result i32) i32.const 1))"#);
    let beside = module.path().parent().unwrap();
    for name in [
        "wpool.toml",
        ".wpool.toml",
        "module.toml",
        "config.toml",
        ".env",
    ] {
        fs::write(beside.join(name), "nonsense").unwrap();
    }
    assert_eq!(
        run(wpool().current_dir(beside).args(["map", "module.wat", ""])).results(),
        ["1"]
    );
}

#[test]
fn whatever_goes_wrong_is_one_line_and_another_says_what_to_do_next() {
    let of = |words: &[&str], module: &str| {
        let mut command = wpool();
        command.args(words).arg(guest(module));
        command
    };
    let check = |command: &mut Command, hint: &str| {
        let ran = run(command);
        assert_ne!(ran.code(), 0, "{ran:?}");
        assert!(
            ran.stderr.lines().all(|line| line.starts_with("wpool: ")),
            "{ran:?}"
        );
        assert_eq!(ran.complaints().len(), 1, "{ran:?}");
        assert_eq!(ran.hints().len(), 1, "{ran:?}");
        assert!(ran.hints()[0].contains(hint), "{ran:?}");
    };
    check(&mut of(&["map"], "missing"), "name a file");
    check(
        &mut of(&["map", "-f", "nonsense"], "square"),
        "wpool inspect",
    );
    check(&mut of(&["map"], "refused-import"), "wpool inspect");
    check(
        of(&["map", "-f", "divide"], "faults").arg("1, 0"),
        "wpool apply",
    );
    check(
        of(&["map", "--timeout", "50ms"], "spin").arg("-1"),
        "--timeout TIME",
    );
    check(of(&["map", "--fuel", "10"], "spin").arg("100"), "--fuel N");
    check(
        of(&["apply", "--timeout", "50ms"], "spin").arg("-1"),
        "--timeout TIME",
    );
    check(
        of(&["run", "--dir", "/nowhere"], "hello").arg("x"),
        "wpool help run",
    );
    check(
        of(&["reduce", "-f", "divide"], "faults").args(["1", "0"]),
        "wpool apply",
    );
}

#[test]
fn the_help_reads_as_it_was_agreed_to_read() {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/it/snapshots");
    let files = ["--help", "map", "reduce", "apply", "run"];
    for name in files {
        let words = if name == "--help" {
            vec![name]
        } else {
            vec![name, "--help"]
        };
        let file = snapshots.join(format!("{}.txt", name.trim_start_matches('-')));
        let agreed = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(help(&words), agreed, "{}", file.display());
    }
}
