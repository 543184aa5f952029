//! Signatures that are deep, wide, or small to write and huge to read.

use super::{GOOD, answers, call, pool, refusal};
use wpool::{ErrorKind, Pool, Type, Value};

/// A component with these definitions of types, and a function `f` that takes and returns one of type `ty`. It gives back
/// nothing but zeros.
fn with_type(definitions: &str, ty: &str) -> String {
    format!(
        r#"(component
            (core module $m (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                (func (export "f") (result i32) (i32.const 0))
                (func (export "good") (result i32) (i32.const 42)))
            (core instance $i (instantiate $m)) {definitions}
            (func (export "f") (result {ty}) (canon lift (core func $i "f") (memory $i "memory")))
            (func (export "good") (result s32) (canon lift (core func $i "good"))))"#
    )
}

/// A list of lists … of bytes: `depth` types, one in the other.
fn deep(depth: usize) -> String {
    format!("{}u8{}", "(list ".repeat(depth - 1), ")".repeat(depth - 1))
}

/// Definitions of `$t0`, which is a byte, up to `$t{levels}`, each a tuple of two of the one before.
fn doubling(levels: usize) -> String {
    let tuple = |level| format!("(type $t{level} (tuple $t{0} $t{0}))", level - 1);
    let tuples: String = (1..=levels).map(tuple).collect();
    format!("(type $t0 u8) {tuples}")
}

#[track_caller]
fn cannot_be_called(pool: &Pool) {
    let error = pool.function(Some("f")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Function);
    let message = error.to_string();
    assert!(
        message.contains("its result has a type that is too large"),
        "{message}"
    );
    // It is only that function.
    answers(pool);
}

#[test]
fn a_type_of_depth_32_works_and_a_deeper_one_cannot_be_called() {
    let at_the_limit = pool(with_type("", &deep(32)));
    let empty = call(&at_the_limit, "f", &[]).result.unwrap();
    assert_eq!(empty, Some(Value::List(vec![])));
    for depth in [33, 90] {
        cannot_be_called(&pool(with_type("", &deep(depth))));
    }
}

#[test]
fn a_type_that_is_deeper_than_components_allow_is_refused() {
    for depth in [200, 1000] {
        let error = refusal(with_type("", &deep(depth)));
        assert_eq!(error.kind(), ErrorKind::Module, "{error}");
        assert!(error.to_string().contains("nest"), "{error}");
    }
}

#[test]
fn a_type_that_is_small_to_write_and_huge_to_read_cannot_be_called() {
    // 8,191 nodes, of which 4,096 are bytes; the next has 16,383.
    let works = pool(with_type(&doubling(12), "$t12"));
    assert!(matches!(
        call(&works, "f", &[]).result,
        Ok(Some(Value::Tuple(_)))
    ));
    cannot_be_called(&pool(with_type(&doubling(13), "$t13")));
    let error = refusal(with_type(&doubling(80), "$t80"));
    assert_eq!(error.kind(), ErrorKind::Module, "{error}");
}

#[test]
fn many_functions_whose_types_are_large_together_are_refused() {
    let functions: String = (0..10)
        .map(|number| {
            format!(r#"(func (export "f{number}") (result $t10) (canon lift (core func $i "f") (memory $i "memory")))"#)
        })
        .collect();
    let error = refusal(with_type(&format!("{} {functions}", doubling(10)), "$t10"));
    assert_eq!(error.kind(), ErrorKind::Module);
    let message = error.to_string();
    assert!(
        message.contains("its functions are more than is accepted"),
        "{message}"
    );
}

#[test]
fn an_enum_of_thousands_of_cases_works_and_one_of_more_than_ten_thousand_is_refused() {
    let cases =
        |count: usize| -> String { (0..count).map(|case| format!(r#" "case{case}""#)).collect() };
    let definition = |count| {
        format!(
            r#"(type $e' (enum{})) (export $e "e" (type $e'))"#,
            cases(count)
        )
    };
    let works = pool(with_type(&definition(5000), "$e"));
    assert_eq!(call(&works, "f", &[]).result, Ok(Some(Value::Enum(0))));
    let error = refusal(with_type(&definition(10_001), "$e"));
    assert_eq!(error.kind(), ErrorKind::Module);
    assert!(error.to_string().contains("enum cases"), "{error}");
}

#[test]
fn a_thousand_parameters_work_in_a_core_function_and_more_are_refused() {
    let module = |count: usize| {
        let types = "i32 ".repeat(count);
        format!(
            r#"(module (func (export "f") (param {types}) (result i32) (local.get {})) {GOOD})"#,
            count - 1
        )
    };
    let works = pool(module(1000));
    let arguments: Vec<Value> = (0..1000).map(Value::S32).collect();
    assert_eq!(
        call(&works, "f", &arguments).result,
        Ok(Some(Value::S32(999)))
    );
    assert_eq!(works.signature().functions[0].params[0].ty, Type::S32);
    assert_eq!(refusal(module(1001)).kind(), ErrorKind::Module);
}
