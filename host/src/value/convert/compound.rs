//! Rust types that hold others: lists, `Option`, `Result`, tuples.

use super::{FromValue, IntoValue, Mismatch};
use crate::value::{Type, Value};

fn list<T: IntoValue>(
    items: impl ExactSizeIterator<Item = T>,
    ty: &Type,
) -> Result<Value, Mismatch> {
    let Type::List(element) = ty else {
        return Err(Mismatch::new(ty, format_args!("a list of {}", items.len())));
    };
    if !ty.is_bytes() {
        let items: Result<_, _> = items.map(|item| item.into_value(element)).collect();
        return items.map(Value::List);
    }
    let mut bytes = Vec::with_capacity(items.len());
    for item in items {
        match item.into_value(element)? {
            Value::U8(byte) => bytes.push(byte),
            other => return Err(Mismatch::new(element, other.brief())),
        }
    }
    Ok(Value::Bytes(bytes))
}

impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        list(self.into_iter(), ty)
    }
}

impl<T: IntoValue, const N: usize> IntoValue for [T; N] {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        list(self.into_iter(), ty)
    }
}

impl<T: IntoValue + Clone> IntoValue for &[T] {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        list(self.iter(), ty)
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::List(items) => items.into_iter().map(T::from_value).collect(),
            Value::Bytes(bytes) => {
                let items = bytes.into_iter().map(Value::U8);
                items.map(T::from_value).collect()
            }
            other => Err(Mismatch::new("a list", other.brief())),
        }
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        match (ty, self) {
            (Type::Option(_), None) => Ok(Value::Option(None)),
            (Type::Option(ty), Some(some)) => Ok(Value::Option(some.into_payload(Some(ty))?)),
            (ty, None) => Err(Mismatch::new(ty, "none")),
            (ty, Some(_)) => Err(Mismatch::new(ty, "an option")),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::Option(None) => Ok(None),
            Value::Option(Some(some)) => T::from_value(*some).map(Some),
            other => Err(Mismatch::new("an option", other.brief())),
        }
    }
}

impl<T: IntoValue, E: IntoValue> IntoValue for Result<T, E> {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        let Type::Result { ok, err } = ty else {
            return Err(Mismatch::new(ty, "a result"));
        };
        Ok(Value::Result(match self {
            Ok(it) => Ok(it.into_payload(ok.as_deref())?),
            Err(it) => Err(it.into_payload(err.as_deref())?),
        }))
    }
}

impl<T: FromValue, E: FromValue> FromValue for Result<T, E> {
    fn from_value(value: Value) -> Result<Self, Mismatch> {
        fn payload<T: FromValue>(payload: Option<Box<Value>>) -> Result<T, Mismatch> {
            super::from_result(payload.map(|value| *value))
        }
        match value {
            Value::Result(Ok(it)) => payload(it).map(Ok),
            Value::Result(Err(it)) => payload(it).map(Err),
            other => Err(Mismatch::new("a result", other.brief())),
        }
    }
}

macro_rules! tuples {
    ($($count:literal: $($item:ident $index:tt),+;)*) => {$(
        impl<$($item: IntoValue),+> IntoValue for ($($item,)+) {
            fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
                match ty {
                    Type::Tuple(types) if types.len() == $count => {
                        Ok(Value::Tuple(vec![$(self.$index.into_value(&types[$index])?),+]))
                    }
                    Type::Record(fields) if fields.len() == $count => {
                        Ok(Value::Record(vec![$(self.$index.into_value(&fields[$index].1)?),+]))
                    }
                    _ => Err(Mismatch::new(ty, concat!("a tuple of ", $count))),
                }
            }
        }

        impl<$($item: FromValue),+> FromValue for ($($item,)+) {
            fn from_value(value: Value) -> Result<Self, Mismatch> {
                match value {
                    Value::Tuple(items) | Value::Record(items) if items.len() == $count => {
                        let mut items = items.into_iter();
                        Ok(($(next::<$item>(&mut items)?,)+))
                    }
                    other => Err(Mismatch::new(concat!("a tuple of ", $count), other.brief())),
                }
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
}

fn next<T: FromValue>(items: &mut impl Iterator<Item = Value>) -> Result<T, Mismatch> {
    super::from_result(items.next())
}
