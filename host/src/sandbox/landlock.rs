//! Landlock: every file system right that the kernel can handle is denied but for what was granted, and with newer kernels TCP,
//! abstract sockets and signals to processes outside as well.

use super::policy::Namespaces;
use super::{Layer, Refusal};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    make_bitflags,
};
use std::error::Error;
use std::os::fd::OwnedFd;

/// The newest ABI whose rights are known here. A newer kernel counts as this one: what it denies
/// besides is not asked for.
const NEWEST: ABI = ABI::V9;

/// The first ABI that denies to cut files.
const TRUNCATE: u32 = 3;

/// What a directory that was granted allows.
const READING: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});

/// What one that can be written to allows besides: no devices, sockets or pipes are made in it, and nothing is executed.
const CHANGING: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    WriteFile | Truncate | RemoveFile | RemoveDir | MakeReg | MakeDir | MakeSym | Refer
});

/// What became of Landlock.
pub(super) enum Landlock {
    /// Every file system right that the kernel knows is denied; this is its ABI.
    InForce(u32),
    /// It cannot be counted on, and why.
    Missing(Refusal),
}

/// Denies everything that can be denied, but for what was granted: directories, and whether they are read-only.
///
/// # Errors
///
/// When the kernel has Landlock but does not enforce the ruleset; what holds without Landlock is the supervisor's to judge.
pub(super) fn deny_all_but(
    granted: &[(OwnedFd, bool)],
    namespaces: Namespaces,
) -> Result<Landlock, Refusal> {
    let rules = granted.iter().map(|(directory, read_only)| {
        let rights = match read_only {
            true => READING,
            false => READING | CHANGING,
        };
        Ok::<_, RulesetError>(PathBeneath::new(directory, rights))
    });
    // Best effort over the rights of the newest ABI is exactly "all that this kernel handles".
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(NEWEST)))
        .and_then(|ruleset| ruleset.create())
        .and_then(|ruleset| ruleset.add_rules(rules))
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(|error| refused("denying every path", errno_in(&error)))?;
    let create = |errno| Landlock::Missing(refused("landlock_create_ruleset", errno));
    Ok(match (status.landlock, status.ruleset) {
        (LandlockStatus::NotImplemented, _) => create(libc::ENOSYS),
        (LandlockStatus::NotEnabled, _) => create(libc::EOPNOTSUPP),
        (_, RulesetStatus::NotEnforced) => return Err(refused("denying every path", 0)),
        // Before, files could be cut that may only be read; without namespaces nothing else is in the way.
        (LandlockStatus::Available { effective_abi, .. }, _)
            if !granted.is_empty()
                && namespaces == Namespaces::None
                && (effective_abi as u32) < TRUNCATE =>
        {
            let step = format!(
                "denying what was not granted of a directory, which needs ABI {TRUNCATE} (Linux 6.2),"
            );
            Landlock::Missing(refused(&step, libc::EOPNOTSUPP))
        }
        (LandlockStatus::Available { effective_abi, .. }, _) => {
            Landlock::InForce(effective_abi as u32)
        }
    })
}

fn refused(step: &str, errno: i32) -> Refusal {
    Refusal {
        layer: Layer::Landlock,
        step: step.into(),
        errno,
    }
}

/// The kernel's answer that an error of the library is about, 0 where there is none.
fn errno_in(error: &(dyn Error + 'static)) -> i32 {
    let first: Option<&(dyn Error + 'static)> = Some(error);
    let mut causes = std::iter::successors(first, |error| (*error).source());
    causes
        .find_map(|cause| cause.downcast_ref::<std::io::Error>()?.raw_os_error())
        .unwrap_or(0)
}
