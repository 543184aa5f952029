//! How other threads reach the driver: tasks and commands in a queue, and a wake-up only when it sleeps.

use super::scheduler::PluginId;
use super::stream::Reply;
use crate::plugin::Plugin;
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A task on its way to the driver.
#[derive(Debug)]
pub(crate) struct NewTask {
    pub(crate) plugin: PluginId,
    pub(crate) function: u32,
    /// The encoded arguments.
    pub(crate) arguments: Vec<u8>,
    pub(crate) reply: Reply,
}

/// Everything that waits for the driver.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// Plugins whose template may be started though they are not compiled yet.
    pub(crate) expected: Vec<PluginId>,
    pub(crate) plugins: Vec<(PluginId, Arc<Plugin>)>,
    pub(crate) tasks: Vec<NewTask>,
    /// Somebody does not want some tasks any more: those whose reply says so.
    pub(crate) cancelled: bool,
    /// The driver is to end.
    pub(crate) terminate: bool,
}

#[derive(Debug, Default)]
struct State {
    mail: Mail,
    driver_sleeps: bool,
    /// The driver is gone: mail is dropped, which cancels its tasks.
    closed: bool,
}

/// The queue in front of the driver.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    wake: OwnedFd,
}

impl Inbox {
    pub(crate) fn new() -> io::Result<Inbox> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Inbox {
            state: Mutex::default(),
            wake,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds mail by `put`, and wakes the driver if it sleeps.
    pub(crate) fn post(&self, put: impl FnOnce(&mut Mail)) {
        let mut state = self.state();
        put(&mut state.mail);
        if state.closed {
            // Outside the lock: dropping tasks wakes their streams.
            let mail = std::mem::take(&mut state.mail);
            drop(state);
            drop(mail);
            return;
        }
        if std::mem::take(&mut state.driver_sleeps) {
            drop(state);
            // It only fails when the counter is full, and then the driver is woken anyway.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    /// What came since the last time.
    pub(crate) fn collect(&self) -> Mail {
        std::mem::take(&mut self.state().mail)
    }

    /// Notes that the driver is about to sleep; false if there is mail.
    pub(crate) fn driver_may_sleep(&self) -> bool {
        let mut state = self.state();
        let mail = &state.mail;
        let empty = mail.tasks.is_empty()
            && mail.plugins.is_empty()
            && mail.expected.is_empty()
            && !mail.cancelled
            && !mail.terminate;
        state.driver_sleeps = empty;
        empty
    }

    /// Forgets the wake-up that came.
    pub(crate) fn woken(&self) {
        let _ = rustix::io::read(&self.wake, &mut [0; 8][..]);
    }

    /// Nothing is taken any more: what is here and what still comes is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let mail = std::mem::take(&mut state.mail);
        drop(state);
        drop(mail);
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
