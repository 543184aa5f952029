//! Components: functions over typed values.

use super::values::{self, from_component, to_component};
use super::{TaskState, no_such_function};
use crate::confined::code_memory;
use crate::value::{Function, Type, Value};
use crate::wire::VALUES_BYTES;
use std::fs::File;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, ComponentType, Func, Instance,
    InstancePre, Lift, Linker, Lower, Val,
};
use wasmtime::{Engine, Store};

/// A component that is mapped and linked.
pub(super) struct Linked {
    instance: InstancePre<TaskState>,
    exports: Vec<Option<ComponentExportIndex>>,
}

impl Linked {
    pub(super) fn load(
        engine: &Engine,
        artifact: File,
        functions: &[Function],
    ) -> wasmtime::Result<Linked> {
        let mapping = code_memory::map(&artifact)?;
        // Closed before others are opened: workers close what comes after the descriptors in use.
        drop(artifact);
        // SAFETY: as for core modules: it is trusted no more than this process is. The mapping is private, lives as long as
        // the process, and is used for nothing else.
        let component = unsafe { Component::deserialize_raw(engine, mapping)? };
        // The images of its memories are made here, not in each worker: making them needs more system calls.
        component.initialize_copy_on_write_image()?;
        let mut linker = Linker::new(engine);
        allow_interfaces_of_types(engine, &component, &mut linker)?;
        let instance = linker.instantiate_pre(&component)?;
        let exports = functions
            .iter()
            .map(|function| find(&component, &function.name))
            .collect();
        Ok(Linked { instance, exports })
    }

    pub(super) fn instantiate(&self, store: &mut Store<TaskState>) -> wasmtime::Result<Instance> {
        self.instance.instantiate(store)
    }

    pub(super) fn call(
        &self,
        store: &mut Store<TaskState>,
        instance: &Instance,
        index: u32,
        function: &Function,
        arguments: &[Value],
    ) -> wasmtime::Result<Option<Value>> {
        let export = self.exports.get(index as usize).and_then(Option::as_ref);
        let export = export.ok_or_else(no_such_function)?;
        let called = instance
            .get_func(&mut *store, export)
            .ok_or_else(no_such_function)?;
        if let Some(result) = call_with_bytes(store, called, function, arguments) {
            return result;
        }
        let needed: usize = arguments.iter().map(values::engine_bytes).sum();
        if needed as u64 > VALUES_BYTES {
            let limit = VALUES_BYTES >> 20;
            wasmtime::bail!(
                "its arguments take {} MiB as values, and the limit is {limit}",
                needed >> 20
            );
        }
        let params = function.params.iter().zip(arguments);
        let arguments: Vec<Val> = params
            .map(|(param, value)| to_component(&param.ty, value))
            .collect::<Option<_>>()
            .ok_or_else(misfit)?;
        let mut results = vec![Val::Bool(false); usize::from(function.result.is_some())];
        called.call(&mut *store, &arguments, &mut results)?;
        match (&function.result, results.pop()) {
            (Some(ty), Some(value)) => from_component(ty, value).map(Some).ok_or_else(misfit),
            _ => Ok(None),
        }
    }
}

/// An import that is an interface of types alone is satisfied by an empty one.
fn allow_interfaces_of_types(
    engine: &Engine,
    component: &Component,
    linker: &mut Linker<TaskState>,
) -> wasmtime::Result<()> {
    use wasmtime::component::types::ComponentItem;
    for (name, item) in component.component_type().imports(engine) {
        if let ComponentItem::ComponentInstance(_) = item.ty {
            linker.instance(name)?;
        }
    }
    Ok(())
}

/// The export behind a function's name: at the root, or `interface#function`.
fn find(component: &Component, name: &str) -> Option<ComponentExportIndex> {
    match name.rsplit_once('#') {
        None => component.get_export_index(None, name),
        Some((interface, function)) => {
            let interface = component.get_export_index(None, interface)?;
            component.get_export_index(Some(&interface), function)
        }
    }
}

fn misfit() -> wasmtime::Error {
    wasmtime::format_err!("a value is not of the function's type")
}

/// A call whose arguments or result are a `list<u8>` by itself, which as a list of values would take thirty times the room;
/// `None` for a function of another shape.
fn call_with_bytes(
    store: &mut Store<TaskState>,
    called: Func,
    function: &Function,
    arguments: &[Value],
) -> Option<wasmtime::Result<Option<Value>>> {
    let is_bytes = |ty: &Type| matches!(ty, Type::List(element) if **element == Type::U8);
    let types = function
        .params
        .iter()
        .map(|param| &param.ty)
        .chain(&function.result);
    let concerned = types.clone().any(is_bytes)
        || matches!(&function.result, Some(Type::Result { ok: Some(ok), .. }) if is_bytes(ok));
    if !concerned {
        return None;
    }
    match arguments {
        [] => returning(store, called, function, ()),
        [Value::Bytes(bytes)] => returning(store, called, function, (bytes.as_slice(),)),
        [Value::String(text)] => returning(store, called, function, (text.as_str(),)),
        _ => None,
    }
}

fn returning<P: ComponentNamedList + Lower>(
    store: &mut Store<TaskState>,
    called: Func,
    function: &Function,
    arguments: P,
) -> Option<wasmtime::Result<Option<Value>>> {
    let bytes = |ty: &Type| matches!(ty, Type::List(element) if **element == Type::U8);
    match &function.result {
        None => Some(typed::<P, ()>(store, called, arguments).map(|()| None)),
        Some(Type::String) => {
            let result = typed::<P, (String,)>(store, called, arguments);
            Some(result.map(|(text,)| Some(Value::String(text))))
        }
        Some(ty) if bytes(ty) => {
            let result = typed::<P, (Vec<u8>,)>(store, called, arguments);
            Some(result.map(|(bytes,)| Some(Value::Bytes(bytes))))
        }
        Some(Type::Result {
            ok: Some(ok),
            err: Some(err),
        }) if bytes(ok) && **err == Type::String => {
            let result = typed::<P, (Result<Vec<u8>, String>,)>(store, called, arguments);
            Some(result.map(|(result,)| {
                let ok = |bytes| Some(Box::new(Value::Bytes(bytes)));
                let err = |text| Some(Box::new(Value::String(text)));
                Some(Value::Result(result.map(ok).map_err(err)))
            }))
        }
        Some(Type::Bool) => Some(scalar(store, called, arguments, Value::Bool)),
        Some(Type::S32) => Some(scalar(store, called, arguments, Value::S32)),
        Some(Type::U32) => Some(scalar(store, called, arguments, Value::U32)),
        Some(Type::S64) => Some(scalar(store, called, arguments, Value::S64)),
        Some(Type::U64) => Some(scalar(store, called, arguments, Value::U64)),
        Some(Type::F64) => Some(scalar(store, called, arguments, Value::F64)),
        Some(_) => None,
    }
}

fn scalar<P: ComponentNamedList + Lower, R: ComponentType + Lift + 'static>(
    store: &mut Store<TaskState>,
    called: Func,
    arguments: P,
    value: fn(R) -> Value,
) -> wasmtime::Result<Option<Value>> {
    typed::<P, (R,)>(store, called, arguments).map(|(result,)| Some(value(result)))
}

fn typed<P: ComponentNamedList + Lower, R: ComponentNamedList + Lift + 'static>(
    store: &mut Store<TaskState>,
    called: Func,
    arguments: P,
) -> wasmtime::Result<R> {
    called.typed::<P, R>(&*store)?.call(&mut *store, arguments)
}
