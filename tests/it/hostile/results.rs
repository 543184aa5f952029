//! Results that are huge: refused before they cost the pool anything.

use super::{answers, builder, fails, fails_with, pool, the_same_worker_answers};
use wpool::{FailureKind, Pool, Value};

/// Functions that return one value, of a memory of 80 MiB. At 0 lie a pointer to it all and its length.
fn huge() -> String {
    let types = [
        ("bytes", "(list u8)"),
        ("text", "string"),
        ("numbers", "(list u64)"),
        ("truths", "(list bool)"),
    ];
    let lifted: String = types
        .iter()
        .map(|(name, ty)| {
            format!(
                r#"(func (export "{name}") (result {ty}) (canon lift (core func $i "{name}") (memory $i "memory")))"#
            )
        })
        .collect();
    let core: String = types
        .iter()
        .map(|(name, _)| {
            format!(r#"(func (export "{name}") (result i32) (call $area (i32.const 0x5000000)))"#)
        })
        .collect();
    let core = core.replace(
        r#""numbers") (result i32) (call $area (i32.const 0x5000000)"#,
        r#""numbers") (result i32) (call $area (i32.const 0xa00000)"#,
    );
    format!(
        r#"(component
            (core module $m (memory (export "memory") 1281)
                (func $area (param i32) (result i32)
                    (i32.store (i32.const 0x5000000) (i32.const 0))
                    (i32.store (i32.const 0x5000004) (local.get 0)) (i32.const 0x5000000))
                {core} (func (export "good") (result i32) (i32.const 42)))
            (core instance $i (instantiate $m))
            {lifted} (func (export "good") (result s32) (canon lift (core func $i "good"))))"#
    )
}

#[test]
fn a_result_of_80_mib_is_refused() {
    let pool = pool(huge());
    for function in ["bytes", "text", "numbers", "truths"] {
        let outcome = fails(&pool, function, FailureKind::OutputLimit, "its result");
        the_same_worker_answers(&pool, &outcome);
    }
}

#[test]
fn a_result_that_is_far_larger_than_the_memory_it_is_read_from_is_refused() {
    // 24,672 pointers, each to as many bytes, which are ASCII: half a gigabyte of text. Once more, they are 15 terabytes.
    let pool = pool(nested());
    for function in ["texts", "bytes", "texts-of-texts"] {
        let message = "more than 256 MiB as values";
        let outcome = fails(&pool, function, FailureKind::OutputLimit, message);
        the_same_worker_answers(&pool, &outcome);
    }
}

fn nested() -> String {
    r#"(component
        (core module $m (memory (export "memory") 4)
            (func (export "many") (result i32) (local i32)
                (loop
                    (i32.store offset=4 (local.get 0) (i32.const 0x6060))
                    (local.set 0 (i32.add (local.get 0) (i32.const 8)))
                    (br_if 0 (i32.lt_u (local.get 0) (i32.const 262144))))
                (i32.const 0))
            (func (export "good") (result i32) (i32.const 42)))
        (core instance $i (instantiate $m))
        (func (export "texts") (result (list string)) (canon lift (core func $i "many") (memory $i "memory")))
        (func (export "bytes") (result (list (list u8))) (canon lift (core func $i "many") (memory $i "memory")))
        (func (export "texts-of-texts") (result (list (list (list string))))
            (canon lift (core func $i "many") (memory $i "memory")))
        (func (export "good") (result s32) (canon lift (core func $i "good"))))"#
        .into()
}

#[test]
fn a_limit_of_few_bytes_is_one_for_results_of_every_type() {
    let pool = limited(&huge());
    for function in ["bytes", "text", "numbers", "truths"] {
        fails(&pool, function, FailureKind::OutputLimit, "its result");
        answers(&pool);
    }
}

fn limited(module: &str) -> Pool {
    let limits = wpool::Limits {
        output_bytes: Some(100),
        ..wpool::Limits::default()
    };
    builder(module).limits(limits).build().unwrap()
}

#[test]
fn a_thousand_results_of_a_core_function_are_held_to_the_limit_too() {
    let (types, values) = ("i64 ".repeat(1000), "(local.get 0) ".repeat(1000));
    let module = format!(
        r#"(module (func (export "f") (param i64) (result {types}) {values})
            (func (export "good") (result i32) (i32.const 42)))"#
    );
    let seven = [Value::S64(7)];
    let kind = FailureKind::OutputLimit;
    let outcome = fails_with(&limited(&module), "f", &seven, kind, "8000 bytes");
    assert!(outcome.usage.attempts == 1);
    let unlimited = super::call(&pool(module), "f", &seven);
    let all = Value::Tuple(vec![Value::S64(7); 1000]);
    assert_eq!(unlimited.result, Ok(Some(all)));
}
