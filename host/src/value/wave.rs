//! WAVE, the text form of component values: `{name: "a", sizes: [1, 2]}`.
//!
//! Reading follows the type, token by token: nesting in the text never goes deeper than the type
//! does, and there is no tree in between. The `wasm-wave` crate is the reference in the tests and
//! not the reader: its lexer recurses over long tokens in unoptimised builds (a string of 10 MB ends
//! the process), it ignores unknown fields, and its messages do not say what was expected.
//!
//! Beyond WAVE, a float may be printed with an exponent (`1e300`), as WAVE reads it.

mod arguments;
mod parse;
mod print;
mod quoted;
mod scan;

use std::fmt;

use super::{Param, ParseError, Type, Value, scalar};

/// Reads one value, which the whole text must be.
pub(super) fn parse(ty: &Type, text: &str) -> Result<Value, ParseError> {
    if let Some(Ok(value)) = scalar::parse(ty, text) {
        return Ok(value);
    }
    parse::whole(ty, text).map_err(|fault| ParseError::at(text, fault.at, fault.message))
}

/// Reads the arguments of a call: `2, 3`, or the same in parentheses.
pub(super) fn parse_list(params: &[Param], text: &str) -> Result<Vec<Value>, ParseError> {
    if let [only] = params {
        return Ok(vec![parse(&only.ty, text)?]);
    }
    let error = |(index, fault): (Option<usize>, scan::Fault)| ParseError {
        argument: index,
        ..ParseError::at(text, fault.at, fault.message)
    };
    // `(1, 2), 3` may begin with a tuple: the plain list is tried first where it could.
    let parenthesised = text.trim_start().starts_with('(');
    let may_begin_with_tuple = params
        .first()
        .is_some_and(|first| begins_with_paren(&first.ty));
    if parenthesised && !may_begin_with_tuple {
        return arguments::parse(params, text, true).map_err(error);
    }
    arguments::parse(params, text, false).or_else(|plain| match parenthesised {
        true => arguments::parse(params, text, true).map_err(|_| error(plain)),
        false => Err(error(plain)),
    })
}

/// The text of a value, on one line.
#[cfg(test)]
pub(super) fn print(ty: &Type, value: &Value) -> String {
    let mut out = String::new();
    let _ = write(ty, value, &mut out);
    out
}

/// Writes the text of a value, on one line.
pub(super) fn write(ty: &Type, value: &Value, out: &mut impl fmt::Write) -> fmt::Result {
    print::value(ty, value, out)
}

/// Whether a value of the type may be written with `(` first; `option` and `result` may be left out.
fn begins_with_paren(ty: &Type) -> bool {
    match ty {
        Type::Tuple(_) => true,
        Type::Option(inner)
        | Type::Result {
            ok: Some(inner), ..
        } => begins_with_paren(inner),
        _ => false,
    }
}
