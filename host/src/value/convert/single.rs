//! Rust types that hold one thing: numbers, `bool`, text, `()`, and [`Value`] itself.

use super::{FromValue, IntoValue, Mismatch, conforms};
use crate::value::{Fixed, Number, Type, Value, quote, scalar};

macro_rules! integers {
    ($($rust:ident $(quick: $bytes:ident $list:ident)?,)*) => {$(
        impl IntoValue for $rust {
            #[inline]
            fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
                let number = i128::try_from(self).ok();
                number
                    .and_then(|number| scalar::integer(ty, number))
                    .ok_or_else(|| Mismatch::new(ty, self))
            }

            #[inline]
            fn as_number(&self, ty: Fixed) -> Option<Number> {
                Number::of_integer(ty, i128::try_from(*self).ok()?)
            }

            fn can_be(ty: &Type) -> bool {
                is_integer(ty)
            }

            $(fn bytes_of_list($list: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
                Ok($list)
            })?
        }

        impl FromValue for $rust {
            #[inline]
            fn from_value(value: Value, _: &Type) -> Result<Self, Mismatch> {
                integer(&value)
                    .and_then(|number| $rust::try_from(number).ok())
                    .ok_or_else(|| Mismatch::new(stringify!($rust), value.brief()))
            }

            #[inline]
            fn from_number(number: Number, ty: &Type) -> Result<Self, Mismatch> {
                match number.integer().and_then(|integer| $rust::try_from(integer).ok()) {
                    Some(integer) => Ok(integer),
                    None => Self::from_value(number.value(), ty),
                }
            }

            fn can_take(ty: &Type) -> bool {
                is_integer(ty)
            }

            $(fn list_of_bytes($bytes: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
                Ok($bytes)
            })?
        }
    )*};
}

integers!(i8, u8 quick: bytes list, i16, u16, i32, u32, i64, u64, i128, u128, isize, usize,);

macro_rules! same {
    ($($rust:ty, $variant:ident, $name:literal;)*) => {$(
        impl IntoValue for $rust {
            fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
                match ty {
                    Type::$variant => Ok(Value::$variant(self)),
                    _ => Err(Mismatch::new(ty, Value::$variant(self).brief())),
                }
            }

            fn can_be(ty: &Type) -> bool {
                matches!(ty, Type::$variant)
            }
        }

        impl FromValue for $rust {
            fn from_value(value: Value, _: &Type) -> Result<Self, Mismatch> {
                match value {
                    Value::$variant(it) => Ok(it),
                    other => Err(Mismatch::new($name, other.brief())),
                }
            }

            fn can_take(ty: &Type) -> bool {
                matches!(ty, Type::$variant)
            }
        }
    )*};
}

same! {
    bool, Bool, "a bool";
    char, Char, "a character";
}

/// Text as a value: a string, or its bytes.
fn text(text: String, ty: &Type) -> Result<Value, Mismatch> {
    match ty {
        Type::String => Ok(Value::String(text)),
        ty if is_bytes(ty) => Ok(Value::Bytes(text.into_bytes())),
        _ => Err(Mismatch::new(
            ty,
            format!("the string {}", quote::quoted(&text)),
        )),
    }
}

fn is_bytes(ty: &Type) -> bool {
    matches!(ty, Type::List(element) if **element == Type::U8)
}

impl IntoValue for String {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        text(self, ty)
    }

    fn can_be(ty: &Type) -> bool {
        *ty == Type::String || is_bytes(ty)
    }
}

impl FromValue for String {
    fn from_value(value: Value, _: &Type) -> Result<Self, Mismatch> {
        match value {
            Value::String(text) => Ok(text),
            Value::Bytes(bytes) => String::from_utf8(bytes).map_err(|error| {
                let brief = Value::Bytes(error.into_bytes()).brief();
                Mismatch::new("bytes that are UTF-8", brief)
            }),
            other => Err(Mismatch::new("a string", other.brief())),
        }
    }

    fn can_take(ty: &Type) -> bool {
        *ty == Type::String || is_bytes(ty)
    }
}

fn is_integer(ty: &Type) -> bool {
    scalar::integer(ty, 0).is_some()
}

fn is_float(ty: &Type) -> bool {
    matches!(ty, Type::F32 | Type::F64)
}

#[inline]
fn integer(value: &Value) -> Option<i128> {
    Some(match value {
        Value::S8(v) => (*v).into(),
        Value::U8(v) => (*v).into(),
        Value::S16(v) => (*v).into(),
        Value::U16(v) => (*v).into(),
        Value::S32(v) => (*v).into(),
        Value::U32(v) => (*v).into(),
        Value::S64(v) => (*v).into(),
        Value::U64(v) => (*v).into(),
        _ => return None,
    })
}

