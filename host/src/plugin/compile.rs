//! One compilation: a confined process, the bytes in, facts and an artifact out, within limits of time and memory.

use super::{Limits, Module, Plugin};
use crate::child::{Exit, Launcher, ReceiveError, Started};
use crate::error::{Error, ErrorKind};
use crate::sandbox::{Confinement, ProcessLimits, Role};
use crate::value::printable;
use crate::wire::{
    CompileRequest, CompilerToSupervisor, EngineProfile, MAX_FACTS_FRAME, ModuleFacts, Rejection,
    SupervisorToCompiler, decode, encode,
};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// The longest artifact that is accepted, in bytes.
const MAX_ARTIFACT_BYTES: usize = 1 << 30;

/// Address space that a compiler may use beyond its data, in bytes.
const COMPILER_MAPPINGS: u64 = 1 << 30;

/// Compiles a module and checks the result.
///
/// # Errors
///
/// Each says which limit was hit, or what is wrong with the module and where.
pub(crate) fn compile(
    launcher: &Launcher,
    module: Module,
    limits: Limits,
) -> Result<(Plugin, Confinement), Error> {
    let name = module.stem();
    let bytes = module.read()?;
    let deadline = limits
        .compile_timeout
        .and_then(|limit| Instant::now().checked_add(limit));
    let mut compiler = launcher.start(Role::Compiler, process_limits(&limits))?;
    let profile = EngineProfile {
        fuel: limits.fuel.is_some(),
    };
    let (facts, artifact) = converse(&mut compiler, profile, &bytes, deadline)
        .map_err(|why| why.unwrap_or_else(|error| explain(&mut compiler, error, &limits)))?;
    let sealed = seal(&artifact).map_err(|error| {
        Error::new(
            ErrorKind::System,
            format!("no memory for its artifact: {error}"),
        )
    })?;
    let confinement = compiler.confinement.clone();
    let plugin = Plugin::check(
        name,
        facts,
        profile,
        limits,
        (sealed, artifact.len() as u64),
    )?;
    Ok((plugin, confinement))
}

fn process_limits(limits: &Limits) -> ProcessLimits {
    // Wall time is the limit; CPU time only backs it up, so it may be coarse.
    let cpu_seconds = limits
        .compile_timeout
        .map(|timeout| timeout.as_secs().saturating_add(10));
    ProcessLimits {
        data_bytes: limits.compile_memory_bytes,
        address_space_bytes: limits
            .compile_memory_bytes
            .map(|bytes| bytes.saturating_add(COMPILER_MAPPINGS)),
        cpu_seconds,
        processes: Some(1),
    }
}

/// Either a final error, or a broken conversation whose cause is yet to be found.
type Broken = Result<Error, ReceiveError>;

fn converse(
    compiler: &mut Started,
    profile: EngineProfile,
    module: &[u8],
    deadline: Option<Instant>,
) -> Result<(ModuleFacts, Vec<u8>), Broken> {
    let connection = &mut compiler.connection;
    connection.set_frame_limit(MAX_FACTS_FRAME);
    let io = |error: std::io::Error| Err(ReceiveError::Frame(error.into()));
    connection
        .send(&encode(&SupervisorToCompiler::Compile(CompileRequest {
            profile,
        })))
        .map_err(io)?;
    connection.send(module).map_err(io)?;
    connection.flush_until(deadline).map_err(Err)?;
    let answer = connection.receive(deadline).map_err(Err)?;
    let broken = || {
        Ok(Error::new(
            ErrorKind::Compile,
            "its compiler gave a malformed answer",
        ))
    };
    match decode(&answer).ok_or_else(broken)? {
        CompilerToSupervisor::Rejected(rejection) => Err(Ok(rejected(rejection))),
        CompilerToSupervisor::Panicked(message) => Err(Ok(Error::new(
            ErrorKind::Compile,
            format!("its compiler failed: {}", printable(&message)),
        ))),
        CompilerToSupervisor::Compiled(facts) => {
            connection.set_frame_limit(MAX_ARTIFACT_BYTES);
            Ok((facts, connection.receive(deadline).map_err(Err)?))
        }
    }
}

fn rejected(rejection: Rejection) -> Error {
    let (kind, message) = match rejection {
        Rejection::NotWasm(why) => (
            ErrorKind::Module,
            format!("it is not a Wasm module: {}", printable(&why)),
        ),
        Rejection::Invalid(why) => (
            ErrorKind::Module,
            format!("it is not valid: {}", printable(&why)),
        ),
        Rejection::Unsupported(why) => (ErrorKind::Module, printable(&why)),
        Rejection::OutOfMemory => (ErrorKind::Compile, "compiling it ran out of memory".into()),
    };
    Error::new(kind, message)
}

/// Which limit ended a compiler, or how it crashed.
fn explain(compiler: &mut Started, error: ReceiveError, limits: &Limits) -> Error {
    let failed = |message: String| Error::new(ErrorKind::Compile, message);
    let seconds = |limit: Option<Duration>| {
        limit.map_or_else(|| "its time limit".into(), |limit| format!("{limit:?}"))
    };
    let too_long = || {
        failed(format!(
            "compiling it took longer than {}",
            seconds(limits.compile_timeout)
        ))
    };
    if matches!(error, ReceiveError::Late) {
        return too_long();
    }
    compiler
        .process
        .kill_if_alive_after(Duration::from_millis(500));
    let exit = compiler.process.wait();
    let last_words = compiler.last_words();
    if last_words.contains("memory allocation of") {
        let limit = limits
            .compile_memory_bytes
            .map_or_else(String::new, |bytes| format!(" ({bytes} bytes)"));
        return failed(format!(
            "compiling it needs more memory than the limit{limit}"
        ));
    }
    if last_words.contains("overflowed its stack") {
        return failed("compiling it overflowed the compiler's stack".into());
    }
    match exit {
        Exit::Signal(libc::SIGXCPU) => too_long(),
        Exit::Signal(libc::SIGSYS) => {
            failed("its compiler violated its system call filter (SIGSYS)".into())
        }
        Exit::Signal(signal) => failed(format!("its compiler was ended by signal {signal}")),
        Exit::Status(status) => failed(format!("its compiler ended with status {status}")),
        Exit::Unknown => failed(format!("its compiler ended: {error}")),
    }
}

/// A copy of the artifact that nobody can change any more.
fn seal(artifact: &[u8]) -> std::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = match memfd_create("wpool-artifact", flags | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3 the flag is unknown.
        Err(Errno::INVAL) => memfd_create("wpool-artifact", flags)?,
        other => other?,
    };
    let mut file = File::from(memory);
    file.write_all(artifact)?;
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
    )?;
    Ok(file.into())
}
