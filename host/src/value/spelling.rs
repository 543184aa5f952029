//! How types and functions are spelt: as in WIT, with types in place where they have no name.

use std::borrow::Cow;
use std::fmt;

use super::{Function, Param, Type, TypeDefinition, quote};

/// Words that stand for themselves only behind a `%`.
const KEYWORDS: &[&str] = &[
    "as",
    "async",
    "bool",
    "borrow",
    "char",
    "constructor",
    "enum",
    "error-context",
    "export",
    "f32",
    "f64",
    "flags",
    "from",
    "func",
    "future",
    "import",
    "include",
    "interface",
    "list",
    "map",
    "option",
    "own",
    "package",
    "record",
    "resource",
    "result",
    "s16",
    "s32",
    "s64",
    "s8",
    "static",
    "stream",
    "string",
    "tuple",
    "type",
    "u16",
    "u32",
    "u64",
    "u8",
    "use",
    "variant",
    "with",
    "world",
];

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Names::default().write(self, f)
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", quote::escaped(&self.name), self.ty)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", quote::escaped(&self.name))?;
        Names::default().write_function(self, f)
    }
}

/// Names by which types are spelt. None are known by default.
#[derive(Clone, Copy, Default)]
pub(super) struct Names<'a> {
    /// Looked at first.
    near: &'a [&'a TypeDefinition],
    far: &'a [TypeDefinition],
}

impl<'a> Names<'a> {
    /// The names of one interface, `near`, before all others.
    pub(super) fn new(near: &'a [&'a TypeDefinition], far: &'a [TypeDefinition]) -> Names<'a> {
        Names { near, far }
    }

    fn of(&self, ty: &Type) -> Option<&'a str> {
        let named = self.near.iter().copied().chain(self.far);
        let mut same = named.filter(|definition| definition.ty == *ty);
        same.next().map(|definition| definition.name.as_str())
    }

    /// The parameters and the result, after the function's name.
    pub(super) fn write_function(
        &self,
        function: &Function,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        if function.unusable.is_some() {
            return f.write_str("func(…)");
        }
        f.write_str("func(")?;
        separated(&function.params, f, |param, f| {
            write!(f, "{}: ", identifier(&param.name))?;
            self.write(&param.ty, f)
        })?;
        f.write_str(")")?;
        match &function.result {
            Some(ty) => {
                f.write_str(" -> ")?;
                self.write(ty, f)
            }
            None => Ok(()),
        }
    }

    /// The type, by its name if it has one.
    fn write(&self, ty: &Type, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let can_be_named = matches!(
            ty,
            Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_)
        );
        match can_be_named.then(|| self.of(ty)).flatten() {
            Some(name) => f.write_str(&identifier(name)),
            None => self.write_in_place(ty, "", f),
        }
    }

    /// The type's parts, with `name` behind its keyword if it is being defined.
    pub(super) fn write_in_place(
        &self,
        ty: &Type,
        name: &str,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let word = match ty {
            Type::Bool => "bool",
            Type::S8 => "s8",
            Type::U8 => "u8",
            Type::S16 => "s16",
            Type::U16 => "u16",
            Type::S32 => "s32",
            Type::U32 => "u32",
            Type::S64 => "s64",
            Type::U64 => "u64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::List(element) => return self.generic(f, "list", [Some(&**element)]),
            Type::Option(some) => return self.generic(f, "option", [Some(&**some)]),
            Type::Tuple(types) => return self.generic(f, "tuple", types.iter().map(Some)),
            Type::Result {
                ok: None,
                err: None,
            } => "result",
            Type::Result { ok, err: None } => {
                return self.generic(f, "result", [ok.as_deref()]);
            }
            Type::Result { ok, err } => {
                return self.generic(f, "result", [ok.as_deref(), err.as_deref()]);
            }
            Type::Record(fields) => {
                return braced(f, "record", name, fields, |(name, ty), f| {
                    write!(f, "{}: ", identifier(name))?;
                    self.write(ty, f)
                });
            }
            Type::Variant(cases) => {
                return braced(f, "variant", name, cases, |(name, payload), f| {
                    f.write_str(&identifier(name))?;
                    let Some(ty) = payload else { return Ok(()) };
                    f.write_str("(")?;
                    self.write(ty, f)?;
                    f.write_str(")")
                });
            }
            Type::Enum(names) => {
                return braced(f, "enum", name, names, |name, f| {
                    f.write_str(&identifier(name))
                });
            }
            Type::Flags(names) => {
                return braced(f, "flags", name, names, |name, f| {
                    f.write_str(&identifier(name))
                });
            }
        };
        f.write_str(word)
    }

    /// `list<T>` and the like; a part that is absent is `_`.
    fn generic<'t>(
        &self,
        f: &mut fmt::Formatter<'_>,
        keyword: &str,
        parts: impl IntoIterator<Item = Option<&'t Type>>,
    ) -> fmt::Result {
        write!(f, "{keyword}<")?;
        separated(parts, f, |part, f| match part {
            Some(ty) => self.write(ty, f),
            None => f.write_str("_"),
        })?;
        f.write_str(">")
    }
}

/// A name of a module as WIT spells it, harmless to a terminal.
pub(super) fn identifier(name: &str) -> Cow<'_, str> {
    if KEYWORDS.contains(&name) {
        return format!("%{name}").into();
    }
    quote::escaped(name)
}

/// The items with commas between them.
pub(super) fn separated<T, W: fmt::Write>(
    items: impl IntoIterator<Item = T>,
    out: &mut W,
    mut one: impl FnMut(T, &mut W) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        one(item, out)?;
    }
    Ok(())
}

fn braced<T>(
    f: &mut fmt::Formatter<'_>,
    keyword: &str,
    name: &str,
    items: &[T],
    one: impl Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    f.write_str(keyword)?;
    if !name.is_empty() {
        write!(f, " {}", identifier(name))?;
    }
    if items.is_empty() {
        return f.write_str(" {}");
    }
    f.write_str(" { ")?;
    separated(items, f, one)?;
    f.write_str(" }")
}
