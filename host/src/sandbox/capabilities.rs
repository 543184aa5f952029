//! No privilege, and no way to any: `no_new_privs`, empty capability sets, locked secure bits.

use super::{Layer, Refusal};
use rustix::io::Errno;
use rustix::thread::{self, CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

fn refused(step: &'static str) -> impl Fn(Errno) -> Refusal {
    move |errno| Refusal::new(Layer::Capabilities, step, errno)
}

/// Makes exec gain nothing, for this process and every child.
pub(super) fn no_new_privileges() -> Result<(), Refusal> {
    thread::set_no_new_privs(true)
        .map_err(|errno| Refusal::new(Layer::NoNewPrivileges, "PR_SET_NO_NEW_PRIVS", errno))
}

/// Empties the bounding set and locks the secure bits where the process may; one that may not has no capability to lose.
pub(super) fn forget_bounding_set() -> Result<(), Refusal> {
    let held = thread::capabilities(None).map_err(refused("capget"))?;
    if !held.effective.contains(CapabilitySet::SETPCAP) {
        return Ok(());
    }
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // The first number that the kernel does not know ends the list.
            Err(Errno::INVAL) => break,
            Err(errno) => return Err(refused("PR_CAPBSET_DROP")(errno)),
        }
    }
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    match thread::set_capabilities_secure_bits(bits) {
        // Locked by an earlier pass: the same bits are in force.
        Err(Errno::PERM) if thread::capabilities_secure_bits() == Ok(bits) => Ok(()),
        other => other.map_err(refused("PR_SET_SECUREBITS")),
    }
}

/// Drops every capability and checks that none is left.
pub(super) fn drop_all() -> Result<(), Refusal> {
    thread::clear_ambient_capability_set().map_err(refused("PR_CAP_AMBIENT_CLEAR_ALL"))?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    thread::set_capabilities(None, sets).map_err(refused("capset"))?;
    let left = thread::capabilities(None).map_err(refused("capget"))?;
    if left.effective.is_empty() && left.permitted.is_empty() && left.inheritable.is_empty() {
        return Ok(());
    }
    Err(Refusal {
        layer: Layer::Capabilities,
        step: "dropping all capabilities".into(),
        errno: 0,
    })
}
