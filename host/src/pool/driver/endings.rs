//! How templates end: by themselves, given up, or because they are not needed; and what that means
//! for their workers.
//!
//! Nothing here waits. A template whose connection is closed is dying. Its pidfd tells how it
//! ended; after 100 ms it is killed, and the reason stays unknown. What was killed goes to
//! [`Unreaped`](super::unreaped::Unreaped).

use super::super::scheduler::{Death, PluginId, WorkerId};
use super::template::{Stage, TemplateLink};
use super::{Driver, Source};
use crate::child::{Exit, StartError};
use crate::wire::FrameError;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long a template may take from closing its connection to its end before it is killed.
const LAST_BREATH: Duration = Duration::from_millis(100);

/// A template whose connection is closed.
pub(super) struct Ending {
    /// What it was before.
    pub(super) before: Box<Stage>,
    /// Why it never became one, if it did not.
    trouble: Option<String>,
    /// When it is killed.
    pub(super) until: Instant,
    /// What says that it has ended; none where descriptors are exhausted.
    pidfd: Option<OwnedFd>,
}

impl Ending {
    /// How it ended, if it has.
    fn exit(&self) -> Option<Exit> {
        match &*self.before {
            Stage::Starting(starting) => starting.exit(),
            Stage::Confined(started) | Stage::Loading(started, _) | Stage::Serving(started) => {
                started.process.exit_within(Duration::ZERO)
            }
            Stage::Ending(_) => None,
        }
    }
}

impl Driver {
    /// The connection to a template is closed: it dies, or never became one. What happens next
    /// depends on how it ended.
    pub(super) fn template_closed(&mut self, plugin: PluginId) {
        let Some(link) = self.templates.remove(&plugin) else {
            return;
        };
        let TemplateLink {
            mut stage,
            requests,
            pages,
        } = link;
        let (trouble, pidfd) = match &mut stage {
            Stage::Starting(starting) => {
                if let Some(connection) = starting.connection() {
                    self.events.remove(&*connection);
                }
                let error: StartError = starting.broken(FrameError::Closed);
                (Some(self.start_failed(error)), starting.pidfd())
            }
            Stage::Confined(started) | Stage::Loading(started, _) | Stage::Serving(started) => {
                self.events.remove(&started.connection);
                (None, rustix::io::dup(&*started.process).ok())
            }
            Stage::Ending(_) => (None, None),
        };
        if let Some(pidfd) = &pidfd {
            // Where that fails it is looked at when its moment is over.
            let _ = self.events.add_changes(pidfd, Source::Template(plugin));
        }
        let stage = Stage::Ending(Ending {
            before: Box::new(stage),
            trouble,
            until: Instant::now() + LAST_BREATH,
            pidfd,
        });
        let link = TemplateLink {
            stage,
            requests,
            pages,
        };
        self.templates.insert(plugin, link);
        self.scheduler.template_closing(plugin);
        self.template_ends(plugin);
    }

    /// Settles a template that was dying, if it has ended or its moment is over.
    pub(super) fn template_ends(&mut self, plugin: PluginId) {
        let Some(TemplateLink {
            stage: Stage::Ending(ending),
            ..
        }) = self.templates.get_mut(&plugin)
        else {
            return;
        };
        let exit = ending.exit();
        if exit.is_none() && Instant::now() < ending.until {
            return;
        }
        if let Some(pidfd) = ending.pidfd.take() {
            // What it was copied from stays open.
            self.events.remove(pidfd);
        }
        let trouble = match (ending.trouble.take(), exit) {
            (Some(trouble), _) => trouble,
            (None, Some(Exit::Signal(signal))) => {
                format!("its template was ended by signal {signal}")
            }
            (None, Some(Exit::Status(status))) => {
                format!("its template ended with status {status}")
            }
            (None, _) => "its template ended".into(),
        };
        // A template never kills itself by SIGKILL: the signal came from outside.
        let killed = exit == Some(Exit::Signal(libc::SIGKILL));
        self.template_over(plugin, trouble, killed);
    }

    /// Ends a template that cannot be used any more, and settles what its workers left.
    pub(super) fn template_gone(&mut self, plugin: PluginId, why: String) {
        if self.templates.contains_key(&plugin) {
            self.scheduler.template_closing(plugin);
            self.template_over(plugin, why, false);
        }
    }

    fn template_over(&mut self, plugin: PluginId, trouble: String, killed: bool) {
        let Some(link) = self.templates.remove(&plugin) else {
            return;
        };
        let was_serving = match &link.stage {
            Stage::Ending(ending) => matches!(*ending.before, Stage::Serving(_)),
            stage => matches!(stage, Stage::Serving(_)),
        };
        self.end_processes(plugin, link);
        self.note_trouble(plugin, trouble);
        for worker in self.workers_of(plugin) {
            self.settle_worker(worker, Death::Template);
        }
        let now = Instant::now();
        if was_serving || killed {
            self.scheduler.template_died(now, plugin, killed);
        } else {
            self.scheduler.template_failed(now, plugin);
        }
    }

    /// Ends a template that has nothing to do, and its workers.
    pub(super) fn park(&mut self, plugin: PluginId) {
        let Some(link) = self.templates.remove(&plugin) else {
            return;
        };
        self.end_processes(plugin, link);
        for worker in self.workers_of(plugin) {
            self.retire_worker(worker);
        }
    }

    /// Kills what a template consists of, and leaves it to be waited for.
    pub(super) fn end_processes(&mut self, plugin: PluginId, mut link: TemplateLink) {
        if let Some(remains) = link.stage.take_remains() {
            self.unreaped.add(plugin, remains, &self.events);
        }
    }

    fn workers_of(&self, plugin: PluginId) -> Vec<WorkerId> {
        let workers = self.workers.iter();
        let workers = workers.filter(|(_, worker)| worker.plugin == plugin);
        workers.map(|(id, _)| *id).collect()
    }
}
