//! What a core module exports, imports and needs.

use crate::value::{Function, Param, Signature, Type};
use crate::wire::{
    INITIALIZE, Import, MAX_IMPORTS, ModuleFacts, Rejection, SHARED_MEMORY, import_name, is_wasi,
    program,
};
use wasmparser::types::{EntityType, TypesRef};
use wasmparser::{Export, FuncType, MemoryType, Parser, Payload, TypeRef, ValType, Validator};

/// Bytes of a page of memory, where the module does not say otherwise.
const PAGE_BYTES: u64 = 65_536;

/// What a core module says about itself. Function bodies are not looked at: compiling validates them.
pub(in super::super) fn facts(binary: &[u8]) -> Result<ModuleFacts, Rejection> {
    let invalid = |error: wasmparser::BinaryReaderError| Rejection::Invalid(error.to_string());
    let mut validator = Validator::new();
    let mut facts = ModuleFacts::default();
    let mut imports: Vec<wasmparser::Import<'_>> = Vec::new();
    let mut exports: Vec<Export<'_>> = Vec::new();
    for payload in Parser::new(0).parse_all(binary) {
        let payload = payload.map_err(invalid)?;
        match &payload {
            Payload::End(_) => break,
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    let import = import.map_err(invalid)?;
                    if let TypeRef::Memory(memory) = &import.ty {
                        refuse_shared(memory)?;
                    }
                    facts.add_import(&import);
                    imports.push(import);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    facts.add_memory(&memory.map_err(invalid)?)?;
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    facts.tables += 1;
                    facts.table_elements =
                        facts.table_elements.max(table.map_err(invalid)?.ty.initial);
                }
            }
            Payload::StartSection { .. } => facts.has_start = true,
            Payload::ExportSection(section) => {
                exports = section
                    .clone()
                    .into_iter()
                    .collect::<Result<_, _>>()
                    .map_err(invalid)?;
            }
            _ => {}
        }
        validator.payload(&payload).map_err(invalid)?;
    }
    let types = validator
        .types(0)
        .ok_or_else(|| Rejection::Invalid("it has no content".into()))?;
    let functions = exports
        .iter()
        .filter_map(|export| function(types, export.name, types.entity_type_from_export(export)?));
    let functions: Vec<Function> = functions.collect();
    facts.has_start |= functions.iter().any(|function| function.name == INITIALIZE);
    let functions = facts.with_program(functions);
    let imported = imports.iter().take(MAX_IMPORTS).filter_map(|import| {
        let name = import_name(import.module, import.name);
        function(types, &name, types.entity_type_from_import(import)?)
    });
    facts.imported_functions = super::imported_functions(imported.collect());
    Signature {
        functions,
        types: Vec::new(),
    }
    .encode(&mut facts.signature);
    Ok(facts)
}

impl ModuleFacts {
    fn add_import(&mut self, import: &wasmparser::Import<'_>) {
        if self.imports.len() == MAX_IMPORTS {
            return;
        }
        self.imports.push(describe_import(import));
    }

    /// A command of WASI has one function to call: itself. What else it exports may only be called while it runs.
    fn with_program(&mut self, functions: Vec<Function>) -> Vec<Function> {
        let is_start = |function: &Function| {
            function.name == "_start" && function.params.is_empty() && function.result.is_none()
        };
        let imports_wasi = self.imports.iter().any(|import| is_wasi(&import.module));
        let is_command = functions.iter().any(is_start) && (imports_wasi || functions.len() == 1);
        if !is_command {
            return functions;
        }
        self.program = Some(0);
        vec![program("run")]
    }

    fn add_memory(&mut self, memory: &MemoryType) -> Result<(), Rejection> {
        refuse_shared(memory)?;
        let page = memory
            .page_size_log2
            .map_or(PAGE_BYTES, |log2| 1 << log2.min(16));
        self.memories += 1;
        self.minimum_memory_bytes = self
            .minimum_memory_bytes
            .saturating_add(memory.initial.saturating_mul(page));
        Ok(())
    }
}

/// An import as people are told of it.
pub(super) fn describe_import(import: &wasmparser::Import<'_>) -> Import {
    let kind = match import.ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => "function",
        TypeRef::Memory(memory) if memory.shared => SHARED_MEMORY,
        TypeRef::Memory(_) => "memory",
        TypeRef::Table(_) => "table",
        TypeRef::Global(_) => "global",
        TypeRef::Tag(_) => "tag",
    };
    Import {
        module: import.module.into(),
        name: import.name.into(),
        kind: kind.into(),
    }
}

fn refuse_shared(memory: &MemoryType) -> Result<(), Rejection> {
    if memory.shared {
        return Err(Rejection::Unsupported(
            "it has a shared memory: threads are not supported".into(),
        ));
    }
    Ok(())
}

