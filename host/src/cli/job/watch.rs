//! Sees tasks end, also those whose results have to wait for their turn: counts them, notes when that was, and ends the job early where
//! that was asked for.

use super::halt::{Halt, Manner};
use super::ledger::Ledger;
use crate::cli::progress::Counts;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use wpool::{Closer, Failure, FailureKind, Pool, Value};

pub(in crate::cli) struct Watch {
    counts: Arc<Counts>,
    ledger: Arc<Ledger>,
    halt: Option<Halt>,
    /// Why the job ends early, once it does.
    halted: OnceLock<String>,
    /// Told when it does.
    due: Mutex<Option<Sender<()>>>,
}

impl Watch {
    pub(in crate::cli) fn new(
        counts: &Arc<Counts>,
        ledger: &Arc<Ledger>,
        halt: Option<Halt>,
    ) -> Arc<Watch> {
        Arc::new(Watch {
            counts: Arc::clone(counts),
            ledger: Arc::clone(ledger),
            halt,
            halted: OnceLock::new(),
            due: Mutex::new(None),
        })
    }

    /// The task that was sent at place `index` is over.
    pub(in crate::cli) fn see(&self, index: u64, result: &Result<Option<Value>, Failure>) {
        if self.ledger.keeps_all() {
            self.ledger.ended(index);
        }
        let failure = result.as_ref().err().map(Failure::kind);
        if failure == Some(FailureKind::Cancelled) {
            return;
        }
        let (succeeded, failed) = self.counts.ended(failure.is_none());
        if let Some(halt) = self.halt
            && halt.is_due(succeeded, failed)
            && self.halted.set(halt.because(succeeded, failed)).is_ok()
            && let Some(due) = &*self.due.lock().unwrap_or_else(PoisonError::into_inner)
        {
            let _ = due.send(());
        }
    }

    /// Why the job ended early.
    pub(in crate::cli) fn halted(&self) -> Option<&str> {
        self.halted.get().map(String::as_str)
    }

    /// Whether it ended early because as many succeeded as were wanted.
    pub(in crate::cli) fn has_enough(&self) -> bool {
        self.halted().is_some() && self.halt.is_some_and(Halt::is_for_success)
    }

    /// Ends the job when it is time: in a thread of its own, since the one that sees tasks end must not wait for anything.
    pub(in crate::cli) fn arm(
        &self,
        inputs: Closer,
        pool: &Arc<Pool>,
    ) -> Result<(), std::io::Error> {
        let Some(halt) = self.halt else {
            return Ok(());
        };
        let (due, is_due) = channel();
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = Some(due);
        let pool = Arc::downgrade(pool);
        std::thread::Builder::new()
            .name("wpool-halt".into())
            .spawn(move || end(halt, &is_due, &inputs, &pool))?;
        Ok(())
    }
}

fn end(halt: Halt, is_due: &Receiver<()>, inputs: &Closer, pool: &Weak<Pool>) {
    if is_due.recv().is_err() {
        return;
    }
    inputs.close();
    if let Some(pool) = pool.upgrade() {
        match halt.manner {
            Manner::Now => pool.terminate(),
            Manner::Soon => pool.halt(),
        }
    }
}
