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
mod kernel;
mod landlock;
mod limits;
mod namespaces;
#[cfg(feature = "testing")]
mod only;
mod policy;
mod root;
mod seccomp;
mod signals;

pub use confinement::{Confinement, Layer, Level, ProcessUser, Refusal};
pub use policy::{
    Files, GrantedDirectory, NOBODY, Namespaces, NotGranted, Policy, ProcessLimits, Role, RunAs,
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

/// What the process says, waits for and does between the steps of its confinement.
pub(crate) trait Between {
    /// Asks the supervisor to map ids into the user namespace, which has none.
    fn ask_for_ids(&mut self);
    /// Waits until the ids are mapped.
    ///
    /// # Errors
    ///
    /// The refusal, where they cannot be mapped.
    fn wait_for_ids(&mut self) -> Result<(), Refusal>;
    /// It is another process than before, a child of the caller's parent.
    fn born(&mut self);
    /// Starts threads to compile with.
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn start_threads(&mut self, threads: u16) -> std::io::Result<()>;
}

/// Confines the calling process, which must be single-threaded and hold nothing but `socket`
/// (descriptor 0), and returns what was achieved. With namespaces, the process that returns is a
/// child of the caller's parent, and the caller ends here.
///
/// # Errors
///
/// The first step that failed. The process is then half confined and must end.
pub(crate) fn enter(
    policy: &Policy,
    socket: BorrowedFd<'_>,
    between: &mut impl Between,
) -> Result<Confinement, Halt> {
    let mut achieved = Confinement::default();

    // 1. Nothing inherited but the socket, and no way to gain privilege by exec.
    descriptors::close_all_but_socket(policy.role)?;
    capabilities::no_new_privileges()?;
    achieved.holds(Layer::NoNewPrivileges);
    identity::volunteer_when_memory_is_short();

    // 2. Root takes hold of what it granted. Before it stops being root, no other user may look
    // into it.
    let mut trees = directories::take_as_root(policy)?;
    let user = identity::to_become(policy)?;
    if user.is_some() {
        identity::hide()?;
    }
    if let (Namespaces::None, Some(user)) = (policy.namespaces, user) {
        identity::become_user(user)?;
    }

    // 3. Own namespaces; from here on the process is the first of its pid namespace. The user
    // namespace of root's process is root's, so that no other user has a privilege in it, and has
    // its ids from the supervisor, which maps them while the other namespaces are made.
    match policy.namespaces {
        Namespaces::None => {}
        kind => {
            let ids = namespaces::own_ids();
            if kind == Namespaces::User {
                namespaces::unshare_user()?;
                if user.is_some() {
                    between.ask_for_ids();
                }
            }
            namespaces::unshare_others(kind)?;
            match (kind, user) {
                (Namespaces::User, Some(user)) => {
                    between.wait_for_ids()?;
                    identity::become_user(user)?;
                }
                (Namespaces::User, None) => namespaces::map_own_ids(ids)?,
                _ => {}
            }
            namespaces::become_init()?;
            between.born();
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
    if let (Namespaces::Privileged, Some(user)) = (policy.namespaces, user) {
        identity::become_user(user)?;
    }
    capabilities::drop_all()?;
    achieved.holds(Layer::Capabilities);

    // 5. Dies with the supervisor. Credential changes clear this, so it comes after the last one.
    die_with_supervisor(socket)?;

    // 6. Limits that the kernel enforces without a filter.
    limits::apply(policy)?;
    achieved.holds(Layer::ResourceLimits);
    achieved.counts_processes = policy.counts_processes();

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
        between
            .start_threads(policy.threads)
            .map_err(|error| Refusal::new(Layer::ResourceLimits, "starting threads", error))?;
    }

    // 9. The filter under which the first untrusted byte is read.
    drop(granted);
    Filter::loading(policy.role, policy.files())?.install()?;
    achieved.holds(Layer::Seccomp);
    Ok(achieved)
}
