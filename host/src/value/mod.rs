//! The one typed view of values that the trusted side, the wire and the text forms share.
//!
//! ```text
//!  command line ── text (WAVE, JSON, raw) ─┐                     ┌─ text ── stdout
//!  Rust values ─── convert ────────────────┼─► Value ─► codec ─► wire … ─► codec ─► Value
//!  module ──────── Signature, Type ────────┘   (every step along a Type, with a budget)
//! ```
//!
//! Everything that is read here may come from an attacker: bytes from a confined process, lines of a
//! file somebody else wrote. So each reader has a bound on depth, nodes and bytes, and none panics.
//! This room must not do I/O, must not know the engine, and imports no other room.

mod choose;
mod codec;
mod convert;
mod fixed;
mod json;
mod long;
mod parse_error;
mod quote;
mod reader;
mod scalar;
mod signature;
mod spelling;
mod text;
mod ty;
#[allow(
    clippy::module_inception,
    reason = "the file holds the type that the room is named after"
)]
mod value;
mod wave;
mod wit;

#[cfg(test)]
mod tests;

pub use choose::ChooseError;
#[cfg(feature = "testing")]
pub(crate) use codec::count;
pub(crate) use codec::{
    Budget, decode_args, decode_args_into, encode, encode_args, encoded_len, fits_one,
};
pub use convert::{FromValue, IntoArgs, IntoValue, Mismatch, Serde};
pub(crate) use convert::{NUMBERS_BYTES, conforms, from_result};
#[doc(hidden)]
pub use fixed::{Fixed, Number};
pub(crate) use long::{Placed, encode_but_last, encode_in_place, long_bytes};
pub use parse_error::ParseError;
pub(crate) use quote::ShortDebug;
pub use quote::printable;
pub use text::{Format, UnknownFormat, is_err};
pub use ty::{Function, MAX_TYPE_DEPTH, MAX_TYPE_NODES, Param, Signature, Type, TypeDefinition};
pub use value::Value;
pub use wit::WitInterface;
