//! Values as people write and read them.

use super::typed;
use crate::value::{Budget, Format, Param, ParseError, Value, decode_args};
use arbitrary::{Result, Unstructured};

/// The longest a message about a text may be, in bytes.
const MESSAGE_BYTES: usize = 2000;

/// A text is a value or a message about where it is none. What a value is printed as is one line and reads back as the same value,
/// whether it came from a text or from a worker.
pub fn value_text(data: &[u8]) {
    let _ = check(Unstructured::new(data));
}

fn check(mut input: Unstructured<'_>) -> Result<()> {
    let format = *input.choose(&[Format::Text, Format::Wave, Format::Json])?;
    let params = typed::params(&mut input)?;
    let text = input.take_rest();

    match format.parse_input(&params, text) {
        Ok(values) => read_back(&params, &values),
        Err(error) => is_fit_to_print(&error, text),
    }
    let args: Vec<&[u8]> = vec![text; params.len()];
    match format.parse_args(&params, &args) {
        Ok(values) => read_back(&params, &values),
        Err(error) => {
            assert!(error.argument.is_some_and(|index| index < params.len()));
            is_fit_to_print(&error, text);
        }
    }
    if let Ok(values) = decode_args(&params, text, Budget::for_bytes(text.len())) {
        read_back(&params, &values);
    }
    Ok(())
}

/// Reads what values are printed as, one by one and as the arguments of one call.
fn read_back(params: &[Param], values: &[Value]) {
    assert_eq!(params.len(), values.len());
    for format in [Format::Wave, Format::Json] {
        let printed: Vec<Vec<u8>> = params
            .iter()
            .zip(values)
            .map(|(param, value)| {
                let mut out = Vec::new();
                format.print(Some(&param.ty), Some(value), &mut out);
                out
            })
            .collect();
        for line in &printed {
            let line = str::from_utf8(line).expect("what is printed is text");
            let ends_a_line = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            assert!(!line.contains(ends_a_line), "{line:?} is one line");
        }
        let args: Vec<&[u8]> = printed.iter().map(Vec::as_slice).collect();
        let again = format.parse_args(params, &args);
        same(values, again, &args);

        let call = printed.join(&b", "[..]);
        let call = match (format, params) {
            (Format::Json, [_, _, ..]) => [b"[", &call[..], b"]"].concat(),
            _ => call,
        };
        same(values, format.parse_input(params, &call), &[&call]);
    }
}

fn same(values: &[Value], again: std::result::Result<Vec<Value>, ParseError>, printed: &[&[u8]]) {
    let text = || {
        printed
            .iter()
            .map(|text| String::from_utf8_lossy(text))
            .collect::<Vec<_>>()
    };
    let again =
        again.unwrap_or_else(|error| panic!("{values:?} was printed as {:?}: {error}", text()));
    for (value, again) in values.iter().zip(&again) {
        // Text does not tell NaNs apart.
        assert_eq!(
            typed::bytes(&plain(value)),
            typed::bytes(&plain(again)),
            "{value:?} was printed as {:?}",
            text()
        );
    }
    assert_eq!(values.len(), again.len());
}

/// The value with one NaN for all.
fn plain(value: &Value) -> Value {
    let all = |values: &[Value]| values.iter().map(plain).collect();
    let boxed = |value: &Option<Box<Value>>| value.as_deref().map(|value| Box::new(plain(value)));
    match value {
        Value::F32(number) if number.is_nan() => Value::F32(f32::NAN),
        Value::F64(number) if number.is_nan() => Value::F64(f64::NAN),
        Value::List(values) => Value::List(all(values)),
        Value::Tuple(values) => Value::Tuple(all(values)),
        Value::Record(values) => Value::Record(all(values)),
        Value::Option(some) => Value::Option(boxed(some)),
        Value::Result(Ok(value)) => Value::Result(Ok(boxed(value))),
        Value::Result(Err(value)) => Value::Result(Err(boxed(value))),
        Value::Variant(case, value) => Value::Variant(*case, boxed(value)),
        other => other.clone(),
    }
}

fn is_fit_to_print(error: &ParseError, text: &[u8]) {
    let message = error.to_string();
    assert!(
        message.len() <= MESSAGE_BYTES && !message.contains(char::is_control),
        "{message:?}"
    );
    let columns = String::from_utf8_lossy(text).chars().count() + 1;
    assert!(
        error
            .column
            .is_none_or(|column| (1..=columns).contains(&column))
    );
}
