//! One compilation: a confined process, the bytes in, facts and an artifact out, within limits of time and memory.

mod burned;
#[cfg(test)]
mod tests;

use super::cache::{ArtifactCache, EntryKey};
use super::{Inspection, Limits, Module, Origin, Plugin, Terms, grant, identity};
use crate::child::{
    Connection, Exit, GROUP_SLACK, GroupLimits, Launcher, Order, ReceiveError, Started,
    usable_cpus, with_remedy,
};
use crate::error::{Error, ErrorKind};
use crate::sandbox::{ProcessLimits, Role};
use crate::value::printable;
use crate::wire::{
    CompileRequest, CompilerToSupervisor, EngineProfile, FrameError, Import, MAX_FACTS_FRAME,
    ModuleFacts, Rejection, SupervisorToCompiler, decode, encode,
};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// The longest artifact that is accepted, in bytes.
const MAX_ARTIFACT_BYTES: usize = 1 << 30;

/// Threads that compile one module, at most.
const MAX_THREADS: usize = 64;

/// Address space that a compiler may use beyond its data, in bytes.
const COMPILER_MAPPINGS: u64 = 1 << 30;

/// A module shorter than this is compiled in less time than threads take to start.
const WORTH_THREADS: usize = 256 * 1024;

/// Compiles a module, unless it was compiled before, and checks the result.
///
/// # Errors
///
/// Each says which limit was hit, or what is wrong with the module and where.
pub(crate) fn compile(
    launcher: &Launcher,
    module: Module,
    terms: Terms,
    cache: Option<&ArtifactCache>,
) -> Result<Plugin, Error> {
    let name = module.stem();
    let profile = terms.profile();
    terms.wasi.check()?;
    let order = Job {
        profile,
        limits: &terms.limits,
        check: &|imports| grant::check_early(imports, &terms),
    };
    let (hash, facts, artifact) = compile_or_recall(launcher, module, &order, cache)?;
    let hash = hash.to_hex().to_string();
    Plugin::check(
        Origin { name, hash },
        facts,
        profile,
        terms,
        seal(&artifact)?,
    )
}

/// Asks a compiler what a module is.
///
/// # Errors
///
/// As [`compile`], but for what can be compiled and not be run.
pub(crate) fn inspect(
    launcher: &Launcher,
    module: Module,
    limits: &Limits,
    cache: Option<&ArtifactCache>,
) -> Result<Inspection, Error> {
    let job = Job {
        profile: EngineProfile::default(),
        limits,
        check: &|_| Ok(()),
    };
    Inspection::of(&compile_or_recall(launcher, module, &job, cache)?.1)
}

/// How a module is to be compiled.
struct Job<'a> {
    profile: EngineProfile,
    limits: &'a Limits,
    /// Whether to go on, by what it imports at a first look.
    check: &'a dyn Fn(&[Import]) -> Result<(), Error>,
}

/// The hash of a module, its facts and its artifact, from the cache or from a compiler. The facts are not checked yet.
fn compile_or_recall(
    launcher: &Launcher,
    module: Module,
    job: &Job<'_>,
    cache: Option<&ArtifactCache>,
) -> Result<(blake3::Hash, ModuleFacts, Vec<u8>), Error> {
    let limits = job.limits;
    let bytes = module.read()?;
    // It is of the very bytes that a compiler gets.
    let hash = blake3::hash(&bytes);
    let key = cache.map(|cache| {
        let parts = identity::parts(launcher, job.profile);
        let key = EntryKey::of(hash, &parts.each_ref().map(Vec::as_slice));
        (cache, key)
    });
    let recalled = key.as_ref().and_then(|(cache, key)| cache.get(key));
    if let Some((facts, artifact)) = recalled.and_then(split_entry) {
        return Ok((hash, facts, artifact));
    }
    burned::check(hash, job)?;
    let deadline = limits
        .compile_timeout
        .and_then(|limit| Instant::now().checked_add(limit));
    let threads = if bytes.len() < WORTH_THREADS {
        1
    } else {
        usable_cpus().min(MAX_THREADS)
    };
    let order = Order {
        role: Role::Compiler,
        limits: process_limits(limits, threads),
        threads: threads as u16,
        directories: Vec::new(),
        group: group_limits(limits, threads),
    };
    let mut compiler = launcher.start(order)?;
    let (facts, artifact) =
        converse(&mut compiler.connection, job, &bytes, deadline).map_err(|why| {
            why.unwrap_or_else(|error| {
                let explained = explain(&mut compiler, error, limits);
                if explained.is_late {
                    burned::note(hash, job);
                }
                explained.error
            })
        })?;
    if let Some((cache, key)) = &key {
        let encoded = encode(&facts);
        cache.put(
            key,
            &[&(encoded.len() as u32).to_le_bytes(), &encoded, &artifact],
        );
    }
    Ok((hash, facts, artifact))
}

/// The two parts of a cached entry. It was authenticated; what it says is checked all the same.
pub(crate) fn split_entry(mut entry: Vec<u8>) -> Option<(ModuleFacts, Vec<u8>)> {
    let (length, rest) = entry.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let facts = decode(rest.get(..length)?)?;
    let artifact = entry.split_off(4 + length);
    Some((facts, artifact))
}

