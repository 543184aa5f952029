//! What a component exports, imports and needs.

use super::type_names;
use crate::value::{Function, MAX_TYPE_DEPTH, MAX_TYPE_NODES, Param, Signature, Type};
use crate::wire::{Import, MAX_IMPORTS, ModuleFacts, ModuleKind, is_program, program};
use wasmparser::{Parser, Payload};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{
    ComponentFunc, ComponentInstance, ComponentItem, Type as WasmType,
};

/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 65_536;

/// Facts about a compiled component.
pub(super) fn facts(engine: &Engine, component: &Component, binary: &[u8]) -> ModuleFacts {
    let ty = component.component_type();
    let mut functions = Vec::new();
    for (name, item) in ty.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(function) => {
                functions.push(describe(name.into(), &function))
            }
            ComponentItem::ComponentInstance(interface) => {
                functions.extend(functions_of(engine, name, &interface));
            }
            _ => {}
        }
    }
    let number_of_program = with_program(&mut functions);
    let types = type_names::of(binary, &functions);
    let signature = encoded(Signature { functions, types });
    let mut imports = Vec::new();
    let mut imported = Vec::new();
    for (name, item) in ty.imports(engine).take(MAX_IMPORTS) {
        imports.extend(import(engine, name, &item.ty));
        match item.ty {
            ComponentItem::ComponentFunc(function) => {
                imported.push(describe(name.into(), &function));
            }
            // One with resources cannot be given.
            ComponentItem::ComponentInstance(interface)
                if interface
                    .exports(engine)
                    .all(|(_, item)| is_plain(&item.ty)) =>
            {
                imported.extend(functions_of(engine, name, &interface));
            }
            _ => {}
        }
    }
    // None for a component that imports core modules, which is refused for that import.
    let needs = component.resources_required();
    let pages = needs
        .as_ref()
        .and_then(|needs| needs.max_initial_memory_size);
    let table = needs
        .as_ref()
        .and_then(|needs| needs.max_initial_table_size);
    ModuleFacts {
        kind: ModuleKind::Component,
        signature,
        imports,
        imported_functions: super::imported_functions(imported),
        minimum_memory_bytes: pages.unwrap_or(0).saturating_mul(PAGE_BYTES),
        memories: needs.as_ref().map_or(0, |needs| needs.num_memories),
        tables: needs.as_ref().map_or(0, |needs| needs.num_tables),
        table_elements: table.unwrap_or(0),
        program: number_of_program,
        has_start: has_start(binary),
    }
}

/// Whether a module or component in it has a start function. What cannot be read may have one.
fn has_start(binary: &[u8]) -> bool {
    let mut payloads = Parser::new(0).parse_all(binary);
    payloads.any(|payload| {
        matches!(
            payload,
            Ok(Payload::StartSection { .. } | Payload::ComponentStartSection { .. }) | Err(_)
        )
    })
}

/// What a component of `wasi:cli/command` exports to be run by becomes a function like any other, beside which it may have more.
fn with_program(functions: &mut [Function]) -> Option<u32> {
    let is_run = |function: &Function| {
        let interface = function.name.strip_suffix("#run");
        interface.is_some_and(is_program)
    };
    let index = functions.iter().position(is_run)?;
    let name = match functions.iter().any(|function| function.name == "run") {
        false => "run",
        true => "program",
    };
    if functions.iter().any(|function| function.name == name) {
        return None;
    }
    functions[index] = program(name);
    Some(index as u32)
}

fn functions_of(engine: &Engine, name: &str, interface: &ComponentInstance) -> Vec<Function> {
    let functions = interface
        .exports(engine)
        .filter_map(|(function, item)| match item.ty {
            ComponentItem::ComponentFunc(ty) => Some(describe(format!("{name}#{function}"), &ty)),
            _ => None,
        });
    functions.collect()
}

/// The bytes of a signature. The names of types are left out where they would take it past its limits.
fn encoded(mut signature: Signature) -> Vec<u8> {
    let mut bytes = Vec::new();
    signature.encode(&mut bytes);
    if Signature::decode(&bytes).is_err() {
        signature.types.clear();
        bytes.clear();
        signature.encode(&mut bytes);
    }
    bytes
}

/// Whether it is a function, or nothing but a name for a type.
fn is_plain(item: &ComponentItem) -> bool {
    matches!(
        item,
        ComponentItem::ComponentFunc(_) | ComponentItem::Type(_)
    )
}

/// What an import needs, if anything: an interface of types alone needs nothing.
fn import(engine: &Engine, name: &str, item: &ComponentItem) -> Option<Import> {
    let kind = match item {
        ComponentItem::ComponentFunc(_) | ComponentItem::CoreFunc(_) => "function",
        ComponentItem::Module(_) => "module",
        ComponentItem::Component(_) => "component",
        ComponentItem::Resource(_) => "resource",
        ComponentItem::Type(_) => return None,
        ComponentItem::ComponentInstance(interface) => {
            let is_type = |item: &ComponentItem| matches!(item, ComponentItem::Type(_));
            if interface.exports(engine).all(|(_, item)| is_type(&item.ty)) {
                return None;
            }
            "interface"
        }
    };
    Some(Import {
        module: name.into(),
        name: String::new(),
        kind: kind.into(),
    })
}

