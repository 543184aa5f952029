//! The forms in which the command line takes inputs and prints results.
//!
//! | | in | out |
//! |---|---|---|
//! | `text` | a string or `list<u8>` as it is, where it is the only parameter or has an argument of its own; all else WAVE | a string or `list<u8>` as it is, `ok(v)` as v, all else WAVE |
//! | `wave` | WAVE | WAVE, one line |
//! | `json` | JSON | JSON, one line |

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Param, ParseError, Type, Value, json, ty, wave};

/// One of the forms.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/stats.wasm").build()?;
/// let stats = pool.function(Some("stats"))?;
/// let arguments = wpool::Format::Json.parse_args(&stats.params, &[b"[1.5, 2, 4]"])?;
/// let result: wpool::Value = pool.apply("stats", arguments)?;
/// let mut line = Vec::new();
/// wpool::Format::Wave.print(stats.result.as_ref(), Some(&result), &mut line);
/// assert_eq!(line, b"ok({count: 3, mean: 2.5, min: 1.5, max: 4})");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Strings and bytes as they are, everything else WAVE.
    Text,
    /// WAVE only.
    Wave,
    /// JSON only.
    Json,
}

/// A name that is none of the forms.
///
/// ```rust,standalone_crate
/// assert!("yaml".parse::<wpool::Format>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected text, wave or json")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "text" => Ok(Format::Text),
            "wave" => Ok(Format::Wave),
            "json" => Ok(Format::Json),
            _ => Err(UnknownFormat),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Text => "text",
            Format::Wave => "wave",
            Format::Json => "json",
        })
    }
}

/// How much a value may keep on the heap to be shown whole in a message, in bytes.
const SHOWN_BYTES: usize = 4096;

impl Value {
    /// The value as WAVE, or a few words about it where that would be long.
    #[must_use]
    pub fn summary(&self, ty: &Type) -> String {
        if self.heap_bytes() > SHOWN_BYTES {
            return self.brief();
        }
        let mut out = Vec::new();
        Format::Wave.print(Some(ty), Some(self), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Format {
    /// Reads one input of `map`: all the arguments of one call.
    pub fn parse_input(self, params: &[Param], input: &[u8]) -> Result<Vec<Value>, ParseError> {
        match (self, params) {
            (Format::Json, _) => json::parse_list(params, input),
            (Format::Text, [only]) => Ok(vec![text_or_wave(&only.ty, input)?]),
            _ => wave::parse_list(params, utf8(input)?),
        }
    }

    /// Reads the arguments of `apply`: one text for each parameter.
    pub fn parse_args(self, params: &[Param], args: &[&[u8]]) -> Result<Vec<Value>, ParseError> {
        if args.len() != params.len() {
            let message = format!("takes {}, got {}", ty::arguments(params), args.len());
            return Err(ParseError::whole(message));
        }
        let mut values = Vec::with_capacity(args.len());
        for (index, (param, arg)) in params.iter().zip(args).enumerate() {
            let value = match self {
                Format::Text => text_or_wave(&param.ty, arg),
                Format::Wave => utf8(arg).and_then(|arg| wave::parse(&param.ty, arg)),
                Format::Json => json::parse(&param.ty, arg),
            };
            values.push(value.map_err(|error| error.of_argument(index))?);
        }
        Ok(values)
    }

    /// Appends a result as it is printed, without the end of the line. `text` may be several lines,
    /// if a string or bytes are; the others never are.
    pub fn print(self, ty: Option<&Type>, value: Option<&Value>, out: &mut Vec<u8>) {
        let (Some(ty), Some(value)) = (ty, value) else {
            if self == Format::Json {
                out.extend_from_slice(b"null");
            }
            return;
        };
        // Writing to memory cannot fail.
        let _ = match self {
            Format::Text => {
                print_text(ty, value, out);
                Ok(())
            }
            Format::Wave => wave::write(ty, value, &mut Utf8(out)),
            Format::Json => json::write(ty, value, &mut Utf8(out)),
        };
    }
}

/// What a result that is an `err` carries; `None` for every other value.
#[inline]
pub fn is_err(value: &Value) -> Option<Option<&Value>> {
    match value {
        Value::Result(Err(payload)) => Some(payload.as_deref()),
        _ => None,
    }
}

fn print_text(ty: &Type, value: &Value, out: &mut Vec<u8>) {
    let payload = match (ty, value) {
        (Type::Result { ok, .. }, Value::Result(Ok(payload))) => Some((ok, payload)),
        (Type::Result { err, .. }, Value::Result(Err(payload))) => Some((err, payload)),
        _ => None,
    };
    let (ty, value) = match payload {
        None => (ty, value),
        Some((Some(ty), Some(payload))) => (&**ty, &**payload),
        Some(_) => return,
    };
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        // The usual ones, without the detour over `fmt::Write`.
        Value::S32(v) => out.extend_from_slice(itoa::Buffer::new().format(*v).as_bytes()),
        Value::S64(v) => out.extend_from_slice(itoa::Buffer::new().format(*v).as_bytes()),
        _ => drop(wave::write(ty, value, &mut Utf8(out))),
    }
}

fn text_or_wave(ty: &Type, text: &[u8]) -> Result<Value, ParseError> {
    match ty {
        Type::String => utf8(text).map(|text| Value::String(text.to_owned())),
        _ if ty.is_bytes() => Ok(Value::Bytes(text.to_vec())),
        _ => wave::parse(ty, utf8(text)?),
    }
}

fn utf8(text: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(text).map_err(|error| {
        let valid = String::from_utf8_lossy(&text[..error.valid_up_to()]);
        ParseError::at(&*valid, valid.len(), "this is not UTF-8 text".to_owned())
    })
}

/// Lets text be written where bytes are collected.
struct Utf8<'a>(&'a mut Vec<u8>);

impl fmt::Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
