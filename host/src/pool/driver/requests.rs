//! What a template was asked and has not answered: forks with their descriptors, and how workers died. Where that is known already, it is
//! only told.
//!
//! Requests wait here while the template is busy, so that a thousand workers can be asked for at once. A template that never
//! answers is given up by the deadlines of the workers it was to fork or reap.

use super::super::scheduler::{PluginId, WorkerId};
use super::burials::Burials;
use super::template::{Stage, TemplateLink};
use super::{Driver, Source};
use crate::child::with_remedy;
use crate::wire::{SupervisorToTemplate, encode};
use std::collections::{HashSet, VecDeque};
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// Forks that a template is asked for at once: their descriptors are in flight, and of those there is a limit.
const FORKS_AT_ONCE: usize = 32;

/// A worker to fork, its socket and its status page.
pub(super) struct Fork {
    pub(super) worker: WorkerId,
    pub(super) socket: OwnedFd,
    pub(super) page: Arc<OwnedFd>,
}

/// The open requests of one template.
#[derive(Default)]
pub(super) struct Requests {
    /// Not sent yet.
    pub(super) forks: VecDeque<Fork>,
    /// Workers that it was not told of yet.
    pub(super) burials: Burials,
    /// Sent, and the worker has not greeted.
    pub(super) forking: HashSet<WorkerId>,
    /// Sent, and not answered.
    pub(super) reaping: HashSet<WorkerId>,
    /// Those of them that had not greeted. If they could not be forked at all, the template says so first; that their connection
    /// is closed may be seen before.
    pub(super) reaping_unborn: HashSet<WorkerId>,
    /// The socket is watched for room too.
    waits_for_room: bool,
}

impl Driver {
    /// Asks the plugin's template for a worker; false if there is no template to ask.
    pub(super) fn request_fork(&mut self, plugin: PluginId, fork: Fork) -> bool {
        let Some(TemplateLink {
            stage: Stage::Serving(_),
            requests,
            ..
        }) = self.templates.get_mut(&plugin)
        else {
            return false;
        };
        requests.forks.push_back(fork);
        self.send_requests(plugin);
        true
    }

    /// Has the plugin's template wait for a worker that died as is known; false if there is no template to ask.
    pub(super) fn request_burial(&mut self, plugin: PluginId, worker: WorkerId) -> bool {
        let bury = SupervisorToTemplate::Bury { worker: worker.0 };
        self.request_end(plugin, &bury, |_| ())
    }

    /// Asks the plugin's template how a worker died, or to do without one that was not forked yet; false if there is no
    /// template to ask.
    pub(super) fn request_reap(&mut self, plugin: PluginId, worker: WorkerId) -> bool {
        let reap = SupervisorToTemplate::Reap { worker: worker.0 };
        self.request_end(plugin, &reap, |requests| {
            if requests.forking.remove(&worker) {
                requests.reaping_unborn.insert(worker);
            }
            requests.reaping.insert(worker);
        })
    }

    fn request_end(
        &mut self,
        plugin: PluginId,
        request: &SupervisorToTemplate,
        note: impl FnOnce(&mut Requests),
    ) -> bool {
        let Some(link) = self.templates.get_mut(&plugin) else {
            return false;
        };
        let Stage::Serving(started) = &mut link.stage else {
            return false;
        };
        note(&mut link.requests);
        let sent = started.connection.send(&encode(request));
        if sent.is_err() {
            self.template_closed(plugin);
            return false;
        }
        self.send_requests(plugin);
        true
    }

    /// A worker that was being forked is there, or will not be.
    pub(super) fn fork_answered(&mut self, plugin: PluginId, worker: WorkerId) {
        if let Some(link) = self.templates.get_mut(&plugin) {
            link.requests.forking.remove(&worker);
            link.requests.forks.retain(|fork| fork.worker != worker);
            self.send_requests(plugin);
        }
    }

    /// Sends what the template has room for, and watches for more room if something is left.
    pub(super) fn send_requests(&mut self, plugin: PluginId) {
        // As many as there may be workers, of all templates, with those that leave and are not settled yet.
        let others = self.templates.iter().filter(|(id, _)| **id != plugin);
        let others = others.map(|(_, link)| link.requests.burials.count());
        let ending = self.scheduler.leaving() + others.sum::<usize>();
        let most_ending = self.settings.workers.saturating_sub(ending);
        let Some(link) = self.templates.get_mut(&plugin) else {
            return;
        };
        match link.send(most_ending) {
            Ok(blocked) => {
                let waits = blocked
                    || link
                        .connection()
                        .is_some_and(|connection| connection.wants_write());
                if waits != link.requests.waits_for_room {
                    link.requests.waits_for_room = waits;
                    if let Some(connection) = link.connection() {
                        let _ = self.events.wait_for_room(
                            &*connection,
                            Source::Template(plugin),
                            waits,
                        );
                    }
                }
            }
            Err(Unsent::Closed) => self.template_closed(plugin),
            Err(Unsent::Fork(worker, error)) => {
                self.worker_not_forked(plugin, worker, &with_remedy(&error))
            }
        }
    }
}

/// Why a request was not sent, other than for want of room.
enum Unsent {
    Closed,
    Fork(WorkerId, std::io::Error),
}

impl TemplateLink {
    /// Sends what there is room for; true if a fork waits for room. Of workers that were killed, at most so many are ending when it
    /// forks another.
    fn send(&mut self, most_ending: usize) -> Result<bool, Unsent> {
        let Some(connection) = self.connection() else {
            return Ok(false);
        };
        if !connection.flush().map_err(|_| Unsent::Closed)? {
            return Ok(true);
        }
        let Stage::Serving(started) = &mut self.stage else {
            return Ok(false);
        };
        let requests = &mut self.requests;
        while requests.forking.len() < FORKS_AT_ONCE
            && let Some(fork) = requests.forks.pop_front()
        {
            let buried = requests.burials.to_tell(most_ending);
            let burials = buried
                .iter()
                .map(|worker| SupervisorToTemplate::Bury { worker: worker.0 });
            // It is to wait for them before it forks another.
            let messages = burials.chain([SupervisorToTemplate::Fork {
                worker: fork.worker.0,
            }]);
            let frames: Vec<Vec<u8>> = messages.map(|message| encode(&message)).collect();
            let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
            let descriptors = [fork.socket.as_fd(), fork.page.as_fd()];
            match started
                .connection
                .send_with_descriptors(&frames, &descriptors)
            {
                Ok(()) => {
                    requests.burials.told(Instant::now(), &buried);
                    requests.forking.insert(fork.worker);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    requests.forks.push_front(fork);
                    return Ok(true);
                }
                // Descriptors in flight are limited for the user: those that arrive make room.
                Err(error)
                    if error.raw_os_error() == Some(libc::ETOOMANYREFS)
                        && !requests.forking.is_empty() =>
                {
                    requests.forks.push_front(fork);
                    return Ok(false);
                }
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {
                    return Err(Unsent::Closed);
                }
                Err(error) => return Err(Unsent::Fork(fork.worker, error)),
            }
        }
        Ok(false)
    }
}
