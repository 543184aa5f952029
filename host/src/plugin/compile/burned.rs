//! Modules that used up a compiler's whole time. The same process does not compile them again with
//! as little: a module that is sent in again and again costs its time once.

use super::Job;
use crate::error::{Error, ErrorKind};
use crate::wire::EngineProfile;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many are remembered, the last ones.
const REMEMBERED: usize = 1024;

struct Burned {
    module: blake3::Hash,
    profile: EngineProfile,
    /// How long it was given.
    limit: Duration,
    memory: Option<u64>,
}

static BURNED: Mutex<VecDeque<Burned>> = Mutex::new(VecDeque::new());

fn all() -> MutexGuard<'static, VecDeque<Burned>> {
    BURNED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refuses a module that used up as much time, or more, before.
pub(super) fn check(module: blake3::Hash, job: &Job<'_>) -> Result<(), Error> {
    let Some(limit) = job.limits.compile_timeout else {
        return Ok(());
    };
    let all = all();
    let known = all.iter().find(|burned| {
        let same = burned.module == module && burned.profile == job.profile;
        same && limit <= burned.limit && job.limits.compile_memory_bytes == burned.memory
    });
    match known {
        None => Ok(()),
        Some(burned) => Err(Error::new(
            ErrorKind::Compile,
            format!(
                "compiling it took longer than {:?} before, and is not tried again by the same process: give it more time than that",
                burned.limit
            ),
        )),
    }
}

/// A module used up its time.
pub(super) fn note(module: blake3::Hash, job: &Job<'_>) {
    let Some(limit) = job.limits.compile_timeout else {
        return;
    };
    let mut all = all();
    all.retain(|burned| burned.module != module || burned.profile != job.profile);
    if all.len() == REMEMBERED {
        all.pop_front();
    }
    all.push_back(Burned {
        module,
        profile: job.profile,
        limit,
        memory: job.limits.compile_memory_bytes,
    });
}
