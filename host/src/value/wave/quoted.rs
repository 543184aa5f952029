//! What stands between quotes, as the characters that it means.

use super::scan::{Fault, Token};

/// The character of `'c'`.
pub(super) fn char(token: Token<'_>) -> Result<char, Fault> {
    let mut text = String::new();
    unescape(token, 1, &token.text[1..token.text.len() - 1], &mut text)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(c),
        _ => Err(token.instead_of(&"one character")),
    }
}

/// The text of `"text"`.
pub(super) fn string(token: Token<'_>) -> Result<String, Fault> {
    let mut text = String::new();
    unescape(token, 1, &token.text[1..token.text.len() - 1], &mut text)?;
    Ok(text)
}

/// The text of `"""text"""`: the lines between the quotes, without the indentation that the closing
/// quotes have.
pub(super) fn multiline(token: Token<'_>) -> Result<String, Fault> {
    let body = &token.text[3..token.text.len() - 3];
    let Some(body) = body.strip_prefix("\r\n").or(body.strip_prefix('\n')) else {
        return Err(token.fault("a new line must follow \"\"\"".to_owned()));
    };
    let (lines, indent) = body.rsplit_once('\n').unzip();
    let indent = indent.unwrap_or(body);
    if indent.contains(|c| c != ' ') {
        return Err(token.fault("only spaces may precede the closing \"\"\"".to_owned()));
    }
    let mut text = String::new();
    let mut offset = token.text.len() - 3 - body.len();
    for (index, line) in lines
        .into_iter()
        .flat_map(|lines| lines.split('\n'))
        .enumerate()
    {
        let Some(inner) = line.strip_prefix(indent) else {
            return Err(Fault {
                at: token.at + offset,
                message: "indented less than the closing \"\"\"".to_owned(),
            });
        };
        if index > 0 {
            text.push('\n');
        }
        let inner = inner.strip_suffix('\r').unwrap_or(inner);
        unescape(token, offset + indent.len(), inner, &mut text)?;
        offset += line.len() + 1;
    }
    Ok(text)
}

/// Appends `piece`, which begins at byte `offset` of the token, with its escapes resolved.
fn unescape(token: Token<'_>, offset: usize, piece: &str, out: &mut String) -> Result<(), Fault> {
    let mut rest = piece;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let Some((c, length)) = escape(escaped) else {
            return Err(Fault {
                at: token.at + offset + (piece.len() - escaped.len() - 1),
                message: r#"expected one of the escapes \n \r \t \\ \' \" \u{41}"#.to_owned(),
            });
        };
        out.push(c);
        rest = &escaped[length..];
    }
    out.push_str(rest);
    Ok(())
}

/// The character of an escape and how many bytes it took after the backslash.
fn escape(text: &str) -> Option<(char, usize)> {
    let c = match text.as_bytes().first()? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'\\' => '\\',
        b'\'' => '\'',
        b'"' => '"',
        b'u' => {
            let (digits, _) = text.strip_prefix("u{")?.split_once('}')?;
            if digits.len() > 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            let scalar = u32::from_str_radix(digits, 16).ok()?;
            return Some((char::from_u32(scalar)?, digits.len() + 3));
        }
        _ => return None,
    };
    Some((c, 1))
}
