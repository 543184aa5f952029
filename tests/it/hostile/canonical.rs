//! Components that break the canonical ABI: pointers, lengths and discriminants that are none.

use super::{answers, call, fails, fails_with, pool, the_same_worker_answers};
use wpool::{FailureKind, Pool, Value};

/// A component whose functions take nothing. Each is a name, the type of its result, and a core function `() -> i32` that
/// returns it, or where it lies. The memory has one page; at 64 begins what `data` holds.
fn returning(functions: &[(&str, &str, &str)], data: &str) -> Pool {
    let core: String = functions
        .iter()
        .map(|(name, _, body)| format!(r#"(func (export "{name}") (result i32) {body})"#))
        .collect();
    let lifted: String = functions
        .iter()
        .map(|(name, ty, _)| {
            format!(
                r#"(func (export "{name}") (result {ty}) (canon lift (core func $i "{name}") (memory $i "memory")))"#
            )
        })
        .collect();
    pool(format!(
        r#"(component
            (core module $m (memory (export "memory") 1) (data (i32.const 64) "{data}")
                (func $at (param i32 i32) (result i32)
                    (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))
                {core} (func (export "good") (result i32) (i32.const 42)))
            (core instance $i (instantiate $m))
            (type $color' (enum "red" "green")) (export $color "color" (type $color'))
            (type $shape' (variant (case "dot") (case "line" u32))) (export $shape "shape" (type $shape'))
            (type $marks' (flags "a" "b" "c")) (export $marks "marks" (type $marks'))
            (type $pair' (record (field "left" string) (field "right" u64))) (export $pair "pair" (type $pair'))
            {lifted} (func (export "good") (result s32) (canon lift (core func $i "good"))))"#
    ))
}

/// A pointer and a length as the result, or a discriminant and its payload.
macro_rules! at {
    ($first:literal, $second:literal) => {
        concat!(
            "(call $at (i32.const ",
            $first,
            ") (i32.const ",
            $second,
            "))"
        )
    };
}

#[test]
fn a_result_that_does_not_lie_in_memory_or_is_not_aligned_is_a_trap() {
    let cases = [
        (
            "area-odd",
            "string",
            "(i32.const 17)",
            "return pointer not aligned",
        ),
        (
            "area-outside",
            "string",
            "(i32.const 65532)",
            "pointer out of bounds of memory",
        ),
        (
            "area-far",
            "string",
            "(i32.const -8)",
            "pointer out of bounds of memory",
        ),
        (
            "record-outside",
            "$pair",
            "(i32.const 65528)",
            "pointer out of bounds of memory",
        ),
        (
            "text-outside",
            "string",
            at!("65535", "2"),
            "string pointer/length out of bounds",
        ),
        (
            "text-far",
            "string",
            at!("-1", "1"),
            "string pointer/length out of bounds",
        ),
        (
            "text-long",
            "string",
            at!("0", "-1"),
            "string pointer/length out of bounds",
        ),
        (
            "bytes-outside",
            "(list u8)",
            at!("65535", "2"),
            "list pointer/length out of bounds",
        ),
        (
            "bytes-long",
            "(list u8)",
            at!("1", "-1"),
            "list pointer/length out of bounds",
        ),
        (
            "list-odd",
            "(list u32)",
            at!("2", "1"),
            "list pointer is not aligned",
        ),
        (
            "list-outside",
            "(list u32)",
            at!("65532", "2"),
            "list pointer/length out of bounds",
        ),
        // 8 times this is more than 32 bits hold.
        (
            "list-overflow",
            "(list u64)",
            at!("0", "0x20000001"),
            "list pointer/length out of bounds",
        ),
        (
            "list-long",
            "(list (tuple u64 u64))",
            at!("0", "-1"),
            "list pointer/length out of bounds",
        ),
        // Its one element, at 64, is a pointer that is none.
        (
            "nested",
            "(list string)",
            at!("64", "1"),
            "string pointer/length out of bounds",
        ),
        (
            "nested-lists",
            "(list (list u64))",
            at!("64", "1"),
            "list p",
        ),
        (
            "in-option",
            "(option string)",
            at!("1", "-1"),
            "string pointer/length out of bounds",
        ),
    ];
    expect_traps(&cases, "\\fd\\ff\\ff\\ff\\10\\00\\00\\00");
}

#[test]
fn a_result_that_is_no_value_of_its_type_is_a_trap() {
    let cases = [
        ("surrogate", "char", "(i32.const 0xd800)", "char"),
        ("beyond-unicode", "char", "(i32.const 0x110000)", "char"),
        ("far-beyond-unicode", "char", "(i32.const -1)", "char"),
        ("color-two", "$color", "(i32.const 2)", "discriminant 2"),
        (
            "color-far",
            "$color",
            "(i32.const -1)",
            "discriminant 4294967295",
        ),
        ("shape-two", "$shape", at!("2", "7"), "discriminant 2"),
        (
            "option-two",
            "(option u32)",
            at!("2", "7"),
            "discriminant 2",
        ),
        (
            "result-two",
            "(result u32 (error u32))",
            at!("2", "7"),
            "discriminant 2",
        ),
        ("flat-result", "(result)", "(i32.const 2)", "discriminant 2"),
        (
            "bytes-or-text",
            "(result (list u8) (error string))",
            "(i32.const 64)",
            "discriminant",
        ),
        ("not-utf8", "string", at!("64", "4"), "utf-8"),
        ("cut-utf8", "string", at!("68", "2"), "utf-8"),
        ("chars", "(list char)", at!("64", "1"), "char"),
    ];
    expect_traps(&cases, "\\ff\\fe\\ff\\fe\\e2\\82\\ac\\00");
}

