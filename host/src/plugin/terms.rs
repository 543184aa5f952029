//! What a plugin is run under: its limits, what its tasks share, and what it is granted.

use super::wasi::WasiGrants;
use super::{HostFunction, Limits};
use crate::wire::{EngineProfile, Isolation, TaskTerms};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// As it was asked for; what of it makes sense for the module is found out when that is compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// What the plugin is called, where that is not the name of its file.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) limits: Limits,
    pub(crate) isolation: Isolation,
    /// The function that prepares what tasks share or are forked from.
    pub(crate) initializer: Option<String>,
    /// How many tasks a worker runs before another takes its place.
    pub(crate) recycle_after: Option<NonZeroU32>,
    /// How many tasks travel to a worker at once, where that is not to follow what they cost.
    pub(crate) chunk: Option<NonZeroU32>,
    /// Which tasks are run again when they fail.
    pub(crate) retries: Retries,
    pub(crate) measure_cpu: bool,
    /// Functions of the application that the plugin may import.
    pub(crate) host_functions: Vec<HostFunction>,
    /// Whether a call of a function that was not granted is a trap, instead of a reason to refuse the module.
    pub(crate) trap_missing: bool,
    pub(crate) wasi: WasiGrants,
}

/// Which tasks are run again when they fail, and how often. That their worker died can pass.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retries {
    pub(crate) times: u32,
    /// Those that ran past their time limit, too.
    pub(crate) timeouts: bool,
}

/// Fuel of a task whose limit is to be the same everywhere, where none was set: a minute or two.
const DETERMINISTIC_FUEL: u64 = 100_000_000_000;

/// How long such a task may take besides, so that one that sleeps ends too.
const DETERMINISTIC_TIMEOUT: Duration = Duration::from_secs(600);

impl Terms {
    /// Makes fuel the limit, instead of time.
    pub(crate) fn make_deterministic(&mut self) {
        self.wasi.deterministic = true;
        let limits = &mut self.limits;
        limits.fuel.get_or_insert(DETERMINISTIC_FUEL);
        if limits.timeout == Limits::default().timeout {
            limits.timeout = Some(DETERMINISTIC_TIMEOUT);
        }
    }

    /// How its code is compiled.
    pub(crate) fn profile(&self) -> EngineProfile {
        EngineProfile {
            fuel: self.limits.fuel.is_some(),
            deterministic: self.wasi.deterministic,
        }
    }

    /// How many tasks a worker runs at most.
    pub(crate) fn tasks_per_worker(&self) -> Option<NonZeroU32> {
        match self.isolation {
            Isolation::Process => Some(NonZeroU32::MIN),
            Isolation::Instance | Isolation::Worker => self.recycle_after,
        }
    }

    /// What a worker is told. Tasks that can call the application have effects: none may run twice because its result was lost.
    pub(crate) fn of_tasks(&self, initializer: Option<u32>, has_effects: bool) -> TaskTerms {
        TaskTerms {
            limits: self.limits.of_tasks(),
            isolation: self.isolation,
            initializer,
            results_at_once: has_effects,
            measure_cpu: self.measure_cpu,
        }
    }
}