fn describe(name: String, function: &ComponentFunc) -> Function {
    let mut reading = Reading {
        nodes: 0,
        obstacle: None,
    };
    if function.async_() {
        reading.obstacle = Some("it is async".into());
    }
    let params = function.params().map(|(name, ty)| {
        let ty = reading.read(&ty, &format!("parameter {name}"), 1);
        Param {
            name: name.into(),
            ty,
        }
    });
    let params = params.collect();
    let mut results: Vec<Type> = function
        .results()
        .map(|ty| reading.read(&ty, "its result", 1))
        .collect();
    let result = if results.len() > 1 {
        Some(Type::Tuple(results))
    } else {
        results.pop()
    };
    if reading.obstacle.is_some() {
        // The types were not read to their end, so nobody is to see them.
        return Function {
            name,
            params: Vec::new(),
            result: None,
            unusable: reading.obstacle,
        };
    }
    Function {
        name,
        params,
        result,
        unusable: None,
    }
}

/// Reading types as trees, which for shared ones can be far larger than the component: up to the limits of signatures.
struct Reading {
    nodes: usize,
    /// Why the function cannot be called: the first reason met.
    obstacle: Option<String>,
}

impl Reading {
    fn read(&mut self, ty: &WasmType, place: &str, depth: usize) -> Type {
        self.nodes += 1;
        if depth > MAX_TYPE_DEPTH || self.nodes > MAX_TYPE_NODES {
            return self.stop(place, "has a type that is too large");
        }
        let mut inner = |ty: &WasmType| self.read(ty, place, depth + 1);
        match ty {
            WasmType::Bool => Type::Bool,
            WasmType::S8 => Type::S8,
            WasmType::U8 => Type::U8,
            WasmType::S16 => Type::S16,
            WasmType::U16 => Type::U16,
            WasmType::S32 => Type::S32,
            WasmType::U32 => Type::U32,
            WasmType::S64 => Type::S64,
            WasmType::U64 => Type::U64,
            WasmType::Float32 => Type::F32,
            WasmType::Float64 => Type::F64,
            WasmType::Char => Type::Char,
            WasmType::String => Type::String,
            WasmType::List(list) => Type::List(Box::new(inner(&list.ty()))),
            WasmType::Option(option) => Type::Option(Box::new(inner(&option.ty()))),
            WasmType::Result(result) => Type::Result {
                ok: result.ok().map(|ty| Box::new(inner(&ty))),
                err: result.err().map(|ty| Box::new(inner(&ty))),
            },
            WasmType::Tuple(tuple) => Type::Tuple(tuple.types().map(|ty| inner(&ty)).collect()),
            WasmType::Record(record) => Type::Record(
                record
                    .fields()
                    .map(|field| (field.name.into(), inner(&field.ty)))
                    .collect(),
            ),
            WasmType::Variant(variant) => {
                let cases = variant
                    .cases()
                    .map(|case| (case.name.into(), case.ty.map(|ty| inner(&ty))));
                Type::Variant(cases.collect())
            }
            WasmType::Enum(names) => Type::Enum(names.names().map(Into::into).collect()),
            WasmType::Flags(names) => Type::Flags(names.names().map(Into::into).collect()),
            WasmType::Own(_) | WasmType::Borrow(_) => {
                self.stop(place, "is a resource, which has no value outside")
            }
            WasmType::Future(_) => self.stop(place, "is a future, which has no value outside"),
            WasmType::Stream(_) => self.stop(place, "is a stream, which has no value outside"),
            WasmType::ErrorContext => {
                self.stop(place, "is an error context, which has no value outside")
            }
            WasmType::Map(_) => self.stop(place, "is a map, which is not supported"),
            WasmType::FixedLengthList(_) => {
                self.stop(place, "is a list of fixed length, which is not supported")
            }
        }
    }

    fn stop(&mut self, place: &str, why: &str) -> Type {
        self.obstacle
            .get_or_insert_with(|| format!("{place} {why}"));
        Type::Bool
    }
}

#[cfg(test)]
mod tests {
    use super::super::to_binary;
    use super::*;

    #[test]
    fn a_start_function_of_any_module_within_is_found() {
        let has_start = |text: &str| has_start(&to_binary(text.as_bytes()).unwrap());
        let within = |module: &str| format!("(component (component (core module {module})))");
        assert!(has_start(&within("(func $f) (start $f)")));
        assert!(!has_start(&within(r#"(func (export "_initialize"))"#)));
        let mut cut = to_binary(within("(memory 1)").as_bytes()).unwrap().to_vec();
        cut.truncate(cut.len() - 3);
        assert!(super::has_start(&cut));
    }
}
