//! How wasmtime is configured, the same in the compiler and in every template: an artifact fits only the engine it was made
//! for.

use super::code_memory::{Executable, NeverExecutable};
use crate::wire::{EngineProfile, ModuleFacts};
use std::sync::Arc;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Table elements a module may have beyond its minimum, where it asks for growth.
const TABLE_ELEMENTS: u64 = 20_000;

/// Core instances that a component may consist of; they are made as they are needed.
const CORE_INSTANCES: u32 = 1000;

/// The largest instance (globals, function references, tables' heads) of a module, in bytes.
const INSTANCE_BYTES: usize = 16 * 1024 * 1024;

/// The engine of a compiler.
pub(super) fn for_compiling(profile: EngineProfile, parallel: bool) -> wasmtime::Result<Engine> {
    let mut config = config(profile);
    config.parallel_compilation(parallel);
    config.with_custom_code_memory(Some(Arc::new(NeverExecutable)));
    Engine::new(&config)
}

/// The engine of a template: slots for one instance of the module, in reserved address space.
pub(super) fn for_running(
    profile: EngineProfile,
    facts: &ModuleFacts,
    code: Executable,
) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(CORE_INSTANCES)
        .total_component_instances(1)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_component_instance_size(INSTANCE_BYTES)
        .total_memories(facts.memories)
        .max_memories_per_module(facts.memories)
        .max_memories_per_component(facts.memories)
        .total_tables(facts.tables)
        .max_tables_per_module(facts.tables)
        .max_tables_per_component(facts.tables)
        .table_elements(facts.table_elements.max(TABLE_ELEMENTS) as usize)
        .max_core_instance_size(INSTANCE_BYTES)
        // For calls in which the guest may sleep.
        .total_stacks(1)
        .max_unused_warm_slots(1)
        .linear_memory_keep_resident(64 * 1024)
        .table_keep_resident(64 * 1024)
        // It reads back which pages were touched; a report of pages leaking to the next instance is open.
        .pagemap_scan(Enabled::No);
    let mut config = config(profile);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config.parallel_compilation(false);
    config.with_custom_code_memory(Some(Arc::new(code)));
    Engine::new(&config)
}

fn config(profile: EngineProfile) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(profile.fuel)
        .cranelift_nan_canonicalization(profile.deterministic)
        .relaxed_simd_deterministic(profile.deterministic)
        .memory_init_cow(true)
        // Traps are named, not located: an address map would double the artifact.
        .generate_address_map(false)
        .native_unwind_info(false);
    config
}
