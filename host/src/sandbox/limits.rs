//! Resource limits, set soft and hard alike, so that nothing in the process can raise them.

use super::policy::{Files, Policy, ProcessLimits, Role};
use super::{Layer, Refusal};
use rustix::process::{Resource, Rlimit, setrlimit};

/// How far the stack of a process's first thread may grow, whatever its supervisor's may. The
/// engine's own limits are far below.
const STACK_BYTES: u64 = 8 << 20;

/// Descriptors of a compiler.
const COMPILER_DESCRIPTORS: u64 = 16;

/// Descriptors of a template: its socket, the artifact, an image for each memory, what it is handed for a fork.
pub(crate) const TEMPLATE_DESCRIPTORS: u64 = 96;

/// What a template may write before it is told how long its artifact is: images of memories, into memory.
const IMAGE_BYTES: u64 = 1 << 30;

/// How long a file in a granted directory may become.
const GRANTED_FILE_BYTES: u64 = 4 << 30;

/// Sets every limit of a confined process.
pub(super) fn apply(policy: &Policy) -> Result<(), Refusal> {
    let (descriptors, file_bytes) = match policy.role {
        Role::Compiler => (COMPILER_DESCRIPTORS, 0),
        Role::Template => (
            TEMPLATE_DESCRIPTORS,
            IMAGE_BYTES.max(file_bytes_of(policy.files())),
        ),
    };
    set(Resource::Core, 0, "RLIMIT_CORE")?;
    set(Resource::Fsize, file_bytes, "RLIMIT_FSIZE")?;
    set(Resource::Memlock, 0, "RLIMIT_MEMLOCK")?;
    set(Resource::Msgqueue, 0, "RLIMIT_MSGQUEUE")?;
    set(Resource::Rtprio, 0, "RLIMIT_RTPRIO")?;
    set(Resource::Stack, STACK_BYTES, "RLIMIT_STACK")?;
    set(Resource::Nofile, descriptors, "RLIMIT_NOFILE")?;
    let processes = policy
        .limits
        .processes
        .filter(|_| policy.counts_processes());
    tighten(&ProcessLimits {
        processes,
        ..policy.limits
    })
}

/// How long files may become that a process with these rights writes.
pub(crate) fn file_bytes_of(files: Files) -> u64 {
    match files {
        Files::None | Files::Read => 0,
        Files::Write => GRANTED_FILE_BYTES,
    }
}

/// No file, not even one in memory, can be written beyond `bytes` any more; with 0 none at all.
pub(crate) fn limit_files(bytes: u64) -> Result<(), Refusal> {
    set(Resource::Fsize, bytes, "RLIMIT_FSIZE")
}

/// Lowers the limits that `limits` names; those it does not stay.
pub(crate) fn tighten(limits: &ProcessLimits) -> Result<(), Refusal> {
    let named = [
        (Resource::Data, limits.data_bytes, "RLIMIT_DATA"),
        (Resource::As, limits.address_space_bytes, "RLIMIT_AS"),
        (Resource::Cpu, limits.cpu_seconds, "RLIMIT_CPU"),
        (Resource::Nproc, limits.processes, "RLIMIT_NPROC"),
    ];
    for (resource, value, name) in named {
        if let Some(value) = value {
            set(resource, value, name)?;
        }
    }
    Ok(())
}

fn set(resource: Resource, value: u64, name: &str) -> Result<(), Refusal> {
    // A hard limit that is already lower cannot be raised, and need not be.
    let value = rustix::process::getrlimit(resource)
        .maximum
        .map_or(value, |hard| hard.min(value));
    let limit = Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    setrlimit(resource, limit).map_err(|errno| Refusal::new(Layer::ResourceLimits, name, errno))
}
