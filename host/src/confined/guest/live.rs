//! An instance and the store that it lives in: for one task, or for those that a worker keeps it for.

use super::verdict::{Phase, explain};
use super::waiting::Waiting;
use super::{Arguments, Guest, Instance, Linked, Returned, no_such_function};
use crate::confined::conversation::Conversation;
use crate::confined::memory_limit::MemoryLimit;
use crate::confined::warm::Gate;
use crate::confined::wasi::{Input, Wasi, Written};
use crate::wire::{TaskFailure, TaskFailureKind, VALUES_BYTES};
use std::time::{Duration, Instant};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

/// What a store carries while a task runs.
pub(in crate::confined) struct TaskState {
    pub(super) memory: MemoryLimit,
    /// When the present phase of the task must be over.
    pub(super) deadline: Option<Instant>,
    pub(super) expired: bool,
    /// None in a template, which has nothing to say while guest code runs.
    pub(super) conversation: Option<Conversation>,
    /// Where the module imports it.
    pub(in crate::confined) wasi: Option<Wasi>,
    /// Where a warm program waits for the task whose time limit is then its own.
    pub(super) gate: Option<Gate>,
}

/// An instance that calls can be made in.
pub(in crate::confined) struct Live {
    pub(super) store: Store<TaskState>,
    pub(super) instance: Instance,
}

/// What became of a call, and what it used.
pub(in crate::confined) struct Called {
    pub(in crate::confined) outcome: Result<Returned, TaskFailure>,
    pub(in crate::confined) fuel: u64,
    pub(in crate::confined) memory_bytes: u64,
    /// What it wrote, where that is not its result.
    pub(in crate::confined) written: Written,
}

impl Called {
    /// A call that could not be made.
    pub(in crate::confined) fn failed(failure: TaskFailure) -> Called {
        Called {
            outcome: Err(failure),
            fuel: 0,
            memory_bytes: 0,
            written: Written::default(),
        }
    }
}

impl TaskState {
    /// When the present phase must be over: for a warm program, once it has a task, with that.
    fn deadline(&self) -> Option<Instant> {
        let of_task = self.gate.as_ref().and_then(Gate::deadline);
        of_task.unwrap_or(self.deadline)
    }

    fn written(&self) -> Written {
        let wasi = self.wasi.as_ref();
        wasi.map_or_else(Written::default, Wasi::take_written)
    }
}

impl Guest {
    /// A fresh instance. Its start function has until the time limit of the task, which began at `started`.
    pub(in crate::confined) fn instantiate(
        &self,
        started: Instant,
        conversation: Option<&Conversation>,
        input: Input<'_>,
    ) -> Result<Live, Called> {
        let mut store = self.fresh_store(conversation, input)?;
        let limits = self.limits();
        let within = |limit: Duration| started.checked_add(limit);
        let task = limits.timeout.and_then(within);
        let start = within(limits.start_timeout);
        store.data_mut().deadline = task.into_iter().chain(start).min();
        let waiting = self.waiting(&store);
        let instance = match &self.linked {
            Linked::Core(linked) => linked.instantiate(&mut store, waiting).map(Instance::Core),
            Linked::Component(linked) => {
                let instance = linked.instantiate(&mut store, waiting);
                instance.map(Instance::Component)
            }
        };
        match instance {
            Ok(instance) => Ok(Live { store, instance }),
            Err(error) => {
                let outcome = Err(explain(Phase::Starting, &error, store.data(), limits));
                Err(self.called(&store, outcome))
            }
        }
    }

    /// A fresh instance that its initializer has prepared, if there is one. That has a time limit of its own.
    pub(in crate::confined) fn prepare(
        &self,
        conversation: Option<&Conversation>,
    ) -> Result<Live, Called> {
        let mut live = self.instantiate(Instant::now(), conversation, Input::default())?;
        let Some(initializer) = self.terms.initializer else {
            if let (Linked::Core(linked), Instance::Core(instance)) =
                (&self.linked, &mut live.instance)
            {
                linked.foresee(&mut live.store, instance);
            }
            return Ok(live);
        };
        let none = self.read(initializer, &[], &mut Vec::new());
        let none = none.map_err(Called::failed)?;
        let limits = self.limits();
        live.store.data_mut().deadline = Instant::now().checked_add(limits.start_timeout);
        let returned = self.call_now(&mut live, initializer, &none);
        let returned = returned.and_then(|returned| match returned.is_err() {
            true => Err(wasmtime::format_err!("it returned an error")),
            false => Ok(()),
        });
        if let Err(error) = returned {
            let state = live.store.data();
            let outcome = Err(explain(Phase::Initializing, &error, state, limits));
            return Err(self.called(&live.store, outcome));
        }
        self.renew(&mut live);
        Ok(live)
    }

    /// Lets the next task have the whole of what one may use.
    pub(in crate::confined) fn renew(&self, live: &mut Live) {
        let state = live.store.data_mut();
        state.expired = false;
        state.memory.refused = false;
        if let Some(wasi) = &state.wasi {
            wasi.take_written();
        }
        self.fill_up(&mut live.store);
    }

