//! The parts of an honest worker program, for a dishonest one that tests are made with: each is what the honest one does, and
//! in between the caller does what it likes.

use super::link::Link;
use super::template::{self, Loaded, WorkingSet};
use super::{compiler, inspect, sandbox};
use crate::sandbox::Policy;
use crate::wire::{
    CompileRequest, MAX_CONTROL_FRAME, MAX_FACTS_FRAME, MAX_MODULE_BYTES, ModuleFacts, Rejection,
};
use crate::wire::{StatusPage, SupervisorToCompiler, decode};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

/// The connection to the supervisor: of a worker its own, else that of the process that was started.
pub fn socket() -> impl Read + Write {
    Link::to_supervisor()
}

/// The next frame, with the descriptors that came along.
pub fn receive_with_descriptors() -> (Vec<u8>, Vec<OwnedFd>) {
    Link::to_supervisor().receive_with_descriptors(MAX_FACTS_FRAME)
}

/// Says hello, and is told what to become.
pub fn greet() -> Option<Policy> {
    super::greet(&mut Link::to_supervisor())
}

/// Locks the process down, and says what was achieved or refused.
pub fn confine(policy: &Policy) -> bool {
    super::confine(&mut Link::to_supervisor(), policy)
}

/// The module that a compiler is to compile.
pub fn receive_module() -> Option<(CompileRequest, Vec<u8>)> {
    let mut link = Link::to_supervisor();
    let SupervisorToCompiler::Compile(request) = decode(&link.receive(MAX_CONTROL_FRAME))?;
    Some((request, link.receive(MAX_MODULE_BYTES)))
}

/// What an honest compiler makes of a module.
///
/// # Errors
///
/// When the module is refused.
pub fn compile(
    request: &CompileRequest,
    module: &[u8],
) -> Result<(ModuleFacts, Vec<u8>), Rejection> {
    compiler::compile(request, &inspect::to_binary(module)?, 1)
}

/// A template that has loaded its artifact and has its final filter.
pub struct Template(Loaded);

impl Template {
    /// Loads what the supervisor says, with what its policy lets it do with files.
    pub fn load(policy: &Policy) -> Option<Template> {
        let memory = WorkingSet::new();
        template::load_as_told(&mut Link::to_supervisor(), policy.files(), memory).map(Template)
    }

    /// The name of its first function.
    pub fn function(&self) -> &str {
        self.0
            .guest
            .function(0)
            .map_or("", |function| &function.name)
    }

    /// Says that it has loaded, and forks honest workers.
    pub fn serve_honestly(&self) {
        if let Some(child) = self.0.serve(&mut Link::to_supervisor()) {
            self.0.work(child);
        }
    }

    /// Says that it has loaded, and forks workers that run `worker` once they have their final filter.
    pub fn serve(&self, worker: &dyn Fn(&StatusPage)) {
        if let Some(child) = self.0.serve(&mut Link::to_supervisor()) {
            worker(&child.page);
            super::end(0);
        }
    }
}

/// Puts a single layer in force in this process. Some of them make it another process: the caller's copy ends.
///
/// # Errors
///
/// When the kernel refuses it.
pub fn only(layer: &str) -> Result<(), String> {
    sandbox::only(layer)
}