/// The function behind an export or an import, if it is one.
fn function(types: TypesRef<'_>, name: &str, entity: EntityType) -> Option<Function> {
    let EntityType::Func(id) = entity else {
        return None;
    };
    let ty = types.get(id)?.composite_type.inner.clone();
    let wasmparser::CompositeInnerType::Func(ty) = ty else {
        return None;
    };
    Some(describe(name, &ty))
}

fn describe(name: &str, ty: &FuncType) -> Function {
    let mut unusable = None;
    let mut core = |kind: &str, index: usize, ty: ValType| match ty {
        ValType::I32 => Type::S32,
        ValType::I64 => Type::S64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        other => {
            unusable.get_or_insert_with(|| {
                format!(
                    "{kind} {} is of type {other}, which has no value outside",
                    index + 1
                )
            });
            Type::S32
        }
    };
    let params = ty.params().iter().enumerate();
    let params = params
        .map(|(i, ty)| Param {
            name: format!("p{i}"),
            ty: core("parameter", i, *ty),
        })
        .collect();
    let mut results: Vec<Type> = ty
        .results()
        .iter()
        .enumerate()
        .map(|(i, ty)| core("result", i, *ty))
        .collect();
    let result = if results.len() > 1 {
        Some(Type::Tuple(results))
    } else {
        results.pop()
    };
    Function {
        name: name.into(),
        params,
        result,
        unusable,
    }
}

#[cfg(test)]
mod tests {
    use super::super::to_binary;
    use super::*;

    fn facts_of(wat: &str) -> Result<ModuleFacts, Rejection> {
        facts(&to_binary(wat.as_bytes())?)
    }

    fn functions(wat: &str) -> Vec<String> {
        let facts = facts_of(wat).unwrap();
        let signature = Signature::decode(&facts.signature).unwrap();
        signature
            .functions
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn functions_are_described_in_wit_terms_and_other_exports_are_not() {
        let wat = r#"(module (memory (export "memory") 1) (global (export "g") i32 (i32.const 1))
            (func (export "nothing"))
            (func (export "mix") (param i32 i64 f32 f64) (result f64) local.get 3)
            (func (export "pair") (result i32 i64) (i32.const 1) (i64.const 2)))"#;
        let expected = [
            "nothing: func()",
            "mix: func(p0: s32, p1: s64, p2: f32, p3: f64) -> f64",
            "pair: func() -> tuple<s32, s64>",
        ];
        assert_eq!(functions(wat), expected);
    }

    #[test]
    fn a_function_over_other_types_is_listed_as_unusable() {
        let facts = facts_of(r#"(module (func (export "f") (param i32 v128)))"#).unwrap();
        let signature = Signature::decode(&facts.signature).unwrap();
        let unusable = signature.functions[0].unusable.as_deref().unwrap();
        assert!(
            unusable.starts_with("parameter 2 is of type v128"),
            "{unusable}"
        );
    }

    #[test]
    fn needs_are_added_up() {
        let facts = facts_of("(module (memory 2) (table 30 funcref) (table 7 funcref))").unwrap();
        assert_eq!((facts.memories, facts.minimum_memory_bytes), (1, 131_072));
        assert_eq!((facts.tables, facts.table_elements), (2, 30));
    }

    #[test]
    fn a_command_is_one_function_and_a_start_beside_others_is_none() {
        let start = r#"(func (export "_start"))"#;
        let other = r#"(func (export "f"))"#;
        let wasi = r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))"#;
        let program = ["run: func(arguments: list<list<u8>>, stdin: list<u8>) -> list<u8>"];
        assert_eq!(functions(&format!("(module {start})")), program);
        assert_eq!(
            functions(&format!("(module {wasi} {start} {other})")),
            program
        );
        let both = ["_start: func()", "f: func()"];
        assert_eq!(functions(&format!("(module {start} {other})")), both);
        let library = format!("(module {wasi} {other})");
        assert_eq!(facts_of(&library).unwrap().program, None);
    }

    #[test]
    fn code_that_runs_before_any_call_is_known() {
        let has_start = |wat| facts_of(wat).unwrap().has_start;
        assert!(has_start("(module (func $f) (start $f))"));
        assert!(has_start(r#"(module (func (export "_initialize")))"#));
        assert!(!has_start(
            r#"(module (memory 1) (data (i32.const 0) "x") (func (export "start")))"#
        ));
    }

    #[test]
    fn each_import_is_named() {
        let wat = r#"(module (import "env" "log" (func)) (import "env" "memory" (memory 1)))"#;
        let imports: Vec<_> = facts_of(wat)
            .unwrap()
            .imports
            .into_iter()
            .map(|i| [i.module, i.name, i.kind].join(" "))
            .collect();
        assert_eq!(imports, ["env log function", "env memory memory"]);
    }
}
