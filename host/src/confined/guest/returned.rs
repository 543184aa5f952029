//! What a function returned.

use super::numbers::Encoded;
use crate::value::{Value, encode, is_err};

/// The result of a call.
pub(in crate::confined) enum Returned {
    /// That of a function over numbers.
    Numbers(Encoded),
    Value(Option<Value>),
}

impl Returned {
    /// Whether there is no value, or one of those that core modules have.
    #[inline]
    pub(in crate::confined) fn is_number(&self) -> bool {
        match self {
            Returned::Numbers(numbers) => matches!(numbers, Encoded::One(..)),
            Returned::Value(value) => matches!(
                value,
                None | Some(Value::S32(_) | Value::S64(_) | Value::F32(_) | Value::F64(_))
            ),
        }
    }

    /// Whether the guest says with it that it failed.
    #[inline]
    pub(in crate::confined) fn is_err(&self) -> bool {
        matches!(self, Returned::Value(Some(value)) if is_err(value).is_some())
    }

    /// Appends it as it is on the wire.
    #[inline]
    pub(in crate::confined) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Returned::Numbers(numbers) => numbers.put(out),
            Returned::Value(value) => value.iter().for_each(|value| encode(value, out)),
        }
    }
}
