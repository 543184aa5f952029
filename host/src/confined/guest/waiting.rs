//! How a call is made in which the guest may sleep.

use super::Guest;
use super::live::TaskState;
use crate::confined::conversation::Conversation;
use crate::confined::warm::Gate;
use crate::confined::wasi::{Runtime, Steps, Wasi};
use std::time::Instant;
use wasmtime::Store;

/// Makes calls that wait for clocks, as long as the task has time.
pub(super) struct Waiting<'a> {
    runtime: &'a Runtime,
    deadline: Option<Instant>,
    gate: Option<Gate>,
    steps: Option<Steps>,
    conversation: Option<Conversation>,
}

impl Guest {
    /// How calls are to be made in that store; `None` where nothing in them can wait, and they are simply made.
    #[inline]
    pub(super) fn waiting(&self, store: &Store<TaskState>) -> Option<Waiting<'_>> {
        let given = self.wasi.as_ref()?;
        let state = store.data();
        Some(Waiting {
            runtime: &given.runtime,
            deadline: state.deadline,
            gate: state.gate.clone(),
            steps: state.wasi.as_ref().and_then(Wasi::steps),
            conversation: state.conversation.clone(),
        })
    }
}

impl Waiting<'_> {
    /// Makes a call. What was written to streams of the host's is sent before it sleeps, and when it is over; the results of the
    /// tasks before it, which nobody is to wait for meanwhile, before it sleeps.
    pub(super) fn run<T>(
        self,
        call: impl Future<Output = wasmtime::Result<T>>,
    ) -> wasmtime::Result<T> {
        let flush = || match &self.conversation {
            Some(conversation) => Ok(conversation.flush_streams()?),
            None => Ok(()),
        };
        let deadline = || {
            let of_task = self.gate.as_ref().and_then(Gate::deadline);
            of_task.unwrap_or(self.deadline)
        };
        let idle = || {
            self.steps.iter().for_each(Steps::go_on);
            self.conversation.iter().for_each(Conversation::send_ahead);
            flush()
        };
        let result = self.runtime.run(deadline, idle, call);
        flush()?;
        result
    }
}
