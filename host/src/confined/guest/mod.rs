//! A linked module and how a call of it is made: one of the two places that know which kind a module is.

mod backtrace;
mod bytes;
mod component;
mod core_module;
mod host_import;
mod live;
mod program;
mod values;
mod verdict;
mod waiting;

pub(super) use live::{Called, Live, TaskState};

use super::wasi::Runtime;
use crate::value::{Function, Signature};
use crate::wire::{EngineProfile, LoadRequest, ModuleKind, TaskLimits, TaskTerms, WasiTerms};
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
    /// What it is given, where it imports WASI.
    wasi: Option<Given>,
    /// The number of the function that runs it as a program.
    program: Option<u32>,
}

/// What a module that imports WASI is given of it.
struct Given {
    terms: WasiTerms,
    runtime: Runtime,
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
    pub(super) fn load(artifact: File, request: LoadRequest) -> wasmtime::Result<Guest> {
        let LoadRequest {
            profile,
            facts,
            bound,
            terms,
            wasi,
            ..
        } = request;
        let signature = Signature::decode(&facts.signature)
            .map_err(|error| wasmtime::format_err!("{error}"))?;
        let functions = signature.functions;
        let imports = HostImports::read(&facts.imported_functions, &bound)?;
        let imports_wasi = facts.imports_wasi();
        let engine = super::engine::for_running(profile, &facts)?;
        let linked = match facts.kind {
            ModuleKind::Core => {
                let linked = core_module::Linked::load(
                    &engine,
                    artifact,
                    &functions,
                    &imports,
                    imports_wasi,
                );
                Linked::Core(linked?)
            }
            ModuleKind::Component => {
                let linked =
                    component::Linked::load(&engine, artifact, &functions, &imports, imports_wasi);
                Linked::Component(linked?)
            }
        };
        let given = || Given {
            terms: wasi,
            runtime: Runtime::default(),
        };
        Ok(Guest {
            engine,
            linked,
            functions,
            profile,
            terms,
            wasi: imports_wasi.then(given),
            program: facts.program,
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
