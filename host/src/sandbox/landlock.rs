//! Landlock with no rule: every file system right that the kernel can handle is denied, and with newer kernels TCP,
//! abstract sockets and signals to processes outside as well.

use super::{Layer, Refusal};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset,
    RulesetAttr, RulesetStatus, Scope,
};

/// The newest ABI whose rights are known here.
const NEWEST: ABI = ABI::V9;

/// Denies everything and returns the ABI in force, or `None` where the kernel has no Landlock.
///
/// # Errors
///
/// When the kernel has Landlock but does not enforce the ruleset; what holds without Landlock is the supervisor's to judge.
pub(super) fn deny_all() -> Result<Option<u32>, Refusal> {
    let failed = |error: &dyn std::fmt::Display| Refusal {
        layer: Layer::Landlock,
        step: format!("landlock_restrict_self ({error})"),
        errno: 0,
    };
    // Best effort over the rights of the newest ABI is exactly "all that this kernel handles".
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(NEWEST)))
        .and_then(|ruleset| ruleset.create())
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(|error| failed(&error))?;
    match (status.landlock, status.ruleset) {
        (LandlockStatus::NotEnabled | LandlockStatus::NotImplemented, _) => Ok(None),
        (_, RulesetStatus::NotEnforced) => Err(failed(&"not enforced")),
        // A kernel newer than NEWEST may have rights that are not handled: not counted as complete.
        (
            LandlockStatus::Available {
                kernel_abi: Some(_),
                ..
            },
            _,
        ) => Ok(None),
        (LandlockStatus::Available { effective_abi, .. }, _) => Ok(Some(effective_abi as u32)),
    }
}
