//! What the processes of a plugin need, and so what they are limited to: everything that it may
//! hold at once, and no more.

use super::Plugin;
use crate::sandbox::ProcessLimits;
use crate::wire::{ModuleKind, VALUES_BYTES};

/// Address space of one memory: 4 GiB that 32-bit addresses reach, and guards around it.
const SLOT_BYTES: u64 = (4 << 30) + (96 << 20);

/// What a worker needs besides the plugin: the program's own data, and its mappings.
const OWN_DATA_BYTES: u64 = 32 << 20;
const OWN_ADDRESS_SPACE_BYTES: u64 = 256 << 20;

impl Plugin {
    /// The process limits of the plugin's template and workers, once the artifact is known.
    ///
    /// The program itself is mapped, too, and takes `program_bytes`.
    pub(crate) fn process_limits(&self, program_bytes: u64) -> ProcessLimits {
        let limits = &self.terms.limits;
        let besides = || {
            let mut values = limits.argument_cap().saturating_add(limits.output_cap());
            if self.has_effects() {
                values = values.saturating_add(limits.host_call_cap());
            }
            if self.imports_wasi() {
                // What a task writes is collected in a buffer that grows, beside what it is sent
                // in.
                values = values.saturating_add(limits.output_cap().saturating_mul(2));
            }
            let values = match self.facts.kind {
                ModuleKind::Core => values,
                ModuleKind::Component => values.saturating_add(2 * VALUES_BYTES),
            };
            let parts = [self.artifact_bytes, values, OWN_DATA_BYTES];
            parts
                .iter()
                .fold(0_u64, |sum, part| sum.saturating_add(*part))
        };
        let data = limits
            .memory_bytes
            .map(|memory| memory.saturating_add(besides()));
        // Memories and tables lie in what is reserved for them.
        let tables = self.facts.table_elements.max(20_000) * 8 * u64::from(self.facts.tables);
        let slots = SLOT_BYTES * u64::from(self.facts.memories) + tables;
        let address_space = limits.memory_bytes.map(|_| {
            besides()
                .saturating_add(slots)
                .saturating_add(self.artifact_bytes + OWN_ADDRESS_SPACE_BYTES)
                .saturating_add(program_bytes)
        });
        ProcessLimits {
            data_bytes: data,
            address_space_bytes: address_space,
            cpu_seconds: None,
            processes: None,
        }
    }
}
