//! JSON in and out.
//!
//! | type | JSON |
//! |---|---|
//! | integers | a number; 64-bit integers may come as a string of digits |
//! | floats | a number; `"nan"`, `"inf"`, `"-inf"` |
//! | `bool` | `true`, `false` |
//! | `char`, `string` | a string; of one character for `char` |
//! | `list<T>`, `list<u8>` too | an array |
//! | `tuple<A, B>` | an array |
//! | record | an object; a field that is an option may be missing, unknown fields are refused |
//! | variant | `{"case": payload}`, or `"case"` if it carries nothing |
//! | enum | `"case"` |
//! | flags | an array of names |
//! | `option<T>` | `null` or the value; where T is an option itself, `null` or `{"some": value}` |
//! | `result<T, E>` | `{"ok": value}` or `{"err": value}`, with `null` for no payload |
//!
//! What is printed is one line, and reads back as the same value (a NaN as some NaN). A key that an
//! object has twice counts as it was last; nesting is limited to 128 by `serde_json`. Reading floats
//! exactly needs serde_json's feature `float_roundtrip`, which a test holds.

mod place;
mod print;
mod read;

use std::fmt;

use serde_json::Value as Json;

use super::{Param, ParseError, Type, Value, quote, ty};

/// Reads one value, which the whole text must be.
pub(super) fn parse(ty: &Type, text: &[u8]) -> Result<Value, ParseError> {
    read::value(ty, document(text)?).map_err(|fault| fault.error(text, None))
}

/// A value from JSON that is there already; what is wrong with it, if it is not of the type.
pub(super) fn from_json(ty: &Type, json: Json) -> Result<Value, String> {
    let text = json.to_string();
    read::value(ty, json).map_err(|fault| fault.error(text.as_bytes(), None).to_string())
}

/// Reads the arguments of a call: the value of the only parameter, or an array of all, or an object of them by name.
pub(super) fn parse_list(params: &[Param], text: &[u8]) -> Result<Vec<Value>, ParseError> {
    if let [only] = params {
        return parse(&only.ty, text)
            .or_else(|error| within(only, text).ok_or(error))
            .map(|value| vec![value]);
    }
    if params.is_empty() && text.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let items = match document(text)? {
        Json::Array(items) => items,
        Json::Null if params.is_empty() => return Ok(Vec::new()),
        Json::Object(object) if !params.is_empty() => {
            let params = params.iter().map(|param| (&*param.name, &param.ty));
            return read::named("parameter", params, object)
                .map_err(|fault| fault.error(text, None));
        }
        other => {
            let expected = ty::arguments(params);
            let found = read::found(&other);
            let message = format!("expected an array or an object of {expected}, found {found}");
            return Err(ParseError::whole(message));
        }
    };
    if items.len() != params.len() {
        let message = format!("takes {}, got {}", ty::arguments(params), items.len());
        return Err(ParseError::whole(message));
    }
    let typed = |(index, (param, item)): (usize, (&Param, Json))| {
        read::value(&param.ty, item)
            .map_err(|fault| fault.error(text, Some(index)).of_argument(index))
    };
    params.iter().zip(items).enumerate().map(typed).collect()
}

/// The value of the only parameter where it stands in an array or an object of all parameters, and could not be one by itself.
fn within(only: &Param, text: &[u8]) -> Option<Value> {
    let inner = match document(text).ok()? {
        Json::Array(items) => <[Json; 1]>::try_from(items).ok().map(|[item]| item),
        Json::Object(mut object) if object.len() == 1 => object.remove(&only.name),
        _ => None,
    };
    read::value(&only.ty, inner?).ok()
}

/// The JSON of a value, on one line.
#[cfg(test)]
pub(super) fn print(ty: &Type, value: &Value) -> String {
    let mut out = String::new();
    let _ = write(ty, value, &mut out);
    out
}

/// Writes the JSON of a value, on one line.
pub(super) fn write(ty: &Type, value: &Value, out: &mut impl fmt::Write) -> fmt::Result {
    print::value(ty, value, out)
}

fn document(text: &[u8]) -> Result<Json, ParseError> {
    serde_json::from_slice(text).map_err(|error| {
        let message = error.to_string();
        // The place is told in characters, as everywhere, and the parser tells it in bytes of a line.
        let what = message
            .rsplit_once(" at line ")
            .map_or(&*message, |(what, _)| what);
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let before: usize = lines
            .take(error.line().saturating_sub(1))
            .map(<[u8]>::len)
            .sum();
        let offset = match error.classify() {
            serde_json::error::Category::Eof => text.len(),
            _ => before + error.column().saturating_sub(1),
        };
        ParseError::at(text, offset, quote::capped(&quote::escaped(what), 200))
    })
}

/// Whether the values of the type include one whose JSON is `null`.
fn may_be_null(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}
