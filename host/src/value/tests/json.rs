//! JSON in and out.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{arbitrary, bytes, list, option, params, record, result, some};
use crate::value::json::{parse, parse_list, print};
use crate::value::{Type, Value};

#[track_caller]
fn refused(ty: &Type, text: &str) -> String {
    parse(ty, text.as_bytes()).expect_err(text).to_string()
}

proptest! {
    #[test]
    fn a_printed_value_reads_back_as_itself_and_is_one_line((ty, value) in arbitrary::typed()) {
        let text = print(&ty, &value);
        prop_assert!(!text.contains(['\n', '\r']), "{text:?}");
        let back = parse(&ty, text.as_bytes())
            .map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(bytes(&back), bytes(&value));
    }

    #[test]
    fn floats_read_back_exactly(wide in arbitrary::f64s(), narrow in arbitrary::f32s()) {
        for (ty, value) in [(Type::F64, Value::F64(wide)), (Type::F32, Value::F32(narrow))] {
            let back = parse(&ty, print(&ty, &value).as_bytes()).unwrap();
            prop_assert_eq!(bytes(&back), bytes(&value));
        }
    }

    #[test]
    fn any_json_is_a_value_or_an_error(
        ty in arbitrary::ty(),
        (other, value) in arbitrary::typed(),
        junk in arbitrary::text(),
    ) {
        let _ = parse(&ty, junk.as_bytes());
        let text = print(&other, &value);
        if let Err(error) = parse(&ty, text.as_bytes()) {
            prop_assert!(!error.to_string().contains(char::is_control));
        }
        let _ = parse_list(&params(&[("a", ty.clone()), ("b", ty)]), text.as_bytes());
    }
}

