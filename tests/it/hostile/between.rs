//! Components that break the canonical ABI towards each other, within one.

use super::{fails, pool, the_same_worker_answers};
use wpool::FailureKind;

#[test]
fn wrong_pointers_between_two_components_are_traps() {
    let cases = [
        (
            "outside",
            "(call $take (i32.const 65535) (i32.const 2))",
            "string content out-of-bounds",
        ),
        (
            "far",
            "(call $take (i32.const -1) (i32.const 1))",
            "string content out-of-bounds",
        ),
        (
            "long",
            "(call $take (i32.const 0) (i32.const -1))",
            "string content out-of-bounds",
        ),
        (
            "not-utf8",
            "(call $take (i32.const 0) (i32.const 2))",
            "invalid utf8 encoding",
        ),
        (
            "list-odd",
            "(call $take-list (i32.const 1) (i32.const 1))",
            "unaligned pointer",
        ),
        (
            "list-overflow",
            "(call $take-list (i32.const 0) (i32.const 0x20000001))",
            "list content out-of-bounds",
        ),
        (
            "realloc",
            "(call $take (i32.const 64) (i32.const 3))",
            "string content out-of-bounds",
        ),
    ];
    let core: String = cases
        .iter()
        .map(|(name, body, _)| format!(r#"(func (export "{name}") {body})"#))
        .collect();
    let lifted: String = cases
        .iter()
        .map(|(name, ..)| {
            format!(r#"(func (export "{name}") (canon lift (core func $i "{name}")))"#)
        })
        .collect();
    let exported: String = cases
        .iter()
        .map(|(name, ..)| format!(r#"(export "{name}" (func $caller "{name}"))"#))
        .collect();
    // Two that are beside each other: a component may not call into one that it is made of.
    let pool = pool(format!(
        r#"(component
            (component $callee
                (core module $m (memory (export "memory") 1)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                        (if (result i32) (i32.eq (local.get 3) (i32.const 3))
                            (then (i32.const 65535)) (else (i32.const 0))))
                    (func (export "take") (param i32 i32)))
                (core instance $i (instantiate $m))
                (func (export "take") (param "text" string) (canon lift (core func $i "take")
                    (memory $i "memory") (realloc (func $i "realloc"))))
                (func (export "take-list") (param "list" (list u64)) (canon lift (core func $i "take")
                    (memory $i "memory") (realloc (func $i "realloc")))))
            (component $caller
                (import "take" (func $take (param "text" string)))
                (import "take-list" (func $take-list (param "list" (list u64))))
                (core module $memory (memory (export "memory") 1) (data (i32.const 0) "\ff\ff"))
                (core instance $memory (instantiate $memory))
                (core func $take (canon lower (func $take) (memory $memory "memory")))
                (core func $take-list (canon lower (func $take-list) (memory $memory "memory")))
                (core module $m
                    (import "callee" "take" (func $take (param i32 i32)))
                    (import "callee" "take-list" (func $take-list (param i32 i32)))
                    {core} (func (export "good") (result i32)
                        (call $take (i32.const 8) (i32.const 4)) (i32.const 42)))
                (core instance $i (instantiate $m
                    (with "callee" (instance (export "take" (func $take)) (export "take-list" (func $take-list))))))
                {lifted} (func (export "good") (result s32) (canon lift (core func $i "good"))))
            (instance $callee (instantiate $callee))
            (instance $caller (instantiate $caller
                (with "take" (func $callee "take")) (with "take-list" (func $callee "take-list"))))
            {exported} (export "good" (func $caller "good")))"#
    ));
    for (name, _, message) in cases {
        let outcome = fails(&pool, name, FailureKind::Trap, message);
        the_same_worker_answers(&pool, &outcome);
    }
}
