//! A linked module and how a call of it is made: one of the two places that know which kind a module is.

mod arguments;
mod backtrace;
mod bytes;
mod component;
mod core_module;
mod host_import;
mod live;
mod missing;
mod numbers;
mod program;
mod returned;
mod values;
mod verdict;
mod waiting;

pub(super) use arguments::Arguments;
pub(super) use live::{Called, Live, TaskState};
pub(super) use returned::Returned;

use super::code_memory::Executable;
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
    /// Whether code of it runs when it is instantiated.
    has_start: bool,
}

/// What a module that imports WASI is given of it.
struct Given {
    terms: WasiTerms,
    runtime: Runtime,
}

/// What is linked to a module's imports.
struct Imports {
    /// Functions of the application.
    host: HostImports,
    /// WASI, where it imports that.
    wasi: bool,
    /// A call of anything else is a trap.
    trap_missing: bool,
}

/// A module of one of the kinds, ready to be instantiated.
enum Linked {
    Core(core_module::Linked),
    Component(component::Linked),
}

/// An instance of one of the kinds.
enum Instance {
    Core(core_module::Instance),
    Component(wasmtime::component::Instance),
}

impl Guest {
    /// Maps the artifact and links it. No code of the guest runs.
    pub(super) fn load(artifact: File, request: LoadRequest) -> wasmtime::Result<Guest> {
        let LoadRequest {
            profile,
            facts,
            bound,
            trap_missing,
            terms,
            wasi,
            ..
        } = request;
        let signature = Signature::decode(&facts.signature)
            .map_err(|error| wasmtime::format_err!("{error}"))?;
        let functions = signature.functions;
        let given = Imports {
            host: HostImports::read(&facts.imported_functions, &bound)?,
            wasi: facts.imports_wasi(),
            trap_missing,
        };
        let code = Executable::of(&artifact)?;
        let engine = super::engine::for_running(profile, &facts, code)?;
        let linked = match facts.kind {
            ModuleKind::Core => {
                let linked = core_module::Linked::load(&engine, artifact, &functions, &given);
                Linked::Core(linked?)
            }
            ModuleKind::Component => {
                let linked = component::Linked::load(&engine, artifact, &functions, &given);
                Linked::Component(linked?)
            }
        };
        let wasi = given.wasi.then(|| Given {
            terms: wasi,
            runtime: Runtime::default(),
        });
        Ok(Guest {
            engine,
            linked,
            functions,
            profile,
            terms,
            wasi,
            program: facts.program,
            has_start: facts.has_start,
        })
    }

    /// Whether it is a program that runs in the template up to where it reads.
    pub(super) fn is_warm(&self) -> bool {
        self.wasi.as_ref().is_some_and(|given| given.terms.warm)
    }

    /// Whether an instance is the same whoever makes it, and when: no code of the guest runs, nothing of WASI is opened, and no program
    /// has it made with the arguments of a task.
    pub(super) fn is_inert_at_first(&self) -> bool {
        !self.has_start && self.wasi.is_none() && self.program.is_none()
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
