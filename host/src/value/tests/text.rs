//! The forms of the command line.

use proptest::prelude::*;

use super::{arbitrary, bytes, list, params, result};
use crate::value::{Format, Type, Value, is_err};

fn printed(format: Format, ty: &Type, value: &Value) -> String {
    let mut out = Vec::new();
    format.print(Some(ty), Some(value), &mut out);
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn what_is_printed_is_an_input_again((ty, value) in arbitrary::typed()) {
        let one = params(&[("a", ty.clone())]);
        for format in [Format::Wave, Format::Json] {
            let text = printed(format, &ty, &value);
            let back = format.parse_input(&one, text.as_bytes()).unwrap();
            prop_assert_eq!(bytes(&back[0]), bytes(&value));
            let back = format.parse_args(&one, &[text.as_bytes()]).unwrap();
            prop_assert_eq!(bytes(&back[0]), bytes(&value));
        }
    }

    #[test]
    fn any_bytes_are_an_input_or_an_error(
        ty in arbitrary::ty(),
        junk in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let two = params(&[("a", ty.clone()), ("b", ty)]);
        for format in [Format::Text, Format::Wave, Format::Json] {
            for count in 0..=2 {
                let _ = format.parse_input(&two[..count], &junk);
            }
            let _ = format.parse_args(&two, &[&junk, &junk]);
        }
    }
}

#[test]
fn a_lone_string_or_bytes_parameter_takes_its_input_as_it_is() {
    let string = params(&[("a", Type::String)]);
    let read = Format::Text.parse_input(&string, b" \"x\" ");
    assert_eq!(read, Ok(vec![Value::String(" \"x\" ".into())]));
    let octets = params(&[("a", list(Type::U8))]);
    let read = Format::Text.parse_input(&octets, b"\xff\n");
    assert_eq!(read, Ok(vec![Value::Bytes(vec![0xff, b'\n'])]));
    let read = Format::Wave.parse_input(&octets, b"[255, 10]");
    assert_eq!(read, Ok(vec![Value::Bytes(vec![0xff, b'\n'])]));
    assert_eq!(
        Format::Text
            .parse_input(&string, b"\xc3\xa9\xff")
            .unwrap_err()
            .to_string(),
        "character 2: this is not UTF-8 text"
    );
}

#[test]
fn among_several_parameters_a_string_is_quoted_in_an_input_and_not_in_an_argument() {
    let two = params(&[("a", Type::String), ("b", Type::S64)]);
    let read = Ok(vec![Value::String("x".into()), Value::S64(1)]);
    assert_eq!(Format::Text.parse_input(&two, b"\"x\", 1"), read);
    assert_eq!(Format::Text.parse_args(&two, &[b"x", b"1"]), read);
    assert_eq!(Format::Wave.parse_args(&two, &[b"\"x\"", b"1"]), read);
    assert_eq!(Format::Json.parse_args(&two, &[b"\"x\"", b"1"]), read);
    let refused = |args: &[&[u8]]| Format::Text.parse_args(&two, args).unwrap_err().to_string();
    assert_eq!(
        refused(&[b"x", b"1", b"2"]),
        "takes 2 arguments (a: string, b: s64), got 3"
    );
    assert_eq!(
        refused(&[b"x", b" y"]),
        "argument 2, character 2: expected s64, found `y`"
    );
}

#[test]
fn a_function_without_parameters_takes_a_blank_input() {
    for format in [Format::Text, Format::Wave, Format::Json] {
        assert_eq!(format.parse_input(&[], b" "), Ok(vec![]));
        assert!(format.parse_input(&[], b"1").is_err());
    }
}

#[test]
fn text_prints_strings_bytes_and_payloads_as_they_are() {
    let text = |ty: &Type, value: &Value| {
        let mut out = Vec::new();
        Format::Text.print(Some(ty), Some(value), &mut out);
        out
    };
    assert_eq!(
        text(&Type::String, &Value::String("a\n\"".into())),
        b"a\n\""
    );
    assert_eq!(text(&list(Type::U8), &Value::Bytes(vec![0xff])), [0xff]);
    assert_eq!(text(&Type::S64, &Value::S64(-5)), b"-5");
    assert_eq!(text(&Type::F32, &Value::F32(0.1)), b"0.1");
    let ty = result(Some(Type::String), Some(Type::String));
    let string = |text: &str| Some(Box::new(Value::String(text.into())));
    let ok = Value::Result(Ok(string("a b")));
    let err = Value::Result(Err(string("no")));
    assert_eq!(text(&ty, &ok), b"a b");
    assert_eq!(text(&ty, &err), b"no");
    assert_eq!(printed(Format::Wave, &ty, &ok), "ok(\"a b\")");
    assert_eq!(printed(Format::Json, &ty, &err), "{\"err\": \"no\"}");
    let empty = Value::Result(Ok(None));
    assert_eq!(text(&result(None, None), &empty), b"");
    assert_eq!(is_err(&err), Some(Some(&Value::String("no".into()))));
    assert_eq!(is_err(&Value::Result(Err(None))), Some(None));
    assert_eq!(is_err(&ok), None);
}

#[test]
fn no_result_is_nothing_but_null_in_json() {
    for (format, printed) in [
        (Format::Text, ""),
        (Format::Wave, ""),
        (Format::Json, "null"),
    ] {
        let mut out = Vec::new();
        format.print(None, None, &mut out);
        assert_eq!(out, printed.as_bytes());
    }
}

#[test]
fn the_forms_have_names() {
    for format in [Format::Text, Format::Wave, Format::Json] {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "yaml".parse::<Format>().unwrap_err();
    assert_eq!(error.to_string(), "expected text, wave or json");
}
