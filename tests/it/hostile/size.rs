//! Modules that are large, wide or deep as such: they work or are refused, and the compiler comes to an end either way.

use super::{GOOD, answers, builder, call, pool, refusal};
use wpool::{ErrorKind, Value};

/// Expects a refusal of this kind that says so.
#[track_caller]
fn is_refused(module: impl AsRef<[u8]>, kind: ErrorKind, part: &str) {
    let error = refusal(module);
    let message = error.to_string();
    assert!(
        error.kind() == kind && message.contains(part),
        "{kind:?} {part}: {message}"
    );
    assert!(message.len() < 5000, "{} bytes", message.len());
}

#[test]
fn a_hundred_thousand_functions_work() {
    let functions =
        "(func (param i32) (result i32) (i32.add (local.get 0) (i32.const 3)))".repeat(99_999);
    let pool = pool(format!(
        r#"(module {functions} {GOOD} (func (export "last") (result i32) (call 99998 (i32.const 5))))"#
    ));
    assert_eq!(call(&pool, "last", &[]).result, Ok(Some(Value::S32(8))));
    answers(&pool);
}

#[test]
fn a_hundred_thousand_exported_functions_are_refused() {
    let functions: String = (0..100_000)
        .map(|number| format!(r#"(func (export "f{number}"))"#))
        .collect();
    is_refused(
        format!("(module {functions})"),
        ErrorKind::Module,
        "its functions are more than is accepted",
    );
}

#[test]
fn five_thousand_exported_functions_with_a_result_work_and_one_more_is_refused() {
    // A function and its result are two of the 10,000 nodes that a signature may have.
    let module = |count: usize| {
        let function =
            |number| format!(r#"(func (export "f{number}") (result i32) (i32.const {number}))"#);
        let functions: String = (1..count).map(function).collect();
        format!("(module {functions} {GOOD})")
    };
    let pool = pool(module(5000));
    assert_eq!(call(&pool, "f4999", &[]).result, Ok(Some(Value::S32(4999))));
    answers(&pool);
    let message = "its functions are more than is accepted";
    is_refused(module(5001), ErrorKind::Module, message);
}

#[test]
fn one_giant_function_works() {
    let steps = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 1)))"
        .repeat(100_000);
    let pool = pool(format!(
        r#"(module (func (export "giant") (param i32) (result i32) {steps} (local.get 0)) {GOOD})"#
    ));
    let expected = (0..100_000).fold(1_i32, |value, _| value.wrapping_mul(3).wrapping_add(1));
    assert_eq!(
        call(&pool, "giant", &[Value::S32(1)]).result,
        Ok(Some(Value::S32(expected)))
    );
    answers(&pool);
}

#[test]
fn a_function_of_more_than_the_engine_takes_is_refused() {
    let steps = "nop ".repeat(8_000_000);
    is_refused(
        format!(r#"(module (func (export "giant") {steps}))"#),
        ErrorKind::Module,
        "function body size",
    );
}

#[test]
fn fifty_thousand_locals_work_and_one_more_is_refused() {
    let module = |count| {
        format!(
            r#"(module (func (export "f") (local {})) {GOOD})"#,
            "i64 ".repeat(count)
        )
    };
    let pool = pool(module(50_000));
    assert_eq!(call(&pool, "f", &[]).result, Ok(None));
    answers(&pool);
    is_refused(module(50_001), ErrorKind::Module, "too many locals");
}

#[test]
fn a_branch_with_sixty_thousand_targets_works_and_a_hundred_thousand_are_refused() {
    let module = |count: usize| {
        let targets = "0 ".repeat(count);
        format!(
            r#"(module (func (export "f") (param i32) (block (br_table {targets} 0 (local.get 0)))) {GOOD})"#
        )
    };
    let pool = pool(module(60_000));
    assert_eq!(call(&pool, "f", &[Value::S32(59_999)]).result, Ok(None));
    answers(&pool);
    is_refused(module(100_000), ErrorKind::Module, "br_table");
}

#[test]
fn blocks_nested_thirty_thousand_deep_work() {
    // As text this is refused: it is read by a parser with a stack.
    let body = [[0x02, 0x40].repeat(30_000), vec![0x0b; 30_000]].concat();
    let pool = pool(binary_function(&body));
    assert_eq!(call(&pool, "f", &[]).result, Ok(None));
}

/// A module whose one function `f` has this body.
fn binary_function(body: &[u8]) -> Vec<u8> {
    let code = [&[0][..], body, &[0x0b]].concat();
    let code = [vec![1], number(code.len()), code].concat();
    let mut module =
        b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a".to_vec();
    module.extend(number(code.len()));
    module.extend(code);
    module
}

/// LEB128.
fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[test]
fn components_nested_five_thousand_deep_export_no_function() {
    let empty = b"\0asm\x0d\0\x01\0".to_vec();
    let within = |inner: Vec<u8>| [empty.clone(), vec![4], number(inner.len()), inner].concat();
    let nested = (0..5000).fold(empty.clone(), |inner, _| within(inner));
    let error = pool(nested).function(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Function);
}

#[test]
fn a_component_of_a_thousand_instances_works_and_one_of_more_is_refused() {
    let module = |count: usize| {
        let instances = "(core instance (instantiate $empty))".repeat(count - 1);
        format!(
            r#"(component (core module $empty) (core module $m (func (export "good") (result i32) (i32.const 42)))
                {instances} (core instance $i (instantiate $m))
                (func (export "good") (result s32) (canon lift (core func $i "good"))))"#
        )
    };
    answers(&pool(module(1000)));
    is_refused(module(1001), ErrorKind::Module, "instances count");
}

