//! Processes that were killed and have not ended, or were not waited for. The driver looks at them
//! and never waits: the kernel may take its time, as with a process that waits for a file system.
//!
//! What has not ended after a while takes the place of a worker, is shown in the pool's statistics,
//! and is watched by its pidfd.

use super::super::scheduler::{PluginId, WorkerId};
use super::Driver;
use super::events::{Events, Source};
use crate::child::{Process, Remains};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a process that was killed may take to end before it counts: most take less than a
/// millisecond, and those with gigabytes of memory some hundred.
pub(super) const SOON: Duration = Duration::from_millis(500);

/// Templates and workers that were killed.
#[derive(Default)]
pub(super) struct Unreaped {
    templates: Vec<Template>,
    workers: Vec<Worker>,
}

struct Template {
    plugin: PluginId,
    remains: Remains,
    overdue_at: Instant,
}

struct Worker {
    plugin: PluginId,
    id: WorkerId,
    process: Arc<Process>,
    overdue_at: Instant,
    /// Its pidfd is among what the driver waits for.
    is_watched: bool,
}

impl Unreaped {
    /// Keeps what is left of a template, if anything is.
    pub(super) fn add(&mut self, plugin: PluginId, mut remains: Remains, events: &Events) {
        if remains.reap() {
            return;
        }
        for pidfd in remains.pidfds() {
            // Where that fails it is looked at when it is overdue, and with every other that ends.
            let _ = events.add_changes(pidfd, Source::Unreaped);
        }
        self.templates.push(Template {
            plugin,
            remains,
            overdue_at: Instant::now() + SOON,
        });
    }

    /// Keeps a worker that was killed at that time and is settled. Its template waits for it once
    /// it has ended.
    pub(super) fn add_worker(
        &mut self,
        plugin: PluginId,
        id: WorkerId,
        process: Arc<Process>,
        killed_at: Instant,
    ) {
        self.workers.push(Worker {
            plugin,
            id,
            process,
            overdue_at: killed_at + SOON,
            is_watched: false,
        });
    }

    /// Lets go of what has ended, and watches what should have. Returns workers whose templates
    /// have still to wait for them.
    pub(super) fn look(&mut self, now: Instant, events: &Events) -> Vec<(PluginId, WorkerId)> {
        self.templates
            .retain_mut(|template| !template.remains.reap());
        let (left, ended): (Vec<Worker>, Vec<Worker>) = std::mem::take(&mut self.workers)
            .into_iter()
            .partition(|worker| worker.process.is_alive());
        self.workers = left;
        for worker in &ended {
            // Its page may keep it for a while.
            events.remove(&*worker.process);
        }
        for worker in &mut self.workers {
            if worker.overdue_at <= now && !worker.is_watched {
                worker.is_watched = true;
                // Where that fails it is looked at with every other that ends.
                let _ = events.add_changes(&*worker.process, Source::Unreaped);
            }
        }
        let ended = ended.into_iter();
        ended.map(|worker| (worker.plugin, worker.id)).collect()
    }

    /// When it is to be looked at again, if nothing ends before.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let templates = self.templates.iter().map(|template| template.overdue_at);
        let workers = self.workers.iter().map(|worker| worker.overdue_at);
        let later = templates.chain(workers).filter(|at| *at > now);
        // Some may not be watched for want of descriptors.
        let again = (!self.is_empty()).then(|| now + SOON);
        later.chain(again).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.templates.is_empty() && self.workers.is_empty()
    }

    /// How many of a plugin should have ended long ago: workers, or where none of those is left,
    /// what is left of its templates.
    pub(super) fn overdue_of(&self, plugin: PluginId, now: Instant) -> usize {
        let workers = self.workers.iter();
        let workers = workers.filter(|it| it.plugin == plugin && it.overdue_at <= now);
        let templates = self.templates.iter();
        let templates = templates.filter(|it| it.plugin == plugin && it.overdue_at <= now);
        match workers.count() {
            0 => templates.count(),
            workers => workers,
        }
    }

    /// The same of all plugins.
    pub(super) fn overdue(&self, now: Instant) -> usize {
        let templates = self.templates.iter().map(|template| template.plugin);
        let workers = self.workers.iter().map(|worker| worker.plugin);
        let mut plugins: Vec<PluginId> = templates.chain(workers).collect();
        plugins.sort_unstable();
        plugins.dedup();
        let each = plugins.into_iter();
        each.map(|plugin| self.overdue_of(plugin, now)).sum()
    }

    /// What is to be waited for when the pool ends.
    pub(super) fn into_remains(self) -> impl Iterator<Item = Remains> {
        self.templates.into_iter().map(|template| template.remains)
    }
}

impl Driver {
    /// Looks at what was killed, and has the templates of what has ended wait for it.
    pub(super) fn look_at_unreaped(&mut self, now: Instant) {
        if self.unreaped.is_empty() && self.overdue == 0 {
            return;
        }
        for (plugin, worker) in self.unreaped.look(now, &self.events) {
            self.request_burial(plugin, worker);
        }
        self.count_unreaped(now);
    }

    /// Tells the scheduler how many places are taken by what should have ended.
    pub(super) fn count_unreaped(&mut self, now: Instant) {
        let overdue = self.unreaped.overdue(now);
        if std::mem::replace(&mut self.overdue, overdue) != overdue {
            self.scheduler.set_unreaped(now, overdue);
        }
    }
}
