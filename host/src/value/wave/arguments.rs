//! The arguments of a call as one text: values with commas between, in parentheses or not.

use super::parse::Parser;
use super::scan::{Fault, Kind, Scanner};
use crate::value::{Param, Value, ty};

/// Reads the whole text as the arguments of a call. The index is that of the parameter at fault.
pub(super) fn parse(
    params: &[Param],
    text: &str,
    parenthesised: bool,
) -> Result<Vec<Value>, (Option<usize>, Fault)> {
    let mut parser = Parser(Scanner::new(text));
    let mut end = Kind::End;
    if parenthesised {
        parser.expect(b'(').map_err(|fault| (None, fault))?;
        end = Kind::Mark(b')');
    }
    let mut values = Vec::with_capacity(params.len());
    loop {
        let index = values.len();
        let of_this = |fault| (Some(index), fault);
        let token = parser.0.peek().map_err(of_this)?;
        if token.kind == end {
            if index < params.len() {
                return Err((None, token.fault(wrong_count(params, index))));
            }
            let _ = parser.0.next();
            break;
        }
        let Some(param) = params.get(index) else {
            let got = index + count_rest(parser.0);
            return Err((None, token.fault(wrong_count(params, got))));
        };
        values.push(parser.value(&param.ty).map_err(of_this)?);
        let token = parser.0.peek().map_err(of_this)?;
        if token.is(b',') {
            let _ = parser.0.next();
        } else if token.kind != end {
            return Err(of_this(token.instead_of(&"`,` or the end")));
        }
    }
    let token = parser.0.next().map_err(|fault| (None, fault))?;
    match token.kind {
        Kind::End => Ok(values),
        _ => Err((None, token.instead_of(&"the end"))),
    }
}

fn wrong_count(params: &[Param], got: usize) -> String {
    format!("takes {}, got {got}", ty::arguments(params))
}

/// How many values follow, by their commas.
fn count_rest(mut scanner: Scanner<'_>) -> usize {
    let (mut count, mut depth, mut in_value) = (0, 0usize, false);
    while let Ok(token) = scanner.next() {
        match token.kind {
            Kind::End => break,
            Kind::Mark(b',') if depth == 0 => {
                in_value = false;
                continue;
            }
            Kind::Mark(b'(' | b'[' | b'{') => depth += 1,
            Kind::Mark(b')' | b']' | b'}') if depth == 0 => break,
            Kind::Mark(b')' | b']' | b'}') => depth -= 1,
            _ => {}
        }
        if !in_value {
            count += 1;
            in_value = true;
        }
    }
    count
}
