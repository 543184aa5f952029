//! WAVE in and out, with the `wasm-wave` crate as the reference.

use proptest::prelude::*;
use wasm_wave::value::{Type as RefType, Value as RefValue};

use super::{arbitrary, bytes, list, option, params, record, result, some};
use crate::value::wave::{parse, parse_list, print};
use crate::value::{Type, Value};

/// The same type of the reference, which has no empty ones.
fn reference(ty: &Type) -> Option<RefType> {
    Some(match ty {
        Type::Bool => RefType::BOOL,
        Type::S8 => RefType::S8,
        Type::U8 => RefType::U8,
        Type::S16 => RefType::S16,
        Type::U16 => RefType::U16,
        Type::S32 => RefType::S32,
        Type::U32 => RefType::U32,
        Type::S64 => RefType::S64,
        Type::U64 => RefType::U64,
        Type::F32 => RefType::F32,
        Type::F64 => RefType::F64,
        Type::Char => RefType::CHAR,
        Type::String => RefType::STRING,
        Type::List(element) => RefType::list(reference(element)?),
        Type::Option(some) => RefType::option(reference(some)?),
        Type::Result { ok, err } => {
            let side = |ty: &Option<Box<Type>>| match ty {
                None => Some(None),
                Some(ty) => reference(ty).map(Some),
            };
            RefType::result(side(ok)?, side(err)?)
        }
        Type::Tuple(types) => {
            RefType::tuple(types.iter().map(reference).collect::<Option<Vec<_>>>()?)?
        }
        Type::Record(fields) => {
            let field = |(name, ty): &(String, Type)| Some((name.clone(), reference(ty)?));
            let fields = fields.iter().map(field).collect::<Option<Vec<_>>>()?;
            RefType::record(fields)?
        }
        Type::Variant(cases) => {
            let case = |(name, ty): &(String, Option<Type>)| match ty {
                None => Some((name.clone(), None)),
                Some(ty) => Some((name.clone(), Some(reference(ty)?))),
            };
            let cases = cases.iter().map(case).collect::<Option<Vec<_>>>()?;
            RefType::variant(cases)?
        }
        Type::Enum(names) => RefType::enum_ty(names.clone())?,
        Type::Flags(names) => RefType::flags(names.clone())?,
    })
}

#[track_caller]
fn refused(ty: &Type, text: &str) -> String {
    parse(ty, text).expect_err(text).to_string()
}

proptest! {
    #[test]
    fn a_printed_value_reads_back_as_itself_and_is_one_line((ty, value) in arbitrary::typed()) {
        let text = print(&ty, &value);
        prop_assert!(!text.contains(char::is_control), "{text:?}");
        let back = parse(&ty, &text).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(bytes(&back), bytes(&value));
    }

    #[test]
    fn the_reference_reads_what_is_printed_and_prints_what_is_read(
        (ty, value) in arbitrary::typed(),
    ) {
        if let Some(reference) = reference(&ty) {
            let text = print(&ty, &value);
            let theirs: RefValue = wasm_wave::from_str(&reference, &text)
                .map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
            let text = wasm_wave::to_string(&theirs).unwrap();
            let back = parse(&ty, &text).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
            prop_assert_eq!(bytes(&back), bytes(&value));
        }
    }

    #[test]
    fn any_text_is_a_value_or_an_error(
        (ty, value) in arbitrary::typed(),
        junk in arbitrary::text(),
        at in any::<prop::sample::Index>(),
    ) {
        let _ = parse(&ty, &junk);
        let mut text: Vec<char> = print(&ty, &value).chars().collect();
        let at = at.index(text.len() + 1);
        text.splice(at..at, junk.chars());
        let text = String::from_iter(text);
        for ty in [&ty, &list(ty.clone()), &option(ty.clone())] {
            if let Err(error) = parse(ty, &text) {
                prop_assert!(!error.to_string().contains(char::is_control));
                prop_assert!(error.column.is_some_and(|c| c <= text.chars().count() + 1));
            }
        }
        let _ = parse_list(&params(&[("a", ty.clone()), ("b", ty)]), &text);
    }
}

#[test]
fn floats_have_the_fewest_digits() {
    for (value, text) in [
        (Value::F32(0.1), "0.1"),
        (Value::F64(0.1), "0.1"),
        (Value::F64(2.0), "2"),
        (Value::F64(-0.0), "-0"),
        (Value::F64(1e300), "1e300"),
        (Value::F64(5e-324), "5e-324"),
        (Value::F64(123456.75), "123456.75"),
        (Value::F64(f64::NAN), "nan"),
        (Value::F32(f32::NEG_INFINITY), "-inf"),
    ] {
        assert_eq!(print(&Type::F64, &value), text);
    }
}

