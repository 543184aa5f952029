//! Values to JSON. Always one line.

use std::fmt::{self, Write};

use super::may_be_null;
use crate::value::spelling::separated;
use crate::value::{Type, Value};

pub(super) fn value(ty: &Type, value: &Value, out: &mut impl Write) -> fmt::Result {
    match (ty, value) {
        (_, Value::Bool(v)) => out.write_str(if *v { "true" } else { "false" }),
        (_, Value::S8(v)) => write!(out, "{v}"),
        (_, Value::U8(v)) => write!(out, "{v}"),
        (_, Value::S16(v)) => write!(out, "{v}"),
        (_, Value::U16(v)) => write!(out, "{v}"),
        (_, Value::S32(v)) => write!(out, "{v}"),
        (_, Value::U32(v)) => write!(out, "{v}"),
        (_, Value::S64(v)) => write!(out, "{v}"),
        (_, Value::U64(v)) => write!(out, "{v}"),
        // `{:?}` is the shortest that reads back, and keeps `.0`: others would read `-0` as an integer.
        (_, Value::F32(v)) if v.is_finite() => write!(out, "{v:?}"),
        (_, Value::F64(v)) if v.is_finite() => write!(out, "{v:?}"),
        (_, Value::F32(v)) => no_number(f64::from(*v), out),
        (_, Value::F64(v)) => no_number(*v, out),
        (_, Value::Char(v)) => string(v.encode_utf8(&mut [0; 4]), out),
        (_, Value::String(v)) => string(v, out),
        (_, Value::Bytes(bytes)) => {
            out.write_char('[')?;
            separated(bytes, out, |byte, out| write!(out, "{byte}"))?;
            out.write_char(']')
        }
        (Type::List(element), Value::List(items)) => {
            out.write_char('[')?;
            separated(items, out, |item, out| self::value(element, item, out))?;
            out.write_char(']')
        }
        (Type::Tuple(types), Value::Tuple(items)) => {
            out.write_char('[')?;
            separated(types.iter().zip(items), out, |(ty, item), out| {
                self::value(ty, item, out)
            })?;
            out.write_char(']')
        }
        (Type::Record(fields), Value::Record(items)) => {
            out.write_char('{')?;
            separated(fields.iter().zip(items), out, |((name, ty), item), out| {
                string(name, out)?;
                out.write_str(": ")?;
                self::value(ty, item, out)
            })?;
            out.write_char('}')
        }
        (Type::Variant(cases), Value::Variant(case, payload)) => {
            match (cases.get(*case as usize), payload) {
                (Some((name, Some(ty))), Some(payload)) => tagged(name, ty, payload, out),
                (Some((name, _)), _) => string(name, out),
                (None, _) => mismatch(out),
            }
        }
        (Type::Enum(names), Value::Enum(case)) => match names.get(*case as usize) {
            Some(name) => string(name, out),
            None => mismatch(out),
        },
        (Type::Option(_), Value::Option(None)) => out.write_str("null"),
        (Type::Option(ty), Value::Option(Some(some))) => match may_be_null(ty) {
            true => tagged("some", ty, some, out),
            false => self::value(ty, some, out),
        },
        (Type::Result { ok, .. }, Value::Result(Ok(v))) => side("ok", ok.as_deref(), v, out),
        (Type::Result { err, .. }, Value::Result(Err(v))) => side("err", err.as_deref(), v, out),
        (Type::Flags(names), Value::Flags(set)) => {
            out.write_char('[')?;
            let set = set.iter().filter_map(|index| names.get(*index as usize));
            separated(set, out, |name, out| string(name, out))?;
            out.write_char(']')
        }
        _ => mismatch(out),
    }
}

fn side(
    name: &str,
    ty: Option<&Type>,
    payload: &Option<Box<Value>>,
    out: &mut impl Write,
) -> fmt::Result {
    match (ty, payload) {
        (Some(ty), Some(payload)) => tagged(name, ty, payload, out),
        _ => write!(out, "{{\"{name}\": null}}"),
    }
}

fn tagged(name: &str, ty: &Type, payload: &Value, out: &mut impl Write) -> fmt::Result {
    out.write_char('{')?;
    string(name, out)?;
    out.write_str(": ")?;
    value(ty, payload, out)?;
    out.write_char('}')
}

fn no_number(number: f64, out: &mut impl Write) -> fmt::Result {
    out.write_str(match number {
        f64::INFINITY => "\"inf\"",
        f64::NEG_INFINITY => "\"-inf\"",
        _ => "\"nan\"",
    })
}

fn string(text: &str, out: &mut impl Write) -> fmt::Result {
    let json = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    if json.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return out.write_str(&json);
    }
    json.chars().try_for_each(|c| match c {
        ' '..='~' => out.write_char(c),
        // What is invisible or turns the direction of text, as in WAVE; JSON itself does not mind.
        _ if c.is_control() || c.escape_debug().len() > 1 => c
            .encode_utf16(&mut [0; 2])
            .iter()
            .try_for_each(|unit| write!(out, "\\u{unit:04x}")),
        _ => out.write_char(c),
    })
}

/// A value beside a type that is not its own: a bug of ours, as in the WAVE printer.
fn mismatch(out: &mut impl Write) -> fmt::Result {
    debug_assert!(false, "a value printed along a type that is not its own");
    out.write_str("null")
}
