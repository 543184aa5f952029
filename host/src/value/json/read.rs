//! JSON documents to values, following the type. A fault says where, as a path, `$.sizes[3]`, and points there.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::may_be_null;
use super::place::{self, Step};
use crate::value::{ParseError, Type, Value, quote, scalar};

/// What does not fit the type, and where.
pub(super) struct Fault {
    /// The steps to it, innermost first.
    path: Vec<Step>,
    /// What is wrong with the value, of which the text is given: numbers are repeated as they were spelt.
    says: Box<dyn Fn(&str) -> String>,
}

impl Fault {
    fn new(message: String) -> Self {
        Fault::about(move |_| message.clone())
    }

    fn about(says: impl Fn(&str) -> String + 'static) -> Self {
        Fault {
            path: Vec::new(),
            says: Box::new(says),
        }
    }

    fn under(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    fn under_index(self, index: usize) -> Self {
        self.under(Step::Index(index))
    }

    fn under_key(self, key: &str) -> Self {
        self.under(Step::Key(key.into()))
    }

    /// The error that it is in a text, where `outer` leads to the value that was read.
    pub(super) fn error(&self, text: &[u8], outer: Option<usize>) -> ParseError {
        let outer = outer.map(Step::Index);
        let steps = || self.path.iter().rev();
        let place = place::locate(text, outer.iter().chain(steps()));
        let found = String::from_utf8_lossy(&text[place.clone()]);
        let path: String = steps().map(ToString::to_string).collect();
        let path = quote::capped(&path, 200);
        ParseError::at(
            text,
            place.start,
            format!("at ${path}: {}", (self.says)(&found)),
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, ".{}", quote::capped(&quote::escaped(key), 60)),
        }
    }
}

/// What a message calls a JSON value.
pub(super) fn found(json: &Json) -> String {
    match json {
        Json::Array(items) => format!("an array of {}", items.len()),
        Json::Object(_) => "an object".to_owned(),
        Json::String(text) => format!("the string {}", quote::quoted(text)),
        other => quote::quoted(&other.to_string()),
    }
}

pub(super) fn value(ty: &Type, json: Json) -> Result<Value, Fault> {
    match (ty, json) {
        (Type::Bool, Json::Bool(v)) => Ok(Value::Bool(v)),
        (Type::F32 | Type::F64, json) => float(ty, &json),
        (Type::Char, Json::String(text)) => {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => Ok(Value::Char(c)),
                _ => Err(expected("one character", &Json::String(text))),
            }
        }
        (Type::String, Json::String(text)) => Ok(Value::String(text)),
        (Type::List(element), Json::Array(items)) if **element == Type::U8 => {
            let byte = |(index, item): (usize, Json)| match integer(element, &item) {
                Ok(Value::U8(byte)) => Ok(byte),
                Ok(_) => Err(mismatch(element, &item)),
                Err(fault) => Err(fault.under_index(index)),
            };
            let bytes: Result<_, _> = items.into_iter().enumerate().map(byte).collect();
            bytes.map(Value::Bytes)
        }
        (Type::List(element), Json::Array(items)) => {
            let types = std::iter::repeat(&**element);
            sequence(types, items).map(Value::List)
        }
        (Type::Tuple(types), Json::Array(items)) => {
            if items.len() != types.len() {
                let expected = format!("an array of {}", types.len());
                return Err(self::expected(&expected, &Json::Array(items)));
            }
            sequence(types.iter(), items).map(Value::Tuple)
        }
        (Type::Record(fields), Json::Object(object)) => {
            let fields = fields.iter().map(|(name, ty)| (&**name, ty));
            named("field", fields, object).map(Value::Record)
        }
        (Type::Variant(cases), Json::String(name)) => {
            let case = cases
                .iter()
                .position(|(case, ty)| *case == name && ty.is_none());
            match case {
                Some(case) => Ok(Value::Variant(case as u32, None)),
                None => Err(mismatch(ty, &Json::String(name))),
            }
        }
        (Type::Variant(cases), Json::Object(object)) => {
            let (name, payload) = only_entry(ty, object)?;
            let case = cases.iter().position(|(case, _)| *case == name);
            let Some(case) = case else {
                return Err(mismatch(ty, &Json::String(name)));
            };
            match &cases[case].1 {
                Some(ty) => {
                    let payload = value(ty, payload).map_err(|fault| fault.under_key(&name))?;
                    Ok(Value::Variant(case as u32, Some(Box::new(payload))))
                }
                None => Err(carries_nothing(&name)),
            }
        }
        (Type::Enum(names), Json::String(name)) => {
            match names.iter().position(|case| *case == name) {
                Some(case) => Ok(Value::Enum(case as u32)),
                None => Err(mismatch(ty, &Json::String(name))),
            }
        }
        (Type::Option(_), Json::Null) => Ok(Value::Option(None)),
        (Type::Option(some), json) if may_be_null(some) => {
            let Json::Object(object) = json else {
                return Err(expected("null or {\"some\": …}", &json));
            };
            let (name, payload) = only_entry(ty, object)?;
            if name != "some" {
                return Err(expected("null or {\"some\": …}", &Json::String(name)));
            }
            let payload = value(some, payload).map_err(|fault| fault.under_key("some"))?;
            Ok(Value::Option(Some(Box::new(payload))))
        }
        (Type::Option(some), json) => {
            let payload = value(some, json)?;
            Ok(Value::Option(Some(Box::new(payload))))
        }
        (Type::Result { ok, err }, Json::Object(object)) => {
            let (name, payload) = only_entry(ty, object)?;
            match name.as_str() {
                "ok" => Ok(Value::Result(Ok(side("ok", ok.as_deref(), payload)?))),
                "err" => Ok(Value::Result(Err(side("err", err.as_deref(), payload)?))),
                _ => Err(expected("{\"ok\": …} or {\"err\": …}", &Json::String(name))),
            }
        }
        (Type::Flags(names), Json::Array(items)) => flags(ty, names, items),
        (ty, json) => integer(ty, &json),
    }
}

