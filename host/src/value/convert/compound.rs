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
        if !ty.is_bytes() {
            return list(self.into_iter(), ty);
        }
        match T::bytes_of_list(self) {
            Ok(bytes) => Ok(Value::Bytes(bytes)),
            Err(items) => list(items.into_iter(), ty),
        }
    }

    fn can_be(ty: &Type) -> bool {
        matches!(ty, Type::List(element) if T::can_be(element))
    }
}

impl<T: IntoValue, const N: usize> IntoValue for [T; N] {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        list(self.into_iter(), ty)
    }

    fn can_be(ty: &Type) -> bool {
        matches!(ty, Type::List(element) if T::can_be(element))
    }
}

impl<T: IntoValue + Clone> IntoValue for &[T] {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        list(self.iter(), ty)
    }

    fn can_be(ty: &Type) -> bool {
        matches!(ty, Type::List(element) if T::can_be(element))
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Value, ty: &Type) -> Result<Self, Mismatch> {
        let Type::List(element) = ty else {
            return Err(Mismatch::new("a list", value.brief()));
        };
        let one = |item| T::from_value(item, element);
        match value {
            Value::List(items) => items.into_iter().map(one).collect(),
            Value::Bytes(bytes) => match T::list_of_bytes(bytes) {
                Ok(list) => Ok(list),
                Err(bytes) => bytes.into_iter().map(Value::U8).map(one).collect(),
            },
            other => Err(Mismatch::new("a list", other.brief())),
        }
    }

    fn can_take(ty: &Type) -> bool {
        matches!(ty, Type::List(element) if T::can_take(element))
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

    fn can_be(ty: &Type) -> bool {
        matches!(ty, Type::Option(some) if T::can_be(some))
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value, ty: &Type) -> Result<Self, Mismatch> {
        match (value, ty) {
            (Value::Option(None), _) => Ok(None),
            (Value::Option(Some(some)), Type::Option(ty)) => T::from_value(*some, ty).map(Some),
            (other, _) => Err(Mismatch::new("an option", other.brief())),
        }
    }

    fn can_take(ty: &Type) -> bool {
        matches!(ty, Type::Option(some) if T::can_take(some))
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

    fn can_be(ty: &Type) -> bool {
        matches!(ty, Type::Result { ok, err }
            if T::can_be_payload(ok.as_deref()) && E::can_be_payload(err.as_deref()))
    }
}

impl<T: FromValue, E: FromValue> FromValue for Result<T, E> {
    fn from_value(value: Value, ty: &Type) -> Result<Self, Mismatch> {
        fn payload<T: FromValue>(
            payload: Option<Box<Value>>,
            ty: Option<&Type>,
        ) -> Result<T, Mismatch> {
            super::from_result(payload.map(|value| *value), ty)
        }
        match (value, ty) {
            (Value::Result(Ok(it)), Type::Result { ok, .. }) => payload(it, ok.as_deref()).map(Ok),
            (Value::Result(Err(it)), Type::Result { err, .. }) => {
                payload(it, err.as_deref()).map(Err)
            }
            (other, _) => Err(Mismatch::new("a result", other.brief())),
        }
    }

    fn can_take(ty: &Type) -> bool {
        matches!(ty, Type::Result { ok, err }
            if T::can_take_result(ok.as_deref()) && E::can_take_result(err.as_deref()))
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

            fn can_be(ty: &Type) -> bool {
                match parts(ty) {
                    Some(types) if types.len() == $count => $($item::can_be(types[$index]))&&+,
                    _ => false,
                }
            }
        }

        impl<$($item: FromValue),+> FromValue for ($($item,)+) {
            fn from_value(value: Value, ty: &Type) -> Result<Self, Mismatch> {
                match (value, parts(ty)) {
                    (Value::Tuple(items) | Value::Record(items), Some(types))
                        if items.len() == $count && types.len() == $count =>
                    {
                        let mut items = items.into_iter();
                        Ok(($(super::from_result::<$item>(items.next(), Some(types[$index]))?,)+))
                    }
                    (other, _) => Err(Mismatch::new(concat!("a tuple of ", $count), other.brief())),
                }
            }

            fn can_take(ty: &Type) -> bool {
                match parts(ty) {
                    Some(types) if types.len() == $count => $($item::can_take(types[$index]))&&+,
                    _ => false,
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

/// The types of what a tuple or a record is made of.
fn parts(ty: &Type) -> Option<Vec<&Type>> {
    match ty {
        Type::Tuple(types) => Some(types.iter().collect()),
        Type::Record(fields) => Some(fields.iter().map(|(_, ty)| ty).collect()),
        _ => None,
    }
}
