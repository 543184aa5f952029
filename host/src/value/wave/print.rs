//! Values to WAVE. Always one line: strings and characters are escaped.

use std::fmt::{self, Write};

use crate::value::spelling::separated;
use crate::value::{Type, Value, scalar};

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
        (_, Value::F32(v)) => scalar::write_f32(*v, out),
        (_, Value::F64(v)) => scalar::write_f64(*v, out),
        (_, Value::Char(v)) => {
            out.write_char('\'')?;
            escaped(*v, out)?;
            out.write_char('\'')
        }
        (_, Value::String(v)) => {
            out.write_char('"')?;
            v.chars().try_for_each(|c| escaped(c, out))?;
            out.write_char('"')
        }
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
            out.write_char('(')?;
            separated(types.iter().zip(items), out, |(ty, item), out| {
                self::value(ty, item, out)
            })?;
            out.write_char(')')
        }
        (Type::Record(fields), Value::Record(items)) => record(fields, items, out),
        (Type::Variant(cases), Value::Variant(case, payload)) => match cases.get(*case as usize) {
            Some((name, ty)) => {
                case_name(name, out)?;
                self::payload(ty.as_ref(), payload.as_deref(), out)
            }
            None => mismatch(out),
        },
        (Type::Enum(names), Value::Enum(case)) => match names.get(*case as usize) {
            Some(name) => case_name(name, out),
            None => mismatch(out),
        },
        (Type::Option(_), Value::Option(None)) => out.write_str("none"),
        (Type::Option(ty), Value::Option(some)) => {
            out.write_str("some")?;
            payload(Some(ty), some.as_deref(), out)
        }
        (Type::Result { ok, .. }, Value::Result(Ok(v))) => {
            out.write_str("ok")?;
            payload(ok.as_deref(), v.as_deref(), out)
        }
        (Type::Result { err, .. }, Value::Result(Err(v))) => {
            out.write_str("err")?;
            payload(err.as_deref(), v.as_deref(), out)
        }
        (Type::Flags(names), Value::Flags(set)) => {
            out.write_char('{')?;
            let set = set.iter().filter_map(|index| names.get(*index as usize));
            separated(set, out, |name, out| out.write_str(name))?;
            out.write_char('}')
        }
        _ => mismatch(out),
    }
}

/// Fields that are `none` are left out; a record without fields is `{:}`, because `{}` is no flag.
fn record(fields: &[(String, Type)], items: &[Value], out: &mut impl Write) -> fmt::Result {
    let present = |item: &Value| !matches!(item, Value::Option(None));
    let shown = fields.iter().zip(items).filter(|(_, item)| present(item));
    if shown.clone().next().is_none() {
        return out.write_str("{:}");
    }
    out.write_char('{')?;
    separated(shown, out, |((name, ty), item), out| {
        write!(out, "{name}: ")?;
        value(ty, item, out)
    })?;
    out.write_char('}')
}

fn payload(ty: Option<&Type>, payload: Option<&Value>, out: &mut impl Write) -> fmt::Result {
    let (Some(ty), Some(item)) = (ty, payload) else {
        return Ok(());
    };
    out.write_char('(')?;
    value(ty, item, out)?;
    out.write_char(')')
}

fn case_name(name: &str, out: &mut impl Write) -> fmt::Result {
    if super::scan::is_keyword(name) {
        out.write_char('%')?;
    }
    out.write_str(name)
}

fn escaped(c: char, out: &mut impl Write) -> fmt::Result {
    match c {
        ' ' | '!' | '#'..='&' | '('..='[' | ']'..='~' => out.write_char(c),
        '\t' | '\n' | '\r' | '"' | '\'' | '\\' => write!(out, "{}", c.escape_default()),
        _ if c.is_control() => write!(out, "{}", c.escape_unicode()),
        // Marks that would attach to the quote, invisible and direction-changing characters too.
        _ => write!(out, "{}", c.escape_debug()),
    }
}

/// A value beside a type that is not its own. Values are decoded or checked along their type, so
/// this is a bug of ours; it must not end the process that prints.
fn mismatch(out: &mut impl Write) -> fmt::Result {
    debug_assert!(false, "a value printed along a type that is not its own");
    out.write_char('?')
}