    /// Calls a function for a task that began at `started`.
    #[inline]
    pub(in crate::confined) fn call(
        &self,
        live: &mut Live,
        index: u32,
        arguments: &Arguments<'_>,
        started: Instant,
        conversation: &Conversation,
    ) -> Called {
        let state = live.store.data_mut();
        state.deadline = self
            .limits()
            .timeout
            .and_then(|limit| started.checked_add(limit));
        if state.conversation.is_none() {
            state.conversation = Some(conversation.clone());
        }
        if self.program == Some(index) {
            let ended = self.run_program(live).map(|()| Returned::Value(None));
            return self.ended(live, ended).of_program();
        }
        let returned = self.call_now(live, index, arguments);
        self.ended(live, returned)
    }

    // A move of what it returns takes as long as a small call.
    #[inline(always)]
    pub(super) fn ended(&self, live: &Live, returned: wasmtime::Result<Returned>) -> Called {
        let outcome = returned.map_err(|error| {
            let state = live.store.data();
            let phase = match &state.gate {
                Some(gate) if gate.deadline().is_none() => Phase::Warming,
                _ => Phase::Running,
            };
            explain(phase, &error, state, self.limits())
        });
        self.called(&live.store, outcome)
    }

    #[inline]
    fn call_now(
        &self,
        live: &mut Live,
        index: u32,
        arguments: &Arguments<'_>,
    ) -> wasmtime::Result<Returned> {
        let waiting = self.waiting(&live.store);
        match (&self.linked, &mut live.instance, arguments) {
            (Linked::Core(linked), Instance::Core(instance), Arguments::Numbers(encoded))
                if waiting.is_none() =>
            {
                let results = linked.call(&mut live.store, instance, index, encoded);
                Ok(Returned::Numbers(results?))
            }
            _ => self.call_otherwise(live, waiting, index, arguments),
        }
    }

    /// The same for calls that take longer anyhow: small ones need little stack without it, and so a page fault less.
    #[inline(never)]
    fn call_otherwise(
        &self,
        live: &mut Live,
        waiting: Option<Waiting<'_>>,
        index: u32,
        arguments: &Arguments<'_>,
    ) -> wasmtime::Result<Returned> {
        let store = &mut live.store;
        match (&self.linked, &mut live.instance, arguments, waiting) {
            (
                Linked::Core(linked),
                Instance::Core(instance),
                Arguments::Numbers(encoded),
                Some(waiting),
            ) => {
                let results = linked.call_waiting((store, waiting), instance, index, encoded)?;
                Ok(Returned::Numbers(results))
            }
            (
                Linked::Component(linked),
                Instance::Component(instance),
                Arguments::Values(values),
                waiting,
            ) => {
                let function = self.function(index).ok_or_else(no_such_function)?;
                let value = linked.call((store, waiting), instance, (index, function), values)?;
                Ok(Returned::Value(value))
            }
            _ => Err(no_such_function()),
        }
    }

    fn fresh_store(
        &self,
        conversation: Option<&Conversation>,
        input: Input<'_>,
    ) -> Result<Store<TaskState>, Called> {
        let wasi = self.wasi.as_ref();
        let wasi = wasi.map(|given| Wasi::new(&given.terms, self.limits(), input, conversation));
        let wasi = wasi.transpose().map_err(|error| {
            Called::failed(TaskFailure {
                kind: TaskFailureKind::Init,
                message: format!("it cannot be given what it was granted: {error:#}"),
            })
        })?;
        let state = TaskState {
            memory: MemoryLimit::new(self.limits().memory_bytes),
            deadline: None,
            expired: false,
            conversation: conversation.cloned(),
            wasi,
            gate: input.gate.cloned(),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(look_at_the_clock);
        store.set_epoch_deadline(1);
        if matches!(self.linked, Linked::Component(_)) {
            store.set_hostcall_fuel(VALUES_BYTES as usize);
        }
        self.fill_up(&mut store);
        Ok(store)
    }

    fn fill_up(&self, store: &mut Store<TaskState>) {
        if self.profile.fuel {
            // It cannot fail on an engine that counts fuel.
            let _ = store.set_fuel(self.limits().fuel.unwrap_or(u64::MAX));
        }
    }

    // A move of what it returns takes as long as a small call.
    #[inline(always)]
    fn called(&self, store: &Store<TaskState>, outcome: Result<Returned, TaskFailure>) -> Called {
        let fuel = self.limits().fuel;
        let left = || store.get_fuel().unwrap_or(0);
        Called {
            outcome,
            fuel: fuel.map_or(0, |fuel| fuel.saturating_sub(left())),
            memory_bytes: store.data().memory.peak_bytes(),
            written: store.data().written(),
        }
    }
}

/// Runs at every tick while guest code runs: ends a task whose time is over, and lets finished results go ahead of it.
fn look_at_the_clock(
    mut store: StoreContextMut<'_, TaskState>,
) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    if let Some(conversation) = &state.conversation {
        conversation.tick(Instant::now());
        conversation.flush_streams()?;
    }
    state.expired = state
        .deadline()
        .is_some_and(|deadline| Instant::now() >= deadline);
    Ok(if state.expired {
        UpdateDeadline::Interrupt
    } else {
        UpdateDeadline::Continue(1)
    })
}