#[test]
fn names_that_are_too_long_are_refused() {
    let module = |length| format!(r#"(module (func (export "{}")))"#, "n".repeat(length));
    is_refused(module(5_000), ErrorKind::Module, "a name above 4 KiB");
    is_refused(module(100_001), ErrorKind::Module, "size");
}

#[test]
fn a_hundred_thousand_imports_are_refused_with_a_few_of_them() {
    let imports: String = (0..100_000)
        .map(|number| format!(r#"(import "env" "f{number}" (func))"#))
        .collect();
    is_refused(
        format!("(module {imports})"),
        ErrorKind::Module,
        "function env.f19 and 980 more",
    );
    let long = "n".repeat(90_000);
    let imports: String = (0..10)
        .map(|number| format!(r#"(import "{long}" "{long}{number}" (func))"#))
        .collect();
    is_refused(format!("(module {imports})"), ErrorKind::Module, "nnnn");
}

#[test]
fn sections_of_fifty_thousand_parts_work() {
    for parts in [
        format!(
            "(memory 1) {}",
            r#"(data (i32.const 7) "x")"#.repeat(50_000)
        ),
        format!(
            "(table 1 funcref) (func $f) {}",
            "(elem (i32.const 0) func $f)".repeat(50_000)
        ),
        "(global (mut i64) (i64.const 7))".repeat(50_000),
        "(type (func (param i32)))".repeat(50_000),
        format!(
            r#"(memory 512) (data (i32.const 0) "{}")"#,
            "x".repeat(32 << 20)
        ),
        "(table 1 funcref)".repeat(90),
        "(memory 1)".repeat(16),
    ] {
        answers(&pool(format!("(module {parts} {GOOD})")));
    }
}

#[test]
fn a_module_that_makes_the_compiler_panic_is_refused_in_a_line() {
    // Hundreds of thousands of globals that cannot be null: more kinds of memory than this compiler's bookkeeping has room for.
    let globals = "(global (ref func) (ref.func $f))".repeat(300_000);
    let error = refusal(format!(
        "(module (func $f) (elem declare func $f) {globals} {GOOD})"
    ));
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Compile, "{message}");
    assert!(message.starts_with("its compiler failed: "), "{message}");
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn a_module_has_no_more_memories_than_it_is_allowed_to() {
    // Native code could fill one after the other beyond what limits count: sixty-four of them held
    // gigabytes.
    let module = |count: usize| format!("(module {} {GOOD})", "(memory 0)".repeat(count));
    let built = |allowed: Option<u32>, count| {
        let builder = builder(module(count));
        match allowed {
            Some(allowed) => builder.memories(allowed).build(),
            None => builder.build(),
        }
    };
    for (allowed, count) in [(None, 16), (Some(64), 64), (Some(2), 2)] {
        answers(&built(allowed, count).unwrap());
    }
    for (allowed, count, most) in [(None, 17, 16), (Some(65), 65, 64), (Some(2), 3, 2)] {
        let error = built(allowed, count).unwrap_err().to_string();
        let said = format!("it has {count} memories, and at most {most} are accepted");
        assert!(error.contains(&said), "{error}");
    }
}
