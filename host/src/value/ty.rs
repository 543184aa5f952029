//! The types of values and functions.
//!
//! Plain data. What a signature may at most be is stated here and enforced where one is decoded.

use std::fmt;

use super::{quote, spelling};

/// How deep a type may nest; a scalar has depth 1.
pub const MAX_TYPE_DEPTH: usize = 32;

/// How many types, cases without payload and functions one signature may hold together.
pub const MAX_TYPE_NODES: usize = 10_000;

/// The type of a value, in the terms of the component model.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/stats.wasm").build()?;
/// let stats = pool.function(Some("stats"))?;
/// assert!(matches!(&stats.params[0].ty, wpool::Type::List(element) if **element == wpool::Type::F64));
/// assert_eq!(stats.params[0].ty.to_string(), "list<f64>");
/// # Ok::<(), wpool::Error>(())
/// ```
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
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/greet.wasm").build()?;
/// let param = &pool.function(None)?.params[0];
/// assert_eq!((&*param.name, &param.ty), ("name", &wpool::Type::String));
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name, or a made-up one where the module has none.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// One exported function.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/greet.wasm").build()?;
/// let greet = pool.function(None)?; // the only one
/// assert_eq!((&*greet.name, greet.params.len()), ("greet", 1));
/// assert_eq!(greet.result, Some(wpool::Type::String));
/// # Ok::<(), wpool::Error>(())
/// ```
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
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/greet.wasm").build()?;
/// for function in &pool.signature().functions {
///     assert_eq!(function.to_string(), "greet: func(name: string) -> string");
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// All of them, in the order of the module.
    pub functions: Vec<Function>,
    /// The names that the module gives to types. They are for people: values follow the types themselves.
    pub types: Vec<TypeDefinition>,
}

/// A record, variant, enum or flags type under the name that a component gives it.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/stats.wasm").build()?;
/// let summary = &pool.signature().types[0];
/// assert_eq!(summary.name, "summary");
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDefinition {
    /// The interface that defines it; none at the root.
    pub interface: Option<String>,
    /// Its name there.
    pub name: String,
    /// The type itself.
    pub ty: Type,
}

impl Type {
    /// Whether this is `list<u8>`, whose values are [`Value::Bytes`](super::Value::Bytes).
    pub(super) fn is_bytes(&self) -> bool {
        matches!(self, Type::List(element) if **element == Type::U8)
    }
}

/// "2 arguments (a: s64, b: s64)", for messages about their number.
pub(super) fn arguments(params: &[Param]) -> String {
    struct All<'a>(&'a [Param]);
    impl fmt::Display for All<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            spelling::separated(self.0, f, |param, f| write!(f, "{param}"))
        }
    }
    let list = quote::capped(&All(params), 200);
    match params.len() {
        0 => "no arguments".to_owned(),
        1 => format!("1 argument ({list})"),
        n => format!("{n} arguments ({list})"),
    }
}
