//! The types of values and functions, and how they are spelt: as in WIT.
//!
//! Plain data. What a signature may at most be is stated here and enforced where one is decoded.

use std::fmt;

use super::quote;

/// How deep a type may nest; a scalar has depth 1.
pub const MAX_TYPE_DEPTH: usize = 32;

/// How many types, cases without payload and functions one signature may hold together.
pub const MAX_TYPE_NODES: usize = 10_000;

/// The type of a value, in the terms of the component model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `bool`
    Bool,
    /// `s8`
    S8,
    /// `u8`
    U8,
    /// `s16`
    S16,
    /// `u16`
    U16,
    /// `s32`, and a core `i32`
    S32,
    /// `u32`
    U32,
    /// `s64`, and a core `i64`
    S64,
    /// `u64`
    U64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `char`: one Unicode scalar value
    Char,
    /// `string`: UTF-8
    String,
    /// `list<T>`
    List(Box<Type>),
    /// `option<T>`
    Option(Box<Type>),
    /// `result<T, E>`, either of which may be absent
    Result {
        /// What `ok` carries.
        ok: Option<Box<Type>>,
        /// What `err` carries.
        err: Option<Box<Type>>,
    },
    /// `tuple<A, B>`
    Tuple(Vec<Type>),
    /// A record: its fields in order
    Record(Vec<(String, Type)>),
    /// A variant: its cases in order, each with the payload it carries
    Variant(Vec<(String, Option<Type>)>),
    /// An enum: its cases in order
    Enum(Vec<String>),
    /// Flags: their names in order
    Flags(Vec<String>),
}

/// One parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name, or a made-up one where the module has none.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// One exported function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The name it is exported under.
    pub name: String,
    /// Its parameters in order.
    pub params: Vec<Param>,
    /// What it returns, if anything.
    pub result: Option<Type>,
    /// Why it cannot be called, for example `parameter 1 is a v128`.
    pub unusable: Option<String>,
}

/// The exported functions of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// All of them, in the order of the module.
    pub functions: Vec<Function>,
}

impl Type {
    /// Whether this is `list<u8>`, whose values are [`Value::Bytes`](super::Value::Bytes).
    pub(super) fn is_bytes(&self) -> bool {
        matches!(self, Type::List(element) if **element == Type::U8)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::S8 => f.write_str("s8"),
            Type::U8 => f.write_str("u8"),
            Type::S16 => f.write_str("s16"),
            Type::U16 => f.write_str("u16"),
            Type::S32 => f.write_str("s32"),
            Type::U32 => f.write_str("u32"),
            Type::S64 => f.write_str("s64"),
            Type::U64 => f.write_str("u64"),
            Type::F32 => f.write_str("f32"),
            Type::F64 => f.write_str("f64"),
            Type::Char => f.write_str("char"),
            Type::String => f.write_str("string"),
            Type::List(element) => write!(f, "list<{element}>"),
            Type::Option(some) => write!(f, "option<{some}>"),
            Type::Result { ok, err } => match (ok, err) {
                (None, None) => f.write_str("result"),
                (Some(ok), None) => write!(f, "result<{ok}>"),
                (None, Some(err)) => write!(f, "result<_, {err}>"),
                (Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
            },
            Type::Tuple(types) => {
                f.write_str("tuple<")?;
                separated(f, types, |f, ty| write!(f, "{ty}"))?;
                f.write_str(">")
            }
            Type::Record(fields) => braced(f, "record", fields, |f, (name, ty)| {
                write!(f, "{}: {ty}", quote::escaped(name))
            }),
            Type::Variant(cases) => braced(f, "variant", cases, |f, (name, payload)| {
                f.write_str(&quote::escaped(name))?;
                match payload {
                    Some(ty) => write!(f, "({ty})"),
                    None => Ok(()),
                }
            }),
            Type::Enum(names) => braced(f, "enum", names, |f, name| {
                f.write_str(&quote::escaped(name))
            }),
            Type::Flags(names) => braced(f, "flags", names, |f, name| {
                f.write_str(&quote::escaped(name))
            }),
        }
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", quote::escaped(&self.name), self.ty)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: func(", quote::escaped(&self.name))?;
        separated(f, &self.params, |f, param| write!(f, "{param}"))?;
        f.write_str(")")?;
        match &self.result {
            Some(ty) => write!(f, " -> {ty}"),
            None => Ok(()),
        }
    }
}

/// "2 arguments (a: s64, b: s64)", for messages about their number.
pub(super) fn arguments(params: &[Param]) -> String {
    struct All<'a>(&'a [Param]);
    impl fmt::Display for All<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            separated(f, self.0, |f, param| write!(f, "{param}"))
        }
    }
    let list = quote::capped(&All(params), 200);
    match params.len() {
        0 => "no arguments".to_owned(),
        1 => format!("1 argument ({list})"),
        n => format!("{n} arguments ({list})"),
    }
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    one: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        one(f, item)?;
    }
    Ok(())
}

fn braced<T>(
    f: &mut fmt::Formatter<'_>,
    keyword: &str,
    items: &[T],
    one: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    if items.is_empty() {
        return write!(f, "{keyword} {{}}");
    }
    write!(f, "{keyword} {{ ")?;
    separated(f, items, one)?;
    f.write_str(" }")
}
