//! How other threads reach the driver: tasks and commands in a queue, and a wake-up only when it sleeps.

use super::block::Block;
use super::gate::{Gate, Refused};
use super::host_threads::HostAnswer;
use super::scheduler::PluginId;
use super::stats::Stats;
use crate::plugin::Plugin;
use crate::sandbox::GrantedDirectory;
use rustix::event::{EventfdFlags, eventfd};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everything that waits for the driver.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// Plugins whose template may be started though they are not compiled yet.
    pub(crate) expected: Vec<(PluginId, Vec<GrantedDirectory>)>,
    pub(crate) plugins: Vec<(PluginId, Arc<Plugin>)>,
    /// Plugins that get no more tasks.
    pub(crate) unloaded: Vec<PluginId>,
    pub(crate) tasks: Vec<Block>,
    pub(crate) answers: Vec<HostAnswer>,
    /// Who wants to know how a plugin is doing.
    pub(crate) stats: Vec<(PluginId, Sender<Stats>)>,
    /// Somebody does not want some tasks any more: those of blocks that say so.
    pub(crate) cancelled: bool,
    /// Plugins none of whose tasks is to begin any more.
    pub(crate) halted: Vec<PluginId>,
    /// The driver is to end once everything is done.
    pub(crate) close: bool,
    /// The driver is to end.
    pub(crate) terminate: bool,
}

impl Mail {
    fn is_empty(&self) -> bool {
        self.tasks.is_empty()
            && self.answers.is_empty()
            && self.plugins.is_empty()
            && self.unloaded.is_empty()
            && self.expected.is_empty()
            && self.stats.is_empty()
            && self.halted.is_empty()
            && !(self.cancelled || self.close || self.terminate)
    }
}

#[derive(Debug, Default)]
struct State {
    mail: Mail,
    driver_sleeps: bool,
    gate: Gate,
    /// The driver is gone: mail is dropped, which cancels its tasks.
    closed: bool,
    /// How each plugin did, once it is gone.
    last: HashMap<PluginId, Stats>,
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
            // It only fails when the counter is full, after more mail than can ever come.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    /// How a plugin is doing, or did.
    pub(crate) fn stats(&self, plugin: PluginId) -> Stats {
        let (to, stats) = channel();
        self.post(|mail| mail.stats.push((plugin, to)));
        let stats = stats.recv();
        // The driver ended, and has left what it knew.
        stats.unwrap_or_else(|_| {
            let last = &self.state().last;
            let stats = last.get(&plugin).cloned().unwrap_or_default();
            Stats {
                queued: 0,
                running: 0,
                workers: Vec::new(),
                ..stats
            }
        })
    }

    /// What came since the last time.
    pub(crate) fn collect(&self) -> Mail {
        std::mem::take(&mut self.state().mail)
    }

    pub(crate) fn has_mail(&self) -> bool {
        !self.state().mail.is_empty()
    }

    /// Notes that the driver is about to sleep; false if there is mail.
    pub(crate) fn driver_may_sleep(&self) -> bool {
        let mut state = self.state();
        state.driver_sleeps = state.mail.is_empty();
        state.driver_sleeps
    }

    /// From here on no calls begin.
    pub(crate) fn close_to_callers(&self) {
        self.state().gate.close();
        self.post(|mail| mail.close = true);
    }

    /// From here on no calls of the plugin begin, and it goes once those that have are done.
    pub(crate) fn unload(&self, plugin: PluginId) {
        let can_go = self.state().gate.unload(plugin);
        if can_go {
            self.post(|mail| mail.unloaded.push(plugin));
        }
    }

    /// Whether more tasks can come of calls that have begun.
    pub(crate) fn expects_more(&self) -> bool {
        let state = self.state();
        state.gate.has_open() || !state.mail.tasks.is_empty()
    }

    pub(super) fn begin_call(&self, plugin: PluginId) -> Result<(), Refused> {
        self.state().gate.begin(plugin)
    }

    /// A call has sent its last task.
    pub(super) fn end_call(&self, plugin: PluginId) {
        let ended = self.state().gate.end(plugin);
        if ended.plugin_can_go || ended.pool_can_go {
            self.post(|mail| {
                mail.close |= ended.pool_can_go;
                if ended.plugin_can_go {
                    mail.unloaded.push(plugin);
                }
            });
        }
    }

    /// Nothing is taken any more: what is here and what still comes is dropped.
    ///
    /// What is known of each plugin is kept for those who ask later.
    pub(crate) fn close(&self, last: HashMap<PluginId, Stats>) {
        let mut state = self.state();
        state.closed = true;
        state.last = last;
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
