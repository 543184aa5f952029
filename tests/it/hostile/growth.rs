//! Memories and tables that grow to the limit, together and again and again.

use super::{GOOD, answers, builder, call, fails, the_same_worker_answers};
use wpool::{FailureKind, Outcome, Pool, Value};

const LIMIT: u64 = 16 << 20;
const PAGE: u64 = 65_536;

#[track_caller]
fn pool(module: impl AsRef<[u8]>) -> Pool {
    let built = builder(module).memory_bytes(LIMIT).build();
    built.unwrap_or_else(|error| panic!("{error}"))
}

fn number(outcome: &Outcome) -> i64 {
    match &outcome.result {
        Ok(Some(Value::S32(number))) => (*number).into(),
        Ok(Some(Value::S64(number))) => *number,
        other => panic!("{other:?}"),
    }
}

/// Three memories and two tables. `all` grows one after the other until none grows any more.
fn greedy() -> String {
    format!(
        r#"(module (memory $a 0) (memory $b 1) (memory $c i64 0) (table $t 0 funcref) (table $u 8 funcref)
            (func $grow (result i32)
                (i32.ne (memory.grow $a (i32.const 3)) (i32.const -1))
                (i32.ne (memory.grow $b (i32.const 1)) (i32.const -1))
                (i64.ne (memory.grow $c (i64.const 2)) (i64.const -1))
                (i32.ne (table.grow $t (ref.null func) (i32.const 100)) (i32.const -1))
                (i32.ne (table.grow $u (ref.null func) (i32.const 1)) (i32.const -1))
                i32.or i32.or i32.or i32.or)
            (func $all (loop (br_if 0 (call $grow))))
            (func (export "pages") (result i32) (call $all)
                (i32.add (memory.size $a) (i32.add (memory.size $b) (i32.wrap_i64 (memory.size $c)))))
            (func (export "or-trap") (call $all) unreachable)
            (func (export "touch") (call $all)
                (memory.fill $a (i32.const 0) (i32.const 1) (i32.mul (memory.size $a) (i32.const 65536)))
                (memory.fill $b (i32.const 0) (i32.const 1) (i32.mul (memory.size $b) (i32.const 65536)))
                (memory.fill $c (i64.const 0) (i32.const 1) (i64.mul (memory.size $c) (i64.const 65536)))
                unreachable)
            (func (export "at-once") (drop (memory.grow $a (i32.const 257))) unreachable)
            (func (export "absurd") (drop (memory.grow $a (i32.const -1)))
                (drop (memory.grow $c (i64.const -1))) (drop (table.grow $t (ref.null func) (i32.const -1)))
                unreachable)
            {GOOD})"#
    )
}

#[test]
fn growth_to_the_limit_that_leads_to_a_trap_is_a_memory_failure_and_costs_no_worker() {
    let pool = pool(greedy());
    for function in ["or-trap", "touch", "at-once", "absurd"] {
        let outcome = fails(&pool, function, FailureKind::Memory, "limit of 16777216");
        assert!(outcome.usage.memory_bytes <= LIMIT, "{outcome:?}");
        the_same_worker_answers(&pool, &outcome);
    }
}

#[test]
fn memories_and_tables_together_get_the_limit_and_no_byte_more_in_every_task() {
    let pool = pool(greedy());
    for _ in 0..20 {
        let outcome = call(&pool, "pages", &[]);
        let pages = number(&outcome) as u64;
        let used = outcome.usage.memory_bytes;
        // What the memories do not have, the tables do; the rest is less than the least of them would take.
        assert!(pages * PAGE <= used && used <= LIMIT, "{outcome:?}");
        assert!(used > LIMIT - PAGE, "{outcome:?}");
    }
}

#[test]
fn a_growth_that_failed_is_not_counted() {
    // A table has room for 20,000 elements, so this fails, though the limit of memory would allow it.
    let module = format!(
        r#"(module (memory 0) (table $t 0 funcref)
            (func (export "f") (result i32) (local i32)
                (loop
                    (if (i32.ne (table.grow $t (ref.null func) (i32.const 1000000)) (i32.const -1)) (then unreachable))
                    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                    (br_if 0 (i32.lt_u (local.get 0) (i32.const 10))))
                (memory.grow (i32.const 256)))
            {GOOD})"#
    );
    let outcome = call(&pool(module), "f", &[]);
    assert_eq!((number(&outcome), outcome.usage.memory_bytes), (0, LIMIT));
}

#[test]
fn tables_that_begin_above_the_limit_fail_each_task() {
    // Each is below what a module may begin with.
    let tables = "(table 1000000 funcref)".repeat(20);
    let pool = pool(format!("(module {tables} {GOOD})"));
    for _ in 0..2 {
        fails(&pool, "good", FailureKind::Memory, "limit of 16777216");
    }
}

#[test]
fn a_realloc_that_grows_to_the_limit_is_a_memory_failure() {
    let pool = pool(
        r#"(component
            (core module $m (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable)
                (func (export "take") (param i32 i32))
                (func (export "good") (result i32) (i32.const 42)))
            (core instance $i (instantiate $m))
            (func (export "take") (param "text" string) (canon lift (core func $i "take")
                (memory $i "memory") (realloc (func $i "realloc"))))
            (func (export "good") (result s32) (canon lift (core func $i "good"))))"#,
    );
    let text = Value::String("text".into());
    let outcome = call(&pool, "take", &[text]);
    let failure = outcome.result.as_ref().unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Memory, "{failure}");
    the_same_worker_answers(&pool, &outcome);
}

#[test]
fn all_the_memory_of_the_default_limit_can_be_touched_again_and_again() {
    let pool = builder(greedy()).build().unwrap();
    for _ in 0..3 {
        fails(&pool, "touch", FailureKind::Memory, "limit of 268435456");
        answers(&pool);
    }
}
