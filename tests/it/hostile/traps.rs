//! Traps of every kind in core modules.

use super::{GOOD, answers, call, fails, pool, refusal, the_same_worker_answers};
use wpool::{ErrorKind, FailureKind};

/// What the functions below use. The memory has one page, the tables ten elements, of which the first two are functions.
const STAGE: &str = r#"
    (memory $memory 1 1) (memory $wide i64 1 1) (data $data "abcd")
    (type $number (func (result i32))) (type $nothing (func))
    (table $table 10 10 funcref) (table $other 10 10 funcref)
    (elem (table $table) (i32.const 0) func $forty-two $nothing) (elem $elem func $forty-two $nothing)
    (func $forty-two (result i32) (i32.const 42)) (func $nothing)
    (func $recurse (param i32) (result i32)
        (i32.add (i32.const 1) (call $recurse (i32.add (local.get 0) (i32.const 1)))))
    (func $ping (param i64) (result i64) (i64.add (i64.const 1) (call $pong (local.get 0))))
    (func $pong (param i64) (result i64) (i64.add (i64.const 1) (call $ping (local.get 0))))
    (table $itself 1 1 funcref) (elem (table $itself) (i32.const 0) func $indirect)
    (func $indirect (call_indirect $itself (type $nothing) (i32.const 0)) (call $nothing))"#;

const DIVIDED_BY_ZERO: &str = "integer divide by zero";
const OVERFLOW: &str = "integer overflow";
const CONVERSION: &str = "invalid conversion to integer";
const MEMORY: &str = "out of bounds memory access";
const TABLE: &str = "undefined element: out of bounds table access";
const STACK: &str = "call stack exhausted";

/// Bodies of functions that leave nothing behind, and what each ends with.
const TRAPS: &[(&str, &str)] = &[
    ("unreachable", "wasm `unreachable` instruction executed"),
    (
        "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
        DIVIDED_BY_ZERO,
    ),
    (
        "(drop (i32.rem_u (i32.const 1) (i32.const 0)))",
        DIVIDED_BY_ZERO,
    ),
    (
        "(drop (i64.div_u (i64.const 1) (i64.const 0)))",
        DIVIDED_BY_ZERO,
    ),
    (
        "(drop (i64.rem_s (i64.const 1) (i64.const 0)))",
        DIVIDED_BY_ZERO,
    ),
    (
        "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
        OVERFLOW,
    ),
    (
        "(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))",
        OVERFLOW,
    ),
    ("(drop (i32.trunc_f32_s (f32.const nan)))", CONVERSION),
    ("(drop (i64.trunc_f64_u (f64.const nan)))", CONVERSION),
    ("(drop (i32.trunc_f64_s (f64.const 1e300)))", OVERFLOW),
    ("(drop (i64.trunc_f32_u (f32.const -1)))", OVERFLOW),
    ("(drop (i32.load8_u (i32.const 65536)))", MEMORY),
    ("(drop (f64.load (i32.const 65529)))", MEMORY),
    ("(drop (i32.load offset=0xffffffff (i32.const -1)))", MEMORY),
    ("(i64.store (i32.const -1) (i64.const 7))", MEMORY),
    ("(drop (v128.load (i32.const 65521)))", MEMORY),
    ("(drop (i32.load $wide (i64.const -1)))", MEMORY),
    (
        "(i64.store $wide offset=0xffffffffffffffff (i64.const -1) (i64.const 7))",
        MEMORY,
    ),
    (
        "(memory.fill (i32.const 65535) (i32.const 1) (i32.const 2))",
        MEMORY,
    ),
    (
        "(memory.fill (i32.const 1) (i32.const 1) (i32.const -1))",
        MEMORY,
    ),
    (
        "(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))",
        MEMORY,
    ),
    (
        "(memory.copy (i32.const -1) (i32.const 0) (i32.const -1))",
        MEMORY,
    ),
    (
        "(memory.init $data (i32.const 0) (i32.const 1) (i32.const 4))",
        MEMORY,
    ),
    (
        "(memory.init $data (i32.const 65535) (i32.const 0) (i32.const 2))",
        MEMORY,
    ),
    (
        "data.drop $data (memory.init $data (i32.const 0) (i32.const 0) (i32.const 1))",
        MEMORY,
    ),
    ("(drop (table.get $table (i32.const 10)))", TABLE),
    ("(table.set $other (i32.const -1) (ref.null func))", TABLE),
    (
        "(table.fill $table (i32.const 9) (ref.null func) (i32.const 2))",
        TABLE,
    ),
    (
        "(table.copy $table $table (i32.const 9) (i32.const 0) (i32.const 2))",
        TABLE,
    ),
    (
        "(table.init $table $elem (i32.const 0) (i32.const 1) (i32.const 2))",
        TABLE,
    ),
    (
        "elem.drop $elem (table.init $table $elem (i32.const 0) (i32.const 0) (i32.const 1))",
        TABLE,
    ),
    (
        "(call_indirect $table (type $nothing) (i32.const 10))",
        TABLE,
    ),
    (
        "(call_indirect $table (type $nothing) (i32.const -1))",
        TABLE,
    ),
    (
        "(call_indirect $table (type $nothing) (i32.const 5))",
        "uninitialized element",
    ),
    (
        "(call_indirect $table (type $nothing) (i32.const 0))",
        "indirect call type mismatch",
    ),
    (
        "(drop (call_indirect $table (type $number) (i32.const 1)))",
        "indirect call type mismatch",
    ),
    ("(call_ref $nothing (ref.null $nothing))", "null reference"),
    ("(drop (ref.as_non_null (ref.null func)))", "null reference"),
    ("(drop (call $recurse (i32.const 0)))", STACK),
    ("(drop (call $ping (i64.const 0)))", STACK),
    ("(call $indirect)", STACK),
];