fn process_limits(limits: &Limits, threads: usize) -> ProcessLimits {
    // Wall time is the limit; CPU time only backs it up, so it may be coarse.
    let cpu_seconds = limits.compile_timeout.map(|timeout| {
        timeout
            .as_secs()
            .saturating_add(10)
            .saturating_mul(threads as u64)
    });
    ProcessLimits {
        data_bytes: limits.compile_memory_bytes,
        address_space_bytes: limits
            .compile_memory_bytes
            .map(|bytes| bytes.saturating_add(COMPILER_MAPPINGS)),
        cpu_seconds,
        // The threads, the one that waits for them, and the one that made way for it.
        processes: Some(threads as u64 + 2),
    }
}

/// The CPU weight of a compiler; that of a plugin is 100. A compiler must not slow down running
/// tasks, and its nice value counts only within its own group.
const COMPILER_WEIGHT: u16 = 10;

/// The limits of a compiler's cgroup: its process limits and some slack.
fn group_limits(limits: &Limits, threads: usize) -> GroupLimits {
    let own = process_limits(limits, threads);
    GroupLimits {
        memory_bytes: own
            .data_bytes
            .map(|bytes| bytes.saturating_add(GROUP_SLACK)),
        // The spawned process is in the group until it has become the compiler.
        processes: own.processes.map(|processes| processes + 2),
        cpu_weight: COMPILER_WEIGHT,
    }
}

/// Either a final error, or a broken conversation whose cause is yet to be found.
type Broken = Result<Error, ReceiveError>;

fn converse(
    connection: &mut Connection,
    job: &Job<'_>,
    module: &[u8],
    deadline: Option<Instant>,
) -> Result<(ModuleFacts, Vec<u8>), Broken> {
    connection.set_frame_limit(MAX_FACTS_FRAME);
    let io = |error: std::io::Error| Err(ReceiveError::Frame(error.into()));
    connection
        .send(&encode(&SupervisorToCompiler::Compile(CompileRequest {
            profile: job.profile,
        })))
        .map_err(io)?;
    connection.send(module).map_err(io)?;
    connection.flush_until(deadline).map_err(Err)?;
    let broken = || {
        Ok(Error::new(
            ErrorKind::Compile,
            "its compiler gave a malformed answer",
        ))
    };
    let mut answer = receive(connection, deadline)?.ok_or_else(broken)?;
    if let CompilerToSupervisor::Imports(imports) = answer {
        (job.check)(&imports).map_err(Ok)?;
        answer = receive(connection, deadline)?.ok_or_else(broken)?;
    }
    match answer {
        CompilerToSupervisor::Imports(_) => Err(broken()),
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

/// The next message; `None` for a malformed one.
fn receive(
    connection: &mut Connection,
    deadline: Option<Instant>,
) -> Result<Option<CompilerToSupervisor>, Broken> {
    Ok(decode(&connection.receive(deadline).map_err(Err)?))
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

/// Why a compiler did not answer.
struct Explained {
    error: Error,
    /// It used up all its time, and computed.
    is_late: bool,
}

/// Which limit ended a compiler, or how it crashed.
fn explain(compiler: &mut Started, error: ReceiveError, limits: &Limits) -> Explained {
    let failed = |message: String| Explained {
        error: Error::new(ErrorKind::Compile, message),
        is_late: false,
    };
    let seconds = |limit: Option<Duration>| {
        limit.map_or_else(|| "its time limit".into(), |limit| format!("{limit:?}"))
    };
    let too_long = || Explained {
        is_late: true,
        ..failed(format!(
            "compiling it took longer than {}",
            seconds(limits.compile_timeout)
        ))
    };
    if matches!(error, ReceiveError::Late) {
        let is_late = has_computed(compiler, limits.compile_timeout);
        return Explained {
            is_late,
            ..too_long()
        };
    }
    if let ReceiveError::Frame(FrameError::TooLong { .. }) = error {
        compiler.process.kill();
        return failed(format!("its compiler gave a malformed answer: {error}"));
    }
    compiler
        .process
        .kill_if_alive_after(Duration::from_millis(500));
    let exit = compiler.process.exit_within(Duration::from_secs(1));
    // One that has not ended could write, and have this wait.
    let last_words = match exit {
        Some(_) => compiler.last_words(),
        None => String::new(),
    };
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
    match exit.unwrap_or(Exit::Unknown) {
        Exit::Signal(libc::SIGXCPU) => too_long(),
        Exit::Signal(libc::SIGSYS) => {
            failed("its compiler violated its system call filter (SIGSYS)".into())
        }
        Exit::Signal(libc::SIGKILL) if compiler.was_short_of_memory() => {
            failed("compiling it needs more memory than its cgroup has left".into())
        }
        Exit::Signal(signal) => failed(format!("its compiler was ended by signal {signal}")),
        Exit::Status(status) => failed(format!("its compiler ended with status {status}")),
        Exit::Unknown => failed(format!("its compiler ended: {error}")),
    }
}

/// Whether a compiler has used at least half of its time on a CPU: elsewhere the machine was busy,
/// and it can do better another time.
fn has_computed(compiler: &Started, limit: Option<Duration>) -> bool {
    let computed = compiler.process.cpu_time();
    computed
        .zip(limit)
        .is_some_and(|(computed, limit)| computed >= limit / 2)
}

/// A copy of the artifact that nobody can change any more.
fn seal(artifact: &[u8]) -> Result<(OwnedFd, u64), Error> {
    let sealed = sealed_copy(artifact).map_err(|error| {
        Error::new(
            ErrorKind::System,
            format!("there is no room for its artifact: {}", with_remedy(&error)),
        )
    })?;
    Ok((sealed, artifact.len() as u64))
}

/// Memory that holds these bytes, and can never be changed, grown or executed.
pub(crate) fn sealed_copy(artifact: &[u8]) -> std::io::Result<OwnedFd> {
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
