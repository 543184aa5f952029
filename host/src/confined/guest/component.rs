//! Components: functions over typed values.

use super::Imports;
use super::bytes::call_with_bytes;
use super::host_import::HostImport;
use super::live::TaskState;
use super::values::{self, from_component, to_component};
use super::verdict::TooManyValues;
use super::waiting::Waiting;
use super::{missing, no_such_function};
use crate::confined::{code_memory, wasi};
use crate::value::{Function, Value};
use crate::wire::{VALUES_BYTES, import_name, is_program, is_wasi};
use std::fs::File;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{
    Component, ComponentExportIndex, Instance, InstancePre, Linker, TypedFunc, Val,
};
use wasmtime::{Engine, Store, StoreContextMut};

/// A component that is mapped and linked.
pub(super) struct Linked {
    instance: InstancePre<TaskState>,
    exports: Vec<Option<ComponentExportIndex>>,
    program: Option<ComponentExportIndex>,
}

impl Linked {
    pub(super) fn load(
        engine: &Engine,
        artifact: File,
        functions: &[Function],
        imports: &Imports,
    ) -> wasmtime::Result<Linked> {
        let mapping = code_memory::map(&artifact)?;
        // SAFETY: as for core modules: it is trusted no more than this process is. The mapping is private, lives as long as
        // the process, and is used for nothing else.
        let component = unsafe { Component::deserialize_raw(engine, mapping)? };
        // Closed before others are opened: workers close what comes after the descriptors in use.
        drop(artifact);
        // The images of its memories are made here, not in each worker: making them needs more system calls.
        component.initialize_copy_on_write_image()?;
        let mut linker = Linker::new(engine);
        if imports.wasi {
            wasi::link_component(&mut linker)?;
            linker.allow_shadowing(true);
        }
        link_imports(engine, &component, imports, &mut linker)?;
        if imports.trap_missing {
            missing::link(engine, &component, imports, &mut linker)?;
        }
        let instance = linker.instantiate_pre(&component)?;
        let exports = functions
            .iter()
            .map(|function| find(&component, &function.name))
            .collect();
        Ok(Linked {
            instance,
            exports,
            program: find_program(engine, &component),
        })
    }

    pub(super) fn instantiate(
        &self,
        store: &mut Store<TaskState>,
        waiting: Option<Waiting<'_>>,
    ) -> wasmtime::Result<Instance> {
        match waiting {
            None => self.instance.instantiate(store),
            Some(waiting) => waiting.run(self.instance.instantiate_async(store)),
        }
    }

    /// The function that runs the component as a program.
    pub(super) fn program(
        &self,
        store: &mut Store<TaskState>,
        instance: &Instance,
    ) -> wasmtime::Result<TypedFunc<(), (Result<(), ()>,)>> {
        let export = self.program.as_ref().ok_or_else(no_such_function)?;
        instance.get_typed_func(store, export)
    }

    pub(super) fn call(
        &self,
        (store, waiting): (&mut Store<TaskState>, Option<Waiting<'_>>),
        instance: &Instance,
        (index, function): (u32, &Function),
        arguments: &[Value],
    ) -> wasmtime::Result<Option<Value>> {
        let export = self.exports.get(index as usize).and_then(Option::as_ref);
        let export = export.ok_or_else(no_such_function)?;
        let called = instance
            .get_func(&mut *store, export)
            .ok_or_else(no_such_function)?;
        let mut waiting = waiting;
        if let Some(result) = call_with_bytes(store, &mut waiting, called, (function, arguments)) {
            return result;
        }
        let needed: usize = arguments.iter().map(values::engine_bytes).sum();
        if needed as u64 > VALUES_BYTES {
            let limit = VALUES_BYTES >> 20;
            let message = format!(
                "its arguments take {} MiB as values, and the limit is {limit}",
                needed >> 20
            );
            return Err(TooManyValues(message).into());
        }
        let params = function.params.iter().zip(arguments);
        let arguments: Vec<Val> = params
            .map(|(param, value)| to_component(&param.ty, value))
            .collect::<Option<_>>()
            .ok_or_else(misfit)?;
        let mut results = vec![Val::Bool(false); usize::from(function.result.is_some())];
        match waiting {
            None => called.call(&mut *store, &arguments, &mut results)?,
            Some(waiting) => {
                waiting.run(called.call_async(&mut *store, &arguments, &mut results))?;
            }
        }
        match (&function.result, results.pop()) {
            (Some(ty), Some(value)) => from_component(ty, value).map(Some).ok_or_else(misfit),
            _ => Ok(None),
        }
    }
}

/// Satisfies imports with functions of the host. One that is an interface of types alone gets an empty one.
fn link_imports(
    engine: &Engine,
    component: &Component,
    imports: &Imports,
    linker: &mut Linker<TaskState>,
) -> wasmtime::Result<()> {
    use wasmtime::component::types::ComponentItem;
    for (name, item) in component.component_type().imports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                if let Some(host) = imports.host.find(&import_name("", name)) {
                    linker.root().func_new(name, host_call(host))?;
                }
            }
            ComponentItem::ComponentInstance(interface) => {
                let given = interface.exports(engine).filter_map(|(function, item)| {
                    let host = imports.host.find(&import_name(name, function))?;
                    matches!(item.ty, ComponentItem::ComponentFunc(_)).then_some((function, host))
                });
                let given: Vec<_> = given.collect();
                if given.is_empty() && (is_wasi(name) || imports.trap_missing) {
                    continue;
                }
                let mut instance = linker.instance(name)?;
                for (function, host) in given {
                    instance.func_new(function, host_call(host))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the engine calls for an imported function.
fn host_call(
    host: HostImport,
) -> impl Fn(StoreContextMut<'_, TaskState>, ComponentFunc, &[Val], &mut [Val]) -> wasmtime::Result<()>
+ Send
+ Sync
+ 'static {
    move |store, _, arguments, results| {
        let params = host.function.params.iter().zip(arguments);
        let arguments: Option<Vec<Value>> = params
            .map(|(param, value)| from_component(&param.ty, value.clone()))
            .collect();
        let returned = host.call(store.data(), &arguments.ok_or_else(misfit)?)?;
        if let (Some(ty), Some(value), Some(result)) =
            (&host.function.result, &returned, results.first_mut())
        {
            *result = to_component(ty, value).ok_or_else(misfit)?;
        }
        Ok(())
    }
}

/// The export by which a component of `wasi:cli/command` runs, whatever its version.
fn find_program(engine: &Engine, component: &Component) -> Option<ComponentExportIndex> {
    let ty = component.component_type();
    let mut exports = ty.exports(engine).map(|(name, _)| name);
    let interface = exports.find(|name| is_program(name))?;
    find(component, &format!("{interface}#run"))
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
