//! A linked module and how a call of it is made: one of the two places that know which kind a module is.

use super::memory_limit::MemoryLimit;
use super::worker::Outbox;
use crate::value::{Function, Signature, Type, Value};
use crate::wire::{EngineProfile, ModuleFacts, TaskFailure, TaskFailureKind, TaskLimits};
use std::fs::File;
use std::time::{Duration, Instant};
use wasmtime::{
    Engine, InstancePre, Linker, Module, ModuleExport, Store, StoreContextMut, Trap,
    UpdateDeadline, Val,
};

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
    instance: InstancePre<TaskState>,
    functions: Vec<(Function, Option<ModuleExport>)>,
    profile: EngineProfile,
    limits: TaskLimits,
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
        let engine = super::engine::for_running(profile, facts)?;
        // SAFETY: wasmtime trusts an artifact as it trusts its own code. This one was made by a confined compiler from
        // untrusted bytes, and if that was compromised so is this process: which is why it is confined too. The file is
        // sealed, so it cannot change under the mapping.
        let module = unsafe { Module::deserialize_open_file(&engine, artifact)? };
        let instance = Linker::new(&engine).instantiate_pre(&module)?;
        let functions = signature
            .functions
            .into_iter()
            .map(|function| {
                let export = module.get_export_index(&function.name);
                (function, export)
            })
            .collect();
        Ok(Guest {
            engine,
            instance,
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
        self.functions
            .get(index as usize)
            .map(|(function, _)| function)
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
        let starting = |error| (Phase::Starting, error);
        let instance = self.instance.instantiate(&mut *store).map_err(starting)?;
        store.data_mut().deadline = task_deadline;

        let missing = || wasmtime::format_err!("the artifact has no such function");
        let (function, export) = self
            .functions
            .get(index as usize)
            .ok_or_else(|| starting(missing()))?;
        let export = export.as_ref().ok_or_else(|| starting(missing()))?;
        let called = instance
            .get_module_export(&mut *store, export)
            .and_then(|export| export.into_func());
        let called = called.ok_or_else(|| starting(missing()))?;
        let arguments: Vec<Val> = arguments.iter().map(to_core).collect();
        let mut results = vec![Val::I32(0); count_results(function)];
        called
            .call(&mut *store, &arguments, &mut results)
            .map_err(|error| (Phase::Running, error))?;
        Ok(from_core(&results))
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

fn count_results(function: &Function) -> usize {
    match &function.result {
        None => 0,
        Some(Type::Tuple(types)) => types.len(),
        Some(_) => 1,
    }
}

/// A core value. Only the four core types occur in the signature of a core module.
fn to_core(value: &Value) -> Val {
    match value {
        Value::S32(number) => Val::I32(*number),
        Value::S64(number) => Val::I64(*number),
        Value::F32(number) => Val::F32(number.to_bits()),
        Value::F64(number) => Val::F64(number.to_bits()),
        // The call checks types: this fails the task rather than the process.
        _ => Val::null_func_ref(),
    }
}

fn from_core(results: &[Val]) -> Option<Value> {
    let value = |result: &Val| match result {
        Val::I64(number) => Value::S64(*number),
        Val::F32(bits) => Value::F32(f32::from_bits(*bits)),
        Val::F64(bits) => Value::F64(f64::from_bits(*bits)),
        other => Value::S32(other.i32().unwrap_or_default()),
    };
    match results {
        [] => None,
        [one] => Some(value(one)),
        several => Some(Value::Tuple(several.iter().map(value).collect())),
    }
}
