//! Functions that a component imports and nobody has, where a call of one is to be a trap.

use super::Imports;
use super::live::TaskState;
use crate::wire::{import_name, is_wasi};
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, ResourceType, Val};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError};

/// How the names of the interfaces of WASI begin that are not there.
const HTTP: &str = "wasi:http/";

/// A resource of such an interface: there is none.
struct Missing;

/// Links what is missing by functions that trap.
pub(super) fn link(
    engine: &Engine,
    component: &Component,
    imports: &Imports,
    linker: &mut Linker<TaskState>,
) -> wasmtime::Result<()> {
    let has = |name: &str| imports.host.find(name).is_some();
    for (name, item) in component.component_type().imports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) if !has(&import_name("", name)) => {
                linker.root().func_new(name, trap(import_name("", name)))?;
            }
            ComponentItem::ComponentInstance(interface)
                if !is_wasi(name) || name.starts_with(HTTP) =>
            {
                let mut instance = linker.instance(name)?;
                for (export, item) in interface.exports(engine) {
                    let full = import_name(name, export);
                    match item.ty {
                        ComponentItem::ComponentFunc(_) if !has(&full) => {
                            instance.func_new(export, trap(full))?;
                        }
                        ComponentItem::Resource(_) => {
                            instance.resource(export, resource(export), |_, _| Ok(()))?;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The type of a resource by its name: interfaces take some from `wasi:io`, and those must be the same.
fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        "pollable" => ResourceType::host::<DynPollable>(),
        "error" | "io-error" => ResourceType::host::<IoError>(),
        _ => ResourceType::host::<Missing>(),
    }
}

fn trap(
    name: String,
) -> impl Fn(
    wasmtime::StoreContextMut<'_, TaskState>,
    ComponentFunc,
    &[Val],
    &mut [Val],
) -> wasmtime::Result<()>
+ Send
+ Sync
+ 'static {
    move |_, _, _, _| {
        Err(wasmtime::format_err!(
            "it called `{name}`, which was not granted"
        ))
    }
}
