//! An instance and the store that it lives in: for one task, or for those that a worker keeps it for.

use super::verdict::{Phase, explain};
use super::{Guest, Instance, Linked, no_such_function};
use crate::confined::conversation::Conversation;
use crate::confined::memory_limit::MemoryLimit;
use crate::value::{Value, is_err};
use crate::wire::{TaskFailure, VALUES_BYTES};
use std::time::{Duration, Instant};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

/// What a store carries while a task runs.
pub(super) struct TaskState {
    pub(super) memory: MemoryLimit,
    /// When the present phase of the task must be over.
    deadline: Option<Instant>,
    pub(super) expired: bool,
    /// None in a template, which has nothing to say while guest code runs.
    pub(super) conversation: Option<Conversation>,
}

/// An instance that calls can be made in.
pub(in crate::confined) struct Live {
    store: Store<TaskState>,
    instance: Instance,
}

/// What became of a call, and what it used.
pub(in crate::confined) struct Called {
    pub(in crate::confined) outcome: Result<Option<Value>, TaskFailure>,
    pub(in crate::confined) fuel: u64,
    pub(in crate::confined) memory_bytes: u64,
}

impl Called {
    /// A call that could not be made.
    pub(in crate::confined) fn failed(failure: TaskFailure) -> Called {
        Called {
            outcome: Err(failure),
            fuel: 0,
            memory_bytes: 0,
        }
    }
}

impl Guest {
    /// A fresh instance. Its start function has until the time limit of the task, which began at `started`.
    pub(in crate::confined) fn instantiate(
        &self,
        started: Instant,
        conversation: Option<&Conversation>,
    ) -> Result<Live, Called> {
        let mut store = self.fresh_store(conversation);
        let limits = self.limits();
        let within = |limit: Duration| started.checked_add(limit);
        let task = limits.timeout.and_then(within);
        let start = within(limits.start_timeout);
        store.data_mut().deadline = task.into_iter().chain(start).min();
        let instance = match &self.linked {
            Linked::Core(linked) => linked.instantiate(&mut store).map(Instance::Core),
            Linked::Component(linked) => linked.instantiate(&mut store).map(Instance::Component),
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
        let mut live = self.instantiate(Instant::now(), conversation)?;
        let Some(initializer) = self.terms.initializer else {
            return Ok(live);
        };
        let limits = self.limits();
        live.store.data_mut().deadline = Instant::now().checked_add(limits.start_timeout);
        let returned = self.call_now(&mut live, initializer, &[]);
        let returned = returned.and_then(|value| match &value {
            Some(value) if is_err(value).is_some() => {
                Err(wasmtime::format_err!("it returned an error"))
            }
            _ => Ok(()),
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
        self.fill_up(&mut live.store);
    }

    /// Calls a function for a task that began at `started`.
    pub(in crate::confined) fn call(
        &self,
        live: &mut Live,
        index: u32,
        arguments: &[Value],
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
        let outcome = self
            .call_now(live, index, arguments)
            .map_err(|error| explain(Phase::Running, &error, live.store.data(), self.limits()));
        self.called(&live.store, outcome)
    }

    fn call_now(
        &self,
        live: &mut Live,
        index: u32,
        arguments: &[Value],
    ) -> wasmtime::Result<Option<Value>> {
        let function = self.function(index).ok_or_else(no_such_function)?;
        let store = &mut live.store;
        match (&self.linked, &live.instance) {
            (Linked::Core(linked), Instance::Core(instance)) => {
                linked.call(store, instance, index, function, arguments)
            }
            (Linked::Component(linked), Instance::Component(instance)) => {
                linked.call(store, instance, index, function, arguments)
            }
            _ => Err(no_such_function()),
        }
    }

    fn fresh_store(&self, conversation: Option<&Conversation>) -> Store<TaskState> {
        let state = TaskState {
            memory: MemoryLimit::new(self.limits().memory_bytes),
            deadline: None,
            expired: false,
            conversation: conversation.cloned(),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(look_at_the_clock);
        store.set_epoch_deadline(1);
        if matches!(self.linked, Linked::Component(_)) {
            store.set_hostcall_fuel(VALUES_BYTES as usize);
        }
        self.fill_up(&mut store);
        store
    }

    fn fill_up(&self, store: &mut Store<TaskState>) {
        if self.profile.fuel {
            // It cannot fail on an engine that counts fuel.
            let _ = store.set_fuel(self.limits().fuel.unwrap_or(u64::MAX));
        }
    }

    fn called(
        &self,
        store: &Store<TaskState>,
        outcome: Result<Option<Value>, TaskFailure>,
    ) -> Called {
        let fuel = self.limits().fuel;
        let left = || store.get_fuel().unwrap_or(0);
        Called {
            outcome,
            fuel: fuel.map_or(0, |fuel| fuel.saturating_sub(left())),
            memory_bytes: store.data().memory.peak_bytes(),
        }
    }
}

/// Runs at every tick while guest code runs: ends a task whose time is over, and lets finished results go ahead of it.
fn look_at_the_clock(
    mut store: StoreContextMut<'_, TaskState>,
) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    if let Some(conversation) = &state.conversation {
        conversation.send_ahead();
    }
    state.expired = state
        .deadline
        .is_some_and(|deadline| Instant::now() >= deadline);
    Ok(if state.expired {
        UpdateDeadline::Interrupt
    } else {
        UpdateDeadline::Continue(1)
    })
}
