//! A signature as bytes. The process that writes it has just handled untrusted code, so decoding
//! trusts nothing: depth, nodes, names and every length are bounded, and names are checked.
//!
//! A signature is a count and the functions, a count and the type definitions; a function its name, its parameters (count, then name
//! and type of each), its result and why it is unusable (each a byte 0 or 1, then the thing); a
//! definition its interface (the same), its name and its type. A type is a tag and its parts in order. Counts and lengths are LEB128.

use std::collections::HashSet;

use super::reader::{DecodeError, DecodeErrorKind, Reader, put_number};
use super::{Function, MAX_TYPE_DEPTH, MAX_TYPE_NODES, Param, Signature, Type, TypeDefinition};

/// How long one name may be, in bytes.
const MAX_NAME: usize = 4 << 10;

/// How long all names together may be, in bytes.
const MAX_NAMES: usize = 4 << 20;

impl Signature {
    /// Appends the signature.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_number(self.functions.len(), out);
        for function in &self.functions {
            put_text(&function.name, out);
            put_number(function.params.len(), out);
            for param in &function.params {
                put_text(&param.name, out);
                put_type(&param.ty, out);
            }
            put_optional_type(function.result.as_ref(), out);
            out.push(u8::from(function.unusable.is_some()));
            if let Some(reason) = &function.unusable {
                put_text(reason, out);
            }
        }
        put_number(self.types.len(), out);
        for TypeDefinition {
            interface,
            name,
            ty,
        } in &self.types
        {
            out.push(u8::from(interface.is_some()));
            if let Some(interface) = interface {
                put_text(interface, out);
            }
            put_text(name, out);
            put_type(ty, out);
        }
    }

    /// Reads a signature, which all the bytes must belong to.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Signature, DecodeError> {
        let mut decoder = Decoder {
            reader: Reader::new(bytes),
            nodes: MAX_TYPE_NODES,
            names: MAX_NAMES,
        };
        let count = decoder.count()?;
        let mut functions = Vec::with_capacity(count);
        let mut seen = HashSet::with_capacity(count);
        for _ in 0..count {
            let function = decoder.function()?;
            if !seen.insert(function.name.clone()) {
                return Err(decoder.reader.invalid("two functions of one name"));
            }
            functions.push(function);
        }
        let count = decoder.count()?;
        let mut types = Vec::with_capacity(count);
        for _ in 0..count {
            types.push(decoder.definition()?);
        }
        decoder.reader.finish()?;
        Ok(Signature { functions, types })
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_number(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn put_names(names: &[String], out: &mut Vec<u8>) {
    put_number(names.len(), out);
    for name in names {
        put_text(name, out);
    }
}

fn put_optional_type(ty: Option<&Type>, out: &mut Vec<u8>) {
    out.push(u8::from(ty.is_some()));
    if let Some(ty) = ty {
        put_type(ty, out);
    }
}

fn put_type(ty: &Type, out: &mut Vec<u8>) {
    match ty {
        Type::Bool => out.push(0),
        Type::S8 => out.push(1),
        Type::U8 => out.push(2),
        Type::S16 => out.push(3),
        Type::U16 => out.push(4),
        Type::S32 => out.push(5),
        Type::U32 => out.push(6),
        Type::S64 => out.push(7),
        Type::U64 => out.push(8),
        Type::F32 => out.push(9),
        Type::F64 => out.push(10),
        Type::Char => out.push(11),
        Type::String => out.push(12),
        Type::List(element) => {
            out.push(13);
            put_type(element, out);
        }
        Type::Option(some) => {
            out.push(14);
            put_type(some, out);
        }
        Type::Result { ok, err } => {
            out.push(15);
            put_optional_type(ok.as_deref(), out);
            put_optional_type(err.as_deref(), out);
        }
        Type::Tuple(types) => {
            out.push(16);
            put_number(types.len(), out);
            for ty in types {
                put_type(ty, out);
            }
        }
        Type::Record(fields) => {
            out.push(17);
            put_number(fields.len(), out);
            for (name, ty) in fields {
                put_text(name, out);
                put_type(ty, out);
            }
        }
        Type::Variant(cases) => {
            out.push(18);
            put_number(cases.len(), out);
            for (name, payload) in cases {
                put_text(name, out);
                put_optional_type(payload.as_ref(), out);
            }
        }
        Type::Enum(names) => {
            out.push(19);
            put_names(names, out);
        }
        Type::Flags(names) => {
            out.push(20);
            put_names(names, out);
        }
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    nodes: usize,
    names: usize,
}

impl Decoder<'_> {
    fn function(&mut self) -> Result<Function, DecodeError> {
        self.charge()?;
        let name = self.text()?;
        let count = self.count()?;
        let mut params = Vec::with_capacity(count);
        for _ in 0..count {
            let name = self.text()?;
            let ty = self.ty(MAX_TYPE_DEPTH)?;
            params.push(Param { name, ty });
        }
        let result = self.optional_type(MAX_TYPE_DEPTH)?;
        let unusable = match self.reader.flag()? {
            true => Some(self.text()?),
            false => None,
        };
        Ok(Function {
            name,
            params,
            result,
            unusable,
        })
    }

    fn definition(&mut self) -> Result<TypeDefinition, DecodeError> {
        let interface = match self.reader.flag()? {
            true => Some(self.text()?),
            false => None,
        };
        Ok(TypeDefinition {
            interface,
            name: self.label()?,
            ty: self.ty(MAX_TYPE_DEPTH)?,
        })
    }

    fn charge(&mut self) -> Result<(), DecodeError> {
        match self.nodes.checked_sub(1) {
            Some(left) => {
                self.nodes = left;
                Ok(())
            }
            None => Err(self.reader.fail(DecodeErrorKind::TooManyNodes)),
        }
    }

    /// A number of things of which each costs a node and at least a byte.
    fn count(&mut self) -> Result<usize, DecodeError> {
        let count = self.reader.length()?;
        if count > self.nodes {
            return Err(self.reader.fail(DecodeErrorKind::TooManyNodes));
        }
        if count > self.reader.remaining() {
            return Err(self.reader.fail(DecodeErrorKind::Truncated));
        }
        Ok(count)
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        let length = self.reader.length()?;
        if length > MAX_NAME {
            return Err(self.reader.invalid("a name above 4 KiB"));
        }
        let Some(left) = self.names.checked_sub(length) else {
            return Err(self.reader.invalid("names above 4 MiB together"));
        };
        self.names = left;
        Ok(self.reader.text(length)?.to_owned())
    }

    /// The name of a field, case or flag. It is printed among values, where it must be one word.
    fn label(&mut self) -> Result<String, DecodeError> {
        let label = self.text()?;
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
        if label.starts_with(|c: char| c.is_ascii_alphabetic()) && label.split('-').all(word) {
            Ok(label)
        } else {
            Err(self.reader.invalid("a label that is not kebab-case"))
        }
    }

    fn labels(&mut self, at_least: usize) -> Result<Vec<String>, DecodeError> {
        self.labelled(at_least, |decoder| {
            decoder.charge()?;
            Ok((decoder.label()?, ()))
        })
        .map(|labels| labels.into_iter().map(|(label, ())| label).collect())
    }

    fn labelled<T>(
        &mut self,
        at_least: usize,
        mut one: impl FnMut(&mut Self) -> Result<(String, T), DecodeError>,
    ) -> Result<Vec<(String, T)>, DecodeError> {
        let count = self.count()?;
        if count < at_least {
            return Err(self.reader.invalid("a type without cases"));
        }
        let mut items = Vec::with_capacity(count);
        let mut seen = HashSet::with_capacity(count);
        for _ in 0..count {
            let item = one(self)?;
            if !seen.insert(item.0.clone()) {
                return Err(self.reader.invalid("two labels of one name"));
            }
            items.push(item);
        }
        Ok(items)
    }

    fn optional_type(&mut self, depth: usize) -> Result<Option<Type>, DecodeError> {
        match self.reader.flag()? {
            true => Ok(Some(self.ty(depth)?)),
            false => Ok(None),
        }
    }

    fn ty(&mut self, depth: usize) -> Result<Type, DecodeError> {
        let Some(inner) = depth.checked_sub(1) else {
            return Err(self.reader.fail(DecodeErrorKind::TooDeep));
        };
        self.charge()?;
        Ok(match self.reader.byte()? {
            0 => Type::Bool,
            1 => Type::S8,
            2 => Type::U8,
            3 => Type::S16,
            4 => Type::U16,
            5 => Type::S32,
            6 => Type::U32,
            7 => Type::S64,
            8 => Type::U64,
            9 => Type::F32,
            10 => Type::F64,
            11 => Type::Char,
            12 => Type::String,
            13 => Type::List(Box::new(self.ty(inner)?)),
            14 => Type::Option(Box::new(self.ty(inner)?)),
            15 => Type::Result {
                ok: self.optional_type(inner)?.map(Box::new),
                err: self.optional_type(inner)?.map(Box::new),
            },
            16 => {
                let count = self.count()?;
                let mut types = Vec::with_capacity(count);
                for _ in 0..count {
                    types.push(self.ty(inner)?);
                }
                Type::Tuple(types)
            }
            17 => Type::Record(
                self.labelled(0, |decoder| Ok((decoder.label()?, decoder.ty(inner)?)))?,
            ),
            18 => Type::Variant(self.labelled(1, |decoder| {
                decoder.charge()?;
                Ok((decoder.label()?, decoder.optional_type(inner)?))
            })?),
            19 => Type::Enum(self.labels(1)?),
            20 => Type::Flags(self.labels(0)?),
            _ => return Err(self.reader.invalid("an unknown kind of type")),
        })
    }
}
