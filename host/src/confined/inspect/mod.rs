//! From a module's bytes to what it exports, imports and needs: one of the two places that know which kind a module is.

mod beyond;
mod component;
mod core_module;
mod first_look;
mod type_names;

pub(super) use first_look::imports;

use crate::value::{Function, Signature};
use crate::wire::{ModuleFacts, Rejection};
use std::borrow::Cow;
use wasmparser::Parser;
use wasmtime::Engine;
use wasmtime::component::Component;

/// How every binary begins.
const MAGIC: &[u8] = b"\0asm";

/// The longest signature of imported functions, in bytes: it travels in one frame with that of the exported ones.
const MAX_IMPORTED_BYTES: usize = 1 << 20;

/// The module as a binary: as it is, or translated from its text form.
pub(super) fn to_binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Rejection> {
    if bytes.is_empty() {
        return Err(Rejection::NotWasm("it is empty".into()));
    }
    if bytes.starts_with(MAGIC) {
        return Ok(Cow::Borrowed(bytes));
    }
    if MAGIC.starts_with(bytes) {
        return Err(Rejection::Invalid(
            "it ends within its first four bytes".into(),
        ));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Rejection::NotWasm("it does not start with `\\0asm`".into()))?;
    match wat::parse_str(text) {
        Ok(binary) => Ok(Cow::Owned(binary)),
        Err(error) if text.trim_start().starts_with(['(', ';']) => {
            Err(Rejection::Invalid(one_line(&error.to_string())))
        }
        Err(_) => Err(Rejection::NotWasm(
            "it starts neither with `\\0asm` nor as Wasm text with `(`".into(),
        )),
    }
}

/// A parser's multi-line message as `what (at line 3, column 7)`.
fn one_line(message: &str) -> String {
    let mut lines = message.lines();
    let what = lines.next().unwrap_or_default().trim();
    let position = lines
        .find_map(|line| line.trim().strip_prefix("--> "))
        .and_then(|place| {
            let mut parts = place.rsplitn(3, ':');
            let (column, line) = (parts.next()?, parts.next()?);
            Some(format!(" (at line {line}, column {column})"))
        });
    format!("{what}{}", position.unwrap_or_default())
}

/// What a module says about itself, and the artifact that it compiles to.
pub(super) fn compile(
    engine: &Engine,
    binary: &[u8],
) -> Result<(ModuleFacts, Vec<u8>), CompileError> {
    if Parser::is_component(binary) {
        let component = Component::from_binary(engine, binary).map_err(|error| {
            let rejected = |why| CompileError::Rejected(Rejection::Unsupported(why));
            beyond::first(binary).map_or_else(|| error.into(), rejected)
        })?;
        return Ok((
            component::facts(engine, &component, binary),
            component.serialize()?,
        ));
    }
    let facts = core_module::facts(binary).map_err(CompileError::Rejected)?;
    // The supervisor decides this; but it would do so after all of them were compiled.
    if let Err(error) = Signature::decode(&facts.signature) {
        let message = format!("its functions are more than is accepted: {error}");
        return Err(CompileError::Rejected(Rejection::Unsupported(message)));
    }
    Ok((facts, engine.precompile_module(binary)?))
}

/// The encoded signature of the functions that a module imports. What it imports twice stands there once; where two functions have
/// one name, neither does; nor do any where there are far too many.
fn imported_functions(mut functions: Vec<Function>) -> Vec<u8> {
    functions.sort_by(|one, other| one.name.cmp(&other.name));
    functions.dedup();
    let by_name = functions.chunk_by(|one, other| one.name == other.name);
    let alone = by_name.filter(|same| same.len() == 1);
    let mut signature = Signature {
        functions: alone.flatten().cloned().collect(),
        types: Vec::new(),
    };
    let mut bytes = Vec::new();
    signature.encode(&mut bytes);
    if bytes.len() > MAX_IMPORTED_BYTES || Signature::decode(&bytes).is_err() {
        signature.functions.clear();
        bytes.clear();
        signature.encode(&mut bytes);
    }
    bytes
}

/// Why a module was not compiled.
pub(super) enum CompileError {
    /// It was refused before the engine saw it.
    Rejected(Rejection),
    /// The engine refused it.
    Engine(wasmtime::Error),
}

impl From<wasmtime::Error> for CompileError {
    fn from(error: wasmtime::Error) -> CompileError {
        CompileError::Engine(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_wasm_and_what_is_broken_wasm_are_told_apart() {
        let of = |bytes: &[u8]| {
            to_binary(bytes)
                .and_then(|binary| core_module::facts(&binary))
                .unwrap_err()
        };
        assert!(matches!(of(b""), Rejection::NotWasm(_)));
        assert!(matches!(of(b"\x7fELF\xff"), Rejection::NotWasm(_)));
        assert!(matches!(of(b"# A heading"), Rejection::NotWasm(_)));
        assert!(matches!(of(b"\0as"), Rejection::Invalid(_)));
        assert!(matches!(of(b"\0asm\x01\0\0"), Rejection::Invalid(_)));
        let Rejection::Invalid(message) = of(b"(module\n  (fun))") else {
            panic!("not invalid")
        };
        assert!(message.contains("(at line 2, column "), "{message}");
    }

    #[test]
    fn more_functions_than_are_accepted_are_refused_before_they_are_compiled() {
        let engine = crate::confined::engine::for_compiling(Default::default(), false).unwrap();
        let exports: String = (0..10_001)
            .map(|number| format!(r#"(export "f{number}" (func $f))"#))
            .collect();
        let binary = to_binary(format!("(module (func $f) {exports})").as_bytes())
            .unwrap()
            .into_owned();
        let refused = compile(&engine, &binary).err();
        let Some(CompileError::Rejected(Rejection::Unsupported(message))) = refused else {
            panic!("it was compiled")
        };
        assert!(message.contains("more than is accepted"), "{message}");
    }
}