/// The number as `f32`, if that is the same number.
fn narrow(wide: f64) -> Option<f32> {
    let narrow = wide as f32;
    (wide.is_nan() || f64::from(narrow) == wide).then_some(narrow)
}

impl IntoValue for f64 {
    #[inline]
    fn as_number(&self, ty: Fixed) -> Option<Number> {
        (ty == Fixed::F64).then(|| Number::of_f64(*self))
    }

    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        match (ty, narrow(self)) {
            (Type::F64, _) => Ok(Value::F64(self)),
            (Type::F32, Some(narrow)) => Ok(Value::F32(narrow)),
            _ => Err(Mismatch::new(ty, Value::F64(self).brief())),
        }
    }

    fn can_be(ty: &Type) -> bool {
        is_float(ty)
    }
}

impl FromValue for f64 {
    #[inline]
    fn from_number(number: Number, ty: &Type) -> Result<Self, Mismatch> {
        match number.f64() {
            Some(number) => Ok(number),
            None => Self::from_value(number.value(), ty),
        }
    }

    fn from_value(value: Value, _: &Type) -> Result<Self, Mismatch> {
        match value {
            Value::F64(v) => Ok(v),
            Value::F32(v) => Ok(v.into()),
            other => Err(Mismatch::new("f64", other.brief())),
        }
    }

    fn can_take(ty: &Type) -> bool {
        is_float(ty)
    }
}

impl IntoValue for f32 {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        match ty {
            Type::F32 => Ok(Value::F32(self)),
            Type::F64 => Ok(Value::F64(self.into())),
            _ => Err(Mismatch::new(ty, Value::F32(self).brief())),
        }
    }

    fn can_be(ty: &Type) -> bool {
        is_float(ty)
    }
}

impl FromValue for f32 {
    fn from_value(value: Value, _: &Type) -> Result<Self, Mismatch> {
        let exact = match value {
            Value::F32(v) => Some(v),
            Value::F64(v) => narrow(v),
            _ => None,
        };
        exact.ok_or_else(|| Mismatch::new("f32", value.brief()))
    }

    fn can_take(ty: &Type) -> bool {
        is_float(ty)
    }
}

impl IntoValue for &str {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        text(self.to_owned(), ty)
    }

    fn can_be(ty: &Type) -> bool {
        String::can_be(ty)
    }
}

impl<T: IntoValue + Clone> IntoValue for &T {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        self.clone().into_value(ty)
    }

    fn into_payload(self, ty: Option<&Type>) -> Result<Option<Box<Value>>, Mismatch> {
        self.clone().into_payload(ty)
    }

    fn can_be(ty: &Type) -> bool {
        T::can_be(ty)
    }

    fn can_be_payload(ty: Option<&Type>) -> bool {
        T::can_be_payload(ty)
    }
}

impl IntoValue for () {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        match ty {
            Type::Tuple(types) if types.is_empty() => Ok(Value::Tuple(Vec::new())),
            _ => Err(Mismatch::new(ty, "()")),
        }
    }

    fn into_payload(self, ty: Option<&Type>) -> Result<Option<Box<Value>>, Mismatch> {
        match ty {
            Some(ty) => Ok(Some(Box::new(self.into_value(ty)?))),
            None => Ok(None),
        }
    }

    fn can_be(ty: &Type) -> bool {
        matches!(ty, Type::Tuple(types) if types.is_empty())
    }

    fn can_be_payload(ty: Option<&Type>) -> bool {
        ty.is_none_or(<()>::can_be)
    }
}

impl FromValue for () {
    fn from_value(value: Value, _: &Type) -> Result<Self, Mismatch> {
        match value {
            Value::Tuple(items) if items.is_empty() => Ok(()),
            other => Err(Mismatch::new("no value", other.brief())),
        }
    }

    fn from_nothing() -> Result<Self, Mismatch> {
        Ok(())
    }

    fn can_take(ty: &Type) -> bool {
        matches!(ty, Type::Tuple(types) if types.is_empty())
    }

    fn can_take_result(ty: Option<&Type>) -> bool {
        ty.is_none_or(<()>::can_take)
    }
}

impl IntoValue for Value {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        match conforms(&self, ty) {
            true => Ok(self),
            false => Err(Mismatch::new(ty, self.brief())),
        }
    }

    fn can_be(_: &Type) -> bool {
        true
    }
}

impl FromValue for Value {
    fn from_value(value: Value, _: &Type) -> Result<Self, Mismatch> {
        Ok(value)
    }

    fn can_take(_: &Type) -> bool {
        true
    }
}
