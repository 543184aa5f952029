//! `--format`: text, WAVE and JSON, in and out.

use crate::support::{Ran, TextModule, feed, guest, run, wat, wpool};
use serde_json::{Value, json};

fn map(format: &str, module: &TextModule, inputs: &[&str]) -> Ran {
    run(wpool()
        .args(["map", "--format", format])
        .arg(module)
        .arg("--")
        .args(inputs))
}

fn json_lines(ran: &Ran) -> Vec<Value> {
    ran.results()
        .into_iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn mix() -> TextModule {
    wat(
        r#"(module (func (export "mix") (param i32 f64) (result i32 f64) local.get 0 local.get 1))"#,
    )
}

#[test]
fn json_takes_a_list_for_several_parameters_and_gives_one_for_several_results() {
    let ran = map("json", &mix(), &["[1, 0.5]", "[ -2,1e300 ]"]);
    assert_eq!(json_lines(&ran), [json!([1, 0.5]), json!([-2, 1e300])]);
}

#[test]
fn json_takes_the_value_itself_for_one_parameter() {
    let ran = run(wpool()
        .args(["map", "--format", "json"])
        .arg(guest("square"))
        .args(["3", "-4"]));
    assert_eq!(json_lines(&ran), [json!(9), json!(16)]);
}

#[test]
fn json_without_a_result_is_null() {
    let nothing = wat(r#"(module (func (export "f") (param i32)))"#);
    assert_eq!(map("json", &nothing, &["1"]).results(), ["null"]);
}

#[test]
fn json_arguments_of_apply_are_json_each() {
    let ran = run(wpool()
        .args(["apply", "--format", "json"])
        .arg(mix().path())
        .args(["-7", "0.25"]));
    assert_eq!(json_lines(&ran), [json!([-7, 0.25])]);
}

#[test]
fn json_lines_of_standard_input_are_read_one_by_one() {
    let ran = feed(
        wpool().args(["map", "--format", "json"]).arg(guest("add")),
        "[1, 2]\n[3]\n{}\n[3, 4]\n",
    );
    assert_eq!((ran.code(), ran.lines()), (1, vec!["3", "7"]));
    assert_eq!(ran.complaints().len(), 2, "{ran:?}");
}

#[test]
fn every_json_result_is_json_even_where_json_has_no_number() {
    let echo = wat(r#"(module (func (export "f") (param f64) (result f64) local.get 0))"#);
    let divide = wat(
        r#"(module (func (export "f") (param f64) (result f64) (f64.div (local.get 0) (f64.const 0))))"#,
    );
    for ran in [
        map("json", &echo, &["1.5"]),
        map("json", &divide, &["1", "-1", "0"]),
    ] {
        for line in ran.results() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}

#[test]
fn wave_is_wave_in_and_out() {
    assert_eq!(
        map("wave", &mix(), &["1, 0.5", "(-2, inf)"]).results(),
        ["(1, 0.5)", "(-2, inf)"]
    );
    let nothing = wat(r#"(module (func (export "f") (param i32)))"#);
    assert_eq!(
        map("wave", &nothing, &["1"]).results().len(),
        1,
        "one result is one line"
    );
}

#[test]
fn text_is_the_default() {
    let typed = run(wpool().arg("map").arg(guest("square")).arg("3"));
    let named = run(wpool()
        .args(["map", "--format", "text"])
        .arg(guest("square"))
        .arg("3"));
    assert_eq!(typed.results(), named.results());
}

#[test]
fn a_format_that_there_is_not_is_refused() {
    let ran = run(wpool()
        .args(["map", "--format", "xml"])
        .arg(guest("square"))
        .arg("3"));
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("text, wave or json"), "{ran:?}");
}

#[test]
fn json_that_does_not_fit_is_refused_with_its_place() {
    let ran = run(wpool()
        .args(["map", "--format", "json"])
        .arg(guest("add"))
        .args(["[1, \"x\"]", "[1, 2"]));
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""));
    let [wrong_type, broken] = ran.complaints()[..] else {
        panic!("{ran:?}")
    };
    assert!(
        wrong_type.contains("input 1: argument 2, character 5: ")
            && wrong_type.contains("expected s64"),
        "{wrong_type}"
    );
    assert!(broken.contains("input 2: character 6: EOF"), "{broken}");
}
