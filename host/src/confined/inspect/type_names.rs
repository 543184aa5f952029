//! The names that a component gives to types, which the engine forgets: those at its root and in the interfaces that it imports
//! or exports. They are for people; where one cannot be read it is left out.

use crate::value::{Function, MAX_TYPE_DEPTH, MAX_TYPE_NODES, Type, TypeDefinition};
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType,
    ComponentValType,
};
use wasmparser::types::{Types, TypesRef};
use wasmparser::{Parser, Payload, PrimitiveValType, Validator, WasmFeatures};

/// The names of the types of `functions` in a valid component, and all that exported interfaces define.
pub(super) fn of(binary: &[u8], functions: &[Function]) -> Vec<TypeDefinition> {
    let Some((types, names)) = read(binary, WasmFeatures::default()) else {
        return Vec::new();
    };
    let types = types.as_ref();
    let mut reading = Reading {
        types,
        nodes: MAX_TYPE_NODES,
    };
    let mut definitions = Vec::new();
    for name in &names {
        let exported = types.component_item_for_export(name);
        let item = exported.or_else(|| types.component_item_for_import(name));
        let mut found = Vec::new();
        match item.map(|item| &item.ty) {
            Some(ComponentEntityType::Type { created, .. }) => {
                found.extend(reading.definition(None, name, *created));
            }
            Some(ComponentEntityType::Instance(interface)) => {
                for (ty, item) in &types[*interface].exports {
                    if let ComponentEntityType::Type { created, .. } = item.ty {
                        found.extend(reading.definition(Some(name), ty, created));
                    }
                }
            }
            _ => {}
        }
        // What is only imported matters to the exports where they use it.
        found.retain(|definition| exported.is_some() || used(&definition.ty, functions));
        definitions.extend(found);
    }
    definitions
}

/// Whether a function takes or returns the type.
fn used(ty: &Type, functions: &[Function]) -> bool {
    functions.iter().any(|function| {
        let params = function.params.iter().map(|param| &param.ty);
        params.chain(&function.result).any(|whole| holds(whole, ty))
    })
}

/// Whether `part` is `whole` or within it.
fn holds(whole: &Type, part: &Type) -> bool {
    if whole == part {
        return true;
    }
    match whole {
        Type::List(element) | Type::Option(element) => holds(element, part),
        Type::Result { ok, err } => ok.iter().chain(err).any(|side| holds(side, part)),
        Type::Tuple(types) => types.iter().any(|ty| holds(ty, part)),
        Type::Record(fields) => fields.iter().any(|(_, ty)| holds(ty, part)),
        Type::Variant(cases) => cases
            .iter()
            .flat_map(|(_, ty)| ty)
            .any(|ty| holds(ty, part)),
        _ => false,
    }
}

/// The types of a component, and the names of what its root imports and exports. Function bodies are not looked at.
pub(super) fn read(binary: &[u8], features: WasmFeatures) -> Option<(Types, Vec<String>)> {
    let mut validator = Validator::new_with_features(features);
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(binary) {
        let payload = payload.ok()?;
        match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth == 0 => {
                return match validator.payload(&payload).ok()? {
                    wasmparser::ValidPayload::End(types) => Some((types, names)),
                    _ => None,
                };
            }
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section.clone() {
                    names.push(import.ok()?.name.name.to_string());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section.clone() {
                    names.push(export.ok()?.name.name.to_string());
                }
            }
            _ => {}
        }
        validator.payload(&payload).ok()?;
    }
    None
}

/// Reading types as trees, up to the limits of signatures.
struct Reading<'a> {
    types: TypesRef<'a>,
    nodes: usize,
}

