//! Rows of CSV and TSV as inputs.

use super::{divide, map};
use crate::support::{Running, feed, run, wat};
use std::process::Stdio;
use tempfile::TempDir;

/// A component whose parameters have names.
const RATIO: &str = r#"(component
    (core module $m (func (export "f") (param i32 i32) (result i32)
        (i32.div_s (local.get 0) (local.get 1))))
    (core instance $i (instantiate $m))
    (func (export "ratio") (param "whole" s32) (param "the-part" s32) (result s32)
        (canon lift (core func $i "f"))))"#;

#[test]
fn columns_are_found_by_the_names_of_parameters_else_by_their_order() {
    let module = wat(RATIO);
    let ratio = |option| {
        let mut command = crate::support::wpool();
        command.arg("map").arg(option).arg(&module);
        command
    };
    let named = "id,The Part,whole\n1,2,12\n2,\"5\",20\n";
    assert_eq!(feed(&mut ratio("--csv"), named).results(), ["6", "4"]);
    let tabs = "the_part\twhole\n2\t12\n";
    assert_eq!(feed(&mut ratio("--tsv"), tabs).results(), ["6"]);
    assert_eq!(
        feed(&mut ratio("--csv"), "12,2\n20,5\n").results(),
        ["6", "4"]
    );
    let skipped = feed(ratio("--csv").args(["--header", "yes"]), "x,y\n12,2\n");
    assert_eq!(skipped.results(), ["6"]);
}

#[test]
fn a_field_of_text_may_hold_separators_quotes_and_line_breaks() {
    let ran = feed(
        &mut map("greet", &["--csv"]),
        "\"Ann, \"\"A\"\"\nB\"\nBob\n",
    );
    assert_eq!(ran.stdout, "Hello, Ann, \"A\"\nB!\nHello, Bob!\n");
}

#[test]
fn a_row_with_other_than_a_field_for_each_parameter_is_that_tasks_failure() {
    let ran = feed(&mut divide(&["--csv"]), "6,3\n1\n8,2,9\n8,2\n");
    assert_eq!((ran.code(), ran.stdout.as_str()), (1, "2\n4\n"));
    let complaints = ran.complaints();
    assert!(
        complaints[0].starts_with("wpool: task 2: bad-argument: "),
        "{ran:?}"
    );
    assert!(
        complaints[1].starts_with("wpool: task 3: bad-argument: "),
        "{ran:?}"
    );
}

#[test]
fn a_table_without_rows_runs_nothing() {
    for text in ["", "\n\n", "a,b\n"] {
        let ran = feed(
            divide(&["--csv", "--header", "yes"]).arg("--json-lines"),
            text,
        );
        assert_eq!(ran.results(), [""; 0], "{text:?}");
    }
}

#[test]
fn rows_of_a_file_are_read_and_a_table_takes_no_other_delimiter() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("table.csv");
    std::fs::write(&path, "6,3\n").unwrap();
    assert_eq!(run(divide(&["--csv", "-a"]).arg(&path)).results(), ["2"]);
    for options in [
        &["--csv", "-0"][..],
        &["--csv", "--tsv"],
        &["--csv", "--files"],
        &["--tsv", "6,3"],
    ] {
        let ran = run(&mut divide(options));
        assert_eq!((ran.code(), ran.complaints().len()), (2, 1), "{ran:?}");
    }
}

#[test]
fn each_row_is_worked_on_while_the_next_is_waited_for() {
    let mut running = Running::start(divide(&["--csv"]).stdin(Stdio::piped()));
    for (row, result) in [("6,3\n", "2"), ("8,2\n", "4")] {
        running.write(row);
        assert_eq!(running.line(), Some(result.into()));
    }
    drop(running.take_stdin());
    assert_eq!(running.finish().code(), 0);
}

#[test]
fn the_fields_of_a_row_are_the_words_of_a_program() {
    let ran = feed(&mut map("echo", &["--csv", "--arg", "-"]), "a b,c\n");
    assert_eq!(ran.results(), ["- a b c"]);
}