#[test]
fn each_kind_of_trap_is_named_and_costs_no_worker() {
    let functions = TRAPS.iter().enumerate();
    let functions: String = functions
        .map(|(number, (body, _))| format!(r#"(func (export "trap-{number}") {body})"#))
        .collect();
    let pool = pool(format!("(module {STAGE} {functions} {GOOD})"));
    let before = answers(&pool);
    for (number, (body, message)) in TRAPS.iter().enumerate() {
        let outcome = call(&pool, &format!("trap-{number}"), &[]);
        let failure = outcome.result.as_ref().expect_err(body);
        assert_eq!(
            (failure.kind(), failure.message()),
            (FailureKind::Trap, *message),
            "{body}"
        );
        the_same_worker_answers(&pool, &before);
    }
}

#[test]
fn a_stack_is_exhausted_by_few_calls_with_huge_frames_too() {
    // 30,000 locals that live across the call: a frame that jumps over any guard page.
    let locals = "i64 ".repeat(30_000);
    let sets: String = (1..=30_000)
        .map(|local| format!("(local.set {local} (i64.load (i32.wrap_i64 (local.get 0))))"))
        .collect();
    let sum = "i64.add ".repeat(30_000);
    let gets: String = (1..=30_000)
        .map(|local| format!("local.get {local} "))
        .collect();
    let pool = pool(format!(
        r#"(module (memory 1) (func $deep (param i64) (result i64) (local {locals}) {sets}
            (call $deep (local.get 0)) {gets} {sum})
            (func (export "deep") (drop (call $deep (i64.const 8)))) {GOOD})"#
    ));
    let outcome = fails(&pool, "deep", FailureKind::Trap, STACK);
    the_same_worker_answers(&pool, &outcome);
}

#[test]
fn what_traps_before_the_call_fails_each_task_as_init() {
    let cases = [
        ("(memory 1) (data (i32.const 65535) \"ab\")", MEMORY),
        ("(memory 1) (data (i32.const -1) \"a\")", MEMORY),
        ("(memory 0) (data (i32.const 0) \"a\")", MEMORY),
        ("(table 1 funcref) (elem (i32.const 1) func $f)", TABLE),
        ("(table 1 funcref) (elem (i32.const -1) func $f)", TABLE),
        ("(start $s) (func $s unreachable)", "unreachable"),
        ("(start $s) (func $s (call $s) (call $f))", STACK),
        (
            "(start $s) (memory 1) (func $s (drop (i32.load (i32.const -1))))",
            MEMORY,
        ),
    ];
    for (parts, message) in cases {
        let pool = pool(format!("(module {parts} (func $f) {GOOD})"));
        let first = fails(&pool, "good", FailureKind::Init, message);
        let second = fails(&pool, "good", FailureKind::Init, message);
        assert_eq!(first.usage.pid, second.usage.pid, "{parts}");
    }
}

#[test]
fn proposals_that_are_not_accepted_are_refused_by_name() {
    for (parts, name) in [
        (
            "(memory 1) (func (drop (i32.atomic.load (i32.const 1))))",
            "threads",
        ),
        ("(tag $t) (func (throw $t))", "exceptions"),
        ("(type (struct (field i32)))", "gc"),
        ("(table 1 externref)", "gc"),
        ("(memory 1 (pagesize 1))", "custom page sizes"),
    ] {
        let error = refusal(format!("(module {parts} {GOOD})"));
        assert_eq!(error.kind(), ErrorKind::Module, "{error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}
