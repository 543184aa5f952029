//! Rust values to values and back, checked against the signature at run time.
//!
//! | Rust | value |
//! |---|---|
//! | any integer | any integer type in whose range it is |
//! | `f32`, `f64` | `f64`; `f32` where nothing is lost. Integers and floats never turn into each other |
//! | `bool`, `char`, `&str`, `String` | the same |
//! | `Vec`, slices, arrays | `list` |
//! | `Option`, `Result` | `option`, `result`; `()` stands for no payload |
//! | tuples of up to 6 | `tuple`, and a record by the order of its fields |
//! | `Serde<T>` of a struct or enum that serde knows | records, variants and all else, by the names of fields and cases |
//! | [`Value`] | every type it conforms to |
//!
//! Nothing is rounded, cut or wrapped: what does not fit is a [`Mismatch`].

mod args;
mod compound;
mod serde;
mod single;

use thiserror::Error;

use super::{Fixed, Number, Param, Type, Value, quote};

pub use args::IntoArgs;
pub(crate) use args::NUMBERS_BYTES;
pub use serde::Serde;

/// A value that is not of the type that was asked for.
///
/// ```rust,standalone_crate
/// use wpool::{IntoValue, Type};
///
/// let error = 300_i32.into_value(&Type::U8).unwrap_err();
/// assert_eq!(error.to_string(), "expected u8, got 300");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Mismatch {
    message: String,
}

impl Mismatch {
    /// "expected s64, got what it is".
    fn new(expected: impl std::fmt::Display, got: impl std::fmt::Display) -> Self {
        let expected = quote::capped(&expected, 100);
        let got = quote::capped(&got, 100);
        Mismatch {
            message: format!("expected {expected}, got {got}"),
        }
    }

    /// The value is not what was expected.
    pub(crate) fn expected(what: &str, value: &Value) -> Self {
        Mismatch::new(what, value.brief())
    }

    /// The same, as one of several arguments.
    fn of_argument(self, index: usize, param: &Param) -> Self {
        let name = quote::escaped(&param.name);
        Mismatch {
            message: format!("argument {} ({name}): {}", index + 1, self.message),
        }
    }
}

/// What can be an argument, or a part of one.
///
/// ```rust,standalone_crate
/// use wpool::{IntoValue, Type, Value};
///
/// assert_eq!(7_i32.into_value(&Type::U8), Ok(Value::U8(7)));
/// assert!(String::can_be(&Type::String) && !String::can_be(&Type::U8));
/// ```
pub trait IntoValue {
    /// This as a value of the type.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] where it is none.
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch>;

    /// This as a number of the type, if that is quicker; what is none goes by [`IntoValue::into_value`].
    #[doc(hidden)]
    fn as_number(&self, _: Fixed) -> Option<Number> {
        None
    }

    /// Whether any value of this Rust type can be one of the type.
    #[must_use]
    fn can_be(ty: &Type) -> bool;

    /// The same for what may be no value at all.
    #[doc(hidden)]
    #[must_use]
    fn can_be_payload(ty: Option<&Type>) -> bool {
        ty.is_some_and(Self::can_be)
    }

    /// A list of this type as bytes, if that is quicker than one by one.
    #[doc(hidden)]
    fn bytes_of_list(list: Vec<Self>) -> Result<Vec<u8>, Vec<Self>>
    where
        Self: Sized,
    {
        Err(list)
    }

    /// This as the payload of a case, which may carry nothing. Only `()` is nothing.
    #[doc(hidden)]
    fn into_payload(self, ty: Option<&Type>) -> Result<Option<Box<Value>>, Mismatch>
    where
        Self: Sized,
    {
        match ty {
            Some(ty) => Ok(Some(Box::new(self.into_value(ty)?))),
            None => Err(Mismatch::new("no payload", "one")),
        }
    }
}

/// What a result, or a part of one, can become.
///
/// ```rust,standalone_crate
/// use wpool::{FromValue, Type, Value};
///
/// assert_eq!(i64::from_value(Value::U8(7), &Type::U8), Ok(7));
/// assert!(i64::can_take(&Type::U8) && !i64::can_take(&Type::String));
/// ```
pub trait FromValue: Sized {
    /// The value, which is of that type, as this Rust type.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] where it is not one.
    fn from_value(value: Value, ty: &Type) -> Result<Self, Mismatch>;