#[test]
fn scalars_may_have_blanks_around_them_and_nothing_else() {
    assert_eq!(parse(&Type::S64, " -5\t"), Ok(Value::S64(-5)));
    assert_eq!(parse(&Type::F64, "2"), Ok(Value::F64(2.0)));
    assert_eq!(
        parse(&Type::F32, "1.5e+3 // comment"),
        Ok(Value::F32(1500.0))
    );
    assert_eq!(
        refused(&Type::S64, "abc"),
        "character 1: expected s64, found `abc`"
    );
    assert_eq!(
        refused(&Type::S64, "  +5"),
        "character 3: expected s64, found `+5`"
    );
    assert_eq!(
        refused(&Type::S64, "1_000"),
        "character 1: expected s64, found `1_000`"
    );
    assert_eq!(
        refused(&Type::S64, "0x10"),
        "character 1: expected s64, found `0x10`"
    );
    assert_eq!(
        refused(&Type::S64, "007"),
        "character 1: expected s64, found `007`"
    );
    assert_eq!(
        refused(&Type::S64, "1.0"),
        "character 1: expected s64, found `1.0`"
    );
    assert_eq!(
        refused(&Type::S64, "1 2"),
        "character 3: expected the end, found `2`"
    );
    assert_eq!(
        refused(&Type::S64, ""),
        "character 1: expected s64, found the end"
    );
    assert_eq!(
        refused(&Type::Bool, "True"),
        "character 1: expected bool, found `True`"
    );
    for text in [
        ".5", "1.", "1e", "1e+", "+1", "-nan", "infinity", "NaN", "1e5.5", "--1",
    ] {
        refused(&Type::F64, text);
    }
}

#[test]
fn a_number_out_of_range_is_told_the_range() {
    assert_eq!(
        refused(&Type::U8, "256"),
        "character 1: 256 is out of range for u8 (0 to 255)"
    );
    assert_eq!(
        refused(&list(Type::S8), "[1, -129]"),
        "character 5: -129 is out of range for s8 (-128 to 127)"
    );
    assert_eq!(
        refused(&Type::S64, "9223372036854775808"),
        "character 1: 9223372036854775808 is out of range for s64 \
         (-9223372036854775808 to 9223372036854775807)"
    );
}

#[test]
fn errors_say_what_was_expected_and_where() {
    let point = record(&[("x", Type::S32), ("y", option(Type::S32))]);
    for (ty, text, message) in [
        (&point, "{}", "character 2: field `x` is missing"),
        (
            &point,
            "{z: 1}",
            "character 2: expected a field of record { x: s32, y: option<s32> }, found `z`",
        ),
        (
            &point,
            "{x: 1, x: 2}",
            "character 8: field `x` is there twice",
        ),
        (
            &point,
            "{x: 1 y: 2}",
            "character 7: expected `,` or `}`, found `y`",
        ),
        (&point, "{x = 1}", "character 4: expected `:`, found `=`"),
        (
            &list(Type::S32),
            "[é]",
            "character 2: expected s32, found `é`",
        ),
        (
            &list(Type::String),
            "[\"é\", 5]",
            "character 7: expected string, found `5`",
        ),
        (
            &Type::String,
            "\"a",
            "character 1: no closing \" for this one",
        ),
        (
            &Type::String,
            r#""a\x""#,
            r#"character 3: expected one of the escapes \n \r \t \\ \' \" \u{41}"#,
        ),
        (
            &Type::Flags(vec!["a".into()]),
            "{a, %a}",
            "character 5: flag `%a` is there twice",
        ),
        (
            &Type::String,
            "\"a\nb\"",
            "character 1: no closing \" for this one",
        ),
        (
            &Type::Char,
            r"'\u{0000041}'",
            r#"character 2: expected one of the escapes \n \r \t \\ \' \" \u{41}"#,
        ),
        (
            &Type::Char,
            "'ab'",
            "character 1: expected one character, found `'ab'`",
        ),
        (
            &result(None, None),
            "ok(1)",
            "character 3: `ok` carries no value",
        ),
        (
            &Type::S32,
            "\u{1b}[31m",
            "character 1: expected s32, found `\\u{1b}`",
        ),
    ] {
        assert_eq!(refused(ty, text), message);
    }
    let long = refused(&Type::S64, &"x".repeat(1000));
    assert!(long.len() < 120, "{long}");
}

