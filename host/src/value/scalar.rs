//! Numbers and booleans as text: the part of WAVE that `wpool map` reads by the million, without
//! an allocation, and the ranges that messages name.

use std::fmt::{self, Write};

use super::{Type, Value, quote};

/// Reads a whole word as a scalar, or says why not. `None` if the type is not a scalar.
pub(super) fn parse(ty: &Type, word: &str) -> Option<Result<Value, String>> {
    macro_rules! integer {
        ($variant:ident) => {
            is_integer(word).then(|| word.parse().map(Value::$variant).map_err(drop))
        };
    }
    // The outer option: is it a number at all? The inner result: is it in range?
    let read = match ty {
        Type::Bool => match word {
            "true" => Some(Ok(Value::Bool(true))),
            "false" => Some(Ok(Value::Bool(false))),
            _ => None,
        },
        Type::S8 => integer!(S8),
        Type::U8 => integer!(U8),
        Type::S16 => integer!(S16),
        Type::U16 => integer!(U16),
        Type::S32 => integer!(S32),
        Type::U32 => integer!(U32),
        Type::S64 => integer!(S64),
        Type::U64 => integer!(U64),
        Type::F32 => is_float(word).then(|| finite(word, f32::is_finite).map(Value::F32)),
        Type::F64 => is_float(word).then(|| finite(word, f64::is_finite).map(Value::F64)),
        _ => return None,
    };
    Some(match read {
        Some(Ok(value)) => Ok(value),
        Some(Err(())) => Err(out_of_range(ty, word)),
        None => Err(format!("expected {ty}, found {}", quote::quoted(word))),
    })
}

/// A float that is as finite as it was spelt.
fn finite<F: std::str::FromStr + Copy>(word: &str, is_finite: fn(F) -> bool) -> Result<F, ()> {
    let number: F = word.parse().map_err(drop)?;
    let spelt_so = word.ends_with(|c: char| c.is_ascii_alphabetic());
    if is_finite(number) || spelt_so {
        Ok(number)
    } else {
        Err(())
    }
}

/// "256 is out of range for u8 (0 to 255)".
pub(super) fn out_of_range(ty: &Type, number: &str) -> String {
    let number = quote::capped(&number, 60);
    match range(ty) {
        Some((low, high)) => format!("{number} is out of range for {ty} ({low} to {high})"),
        None => format!("{number} is out of range for {ty}"),
    }
}

/// An integer as a value of the type, if it is one of integers and the integer is in its range.
#[inline]
pub(super) fn integer(ty: &Type, number: i128) -> Option<Value> {
    match ty {
        Type::S8 => number.try_into().ok().map(Value::S8),
        Type::U8 => number.try_into().ok().map(Value::U8),
        Type::S16 => number.try_into().ok().map(Value::S16),
        Type::U16 => number.try_into().ok().map(Value::U16),
        Type::S32 => number.try_into().ok().map(Value::S32),
        Type::U32 => number.try_into().ok().map(Value::U32),
        Type::S64 => number.try_into().ok().map(Value::S64),
        Type::U64 => number.try_into().ok().map(Value::U64),
        _ => None,
    }
}

/// The least and the greatest value of a type of integers.
pub(super) fn range(ty: &Type) -> Option<(i128, i128)> {
    Some(match ty {
        Type::S8 => (i8::MIN.into(), i8::MAX.into()),
        Type::U8 => (0, u8::MAX.into()),
        Type::S16 => (i16::MIN.into(), i16::MAX.into()),
        Type::U16 => (0, u16::MAX.into()),
        Type::S32 => (i32::MIN.into(), i32::MAX.into()),
        Type::U32 => (0, u32::MAX.into()),
        Type::S64 => (i64::MIN.into(), i64::MAX.into()),
        Type::U64 => (0, u64::MAX.into()),
        _ => return None,
    })
}

/// Writes the shortest digits that read back as the same number, with an exponent where plain
/// digits would be a long row of zeros.
pub(super) fn write_f64(number: f64, out: &mut impl Write) -> fmt::Result {
    match number.abs() {
        _ if number.is_nan() => out.write_str("nan"),
        size if size == 0.0 || size.is_infinite() || (1e-5..1e16).contains(&size) => {
            write!(out, "{number}")
        }
        _ => write!(out, "{number:e}"),
    }
}

/// As [`write_f64`], with the digits an `f32` needs.
pub(super) fn write_f32(number: f32, out: &mut impl Write) -> fmt::Result {
    match number.abs() {
        _ if number.is_nan() => out.write_str("nan"),
        size if size == 0.0 || size.is_infinite() || (1e-5..1e16).contains(&size) => {
            write!(out, "{number}")
        }
        _ => write!(out, "{number:e}"),
    }
}

/// `-?(0|[1-9][0-9]*)`
fn is_integer(word: &str) -> bool {
    after_integer(word.as_bytes()).is_some_and(<[u8]>::is_empty)
}

/// An integer, then `(\.[0-9]+)?([eE][-+]?[0-9]+)?`; or `nan`, `inf`, `-inf`.
fn is_float(word: &str) -> bool {
    let Some(mut rest) = after_integer(word.as_bytes()) else {
        return matches!(word, "nan" | "inf" | "-inf");
    };
    if let [b'.', fraction @ ..] = rest {
        let after = after_digits(fraction);
        if after.len() == fraction.len() {
            return false;
        }
        rest = after;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let digits = match exponent {
            [b'+' | b'-', digits @ ..] => digits,
            digits => digits,
        };
        return !digits.is_empty() && after_digits(digits).is_empty();
    }
    rest.is_empty()
}

fn after_integer(bytes: &[u8]) -> Option<&[u8]> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    match digits {
        [b'0', rest @ ..] => Some(rest),
        [b'1'..=b'9', rest @ ..] => Some(after_digits(rest)),
        _ => None,
    }
}

fn after_digits(bytes: &[u8]) -> &[u8] {
    let count = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    &bytes[count..]
}
