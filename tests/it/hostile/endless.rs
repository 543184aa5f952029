//! What never ends by itself is ended at its time limit, wherever it loops, and is then told from every other failure.

use super::{GOOD, answers, builder, call, fails};
use std::time::Duration;
use wpool::{FailureKind, Pool, Value};

const LIMIT: Duration = Duration::from_millis(500);

#[track_caller]
fn pool(module: impl AsRef<[u8]>) -> Pool {
    let built = builder(module).timeout(LIMIT).build();
    built.unwrap_or_else(|error| panic!("{error}"))
}

/// Expects a time limit that was reached and not much undercut.
#[track_caller]
fn is_ended(pool: &Pool, function: &str) {
    let outcome = fails(pool, function, FailureKind::Timeout, "longer than 500ms");
    assert!(outcome.usage.wall >= LIMIT, "{function}: {outcome:?}");
}

#[test]
fn code_that_never_ends_is_ended_however_it_goes_round() {
    let module = format!(
        r#"(module (memory 64) (table $t 1 funcref) (elem (table $t) (i32.const 0) func $again)
            (type $nothing (func))
            (func (export "loop") (loop (br 0)))
            (func (export "loops") (loop (loop (br_table 0 1 0 (i32.const 1)))))
            (func $tail (export "tail-call") (return_call $tail))
            (func $again (export "indirect-tail-call") (return_call_indirect $t (type $nothing) (i32.const 0)))
            (func $tree (export "tree") (call $branch (i32.const 200)))
            (func $branch (param i32)
                (if (local.get 0) (then
                    (call $branch (i32.sub (local.get 0) (i32.const 1)))
                    (call $branch (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "fill") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x400000)) (br 0)))
            (func (export "copy") (loop (memory.copy (i32.const 0) (i32.const 1) (i32.const 0x3fffff)) (br 0)))
            (func (export "grow") (loop (drop (memory.grow (i32.const 0))) (br 0)))
            (func (export "grow-refused") (loop (drop (memory.grow (i32.const -1))) (br 0)))
            {GOOD})"#
    );
    let pool = pool(module);
    for function in [
        "loop",
        "loops",
        "tail-call",
        "indirect-tail-call",
        "tree",
        "fill",
        "copy",
        "grow",
        "grow-refused",
    ] {
        is_ended(&pool, function);
        answers(&pool);
    }
}

#[test]
fn a_start_function_that_never_ends_is_ended_in_each_task() {
    for start in [
        "(loop (br 0))",
        "(return_call $start)",
        "(call $start) (loop (br 0))",
    ] {
        let pool = pool(format!(
            "(module (start $start) (func $start {start}) {GOOD})"
        ));
        if start.starts_with("(call") {
            // Both at once: the stack is exhausted first.
            fails(&pool, "good", FailureKind::Init, "call stack exhausted");
            continue;
        }
        for _ in 0..2 {
            is_ended(&pool, "good");
        }
    }
}

#[test]
fn what_the_canonical_abi_calls_by_itself_is_ended_too() {
    let pool = pool(
        r#"(component
            (core module $m (memory (export "memory") 1)
                (func (export "spin") (param i32 i32 i32 i32) (result i32) (loop (br 0)) (i32.const 0))
                (func (export "take") (param i32 i32))
                (func (export "seven") (result i32) (i32.const 7))
                (func (export "after") (param i32) (loop (br 0)))
                (func (export "good") (result i32) (i32.const 42)))
            (core instance $i (instantiate $m))
            (func (export "realloc") (param "text" string) (canon lift (core func $i "take")
                (memory $i "memory") (realloc (func $i "spin"))))
            (func (export "post-return") (result s32) (canon lift (core func $i "seven")
                (post-return (func $i "after"))))
            (func (export "good") (result s32) (canon lift (core func $i "good"))))"#,
    );
    let outcome = call(&pool, "realloc", &[Value::String("text".into())]);
    assert_eq!(outcome.result.unwrap_err().kind(), FailureKind::Timeout);
    answers(&pool);
    is_ended(&pool, "post-return");
    answers(&pool);
}

#[test]
fn endless_code_uses_up_its_fuel_where_that_is_limited() {
    let module = format!(
        r#"(module (memory 1)
            (func (export "loop") (loop (br 0)))
            (func $tail (export "tail-call") (return_call $tail))
            (func (export "fill") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0)))
            {GOOD})"#
    );
    let pool = builder(module).fuel(1_000_000).build().unwrap();
    for function in ["loop", "tail-call", "fill"] {
        let outcome = fails(&pool, function, FailureKind::Fuel, "fuel of 1000000");
        assert!(outcome.usage.fuel.unwrap() >= 1_000_000, "{outcome:?}");
        answers(&pool);
    }
}
