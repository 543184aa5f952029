//! A linked module and how a call of it is made: one of the two places that know which kind a module is.
//!
//! What both kinds have in common is here: the store of a task, its limits, and which of them ended it.

mod bytes;
mod component;
mod core_module;
mod values;

use super::memory_limit::MemoryLimit;
use super::worker::Outbox;
use crate::value::{Function, Signature, Value};
use crate::wire::{
    EngineProfile, ModuleFacts, ModuleKind, TaskFailure, TaskFailureKind, TaskLimits, VALUES_BYTES,
};
use std::fs::File;
use std::time::{Duration, Instant};
use wasmtime::{Engine, Store, StoreContextMut, Trap, UpdateDeadline};

/// What a store carries while a task runs.
pub(super) struct TaskState {
    memory: MemoryLimit,
    /// When the present phase of the task must be over.
    deadline: Option<Instant>,
    expired: bool,
    outbox: Outbox,
}

/// A plugin in a template and its workers: mapped, linked, its functions found.
pub(super) struct Guest {
    engine: Engine,
    linked: Linked,
    functions: Vec<Function>,
    profile: EngineProfile,
    limits: TaskLimits,
}

/// A module of one of the kinds, ready to be instantiated.
enum Linked {
    Core(core_module::Linked),
    Component(component::Linked),
}

/// A task's own instance.
enum Instance {
    Core(wasmtime::Instance),
    Component(wasmtime::component::Instance),
}

/// What became of a call, and what it used.
pub(super) struct Called {
    pub(super) outcome: Result<Option<Value>, TaskFailure>,
    pub(super) fuel: u64,
    pub(super) memory_bytes: u64,
}