#[test]
fn each_type_has_its_json() {
    let level = Type::Variant(vec![("off".into(), None), ("on".into(), Some(Type::U8))]);
    let carried = Value::Variant(1, Some(Box::new(Value::U8(3))));
    let ok = result(Some(Type::S32), None);
    let nested = option(option(Type::S32));
    let flags = Type::Flags(vec!["a".into(), "b".into()]);
    let mixed = record(&[("x", Type::F32), ("y", option(Type::Char))]);
    for (ty, value, json) in [
        (Type::S64, Value::S64(i64::MIN), "-9223372036854775808"),
        (Type::U64, Value::U64(u64::MAX), "18446744073709551615"),
        (Type::F32, Value::F32(0.1), "0.1"),
        (Type::F64, Value::F64(-0.0), "-0.0"),
        (Type::F64, Value::F64(f64::NEG_INFINITY), "\"-inf\""),
        (list(Type::U8), Value::Bytes(vec![1, 2]), "[1, 2]"),
        (level.clone(), Value::Variant(0, None), "\"off\""),
        (level, carried, "{\"on\": 3}"),
        (
            ok.clone(),
            Value::Result(Ok(Some(Box::new(Value::S32(1))))),
            "{\"ok\": 1}",
        ),
        (ok, Value::Result(Err(None)), "{\"err\": null}"),
        (nested.clone(), Value::Option(None), "null"),
        (
            nested.clone(),
            some(Value::Option(None)),
            "{\"some\": null}",
        ),
        (nested, some(some(Value::S32(3))), "{\"some\": 3}"),
        (flags, Value::Flags(vec![0, 1]), "[\"a\", \"b\"]"),
        (
            mixed,
            Value::Record(vec![Value::F32(1.0), some(Value::Char('é'))]),
            "{\"x\": 1.0, \"y\": \"é\"}",
        ),
        (Type::String, Value::String("a\n\"".into()), r#""a\n\"""#),
    ] {
        assert_eq!(print(&ty, &value), json);
        assert_eq!(parse(&ty, json.as_bytes()), Ok(value));
        serde_json::from_str::<Json>(json).unwrap();
    }
}

#[test]
fn what_ends_a_line_or_commands_a_terminal_is_escaped() {
    let text = "é\u{7f}\u{85}\u{9b}1m\u{2028}\u{2029}\n";
    let value = Value::String(text.into());
    let json = print(&Type::String, &value);
    assert_eq!(json, r#""é\u007f\u0085\u009b1m\u2028\u2029\n""#);
    assert_eq!(parse(&Type::String, json.as_bytes()), Ok(value));
}

#[test]
fn more_is_read_than_is_printed() {
    assert_eq!(
        parse(&Type::U64, b"\"18446744073709551615\""),
        Ok(Value::U64(u64::MAX))
    );
    assert_eq!(parse(&Type::F64, b"2"), Ok(Value::F64(2.0)));
    let point = record(&[("x", Type::S32), ("y", option(Type::S32))]);
    let read = Value::Record(vec![Value::S32(1), Value::Option(None)]);
    assert_eq!(parse(&point, b"{\"x\": 1}"), Ok(read));
}

#[test]
fn errors_say_what_was_expected_and_where() {
    let point = record(&[("x", list(Type::S32)), ("y", option(Type::S32))]);
    for (ty, text, message) in [
        (
            &point,
            "{\"x\": [1, true]}",
            "character 11: at $.x[1]: expected s32, found `true`",
        ),
        (
            &point,
            "{\"y\": 1}",
            "character 1: at $: field `x` is missing",
        ),
        (
            &point,
            "{\"x\": [], \"z\": 1}",
            "character 1: at $: there is no field `z`",
        ),
        (
            &Type::U8,
            "256",
            "character 1: at $: 256 is out of range for u8 (0 to 255)",
        ),
        (
            &Type::F32,
            "1e39",
            "character 1: at $: 1e39 is out of range for f32",
        ),
        (
            &Type::U8,
            "\"5\"",
            "character 1: at $: expected u8, found the string `5`",
        ),
        (
            &Type::S64,
            "1.0",
            "character 1: at $: expected s64, found `1.0`",
        ),
        (
            &Type::Char,
            "\"ab\"",
            "character 1: at $: expected one character, found the string `ab`",
        ),
        (&Type::S64, "{", "character 2: EOF while parsing an object"),
        (&Type::S64, "1 2", "character 3: trailing characters"),
        (
            &result(None, None),
            "{\"ok\": 1}",
            "character 1: at $: `ok` carries no value",
        ),
        (
            &result(None, None),
            "{}",
            "character 1: at $: expected result, found an object with 0 keys",
        ),
    ] {
        assert_eq!(refused(ty, text), message);
    }
    assert!(refused(&Type::S64, &"[".repeat(100_000)).contains("recursion limit"));
}

#[test]
fn errors_point_at_the_character_and_repeat_numbers_as_they_were_spelt() {
    let texts = list(Type::String);
    for (ty, text, message) in [
        (&texts, "[\"日本\", x]", "character 8: expected value"),
        (
            &texts,
            "[\"日本\", 7]",
            "character 8: at $[1]: expected string, found `7`",
        ),
        (&texts, "[\n\"日本\",\n x]", "character 10: expected value"),
        (&texts, "", "character 1: EOF while parsing a value"),
        (
            &Type::U64,
            "18446744073709551616",
            "character 1: at $: 18446744073709551616 is out of range for u64 (0 to 18446744073709551615)",
        ),
        (
            &Type::S64,
            " 1e2",
            "character 2: at $: expected s64, found `1e2`",
        ),
    ] {
        assert_eq!(refused(ty, text), message);
    }
    assert_eq!(parse(&Type::S64, b"-0"), Ok(Value::S64(0)));
}

#[test]
fn arguments_are_an_array_or_have_names_unless_there_is_one() {
    let two = params(&[("a", Type::S64), ("b", Type::String)]);
    let read = Ok(vec![Value::S64(2), Value::String("x".into())]);
    assert_eq!(parse_list(&two, b"[2, \"x\"]"), read);
    let refused = |text: &str| parse_list(&two, text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        refused("[2]"),
        "takes 2 arguments (a: s64, b: string), got 1"
    );
    assert_eq!(
        refused("[2, 3]"),
        "argument 2, character 5: at $: expected string, found `3`"
    );
    assert_eq!(
        refused("2"),
        "expected an array or an object of 2 arguments (a: s64, b: string), found `2`"
    );
    for named in ["{\"b\": \"x\", \"a\": 2}", "{\"a\": 2, \"b\": \"x\"}"] {
        assert_eq!(parse_list(&two, named.as_bytes()), read);
    }
    for (named, message) in [
        ("{\"a\": 2}", "character 1: at $: parameter `b` is missing"),
        (
            "{\"a\": 2, \"b\": \"\", \"c\": 1}",
            "character 1: at $: there is no parameter `c`",
        ),
        (
            "{\"a\": \"x\", \"b\": \"\"}",
            "character 7: at $.a: expected s64, found `x`",
        ),
    ] {
        assert_eq!(refused(named), message);
    }
    let optional = params(&[("a", Type::S64), ("b", option(Type::S64))]);
    let read = Ok(vec![Value::S64(2), Value::Option(None)]);
    assert_eq!(parse_list(&optional, b"{\"a\": 2}"), read);
    for nothing in ["", " ", "[]", "null"] {
        assert_eq!(parse_list(&[], nothing.as_bytes()), Ok(vec![]));
    }
    let one = params(&[("a", list(Type::S64))]);
    let list = Ok(vec![Value::List(vec![Value::S64(2)])]);
    for text in ["[2]", "[[2]]", "{\"a\": [2]}"] {
        assert_eq!(parse_list(&one, text.as_bytes()), list, "{text}");
    }
    let number = params(&[("a", Type::S64)]);
    for text in ["2", "[2]", "{\"a\": 2}"] {
        assert_eq!(
            parse_list(&number, text.as_bytes()),
            Ok(vec![Value::S64(2)]),
            "{text}"
        );
    }
    let refused = |text: &str| {
        parse_list(&number, text.as_bytes())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("[2, 3]"),
        "character 1: at $: expected s64, found an array of 2"
    );
    assert_eq!(
        refused("{\"b\": 2}"),
        "character 1: at $: expected s64, found an object"
    );
}
