//! Behaviour of the room: identities over random types and values, and what hostile input may do.

mod arbitrary;
mod choose;
mod codec;
mod convert;
mod json;
mod signature;
mod text;
mod wave;
mod wit;

use super::{Param, Type, Value, encode};

/// The bytes of a value, which are equal where the values are, NaNs included.
fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out);
    out
}

fn params(types: &[(&str, Type)]) -> Vec<Param> {
    let param = |(name, ty): &(&str, Type)| Param {
        name: (*name).to_owned(),
        ty: ty.clone(),
    };
    types.iter().map(param).collect()
}

fn list(element: Type) -> Type {
    Type::List(Box::new(element))
}

fn option(some: Type) -> Type {
    Type::Option(Box::new(some))
}

fn result(ok: Option<Type>, err: Option<Type>) -> Type {
    Type::Result {
        ok: ok.map(Box::new),
        err: err.map(Box::new),
    }
}

fn record(fields: &[(&str, Type)]) -> Type {
    Type::Record(params(fields).into_iter().map(|p| (p.name, p.ty)).collect())
}

fn some(value: Value) -> Value {
    Value::Option(Some(Box::new(value)))
}
