//! Turns the bytes of a module into facts and an artifact, once, and ends.

use super::inspect::CompileError;
use super::link::Link;
use super::{engine, inspect};
use crate::wire::{
    CompileRequest, CompilerToSupervisor, MAX_CONTROL_FRAME, MAX_MODULE_BYTES, ModuleFacts,
    Rejection, SupervisorToCompiler, decode,
};

/// Starts the threads that will compile, and waits until each of them runs: after that none can be started.
pub(super) fn start_threads(threads: u16) -> std::io::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
    pool.build_global().map_err(std::io::Error::other)?;
    rayon::broadcast(|_| ());
    Ok(())
}

/// Answers one request.
pub(super) fn serve(link: &mut Link, threads: u16) {
    let Some(SupervisorToCompiler::Compile(request)) = decode(&link.receive(MAX_CONTROL_FRAME))
    else {
        return;
    };
    let module = link.receive(MAX_MODULE_BYTES);
    let compiled = inspect::to_binary(&module).and_then(|binary| {
        link.send(&CompilerToSupervisor::Imports(inspect::imports(&binary)));
        compile(&request, &binary, threads)
    });
    match compiled {
        Ok((facts, artifact)) => {
            link.send(&CompilerToSupervisor::Compiled(facts));
            link.send_bytes(&artifact);
        }
        Err(rejection) => link.send(&CompilerToSupervisor::Rejected(rejection)),
    }
}

pub(super) fn compile(
    request: &CompileRequest,
    binary: &[u8],
    threads: u16,
) -> Result<(ModuleFacts, Vec<u8>), Rejection> {
    let engine =
        engine::for_compiling(request.profile, threads > 1).map_err(|error| reject(&error))?;
    inspect::compile(&engine, binary).map_err(|error| match error {
        CompileError::Rejected(rejection) => rejection,
        CompileError::Engine(error) => reject(&error),
    })
}

fn reject(error: &wasmtime::Error) -> Rejection {
    if error.is::<wasmtime::OutOfMemory>() {
        return Rejection::OutOfMemory;
    }
    // The chain ends with the cause; what surrounds it says that compiling failed.
    let cause = error.root_cause().to_string();
    let cause = cause.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    Rejection::Invalid(with_position_last(&cause))
}

/// `Invalid input WebAssembly code at offset 33: what` as `what (at offset 0x21)`, like all other messages.
fn with_position_last(cause: &str) -> String {
    let parts = cause
        .strip_prefix("Invalid input WebAssembly code at offset ")
        .and_then(|rest| rest.split_once(": "));
    match parts.and_then(|(offset, what)| Some((offset.parse::<u64>().ok()?, what))) {
        Some((offset, what)) => format!("{what} (at offset {offset:#x})"),
        None => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_of_an_error_comes_last_wherever_it_was_found() {
        let moved = with_position_last(
            "Invalid input WebAssembly code at offset 33: type mismatch: expected i32",
        );
        assert_eq!(moved, "type mismatch: expected i32 (at offset 0x21)");
        assert_eq!(with_position_last("something else"), "something else");
    }
}
