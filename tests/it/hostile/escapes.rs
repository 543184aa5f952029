//! Names and texts full of what a terminal takes for commands: nothing of it reaches a person's screen.

use crate::support::{Ran, TextModule, guest, module, run, wpool};
use std::fs;

/// Clears the screen, sets the title, rings, goes back, turns the direction of text around, ends the line in four ways; each as
/// it is, and as the single character that means the same.
const HOSTILE: &str = "\x1b[2J\x1b]0;owned\x07\u{9b}2J\u{9d}0;owned\u{9c}\u{202e}\u{2066}\u{200f}\u{feff}\x7f\x08\r\n\0\x0b\u{85}\u{2028}";

/// A text as it stands in the text of a module.
fn quoted(text: &str) -> String {
    let bytes: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    format!("\"{bytes}\"")
}

fn is_harmless(c: char) -> bool {
    // What `escape_debug` leaves alone is meant to be seen; but quotes and backslashes are seen too.
    c == '\n' || matches!(c, '"' | '\'' | '\\') || c.escape_debug().count() == 1
}

/// Expects nothing harmful, and no line of more than about 4 KiB.
#[track_caller]
fn harmless(text: &str) {
    if let Some(harmful) = text.chars().find(|c| !is_harmless(*c)) {
        panic!(
            "{harmful:?} in {:?}",
            text.chars().take(2000).collect::<String>()
        );
    }
    for line in text.lines() {
        assert!(line.len() < 4096 + 256, "a line of {} bytes", line.len());
    }
}

/// Expects a command to end with this code, and its complaint to show the hostile text in a form that does no harm.
#[track_caller]
fn complains(ran: &Ran, code: i32) {
    assert_eq!(ran.code(), code, "{ran:?}");
    harmless(&ran.stderr);
    assert_eq!(ran.complaints().len(), 1, "{ran:?}");
    assert!(ran.stderr.contains(r"\u{1b}[2J"), "{ran:?}");
    assert!(ran.stderr.starts_with("wpool: "), "{ran:?}");
}

fn map(module: &TextModule, input: &str) -> Ran {
    run(wpool().arg("map").arg(module).arg(input))
}

fn apply(module: &TextModule, args: &[&str]) -> Ran {
    run(wpool().arg("apply").arg(module).args(args))
}

/// A module with this text in the place of `NAME`.
fn with_name(text: &str, name: &str) -> String {
    text.replace("NAME", &quoted(name))
}

#[test]
fn names_of_functions_are_harmless_wherever_they_are_named() {
    let one = module(
        "f.wat",
        with_name("(module (func (export NAME) (param i32)))", HOSTILE),
    );
    let apply = |args| apply(&one, args);
    complains(&apply(&["-f", "nothing", "1"]), 2);
    complains(&apply(&["x"]), 2);
    complains(&apply(&[]), 2);
    let two = "(module (func (export NAME)) (func (export \"g\")))";
    let two = module("f.wat", with_name(two, HOSTILE));
    complains(&run(wpool().arg("map").arg(&two).arg("")), 2);
    let unusable = module(
        "f.wat",
        with_name("(module (func (export NAME) (param v128)))", HOSTILE),
    );
    complains(&run(wpool().arg("map").arg(&unusable).arg("1")), 2);
    let many = run(wpool().arg("map").arg(&one).args(vec!["x"; 50]));
    harmless(&many.stderr);
    assert!(many.stderr.contains("50 inputs do not fit"), "{many:?}");
}

#[test]
fn names_of_imports_and_files_are_harmless_and_short() {
    let needy = with_name("(module (import NAME NAME (func)))", HOSTILE);
    complains(&map(&module("f.wat", needy), "1"), 2);
    let long = with_name("(module (import NAME \"a\" (func)))", &HOSTILE.repeat(1000));
    complains(&map(&module("f.wat", long), "1"), 2);
    let imports = "(import NAME NAME (func))".repeat(100);
    let many = with_name(&format!("(module {imports})"), &HOSTILE.repeat(50));
    complains(&map(&module("f.wat", many), "1"), 2);
    let name = format!("{}.wat", HOSTILE.replace(['\0', '/'], ""));
    complains(&map(&module(&name, "(module"), "1"), 2);
    complains(&run(wpool().arg("map").arg(&name).arg("1")), 2);
}

