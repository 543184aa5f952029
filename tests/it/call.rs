//! Calls and their results: what goes in, what comes out.

use crate::support::{guest, module, run, wat, wpool};
use std::ffi::OsStr;
use std::fs;

#[track_caller]
fn map(module: impl AsRef<OsStr>, inputs: &[&str]) -> Vec<String> {
    let ran = run(wpool().arg("map").arg(module.as_ref()).args(inputs));
    ran.results().into_iter().map(str::to_string).collect()
}

#[track_caller]
fn map_function(module: impl AsRef<OsStr>, function: &str, inputs: &[&str]) -> Vec<String> {
    let ran = run(wpool()
        .args(["map", "-f", function])
        .arg(module.as_ref())
        .arg("--")
        .args(inputs));
    ran.results().into_iter().map(str::to_string).collect()
}

#[track_caller]
fn apply(module: impl AsRef<OsStr>, arguments: &[&str]) -> String {
    run(wpool().arg("apply").arg(module.as_ref()).args(arguments))
        .results()
        .join("\n")
}

#[test]
fn five_squares_are_printed_a_line_each() {
    let ran = run(wpool()
        .arg("map")
        .arg(guest("square"))
        .args(["1", "2", "3", "4", "5"]));
    assert_eq!(ran.results(), ["1", "4", "9", "16", "25"]);
    assert_eq!(ran.stdout, "1\n4\n9\n16\n25\n");
}

#[test]
fn an_input_of_a_function_with_several_parameters_is_a_list() {
    assert_eq!(
        map(guest("add"), &["2, 3", "4,5", "(6, 7)"]),
        ["5", "9", "13"]
    );
}

#[test]
fn apply_takes_one_argument_for_each_parameter() {
    assert_eq!(apply(guest("add"), &["2", "3"]), "5");
    assert_eq!(apply(guest("square"), &["12"]), "144");
    assert_eq!(apply(guest("counter"), &[]), "1");
}

#[test]
fn negative_numbers_are_arguments_and_not_options() {
    assert_eq!(map(guest("square"), &["-5", "7", "-1"]), ["25", "49", "1"]);
    assert_eq!(map(guest("add"), &["-2, 3", "-2, -3"]), ["1", "-5"]);
    assert_eq!(apply(guest("add"), &["-2", "-3"]), "-5");
    let ran = run(wpool()
        .args(["map", "-f", "half"])
        .arg(guest("floats"))
        .args(["-0.5", "-1e3", "-inf"]));
    assert_eq!(ran.results(), ["-0.25", "-500", "-inf"]);
}

#[test]
fn a_parameterless_function_takes_empty_inputs() {
    assert_eq!(map(guest("counter"), &["", "", ""]), ["1", "1", "1"]);
}

#[test]
fn integers_reach_to_both_ends_of_their_range() {
    let echo = wat(
        r#"(module (func (export "narrow") (param i32) (result i32) local.get 0)
            (func (export "wide") (param i64) (result i64) local.get 0))"#,
    );
    let narrow = ["-2147483648", "2147483647", "0"];
    assert_eq!(map_function(&echo, "narrow", &narrow), narrow);
    let wide = ["-9223372036854775808", "9223372036854775807"];
    assert_eq!(map_function(&echo, "wide", &wide), wide);
}

#[test]
fn floats_print_the_shortest_digits_that_read_back_the_same() {
    let echo = wat(
        r#"(module (func (export "single") (param f32) (result f32) local.get 0)
            (func (export "double") (param f64) (result f64) local.get 0))"#,
    );
    let double = [
        "0.1",
        "0.30000000000000004",
        "5e-324",
        "1.7976931348623157e308",
        "-0",
        "nan",
        "inf",
        "-inf",
    ];
    assert_eq!(map_function(&echo, "double", &double), double);
    let single = [
        "0.1",
        "16777216",
        "1e-45",
        "3.4028235e38",
        "-0",
        "nan",
        "-inf",
    ];
    assert_eq!(map_function(&echo, "single", &single), single);
    // More digits than the type holds are cut to the nearest value, whose shortest form is printed.
    assert_eq!(
        map_function(&echo, "single", &["0.100000001490116"]),
        ["0.1"]
    );
    assert_eq!(
        map_function(guest("floats"), "third", &["1"]),
        ["0.33333334"]
    );
    assert_eq!(map_function(guest("floats"), "half", &["0.2"]), ["0.1"]);
}