#[test]
fn what_wave_may_leave_out_may_be_left_out() {
    let point = record(&[("x", Type::S32), ("y", option(Type::S32))]);
    let read = Value::Record(vec![Value::S32(1), some(Value::S32(2))]);
    assert_eq!(parse(&point, "{y: 2, %x: 1,}"), Ok(read));
    let read = Value::Record(vec![Value::S32(1), Value::Option(None)]);
    assert_eq!(parse(&point, "{x: 1}"), Ok(read));
    assert_eq!(parse(&option(Type::S32), "3"), Ok(some(Value::S32(3))));
    let ok = result(Some(Type::S32), None);
    assert_eq!(parse(&ok, "3"), parse(&ok, "ok(3)"));
    assert!(parse(&option(option(Type::S32)), "3").is_err());
    assert_eq!(parse(&record(&[]), "{:}"), Ok(Value::Record(vec![])));
}

#[test]
fn multiline_strings_lose_the_indentation_of_their_closing_quotes() {
    let text = "\"\"\"\n    a\\u{41}\r\n      b \"c\"\n    \"\"\"";
    assert_eq!(
        parse(&Type::String, text),
        Ok(Value::String("aA\n  b \"c\"".into()))
    );
    let reference: RefValue = wasm_wave::from_str(&RefType::STRING, text).unwrap();
    assert_eq!(
        wasm_wave::to_string(&reference).unwrap(),
        r#""aA\n  b \"c\"""#
    );
    assert_eq!(
        parse(&Type::String, "\"\"\"\n\"\"\""),
        Ok(Value::String(String::new()))
    );
    for text in [
        "\"\"\"a\"\"\"",
        "\"\"\"\na\"\"\"",
        "\"\"\"\na\n  \"\"\"",
        "\"\"\"\n",
        "\"\"\"\"\"",
    ] {
        refused(&Type::String, text);
    }
}

#[test]
fn arguments_are_a_list_with_or_without_parentheses() {
    let two = params(&[("a", Type::S64), ("b", Type::String)]);
    let read = Ok(vec![Value::S64(2), Value::String("x".into())]);
    for text in ["2, \"x\"", "(2, \"x\")", " ( 2 ,\"x\" , ) ", "2,\"x\","] {
        assert_eq!(parse_list(&two, text), read);
    }
    let refused = |text| parse_list(&two, text).unwrap_err().to_string();
    assert_eq!(
        refused("2"),
        "character 2: takes 2 arguments (a: s64, b: string), got 1"
    );
    assert_eq!(
        refused("2, \"x\", [3, 4], 5"),
        "character 9: takes 2 arguments (a: s64, b: string), got 4"
    );
    assert_eq!(
        refused("2, y"),
        "argument 2, character 4: expected string, found `y`"
    );
    assert_eq!(
        refused("(2, \"x\") 3"),
        "character 10: expected the end, found `3`"
    );
    assert_eq!(parse_list(&[], " "), Ok(vec![]));
    assert_eq!(parse_list(&[], "()"), Ok(vec![]));
    assert_eq!(
        parse_list(&[], "1").unwrap_err().to_string(),
        "character 1: takes no arguments, got 1"
    );
}

#[test]
fn a_first_parameter_that_is_a_tuple_is_not_taken_for_the_whole_list() {
    let pair = Type::Tuple(vec![Type::S32, Type::S32]);
    let two = params(&[("a", option(pair.clone())), ("b", Type::S32)]);
    let pair = Value::Tuple(vec![Value::S32(1), Value::S32(2)]);
    let read = Ok(vec![some(pair), Value::S32(3)]);
    assert_eq!(parse_list(&two, "(1, 2), 3"), read);
    assert_eq!(parse_list(&two, "((1, 2), 3)"), read);
}

#[test]
fn long_and_deep_texts_cost_no_stack() {
    let long = format!("\"{}\"", "é\\n".repeat(1_000_000));
    assert!(parse(&Type::String, &long).is_ok());
    assert!(parse(&Type::S64, &"9".repeat(1_000_000)).is_err());
    assert!(parse(&Type::S64, &"// é\n".repeat(1_000_000)).is_err());
    for deep in ["[", "(", "{", "{a:", "some(", "ok("] {
        let deep = deep.repeat(100_000);
        assert!(parse(&list(list(option(Type::S64))), &deep).is_err());
        assert!(parse_list(&params(&[("a", Type::S64), ("b", Type::S64)]), &deep).is_err());
    }
}