#[test]
fn what_a_parser_repeats_of_a_module_is_harmless() {
    let texts = [
        format!(
            "(module (func (call ${})))",
            HOSTILE.replace(['\n', '\r'], "")
        ),
        format!("(module {HOSTILE})"),
        with_name("(module (func (call $f)) (func (call $\"\\1b[2J\")))", ""),
        with_name("(component (import NAME (func)))", HOSTILE),
        with_name(
            "(component (core module $m) (core instance $i (instantiate $m)) (alias core export $i NAME (core func $f)))",
            HOSTILE,
        ),
        with_name("(component (type $t (record (field NAME u8))))", HOSTILE),
        with_name(
            "(module (func (export NAME)) (func (export NAME)))",
            HOSTILE,
        ),
    ];
    for text in texts {
        let ran = map(&module("f.wat", &text), "1");
        assert_eq!(ran.code(), 2, "{text:?}: {ran:?}");
        assert_eq!(ran.complaints().len(), 1, "{ran:?}");
        harmless(&ran.stderr);
    }
}

/// A component whose functions return texts: `err` an error, `trap` traps in a function of a hostile name.
fn speaking(text: &str) -> String {
    let length = text.len();
    r#"(component
        (core module $m
            (memory (export "memory") 100) (data (i32.const 65536) NAME)
            (func $err (export "err") (result i32)
                (i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 65536))
                (i32.store (i32.const 8) (i32.const LENGTH)) (i32.const 0))
            (func $"\1b[2J\1b]0;owned\07" (export "trap") unreachable))
        (core instance $i (instantiate $m))
        (func (export "err") (result (result (error string)))
            (canon lift (core func $i "err") (memory $i "memory")))
        (func (export "trap") (canon lift (core func $i "trap"))))"#
        .replace("LENGTH", &length.to_string())
        .replace("NAME", &quoted(text))
}

#[test]
fn an_error_that_a_function_returns_is_harmless_and_short_in_messages_and_reports() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report");
    for text in [HOSTILE.to_string(), HOSTILE.repeat(10_000)] {
        let speaking = module("f.wat", speaking(&text));
        let ran = run(wpool()
            .args(["apply", "-f", "err", "--report"])
            .arg(&report)
            .arg(&speaking));
        complains(&ran, 1);
        let report = fs::read_to_string(&report).unwrap();
        harmless(&report.replace("\\\\", "\\"));
        let entry: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(entry["outcome"], "error");
        harmless(entry["message"].as_str().unwrap());
    }
}

#[test]
fn an_error_is_one_harmless_line_in_wave_and_json() {
    let speaking = module("f.wat", speaking(HOSTILE));
    for format in ["wave", "json"] {
        let ran = run(wpool()
            .args(["apply", "-f", "err", "--format", format])
            .arg(&speaking));
        complains(&ran, 1);
        assert_eq!(ran.lines().len(), 1, "{ran:?}");
        harmless(&ran.stdout);
    }
}

#[test]
fn a_trap_names_functions_of_the_module_only_where_it_was_called_alone_and_escaped() {
    let speaking = module("f.wat", speaking(""));
    let trap = "wpool: task 1: trap: wasm `unreachable` instruction executed";
    let ran = run(wpool().args(["map", "-f", "trap"]).arg(&speaking).arg(""));
    assert_eq!(ran.complaints(), [trap]);
    let ran = apply(&speaking, &["-f", "trap"]);
    let [line, function] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert_eq!(line, trap);
    assert!(function.starts_with("wpool:   0: \\u{1b}[2J"), "{ran:?}");
    harmless(&ran.stderr);
}

#[test]
fn what_is_shown_of_an_input_is_harmless() {
    let input = HOSTILE.replace('\0', "");
    let ran = run(wpool().arg("map").arg(guest("square")).arg(&input));
    assert_eq!(ran.code(), 2);
    harmless(&ran.stderr);
    let failing = with_name(
        r#"(component
            (core module $m (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
                (func (export "f") (param i32 i32) unreachable))
            (core instance $i (instantiate $m))
            (func (export "f") (param "text" string) (canon lift (core func $i "f") (memory $i "memory")
                (realloc (func $i "realloc")))))"#,
        "",
    );
    complains(&map(&module("f.wat", failing), &input), 1);
}

#[test]
fn inspect_shows_names_in_a_form_that_does_no_harm() {
    let odd = "(module (import NAME NAME (func)) (func (export NAME) (param i32)) (func (export \"v\") (param v128)))";
    let name = format!("{}.wat", HOSTILE.replace(['\0', '/'], ""));
    let odd = module(&name, with_name(odd, HOSTILE));
    for options in [&["inspect"][..], &["inspect", "--json"]] {
        let ran = run(wpool().args(options).arg(&odd));
        assert_eq!((ran.code(), ran.stderr.as_str()), (0, ""), "{ran:?}");
        harmless(&ran.stdout);
        assert!(ran.stdout.contains("[2J"), "{ran:?}");
    }
    let ran = run(wpool().args(["inspect", "--json"]).arg(&odd));
    let inspected: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(inspected["functions"][0]["name"], HOSTILE);
}
