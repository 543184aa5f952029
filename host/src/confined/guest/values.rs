//! Values of components, which name cases and fields, and ours, which count them. `None` where a value is not of its type.

use crate::value::{Type, Value};
use wasmtime::component::Val;

/// How many bytes a value takes in the engine's form, names left out.
pub(super) fn engine_bytes(value: &Value) -> usize {
    let all = |values: &[Value]| values.iter().map(engine_bytes).sum::<usize>();
    let inside = match value {
        Value::Bytes(bytes) => bytes.len().saturating_mul(size_of::<Val>()),
        Value::String(text) => text.len(),
        Value::List(values) | Value::Tuple(values) | Value::Record(values) => all(values),
        Value::Option(Some(value))
        | Value::Variant(_, Some(value))
        | Value::Result(Ok(Some(value)) | Err(Some(value))) => engine_bytes(value),
        _ => 0,
    };
    inside.saturating_add(size_of::<Val>())
}

/// The engine's form of a value.
pub(super) fn to_component(ty: &Type, value: &Value) -> Option<Val> {
    let boxed = |ty: &Type, value: &Value| to_component(ty, value).map(Box::new);
    Some(match (ty, value) {
        (_, Value::Bool(v)) => Val::Bool(*v),
        (_, Value::S8(v)) => Val::S8(*v),
        (_, Value::U8(v)) => Val::U8(*v),
        (_, Value::S16(v)) => Val::S16(*v),
        (_, Value::U16(v)) => Val::U16(*v),
        (_, Value::S32(v)) => Val::S32(*v),
        (_, Value::U32(v)) => Val::U32(*v),
        (_, Value::S64(v)) => Val::S64(*v),
        (_, Value::U64(v)) => Val::U64(*v),
        (_, Value::F32(v)) => Val::Float32(*v),
        (_, Value::F64(v)) => Val::Float64(*v),
        (_, Value::Char(v)) => Val::Char(*v),
        (_, Value::String(v)) => Val::String(v.clone()),
        (_, Value::Bytes(v)) => Val::List(v.iter().map(|byte| Val::U8(*byte)).collect()),
        (Type::List(element), Value::List(v)) => Val::List(
            v.iter()
                .map(|value| to_component(element, value))
                .collect::<Option<_>>()?,
        ),
        (Type::Tuple(types), Value::Tuple(v)) => Val::Tuple(
            types
                .iter()
                .zip(v)
                .map(|(ty, value)| to_component(ty, value))
                .collect::<Option<_>>()?,
        ),
        (Type::Record(fields), Value::Record(v)) => {
            let fields = fields.iter().zip(v);
            let fields =
                fields.map(|((name, ty), value)| Some((name.clone(), to_component(ty, value)?)));
            Val::Record(fields.collect::<Option<_>>()?)
        }
        (Type::Variant(cases), Value::Variant(case, payload)) => {
            let (name, ty) = cases.get(*case as usize)?;
            let payload = match (ty, payload) {
                (Some(ty), Some(payload)) => Some(boxed(ty, payload)?),
                (None, None) => None,
                _ => return None,
            };
            Val::Variant(name.clone(), payload)
        }
        (Type::Enum(names), Value::Enum(case)) => Val::Enum(names.get(*case as usize)?.clone()),
        (Type::Flags(names), Value::Flags(set)) => Val::Flags(
            set.iter()
                .map(|flag| names.get(*flag as usize).cloned())
                .collect::<Option<_>>()?,
        ),
        (Type::Option(_), Value::Option(None)) => Val::Option(None),
        (Type::Option(ty), Value::Option(Some(v))) => Val::Option(Some(boxed(ty, v)?)),
        (Type::Result { ok, err }, Value::Result(v)) => Val::Result(match v {
            Ok(v) => Ok(payload(ok.as_deref(), v.as_deref(), boxed)?),
            Err(v) => Err(payload(err.as_deref(), v.as_deref(), boxed)?),
        }),
        _ => return None,
    })
}

/// A payload that is there exactly where the type has one.
fn payload<V, T>(
    ty: Option<&Type>,
    value: Option<V>,
    convert: impl FnOnce(&Type, V) -> Option<Box<T>>,
) -> Option<Option<Box<T>>> {
    match (ty, value) {
        (Some(ty), Some(value)) => convert(ty, value).map(Some),
        (None, None) => Some(None),
        _ => None,
    }
}

/// Our form of a value.
pub(super) fn from_component(ty: &Type, value: Val) -> Option<Value> {
    let boxed = |ty: &Type, value: Box<Val>| from_component(ty, *value).map(Box::new);
    Some(match (ty, value) {
        (Type::Bool, Val::Bool(v)) => Value::Bool(v),
        (Type::S8, Val::S8(v)) => Value::S8(v),
        (Type::U8, Val::U8(v)) => Value::U8(v),
        (Type::S16, Val::S16(v)) => Value::S16(v),
        (Type::U16, Val::U16(v)) => Value::U16(v),
        (Type::S32, Val::S32(v)) => Value::S32(v),
        (Type::U32, Val::U32(v)) => Value::U32(v),
        (Type::S64, Val::S64(v)) => Value::S64(v),
        (Type::U64, Val::U64(v)) => Value::U64(v),
        (Type::F32, Val::Float32(v)) => Value::F32(v),
        (Type::F64, Val::Float64(v)) => Value::F64(v),
        (Type::Char, Val::Char(v)) => Value::Char(v),
        (Type::String, Val::String(v)) => Value::String(v),
        (Type::List(element), Val::List(v)) if **element == Type::U8 => {
            let byte = |value: Val| {
                if let Val::U8(byte) = value {
                    Some(byte)
                } else {
                    None
                }
            };
            Value::Bytes(v.into_iter().map(byte).collect::<Option<_>>()?)
        }
        (Type::List(element), Val::List(v)) => Value::List(
            v.into_iter()
                .map(|value| from_component(element, value))
                .collect::<Option<_>>()?,
        ),
        (Type::Tuple(types), Val::Tuple(v)) => {
            let values = types
                .iter()
                .zip(v)
                .map(|(ty, value)| from_component(ty, value));
            Value::Tuple(values.collect::<Option<_>>()?)
        }
        (Type::Record(fields), Val::Record(v)) => {
            let values = fields
                .iter()
                .zip(v)
                .map(|((_, ty), (_, value))| from_component(ty, value));
            Value::Record(values.collect::<Option<_>>()?)
        }
        (Type::Variant(cases), Val::Variant(name, v)) => {
            let case = cases.iter().position(|(other, _)| *other == name)?;
            Value::Variant(case as u32, payload(cases[case].1.as_ref(), v, boxed)?)
        }
        (Type::Enum(names), Val::Enum(name)) => Value::Enum(position(names, &name)?),
        (Type::Flags(names), Val::Flags(set)) => {
            let mut set = set
                .iter()
                .map(|name| position(names, name))
                .collect::<Option<Vec<u32>>>()?;
            set.sort_unstable();
            Value::Flags(set)
        }
        (Type::Option(ty), Val::Option(v)) => Value::Option(match v {
            None => None,
            Some(v) => Some(boxed(ty, v)?),
        }),
        (Type::Result { ok, err }, Val::Result(v)) => Value::Result(match v {
            Ok(v) => Ok(payload(ok.as_deref(), v, boxed)?),
            Err(v) => Err(payload(err.as_deref(), v, boxed)?),
        }),
        _ => return None,
    })
}

fn position(names: &[String], name: &str) -> Option<u32> {
    names
        .iter()
        .position(|other| other == name)
        .map(|index| index as u32)
}
