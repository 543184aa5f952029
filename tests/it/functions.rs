//! Which function is called.

use crate::support::{Ran, guest, module, run, wat, wpool};

/// A module whose functions return a number of their own.
fn functions(names: &[&str]) -> String {
    let function =
        |(number, name)| format!(r#"(func (export "{name}") (result i32) (i32.const {number}))"#);
    let functions: String = names.iter().enumerate().map(function).collect();
    format!(
        "(module (memory (export \"memory\") 1) (global (export \"global\") i32 (i32.const 9)) {functions})"
    )
}

fn apply(file: &str, names: &[&str], options: &[&str]) -> Ran {
    run(wpool()
        .arg("apply")
        .args(options)
        .arg(module(file, functions(names)).path()))
}

#[test]
fn the_only_function_is_chosen_and_other_exports_do_not_count() {
    assert_eq!(apply("other.wat", &["f"], &[]).results(), ["0"]);
}

#[test]
fn names_that_begin_with_an_underscore_or_cabi_do_not_count() {
    assert_eq!(
        apply(
            "other.wat",
            &["_start", "cabi_realloc", "f", "_initialize"],
            &[]
        )
        .results(),
        ["2"]
    );
}

#[test]
fn one_of_several_is_chosen_when_the_file_is_called_like_it() {
    assert_eq!(
        apply("second.wat", &["first", "second", "run"], &[]).results(),
        ["1"]
    );
}

#[test]
fn kebab_and_snake_case_are_the_same() {
    assert_eq!(
        apply("my-tool.wat", &["run", "my_tool"], &[]).results(),
        ["1"]
    );
    assert_eq!(
        apply("my_tool.wat", &["run", "my-tool"], &[]).results(),
        ["1"]
    );
    assert_eq!(
        apply("any.wat", &["first", "my_tool"], &["-f", "my-tool"]).results(),
        ["1"]
    );
    // The very name goes first.
    assert_eq!(
        apply("any.wat", &["my-tool", "my_tool"], &["-f", "my_tool"]).results(),
        ["1"]
    );
}

#[test]
fn run_is_chosen_when_no_function_is_called_like_the_file() {
    assert_eq!(
        apply("other.wat", &["first", "run", "second"], &[]).results(),
        ["1"]
    );
}

#[test]
fn a_function_can_be_named_even_one_that_is_never_chosen_by_itself() {
    assert_eq!(
        apply("first.wat", &["first", "second"], &["-f", "second"]).results(),
        ["1"]
    );
    assert_eq!(
        apply("first.wat", &["first", "second"], &["--function=second"]).results(),
        ["1"]
    );
    assert_eq!(
        apply("first.wat", &["first", "_hidden"], &["-f", "_hidden"]).results(),
        ["1"]
    );
}

#[test]
fn several_functions_of_which_none_is_meant_are_listed_with_their_signatures() {
    let ran = run(wpool().arg("map").arg(guest("floats")).arg("1"));
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    let [line] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(line.contains("choose one with -f"), "{line}");
    for signature in [
        "half: func(p0: f64) -> f64",
        "third: func(p0: f32) -> f32",
        "scale: func(p0: s32, p1: s64, p2: f32, p3: f64) -> f64",
    ] {
        assert!(line.contains(signature), "{line}");
    }
}

#[test]
fn a_function_that_is_not_there_is_answered_with_those_that_are() {
    let ran = run(wpool()
        .args(["map", "-f", "cube"])
        .arg(guest("square"))
        .arg("1"));
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    let [line] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(
        line.contains("cube") && line.contains("square: func(p0: s64) -> s64"),
        "{line}"
    );
}

#[test]
fn a_module_without_functions_is_refused() {
    for text in ["(module)", "(module (memory (export \"m\") 1))"] {
        let ran = run(wpool().arg("map").arg(wat(text).path()).arg("1"));
        assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
        let [line] = ran.complaints()[..] else {
            panic!("{ran:?}")
        };
        assert!(line.contains("exports no function"), "{line}");
    }
}

#[test]
fn escapes_in_the_names_of_a_module_do_not_reach_the_terminal() {
    let names = ["a\\1b[2Jb", "c\\07\\0ad"];
    let ran = apply("other.wat", &names, &["-f", "nothing"]);
    assert_eq!(ran.code(), 2);
    assert_eq!(ran.complaints().len(), 1, "{:?}", ran.stderr);
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!ran.stderr.contains(control), "{:?}", ran.stderr);
    assert!(
        ran.stderr.contains("[2J"),
        "the name is shown, but escaped: {:?}",
        ran.stderr
    );
}