/// An integer; the last kind of type that is left when nothing else fits.
fn integer(ty: &Type, json: &Json) -> Result<Value, Fault> {
    if scalar::range(ty).is_none() {
        return Err(mismatch(ty, json));
    }
    match json {
        Json::Number(number) => {
            let wide = number.as_i64().map(i128::from);
            let wide = wide.or(number.as_u64().map(i128::from));
            let wide = wide.or_else(|| whole(number.as_f64()?));
            let Some(wide) = wide else {
                return Err(mismatch(ty, json));
            };
            scalar::integer(ty, wide).ok_or_else(|| out_of_range(ty))
        }
        // Readers and writers that hold every number as a float spell long integers so.
        Json::String(digits) if matches!(ty, Type::S64 | Type::U64) => {
            let read = scalar::parse(ty, digits);
            read.unwrap_or_else(|| Err(String::new()))
                .map_err(Fault::new)
        }
        _ => Err(mismatch(ty, json)),
    }
}

/// What the parser makes a float though it is spelt as an integer: one beyond 64 bits, and minus zero.
fn whole(number: f64) -> Option<i128> {
    let minus_zero = number == 0.0 && number.is_sign_negative();
    let beyond = number >= u64::MAX as f64 || number < i64::MIN as f64;
    (minus_zero || beyond).then_some(number as i128)
}

fn float(ty: &Type, json: &Json) -> Result<Value, Fault> {
    let number = match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match text.as_str() {
            "nan" => Some(f64::NAN),
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    };
    let number = number.ok_or_else(|| mismatch(ty, json))?;
    if *ty == Type::F64 {
        return Ok(Value::F64(number));
    }
    let narrow = number as f32;
    if narrow.is_infinite() && number.is_finite() {
        return Err(out_of_range(ty));
    }
    Ok(Value::F32(narrow))
}

fn sequence<'t>(
    types: impl Iterator<Item = &'t Type>,
    items: Vec<Json>,
) -> Result<Vec<Value>, Fault> {
    let one = |(index, (ty, item)): (usize, (&Type, Json))| {
        value(ty, item).map_err(|fault| fault.under_index(index))
    };
    types.zip(items).enumerate().map(one).collect()
}

/// The values that have names in an object, in their order; `what` they are is told where one is missing or unknown.
pub(super) fn named<'t>(
    what: &str,
    names: impl Iterator<Item = (&'t str, &'t Type)>,
    mut object: Map<String, Json>,
) -> Result<Vec<Value>, Fault> {
    let mut items = Vec::with_capacity(object.len());
    for (name, ty) in names {
        items.push(match (object.remove(name), ty) {
            (Some(item), _) => value(ty, item).map_err(|fault| fault.under_key(name))?,
            (None, Type::Option(_)) => Value::Option(None),
            (None, _) => {
                let missing = format!("{what} {} is missing", quote::quoted(name));
                return Err(Fault::new(missing));
            }
        });
    }
    match object.keys().next() {
        None => Ok(items),
        Some(unknown) => {
            let unknown = quote::quoted(unknown);
            Err(Fault::new(format!("there is no {what} {unknown}")))
        }
    }
}

fn flags(ty: &Type, names: &[String], items: Vec<Json>) -> Result<Value, Fault> {
    let mut set = std::collections::BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let known = names.iter().position(|name| item.as_str() == Some(name));
        let Some(flag) = known else {
            return Err(mismatch(ty, item).under_index(index));
        };
        set.insert(flag as u32);
    }
    Ok(Value::Flags(set.into_iter().collect()))
}

fn side(name: &str, ty: Option<&Type>, payload: Json) -> Result<Option<Box<Value>>, Fault> {
    match (ty, payload) {
        (None, Json::Null) => Ok(None),
        (None, _) => Err(carries_nothing(name)),
        (Some(ty), payload) => {
            let payload = value(ty, payload).map_err(|fault| fault.under_key(name))?;
            Ok(Some(Box::new(payload)))
        }
    }
}

fn only_entry(ty: &Type, object: Map<String, Json>) -> Result<(String, Json), Fault> {
    let count = object.len();
    match object.into_iter().next() {
        Some(entry) if count == 1 => Ok(entry),
        _ => {
            let ty = quote::capped(ty, 60);
            let message = format!("expected {ty}, found an object with {count} keys");
            Err(Fault::new(message))
        }
    }
}

fn carries_nothing(name: &str) -> Fault {
    Fault::new(format!("{} carries no value", quote::quoted(name)))
}

fn mismatch(ty: &Type, json: &Json) -> Fault {
    expected(&quote::capped(ty, 60), json)
}

fn expected(expected: &str, json: &Json) -> Fault {
    let expected = format!("expected {expected}, found ");
    if json.is_number() {
        return Fault::about(move |spelt| format!("{expected}{}", quote::quoted(spelt)));
    }
    Fault::new(expected + &found(json))
}

fn out_of_range(ty: &Type) -> Fault {
    let ty = ty.clone();
    Fault::about(move |spelt| scalar::out_of_range(&ty, &quote::capped(&spelt, 60)))
}
