//! A linked module and how a call of it is made: one of the two places that know which kind a module is.

mod bytes;
mod component;
mod core_module;
mod host_import;
mod live;
mod values;
mod verdict;

pub(super) use live::{Called, Live};

use crate::value::{Function, Signature};
use crate::wire::{EngineProfile, ModuleFacts, ModuleKind, TaskLimits, TaskTerms};
use host_import::HostImports;
use std::fs::File;
use wasmtime::Engine;

/// A plugin in a template and its workers: mapped, linked, its functions found.
pub(super) struct Guest {
    engine: Engine,
    linked: Linked,
    functions: Vec<Function>,
    profile: EngineProfile,
    terms: TaskTerms,
}

/// A module of one of the kinds, ready to be instantiated.
enum Linked {
    Core(core_module::Linked),
    Component(component::Linked),
}

/// An instance of one of the kinds.
enum Instance {
    Core(wasmtime::Instance),
    Component(wasmtime::component::Instance),
}

impl Guest {
    /// Maps the artifact and links it. No code of the guest runs.
    pub(super) fn load(
        artifact: File,
        profile: EngineProfile,
        facts: &ModuleFacts,
        terms: TaskTerms,
    ) -> wasmtime::Result<Guest> {
        let signature = Signature::decode(&facts.signature)
            .map_err(|error| wasmtime::format_err!("{error}"))?;
        let functions = signature.functions;
        let imports = HostImports::read(&facts.imported_functions)?;
        let engine = super::engine::for_running(profile, facts)?;
        let linked = match facts.kind {
            ModuleKind::Core => {
                let linked = core_module::Linked::load(&engine, artifact, &functions, &imports);
                Linked::Core(linked?)
            }
            ModuleKind::Component => {
                let linked = component::Linked::load(&engine, artifact, &functions, &imports);
                Linked::Component(linked?)
            }
        };
        Ok(Guest {
            engine,
            linked,
            functions,
            profile,
            terms,
        })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn terms(&self) -> &TaskTerms {
        &self.terms
    }

    fn limits(&self) -> &TaskLimits {
        &self.terms.limits
    }

    /// The function at `index` of the signature.
    pub(super) fn function(&self, index: u32) -> Option<&Function> {
        self.functions.get(index as usize)
    }
}

/// The artifact has fewer functions than its compiler said.
fn no_such_function() -> wasmtime::Error {
    wasmtime::format_err!("the artifact has no such function")
}