#[test]
fn printed_floats_read_back_bit_by_bit() {
    let echo = wat(r#"(module (func (export "f") (param f64) (result f64) local.get 0))"#);
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    let numbers: Vec<f64> = std::iter::repeat_with(|| {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        f64::from_bits(bits)
    })
    .filter(|number| number.is_finite())
    .take(200)
    .collect();
    let inputs: Vec<String> = numbers.iter().map(|number| format!("{number:e}")).collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let printed = map_function(&echo, "f", &inputs);
    let read: Vec<u64> = printed
        .iter()
        .map(|digits| digits.parse::<f64>().unwrap().to_bits())
        .collect();
    assert_eq!(
        read,
        numbers
            .iter()
            .map(|number| number.to_bits())
            .collect::<Vec<_>>()
    );
}

#[test]
fn all_four_core_types_go_in_together() {
    assert_eq!(
        map_function(guest("floats"), "scale", &["2, -3, 0.5, 1e3"]),
        ["-3000"]
    );
}

#[test]
fn several_results_are_a_tuple() {
    let several = wat(
        r#"(module (func (export "f") (param i32) (result i32 i64 f32 f64)
            local.get 0 (i64.const -2) (f32.const 0.1) (f64.const 1e300)))"#,
    );
    assert_eq!(
        map(&several, &["7", "8"]),
        ["(7, -2, 0.1, 1e300)", "(8, -2, 0.1, 1e300)"]
    );
    assert_eq!(apply(&several, &["9"]), "(9, -2, 0.1, 1e300)");
}

#[test]
fn no_result_is_an_empty_line() {
    let nothing = wat(r#"(module (func (export "f") (param i32)))"#);
    let ran = run(wpool().arg("map").arg(&nothing).args(["1", "2"]));
    assert_eq!(ran.results(), ["", ""]);
    assert_eq!(ran.stdout, "\n\n");
    assert_eq!(
        run(wpool().arg("apply").arg(&nothing).arg("1")).stdout,
        "\n"
    );
}

#[test]
fn many_parameters_and_many_results_pass() {
    let params = "i64 ".repeat(100);
    let gets: String = (0..100)
        .rev()
        .map(|index| format!("local.get {index} "))
        .collect();
    let reverse = wat(&format!(
        r#"(module (func (export "f") (param {params}) (result {params}) {gets}))"#
    ));
    let numbers: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let reversed: Vec<&str> = numbers.iter().rev().map(String::as_str).collect();
    let printed = map(&reverse, &[&numbers.join(", ")]);
    assert_eq!(printed, [format!("({})", reversed.join(", "))]);
}

#[test]
fn a_start_function_runs_before_the_call() {
    let started = wat(r#"(module (global $g (mut i32) (i32.const 1)) (start $s)
            (func $s (global.set $g (i32.add (global.get $g) (i32.const 41))))
            (func (export "f") (param i32) (result i32) (i32.add (global.get $g) (local.get 0))))"#);
    assert_eq!(map(&started, &["0", "1", "2"]), ["42", "43", "44"]);
}

#[test]
fn text_and_binary_are_told_apart_by_content_and_not_by_name() {
    let text = r#"(module (func (export "f") (param i32) (result i32) local.get 0))"#;
    assert_eq!(map(module("text.wasm", text), &["6"]), ["6"]);
    assert_eq!(
        map(
            module("comment.wat", format!(";; first\n(; second ;) {text}")),
            &["6"]
        ),
        ["6"]
    );
    let binary = fs::read(guest("square")).unwrap();
    assert_eq!(map(module("binary.wat", binary), &["6"]), ["36"]);
}

#[test]
fn memory_data_tables_and_calls_between_functions_work() {
    // Five modules of other kinds than the guests: memory and data, tables, recursion, loops, globals.
    let length = wat(r#"(module (memory 1) (data (i32.const 8) "hello\00")
            (func (export "at") (param i32) (result i32) (i32.load8_u (i32.add (i32.const 8) (local.get 0)))))"#);
    assert_eq!(map(&length, &["0", "4", "5"]), ["104", "111", "0"]);
    let dispatch = wat(
        r#"(module (type $op (func (param i32) (result i32))) (table funcref (elem $double $negate))
            (func $double (type $op) (i32.mul (local.get 0) (i32.const 2)))
            (func $negate (type $op) (i32.sub (i32.const 0) (local.get 0)))
            (func (export "f") (param i32 i32) (result i32) (call_indirect (type $op) (local.get 1) (local.get 0))))"#,
    );
    assert_eq!(map(&dispatch, &["0, 21", "1, 21"]), ["42", "-21"]);
    let fibonacci = wat(r#"(module (func $f (export "fib") (param i64) (result i64)
            (if (result i64) (i64.lt_s (local.get 0) (i64.const 2)) (then (local.get 0))
              (else (i64.add (call $f (i64.sub (local.get 0) (i64.const 1)))
                             (call $f (i64.sub (local.get 0) (i64.const 2))))))))"#);
    assert_eq!(map(&fibonacci, &["10", "20"]), ["55", "6765"]);
    let collatz = wat(
        r#"(module (func (export "steps") (param i64) (result i32) (local i32)
            (block (loop (br_if 1 (i64.le_s (local.get 0) (i64.const 1)))
              (local.set 0 (if (result i64) (i64.eqz (i64.and (local.get 0) (i64.const 1)))
                (then (i64.shr_u (local.get 0) (i64.const 1)))
                (else (i64.add (i64.mul (local.get 0) (i64.const 3)) (i64.const 1)))))
              (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br 0))) local.get 1))"#,
    );
    assert_eq!(map(&collatz, &["27", "1"]), ["111", "0"]);
    let simd = wat(r#"(module (func (export "sum") (param i32) (result i32)
            (i32x4.extract_lane 3 (i32x4.add (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 4)))))"#);
    assert_eq!(map(&simd, &["38"]), ["42"]);
}
