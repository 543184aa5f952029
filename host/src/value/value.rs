//! A value. It does not carry its type: whoever reads or prints one has the [`Type`] beside it.

use super::{Type, quote};

/// A value of a [`Type`].
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/add.wasm").build()?;
/// use wpool::Value;
///
/// // Where the types are not known until the module is.
/// let sum: Value = pool.apply("add", vec![Value::S64(1), Value::S64(2)])?;
/// assert_eq!(sum, Value::S64(3));
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `bool`
    Bool(bool),
    /// `s8`
    S8(i8),
    /// `u8`
    U8(u8),
    /// `s16`
    S16(i16),
    /// `u16`
    U16(u16),
    /// `s32`, and a core `i32`
    S32(i32),
    /// `u32`
    U32(u32),
    /// `s64`, and a core `i64`
    S64(i64),
    /// `u64`
    U64(u64),
    /// `f32`
    F32(f32),
    /// `f64`
    F64(f64),
    /// `char`
    Char(char),
    /// `string`
    String(String),
    /// `list<u8>`, which has no other form
    Bytes(Vec<u8>),
    /// Any other list
    List(Vec<Value>),
    /// `option<T>`
    Option(Option<Box<Value>>),
    /// `result<T, E>`
    Result(Result<Option<Box<Value>>, Option<Box<Value>>>),
    /// `tuple<A, B>`
    Tuple(Vec<Value>),
    /// A record: its fields in the order of the type
    Record(Vec<Value>),
    /// A variant: the index of its case, and what that carries
    Variant(u32, Option<Box<Value>>),
    /// An enum: the index of its case
    Enum(u32),
    /// Flags: the indexes of those that are set, ascending
    Flags(Vec<u32>),
}

// Lists of millions of values are ordinary; budgets are computed from this size.
const _: () = assert!(size_of::<Value>() <= 32);

impl Value {
    /// What a message calls this value, without knowing its type.
    pub(super) fn brief(&self) -> String {
        match self {
            Value::Bool(v) => v.to_string(),
            Value::S8(v) => v.to_string(),
            Value::U8(v) => v.to_string(),
            Value::S16(v) => v.to_string(),
            Value::U16(v) => v.to_string(),
            Value::S32(v) => v.to_string(),
            Value::U32(v) => v.to_string(),
            Value::S64(v) => v.to_string(),
            Value::U64(v) => v.to_string(),
            Value::F32(v) => format!("{v:?}"),
            Value::F64(v) => format!("{v:?}"),
            Value::Char(v) => format!(
                "the character {}",
                quote::quoted(v.encode_utf8(&mut [0; 4]))
            ),
            Value::String(v) => format!("the string {}", quote::quoted(v)),
            Value::Bytes(v) => format!("{} bytes", v.len()),
            Value::List(v) => format!("a list of {}", v.len()),
            Value::Option(None) => "none".to_owned(),
            Value::Option(Some(v)) => format!("some({})", v.brief()),
            Value::Result(Ok(None)) => "ok".to_owned(),
            Value::Result(Err(None)) => "err".to_owned(),
            Value::Result(Ok(Some(v))) => format!("ok({})", v.brief()),
            Value::Result(Err(Some(v))) => format!("err({})", v.brief()),
            Value::Tuple(v) => format!("a tuple of {}", v.len()),
            Value::Record(v) => format!("a record of {}", v.len()),
            Value::Variant(case, _) => format!("case {case} of a variant"),
            Value::Enum(case) => format!("case {case} of an enum"),
            Value::Flags(v) => format!("{} flags", v.len()),
        }
    }

    /// A value of the type, as simple as one can be without being empty.
    #[must_use]
    pub fn example(ty: &Type) -> Value {
        let boxed = |ty: &Type| Box::new(Value::example(ty));
        let payload = |ty: &Option<Box<Type>>| ty.as_deref().map(boxed);
        match ty {
            Type::Bool => Value::Bool(true),
            Type::S8 => Value::S8(1),
            Type::U8 => Value::U8(1),
            Type::S16 => Value::S16(1),
            Type::U16 => Value::U16(1),
            Type::S32 => Value::S32(1),
            Type::U32 => Value::U32(1),
            Type::S64 => Value::S64(1),
            Type::U64 => Value::U64(1),
            Type::F32 => Value::F32(1.5),
            Type::F64 => Value::F64(1.5),
            Type::Char => Value::Char('a'),
            Type::String => Value::String("text".into()),
            _ if ty.is_bytes() => Value::Bytes(b"bytes".into()),
            Type::List(element) => Value::List(vec![Value::example(element)]),
            Type::Option(some) => Value::Option(Some(boxed(some))),
            Type::Result { ok, .. } => Value::Result(Ok(payload(ok))),
            Type::Tuple(types) => Value::Tuple(types.iter().map(Value::example).collect()),
            Type::Record(fields) => {
                Value::Record(fields.iter().map(|(_, ty)| Value::example(ty)).collect())
            }
            Type::Variant(cases) => {
                let payload = cases.first().and_then(|(_, payload)| payload.as_ref());
                Value::Variant(0, payload.map(boxed))
            }
            Type::Enum(_) => Value::Enum(0),
            Type::Flags(names) => Value::Flags((0..names.len().min(1) as u32).collect()),
        }
    }

    /// About how many bytes the value keeps on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let all = |values: &[Value]| {
            values
                .iter()
                .map(|value| size_of::<Value>() + value.heap_bytes())
                .sum()
        };
        let boxed = |value: &Value| size_of::<Value>() + value.heap_bytes();
        match self {
            Value::String(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(values) | Value::Tuple(values) | Value::Record(values) => all(values),
            Value::Option(Some(value)) | Value::Variant(_, Some(value)) => boxed(value),
            Value::Result(Ok(Some(value)) | Err(Some(value))) => boxed(value),
            Value::Flags(names) => size_of_val(names.as_slice()),
            _ => 0,
        }
    }
}
