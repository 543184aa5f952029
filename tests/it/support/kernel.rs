//! What old and new kernels, and those of distributions, answer where this one answers something else.

use super::held_calls::{Answer, Held, hold_up};
use landlock::{Access, AccessFs, Ruleset, RulesetAttr};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

/// The file system rights that a ruleset handles, of each that was made.
pub type Rulesets = Arc<Mutex<Vec<u64>>>;

/// Landlock is that of a kernel with this ABI, older or newer, for this thread and all that it starts.
pub fn have_landlock(abi: u32) -> Rulesets {
    let made = Rulesets::default();
    let seen = Arc::clone(&made);
    hold_up(libc::SYS_landlock_create_ruleset, u32::MAX, move |call| {
        landlock_create_ruleset(abi, call, &seen)
    });
    made
}

/// Every file system right of a kernel with this ABI, as its header has them.
pub fn file_rights(abi: u32) -> u64 {
    let count = match abi {
        // From executing to making a symbolic link; then linking across directories, truncating, ioctl on devices.
        1 => 13,
        2 => 14,
        3 | 4 => 15,
        _ => 16,
    };
    (1 << count) - 1
}

fn landlock_create_ruleset(abi: u32, call: &Held, made: &Rulesets) -> Answer {
    const VERSION: u64 = 1;
    let [attributes, length, flags, ..] = call.arguments;
    if (attributes, flags) == (0, VERSION) {
        return Answer::Value(abi.into());
    }
    // A newer kernel takes rights that this one does not have: it is given a ruleset of those that there are.
    if abi > landlock::ABI::V9 as u32 {
        return match everything_here() {
            Some(ruleset) => Answer::Descriptor(ruleset),
            None => Answer::AsItIs,
        };
    }
    // A caller that only root may look at is answered by this kernel, where the tests are run by somebody else.
    let Some(attributes) = call.memory(attributes, length) else {
        return Answer::AsItIs;
    };
    // Rights about files, about the network, and scopes.
    let handled = attributes.chunks_exact(8);
    let handled: Vec<u64> = handled
        .map(|number| u64::from_le_bytes(number.try_into().unwrap()))
        .collect();
    let known = match abi {
        ..4 => 1,
        4 | 5 => 2,
        _ => 3,
    };
    if handled.iter().skip(known).any(|rights| *rights != 0) {
        return Answer::Error(Errno::TOOBIG);
    }
    if handled[0] & !file_rights(abi) != 0 {
        return Answer::Error(Errno::INVAL);
    }
    made.lock().unwrap().push(handled[0]);
    Answer::AsItIs
}

fn everything_here() -> Option<OwnedFd> {
    let all = AccessFs::from_all(landlock::ABI::V9);
    let ruleset = Ruleset::default().handle_access(all).ok()?;
    ruleset.create().ok()?.into()
}

/// Ids cannot be mapped in a new user namespace, as on Ubuntu 24.04.
pub fn refuse_uid_maps() {
    // An id, the same id and 1 are short; results and messages are mostly not.
    hold_up(libc::SYS_write, 32, |call| {
        let file = call.descriptor(call.arguments[0]);
        if file.is_some_and(|file| file.ends_with("uid_map")) {
            Answer::Error(Errno::PERM)
        } else {
            Answer::AsItIs
        }
    });
}
