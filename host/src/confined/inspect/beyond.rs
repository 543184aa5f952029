//! What a component has that the engine is not set up for: named by function and parameter, where the engine tells a position.

use super::type_names;
use crate::value::MAX_TYPE_NODES;
use wasmparser::WasmFeatures;
use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId, ComponentValType,
};
use wasmparser::types::TypesRef;

/// The first exported or imported function that is of a kind, or has a type, that is not supported. `None` where it is something
/// else that is wrong.
pub(super) fn first(binary: &[u8]) -> Option<String> {
    let (types, names) = type_names::read(binary, WasmFeatures::all())?;
    let types = types.as_ref();
    for name in &names {
        let exported = types.component_item_for_export(name);
        let item = exported.or_else(|| types.component_item_for_import(name))?;
        let found = match item.ty {
            ComponentEntityType::Func(function) => of_function(types, name, function),
            ComponentEntityType::Instance(interface) => {
                let functions = types[interface].exports.iter();
                let mut found = functions.filter_map(|(function, item)| match item.ty {
                    ComponentEntityType::Func(ty) => {
                        of_function(types, &format!("{name}#{function}"), ty)
                    }
                    _ => None,
                });
                found.next()
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn of_function(types: TypesRef<'_>, name: &str, function: ComponentFuncTypeId) -> Option<String> {
    let function = &types[function];
    if function.async_ {
        return Some(format!(
            "its function `{name}` is async, which is not supported"
        ));
    }
    let mut walk = Walk {
        types,
        nodes: MAX_TYPE_NODES,
    };
    let params = function.params.iter();
    let mut places = params
        .map(|(param, ty)| (format!("parameter {param}"), *ty))
        .chain(function.result.map(|ty| ("result".to_string(), ty)));
    places.find_map(|(place, ty)| {
        let what = walk.value(ty)?;
        Some(format!(
            "the {place} of its function `{name}` is or holds {what}, which is not supported"
        ))
    })
}

/// Looking through types, up to the limits of signatures.
struct Walk<'a> {
    types: TypesRef<'a>,
    nodes: usize,
}

impl Walk<'_> {
    fn value(&mut self, ty: ComponentValType) -> Option<&'static str> {
        self.nodes = self.nodes.checked_sub(1)?;
        let ComponentValType::Type(id) = ty else {
            let error_context = wasmparser::PrimitiveValType::ErrorContext;
            let is_one =
                matches!(ty, ComponentValType::Primitive(primitive) if primitive == error_context);
            return is_one.then_some("an error context");
        };
        let types = self.types;
        match &types[id] {
            ComponentDefinedType::Stream { .. } => Some("a stream"),
            ComponentDefinedType::Future { .. } => Some("a future"),
            ComponentDefinedType::Map { .. } => Some("a map"),
            ComponentDefinedType::FixedLengthList { .. } => Some("a list of fixed length"),
            ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => None,
            ComponentDefinedType::List { element, .. } => self.value(*element),
            ComponentDefinedType::Option { ty, .. } => self.value(*ty),
            ComponentDefinedType::Result { ok, err, .. } => [ok, err]
                .into_iter()
                .flatten()
                .find_map(|ty| self.value(*ty)),
            ComponentDefinedType::Tuple(tuple) => tuple.types.iter().find_map(|ty| self.value(*ty)),
            ComponentDefinedType::Record(record) => {
                record.fields.values().find_map(|ty| self.value(*ty))
            }
            ComponentDefinedType::Variant(variant) => {
                let mut payloads = variant.cases.values().filter_map(|case| case.ty);
                payloads.find_map(|ty| self.value(ty))
            }
            _ => None,
        }
    }
}
