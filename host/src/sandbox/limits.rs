//! Resource limits, set soft and hard alike, so that nothing in the process can raise them.

use super::policy::{Namespaces, ProcessLimits};
use super::{Layer, Refusal};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Descriptors a confined process may hold: its socket, what a template is handed for a fork, and the artifact.
const DESCRIPTORS: u64 = 16;

/// Sets every limit of a confined process.
pub(super) fn apply(limits: &ProcessLimits, namespaces: Namespaces) -> Result<(), Refusal> {
    set(Resource::Core, 0, "RLIMIT_CORE")?;
    set(Resource::Fsize, 0, "RLIMIT_FSIZE")?;
    set(Resource::Memlock, 0, "RLIMIT_MEMLOCK")?;
    set(Resource::Msgqueue, 0, "RLIMIT_MSGQUEUE")?;
    set(Resource::Rtprio, 0, "RLIMIT_RTPRIO")?;
    set(Resource::Nofile, DESCRIPTORS, "RLIMIT_NOFILE")?;
    let processes = limits.processes.filter(|_| namespaces == Namespaces::User);
    tighten(&ProcessLimits {
        processes,
        ..*limits
    })
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