impl Guest {
    /// Maps the artifact and links it. No code of the guest runs.
    pub(super) fn load(
        artifact: File,
        profile: EngineProfile,
        facts: &ModuleFacts,
        limits: TaskLimits,
    ) -> wasmtime::Result<Guest> {
        let signature = Signature::decode(&facts.signature)
            .map_err(|error| wasmtime::format_err!("{error}"))?;
        let functions = signature.functions;
        let engine = super::engine::for_running(profile, facts)?;
        let linked = match facts.kind {
            ModuleKind::Core => {
                Linked::Core(core_module::Linked::load(&engine, artifact, &functions)?)
            }
            ModuleKind::Component => {
                Linked::Component(component::Linked::load(&engine, artifact, &functions)?)
            }
        };
        Ok(Guest {
            engine,
            linked,
            functions,
            profile,
            limits,
        })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The function at `index` of the signature.
    pub(super) fn function(&self, index: u32) -> Option<&Function> {
        self.functions.get(index as usize)
    }

    /// Calls a function in a fresh instance.
    pub(super) fn call(
        &self,
        index: u32,
        arguments: &[Value],
        started: Instant,
        outbox: &Outbox,
    ) -> Called {
        let mut store = self.fresh_store(outbox);
        let outcome = self
            .instantiate_and_call(&mut store, index, arguments, started)
            .map_err(|(phase, error)| self.explain(phase, &error, store.data()));
        let fuel = match self.limits.fuel {
            Some(fuel) => fuel.saturating_sub(store.get_fuel().unwrap_or(0)),
            None => 0,
        };
        Called {
            outcome,
            fuel,
            memory_bytes: store.data().memory.peak_bytes(),
        }
    }

    fn fresh_store(&self, outbox: &Outbox) -> Store<TaskState> {
        let memory = MemoryLimit::new(self.limits.memory_bytes);
        let state = TaskState {
            memory,
            deadline: None,
            expired: false,
            outbox: outbox.clone(),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(look_at_the_clock);
        store.set_epoch_deadline(1);
        if matches!(self.linked, Linked::Component(_)) {
            store.set_hostcall_fuel(VALUES_BYTES as usize);
        }
        if self.profile.fuel {
            // It cannot fail on an engine that counts fuel.
            let _ = store.set_fuel(self.limits.fuel.unwrap_or(u64::MAX));
        }
        store
    }

    fn instantiate_and_call(
        &self,
        store: &mut Store<TaskState>,
        index: u32,
        arguments: &[Value],
        started: Instant,
    ) -> Result<Option<Value>, (Phase, wasmtime::Error)> {
        let within = |limit: Duration| started.checked_add(limit);
        let task_deadline = self.limits.timeout.and_then(within);
        let start_deadline = within(self.limits.start_timeout);
        store.data_mut().deadline = task_deadline.into_iter().chain(start_deadline).min();
        let instance = self
            .linked
            .instantiate(store)
            .map_err(|error| (Phase::Starting, error))?;
        store.data_mut().deadline = task_deadline;
        let function = self
            .function(index)
            .ok_or_else(|| (Phase::Starting, no_such_function()))?;
        let called = match (&self.linked, &instance) {
            (Linked::Core(linked), Instance::Core(instance)) => {
                linked.call(store, instance, index, function, arguments)
            }
            (Linked::Component(linked), Instance::Component(instance)) => {
                linked.call(store, instance, index, function, arguments)
            }
            _ => Err(no_such_function()),
        };
        called.map_err(|error| (Phase::Running, error))
    }

    /// Which limit or trap ended a task.
    fn explain(&self, phase: Phase, error: &wasmtime::Error, state: &TaskState) -> TaskFailure {
        let failure = |kind, message: String| TaskFailure { kind, message };
        let trap = error.downcast_ref::<Trap>();
        if state.expired {
            return match (phase, self.limits.timeout) {
                (Phase::Running, Some(timeout)) => failure(
                    TaskFailureKind::Timeout,
                    format!("it ran longer than {timeout:?}"),
                ),
                (Phase::Starting, Some(timeout)) if timeout <= self.limits.start_timeout => {
                    failure(
                        TaskFailureKind::Timeout,
                        format!("its start function ran longer than {timeout:?}"),
                    )
                }
                _ => failure(
                    TaskFailureKind::Init,
                    format!(
                        "instantiation took longer than {:?}",
                        self.limits.start_timeout
                    ),
                ),
            };
        }
        if trap == Some(&Trap::OutOfFuel) {
            let fuel = self.limits.fuel.unwrap_or_default();
            return failure(
                TaskFailureKind::Fuel,
                format!("it used up its fuel of {fuel}"),
            );
        }
        if let Some(TooManyValues(message)) = error.downcast_ref() {
            return failure(TaskFailureKind::BadArgument, message.clone());
        }
        // The engine's error has no type of its own.
        if error
            .root_cause()
            .to_string()
            .contains("fuel allocated for hostcalls")
        {
            let limit = VALUES_BYTES >> 20;
            let message = format!("its result takes more than {limit} MiB as values");
            return failure(TaskFailureKind::OutputLimit, message);
        }
        if state.memory.refused {
            let limit = self
                .limits
                .memory_bytes
                .map_or_else(String::new, |bytes| format!(" of {bytes} bytes"));
            return failure(
                TaskFailureKind::Memory,
                format!("it needed more memory than the limit{limit}"),
            );
        }
        let cause = trap.map_or_else(|| error.root_cause().to_string(), ToString::to_string);
        let cause = cause
            .strip_prefix("wasm trap: ")
            .unwrap_or(&cause)
            .replace('\n', " ");
        match phase {
            Phase::Starting => failure(
                TaskFailureKind::Init,
                format!("it could not be instantiated: {cause}"),
            ),
            Phase::Running => failure(TaskFailureKind::Trap, cause),
        }
    }
}

/// The arguments of a call would take too much room in the engine's form.
#[derive(Debug)]
struct TooManyValues(String);

impl std::fmt::Display for TooManyValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooManyValues {}

/// How far a task got.
#[derive(Clone, Copy)]
enum Phase {
    Starting,
    Running,
}

/// Runs at every tick while guest code runs: ends a task whose time is over, and lets finished results go ahead of it.
fn look_at_the_clock(
    mut store: StoreContextMut<'_, TaskState>,
) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    state.outbox.send_ahead();
    state.expired = state
        .deadline
        .is_some_and(|deadline| Instant::now() >= deadline);
    Ok(if state.expired {
        UpdateDeadline::Interrupt
    } else {
        UpdateDeadline::Continue(1)
    })
}

impl Linked {
    fn instantiate(&self, store: &mut Store<TaskState>) -> wasmtime::Result<Instance> {
        match self {
            Linked::Core(linked) => linked.instantiate(store).map(Instance::Core),
            Linked::Component(linked) => linked.instantiate(store).map(Instance::Component),
        }
    }
}

/// The artifact has fewer functions than its compiler said.
fn no_such_function() -> wasmtime::Error {
    wasmtime::format_err!("the artifact has no such function")
}