impl Reading<'_> {
    /// A type that is spelt by its name.
    fn definition(
        &mut self,
        interface: Option<&str>,
        name: &str,
        ty: ComponentAnyTypeId,
    ) -> Option<TypeDefinition> {
        let ComponentAnyTypeId::Defined(id) = ty else {
            return None;
        };
        let named = matches!(
            self.types[id],
            ComponentDefinedType::Record(_)
                | ComponentDefinedType::Variant(_)
                | ComponentDefinedType::Enum(_)
                | ComponentDefinedType::Flags(_)
        );
        let ty = named.then(|| self.defined(id, 1)).flatten()?;
        Some(TypeDefinition {
            interface: interface.map(Into::into),
            name: name.into(),
            ty,
        })
    }

    fn value(&mut self, ty: ComponentValType, depth: usize) -> Option<Type> {
        self.nodes = self.nodes.checked_sub(1)?;
        match ty {
            ComponentValType::Primitive(primitive) => primitive_type(primitive),
            ComponentValType::Type(id) => self.defined(id, depth),
        }
    }

    /// What a case carries, if anything. The outer `None` is a type that cannot be read.
    fn optional(&mut self, ty: Option<ComponentValType>, depth: usize) -> Option<Option<Type>> {
        match ty {
            Some(ty) => self.value(ty, depth).map(Some),
            None => Some(None),
        }
    }

    fn boxed(&mut self, ty: ComponentValType, depth: usize) -> Option<Box<Type>> {
        self.value(ty, depth).map(Box::new)
    }

    fn defined(&mut self, id: ComponentDefinedTypeId, depth: usize) -> Option<Type> {
        if depth > MAX_TYPE_DEPTH {
            return None;
        }
        let (types, inner) = (self.types, depth + 1);
        Some(match &types[id] {
            ComponentDefinedType::Primitive(primitive) => return primitive_type(*primitive),
            ComponentDefinedType::List { element, .. } => Type::List(self.boxed(*element, inner)?),
            ComponentDefinedType::Option { ty, .. } => Type::Option(self.boxed(*ty, inner)?),
            ComponentDefinedType::Result { ok, err, .. } => Type::Result {
                ok: self.optional(*ok, inner)?.map(Box::new),
                err: self.optional(*err, inner)?.map(Box::new),
            },
            ComponentDefinedType::Tuple(tuple) => {
                let types = tuple.types.iter().map(|ty| self.value(*ty, inner));
                Type::Tuple(types.collect::<Option<_>>()?)
            }
            ComponentDefinedType::Record(record) => {
                let fields = record.fields.iter();
                let fields =
                    fields.map(|(name, ty)| Some((name.to_string(), self.value(*ty, inner)?)));
                Type::Record(fields.collect::<Option<_>>()?)
            }
            ComponentDefinedType::Variant(variant) => {
                let cases = variant.cases.iter();
                let cases = cases
                    .map(|(name, case)| Some((name.to_string(), self.optional(case.ty, inner)?)));
                Type::Variant(cases.collect::<Option<_>>()?)
            }
            ComponentDefinedType::Enum(names) => {
                Type::Enum(names.iter().map(ToString::to_string).collect())
            }
            ComponentDefinedType::Flags(names) => {
                Type::Flags(names.iter().map(ToString::to_string).collect())
            }
            _ => return None,
        })
    }
}

fn primitive_type(primitive: PrimitiveValType) -> Option<Type> {
    Some(match primitive {
        PrimitiveValType::Bool => Type::Bool,
        PrimitiveValType::S8 => Type::S8,
        PrimitiveValType::U8 => Type::U8,
        PrimitiveValType::S16 => Type::S16,
        PrimitiveValType::U16 => Type::U16,
        PrimitiveValType::S32 => Type::S32,
        PrimitiveValType::U32 => Type::U32,
        PrimitiveValType::S64 => Type::S64,
        PrimitiveValType::U64 => Type::U64,
        PrimitiveValType::F32 => Type::F32,
        PrimitiveValType::F64 => Type::F64,
        PrimitiveValType::Char => Type::Char,
        PrimitiveValType::String => Type::String,
        PrimitiveValType::ErrorContext => return None,
    })
}