    /// A number, which is of that type, as this Rust type: the same as by [`FromValue::from_value`].
    #[doc(hidden)]
    #[inline]
    fn from_number(number: Number, ty: &Type) -> Result<Self, Mismatch> {
        Self::from_value(number.value(), ty)
    }

    /// Bytes as a list of this type, if that is quicker than one by one.
    #[doc(hidden)]
    fn list_of_bytes(bytes: Vec<u8>) -> Result<Vec<Self>, Vec<u8>> {
        Err(bytes)
    }

    /// Whether any value of the type can become this Rust type.
    #[must_use]
    fn can_take(ty: &Type) -> bool;

    /// The same for what may be no value at all.
    #[doc(hidden)]
    #[must_use]
    fn can_take_result(ty: Option<&Type>) -> bool {
        ty.is_some_and(Self::can_take)
    }

    /// What stands for no value at all. Only `()` does.
    #[doc(hidden)]
    fn from_nothing() -> Result<Self, Mismatch> {
        Err(Mismatch::new(
            "a value",
            "none: the function returns nothing",
        ))
    }
}

/// What a call returned as this Rust type; `()` for a function that returns nothing.
#[inline]
pub fn from_result<T: FromValue>(value: Option<Value>, ty: Option<&Type>) -> Result<T, Mismatch> {
    match (value, ty) {
        (Some(value), Some(ty)) => T::from_value(value, ty),
        (Some(value), None) => Err(Mismatch::new("no value", value.brief())),
        (None, _) => T::from_nothing(),
    }
}

/// Whether the value is one of the type, in every part.
pub fn conforms(value: &Value, ty: &Type) -> bool {
    let all = |values: &[Value], types: &mut dyn ExactSizeIterator<Item = &Type>| {
        values.len() == types.len() && values.iter().zip(types).all(|(v, ty)| conforms(v, ty))
    };
    let payload = |value: &Option<Box<Value>>, ty: Option<&Type>| match (value, ty) {
        (None, None) => true,
        (Some(value), Some(ty)) => conforms(value, ty),
        _ => false,
    };
    match (value, ty) {
        (Value::Bool(_), Type::Bool)
        | (Value::S8(_), Type::S8)
        | (Value::U8(_), Type::U8)
        | (Value::S16(_), Type::S16)
        | (Value::U16(_), Type::U16)
        | (Value::S32(_), Type::S32)
        | (Value::U32(_), Type::U32)
        | (Value::S64(_), Type::S64)
        | (Value::U64(_), Type::U64)
        | (Value::F32(_), Type::F32)
        | (Value::F64(_), Type::F64)
        | (Value::Char(_), Type::Char)
        | (Value::String(_), Type::String) => true,
        (Value::Bytes(_), ty) => ty.is_bytes(),
        (Value::List(items), Type::List(element)) => {
            !ty.is_bytes() && items.iter().all(|item| conforms(item, element))
        }
        (Value::Option(None), Type::Option(_)) => true,
        (Value::Option(some), Type::Option(ty)) => payload(some, Some(ty)),
        (Value::Result(Ok(v)), Type::Result { ok, .. }) => payload(v, ok.as_deref()),
        (Value::Result(Err(v)), Type::Result { err, .. }) => payload(v, err.as_deref()),
        (Value::Tuple(items), Type::Tuple(types)) => all(items, &mut types.iter()),
        (Value::Record(items), Type::Record(fields)) => {
            all(items, &mut fields.iter().map(|(_, ty)| ty))
        }
        (Value::Variant(case, v), Type::Variant(cases)) => cases
            .get(*case as usize)
            .is_some_and(|(_, ty)| payload(v, ty.as_ref())),
        (Value::Enum(case), Type::Enum(names)) => (*case as usize) < names.len(),
        (Value::Flags(set), Type::Flags(names)) => {
            set.is_sorted_by(|a, b| a < b)
                && set.last().is_none_or(|last| (*last as usize) < names.len())
        }
        _ => false,
    }
}