#[track_caller]
fn expect_traps(cases: &[(&str, &str, &str, &str)], data: &str) {
    let functions = cases.iter().map(|(name, ty, body, _)| (*name, *ty, *body));
    let pool = returning(&functions.collect::<Vec<_>>(), data);
    let before = answers(&pool);
    for (name, _, _, message) in cases {
        fails(&pool, name, FailureKind::Trap, message);
        the_same_worker_answers(&pool, &before);
    }
}

#[test]
fn bits_beyond_a_value_are_ignored() {
    let functions = [
        ("truth", "bool", "(i32.const 256)"),
        ("byte", "u8", "(i32.const 0x105)"),
        ("signed", "s16", "(i32.const 0x1ffff)"),
        ("mark", "$marks", "(i32.const 0xfffffffd)"),
    ];
    let pool = returning(&functions, "");
    for (name, value) in [
        ("truth", Value::Bool(true)),
        ("byte", Value::U8(5)),
        ("signed", Value::S16(-1)),
        ("mark", Value::Flags(vec![0, 2])),
    ] {
        assert_eq!(call(&pool, name, &[]).result, Ok(Some(value)), "{name}");
    }
}

#[test]
fn texts_of_other_encodings_are_held_to_them() {
    let lifted = |name: &str, encoding: &str| {
        format!(
            r#"(func (export "{name}") (result string) (canon lift (core func $i "{name}") (memory $i "memory")
                string-encoding={encoding}))"#
        )
    };
    let pool = pool(format!(
        r#"(component
            (core module $m (memory (export "memory") 1)
                (data (i32.const 64) "\00\d8\41\00") (data (i32.const 0) "\41\00\00\00\01\00\00\00")
                (data (i32.const 8) "\40\00\00\00\02\00\00\00") (data (i32.const 16) "\40\00\00\00\ff\ff\ff\ff")
                (data (i32.const 24) "\00\00\00\00\00\00\00\80")
                (func (export "odd") (result i32) (i32.const 0))
                (func (export "surrogate") (result i32) (i32.const 8))
                (func (export "long") (result i32) (i32.const 16))
                (func (export "overflow") (result i32) (i32.const 24))
                (func (export "good") (result i32) (i32.const 42)))
            (core instance $i (instantiate $m)) {} {} {} {}
            (func (export "good") (result s32) (canon lift (core func $i "good"))))"#,
        lifted("odd", "utf16"),
        lifted("surrogate", "utf16"),
        lifted("long", "latin1+utf16"),
        lifted("overflow", "utf16"),
    ));
    for (name, message) in [
        ("odd", "not aligned"),
        ("surrogate", "unpaired surrogate"),
        ("long", "out of bounds"),
        ("overflow", "out of bounds"),
    ] {
        let outcome = fails(&pool, name, FailureKind::Trap, message);
        the_same_worker_answers(&pool, &outcome);
    }
}

#[test]
fn a_realloc_that_misbehaves_is_a_trap() {
    let cases = [
        ("unaligned", "(i32.const 3)", "not aligned"),
        ("outside", "(i32.const 65536)", "beyond end of memory"),
        ("far", "(i32.const -4)", "beyond end of memory"),
        ("trapping", "unreachable", "unreachable"),
        (
            "recursing",
            "(call $self (local.get 0) (local.get 1) (local.get 2) (local.get 3))",
            "call stack exhausted",
        ),
    ];
    let core: String = cases
        .iter()
        .map(|(name, body, _)| {
            let body = body.replace("$self", &format!("${name}"));
            format!(
                r#"(func ${name} (export "{name}") (param i32 i32 i32 i32) (result i32) {body})"#
            )
        })
        .collect();
    let lifted: String = cases
        .iter()
        .map(|(name, _, _)| {
            format!(
                r#"(func (export "{name}") (param "numbers" (list u32)) (canon lift (core func $i "take")
                    (memory $i "memory") (realloc (func $i "{name}"))))"#
            )
        })
        .collect();
    let pool = pool(format!(
        r#"(component
            (core module $m (memory (export "memory") 1) {core}
                (func (export "take") (param i32 i32)) (func (export "good") (result i32) (i32.const 42)))
            (core instance $i (instantiate $m))
            {lifted} (func (export "good") (result s32) (canon lift (core func $i "good"))))"#
    ));
    let numbers = [Value::List(vec![Value::U32(1), Value::U32(2)])];
    for (name, _, message) in cases {
        let outcome = fails_with(&pool, name, &numbers, FailureKind::Trap, message);
        the_same_worker_answers(&pool, &outcome);
    }
}

#[test]
fn a_post_return_that_traps_fails_the_task_though_it_had_a_result() {
    let pool = pool(
        r#"(component
            (core module $m (memory (export "memory") 1)
                (func (export "seven") (result i32) (i32.const 7)) (func (export "after") (param i32) unreachable)
                (func (export "good") (result i32) (i32.const 42)))
            (core instance $i (instantiate $m))
            (func (export "seven") (result s32) (canon lift (core func $i "seven") (post-return (func $i "after"))))
            (func (export "good") (result s32) (canon lift (core func $i "good"))))"#,
    );
    let outcome = fails(&pool, "seven", FailureKind::Trap, "unreachable");
    the_same_worker_answers(&pool, &outcome);
}

#[test]
fn a_component_that_traps_before_the_call_fails_each_task_as_init() {
    let pool = pool(
        r#"(component
            (core module $m (start $s) (func $s unreachable) (func (export "good") (result i32) (i32.const 42)))
            (core instance $i (instantiate $m))
            (func (export "good") (result s32) (canon lift (core func $i "good"))))"#,
    );
    let first = fails(&pool, "good", FailureKind::Init, "unreachable");
    let second = fails(&pool, "good", FailureKind::Init, "unreachable");
    assert_eq!(first.usage.pid, second.usage.pid);
}
