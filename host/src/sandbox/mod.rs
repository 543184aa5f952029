//! How a confined process gives up everything it does not need, and what it then reports to have given up.
//!
//! [`Policy`], [`Refusal`] and [`Confinement`] are plain data that the trusted side shares; the mechanisms, one a
//! file, are called by `confined` alone. [`enter`] is the whole order, top to bottom: one step, one error. Nothing here
//! decides whether what was achieved is enough: the supervisor does, from the values.

mod capabilities;
mod confinement;
mod death;
mod descriptors;
mod directories;
mod identity;
mod landlock;
mod limits;
mod namespaces;
#[cfg(feature = "testing")]
mod only;
mod policy;
mod root;
mod seccomp;
mod signals;

pub use confinement::{Confinement, Layer, Level, Refusal};
pub use policy::{
    Files, GrantedDirectory, Namespaces, NotGranted, Policy, ProcessLimits, Role, UNPRIVILEGED_ID,
};

pub(crate) use death::die_with_supervisor;
pub(crate) use descriptors::{ARTIFACT, close_from};
pub(crate) use limits::{TEMPLATE_DESCRIPTORS, file_bytes_of, limit_files, tighten};
#[cfg(feature = "testing")]
pub(crate) use only::only;
pub(crate) use seccomp::Filter;
pub(crate) use signals::restore_defaults;

use landlock::Landlock;
use std::os::fd::BorrowedFd;

/// Why a process could not be confined as it was to be.
pub(crate) enum Halt {
    /// A step of the confinement was refused.
    Refused(Refusal),
    /// It would hold, but what was granted cannot be given.
    NotGranted(NotGranted),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Halt {
        Halt::Refused(refusal)
    }
}

impl From<NotGranted> for Halt {
    fn from(refusal: NotGranted) -> Halt {
        Halt::NotGranted(refusal)
    }
}

/// Confines the calling process, which must be single-threaded and hold nothing but `socket` (descriptor 0), and returns
/// what was achieved. With namespaces, the process that returns is a child of the caller's parent: the caller ends here, and
/// `born` is called first thing in the new one. `start_threads` is called before the filter, where threads were asked for.
///
/// # Errors
///
/// The first step that failed. The process is then half confined and must end.
pub(crate) fn enter(
    policy: &Policy,
    socket: BorrowedFd<'_>,
    born: impl FnOnce(),
    start_threads: impl FnOnce(u16) -> std::io::Result<()>,
) -> Result<Confinement, Halt> {
    let mut achieved = Confinement::default();

    // 1. Nothing inherited but the socket, and no way to gain privilege by exec.
    descriptors::close_all_but_socket(policy.role)?;
    capabilities::no_new_privileges()?;
    achieved.holds(Layer::NoNewPrivileges);
    identity::volunteer_when_memory_is_short();

    // 2. Not root, before anything else is done as root but to take hold of what it granted.
    let mut trees = directories::take_as_root(policy)?;
    if policy.namespaces != Namespaces::Privileged {
        identity::drop_root()?;
    }

    // 3. Own namespaces; from here on the process is the first of its pid namespace.
    match policy.namespaces {
        Namespaces::None => {}
        kind => {
            namespaces::unshare(kind)?;
            namespaces::become_init()?;
            born();
            if trees.is_empty() {
                trees = directories::take(policy)?;
            }
            root::make(trees)?;
            achieved.holds_namespaces(kind);
        }
    }
    identity::new_session(policy.namespaces)?;

    // 4. No capability, now or by any later exec; root without a user namespace leaves here.
    capabilities::forget_bounding_set()?;
    if policy.namespaces == Namespaces::Privileged {
        identity::drop_root()?;
    }
    capabilities::drop_all()?;
    achieved.holds(Layer::Capabilities);

    // 5. Dies with the supervisor. Credential changes clear this, so it comes after the last one.
    die_with_supervisor(socket)?;

    // 6. Limits that the kernel enforces without a filter.
    limits::apply(policy)?;
    achieved.holds(Layer::ResourceLimits);

    // 7. No path can be opened but what was granted, even with a filter missing.
    let granted = directories::hold(policy)?;
    match landlock::deny_all_but(&granted, policy.namespaces)? {
        Landlock::InForce(abi) => {
            achieved.holds(Layer::Landlock);
            achieved.landlock_abi = Some(abi);
        }
        Landlock::Missing(refusal) => achieved.landlock_refusal = Some(refusal),
    }

    // 8. Threads inherit all of the above, and share the filter.
    if policy.threads > 1 {
        start_threads(policy.threads)
            .map_err(|error| Refusal::new(Layer::ResourceLimits, "starting threads", error))?;
    }

    // 9. The filter under which the first untrusted byte is read.
    drop(granted);
    Filter::loading(policy.role, policy.files())?.install()?;
    achieved.holds(Layer::Seccomp);
    Ok(achieved)
}
