//! How workers end: late, by a lie, by a signal, with their template, or because they are not needed; and what is left of them.

use super::super::scheduler::{Death, PluginId, Violation, WorkerId};
use super::template::Stage;
use super::unreaped::SOON;
use super::worker::{ANSWER_TIMEOUT, LAST_READS};
use super::{Dead, Driver, Source};
use crate::child::Fill;
use std::sync::Arc;
use std::time::Instant;

impl Driver {
    /// Ends what did not answer in time.
    pub(super) fn check_deadlines(&mut self, now: Instant) {
        let late: Vec<PluginId> = self
            .templates
            .iter()
            .filter(|(_, template)| template.deadline().is_some_and(|deadline| deadline <= now))
            .map(|(id, _)| *id)
            .collect();
        for plugin in late {
            match self.templates.get(&plugin).map(|template| &template.stage) {
                Some(Stage::Ending(_)) => self.template_ends(plugin),
                _ => self.template_gone(plugin, "it did not answer in time".into()),
            }
        }
        for worker in self.deadlines.late(now) {
            self.worker_late(now, worker);
        }
    }

    /// Nothing came of a worker. If it was killed the kernel does not end it, and nothing waits for
    /// that. If it was to start, or its template was to say how it died, that is stuck.
    fn worker_late(&mut self, now: Instant, worker: WorkerId) {
        let Some(link) = self.workers.get(&worker) else {
            return self.deadlines.clear(worker);
        };
        let plugin = link.plugin;
        if let Some(process) = &link.process
            && !link.asked
        {
            let death = link.killed.unwrap_or(Death::Unknown);
            let process = Arc::clone(process);
            // It was killed a while ago. Its place is taken before its task is told to be over, and
            // another wants it.
            self.unreaped
                .add_worker(plugin, worker, process, now - SOON);
            self.count_unreaped(now);
            return self.settle_worker(worker, death);
        }
        if self.templates.contains_key(&plugin) {
            self.template_gone(plugin, "it did not fork or reap a worker in time".into());
        } else {
            self.settle_worker(worker, Death::Unknown);
        }
    }

    /// Ends a worker that broke the protocol.
    pub(super) fn violation(&mut self, worker: WorkerId, violation: Violation) {
        let death = Death::Violation(violation.0);
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        link.killed.get_or_insert(death);
        if link.process.is_none() {
            // Nobody knows who that is: what forked it goes, and with it the worker.
            let plugin = link.plugin;
            return self.template_gone(plugin, format!("a worker sent {}", violation.0));
        }
        self.worker_closed(worker);
    }

    /// The connection is closed: kills what may be left, and settles it once that has ended.
    pub(super) fn worker_closed(&mut self, worker: WorkerId) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        link.closed = true;
        self.scheduler.worker_closing(worker);
        if let Some(process) = &link.process {
            process.kill();
            if process.is_alive() {
                self.events.remove(&link.connection);
                // Where that fails it is settled as one that the kernel does not end.
                let _ = self.events.add_changes(&**process, Source::Worker(worker));
                return self.deadlines.set(worker, Instant::now() + SOON);
            }
        }
        self.worker_ended(worker);
    }

    /// A worker has ended, or never was: asks the template how it died, which need not wait for
    /// that.
    pub(super) fn worker_ended(&mut self, worker: WorkerId) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        if std::mem::replace(&mut link.asked, true) {
            return;
        }
        // What is closed would be told again and again.
        self.events.remove(&link.connection);
        if let Some(process) = &link.process {
            self.events.remove(&**process);
        }
        // Of one that was never there the template may say that it could not be forked.
        let known = link.killed.filter(|_| link.process.is_some());
        let (plugin, killed) = (link.plugin, link.killed);
        let asked = match known {
            Some(_) => self.request_burial(plugin, worker),
            None => self.request_reap(plugin, worker),
        };
        if !self.workers.contains_key(&worker) {
            return;
        }
        if !asked {
            return self.settle_worker(worker, Death::Template);
        }
        match killed {
            Some(death) => self.settle_worker(worker, death),
            None => self.deadlines.set(worker, Instant::now() + ANSWER_TIMEOUT),
        }
    }

    /// A worker is ended with its template, because neither is needed any more.
    pub(super) fn retire_worker(&mut self, worker: WorkerId) {
        if let Some(link) = self.workers.get_mut(&worker) {
            link.killed.get_or_insert(Death::Retired);
        }
        self.settle_worker(worker, Death::Template);
    }

    /// A template says how a worker died, as it was asked.
    pub(super) fn worker_reaped(&mut self, worker: WorkerId, death: Death) {
        if self.workers.get(&worker).is_some_and(|link| link.closed) {
            self.settle_worker(worker, death);
        }
    }

    /// A worker is gone for good. What it sent before is read first.
    pub(super) fn settle_worker(&mut self, worker: WorkerId, death: Death) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        if !link.closed {
            if let Some(process) = &link.process {
                process.kill();
            }
            link.closed = true;
            for _ in 0..LAST_READS {
                let Some(link) = self.workers.get_mut(&worker) else {
                    return;
                };
                match link.connection.fill() {
                    Ok(Fill::Data | Fill::LastData) => self.worker_frames(worker),
                    _ => break,
                }
            }
        }
        let Some(link) = self.workers.remove(&worker) else {
            return;
        };
        self.deadlines.clear(worker);
        if link.process.is_none() && matches!(death, Death::Signal(_) | Death::Exit(_)) {
            // It never came to be: its plugin does not get more chances than one whose workers cannot be forked.
            let why = format!("a worker ended before it was ready, {}", describe(death));
            self.note_trouble(link.plugin, why);
            let now = Instant::now();
            return match death {
                Death::Signal(libc::SIGKILL) => self.scheduler.worker_killed(now, worker),
                _ => self.scheduler.worker_failed(now, worker),
            };
        }
        let mut link = link;
        // The page says what was started last; a result that broke the protocol says it for
        // certain.
        let started = link.culprit.map_or_else(
            || link.calls.started(link.page.mapped.started()),
            |seq| seq.wrapping_add(1),
        );
        if let Some(process) = &link.process {
            let (host_calls, host) = link.calls.end();
            let dead = Dead {
                pid: process.number(),
                name: Arc::clone(&link.name),
                host_calls,
                host,
            };
            self.dead.insert(worker, dead);
        }
        if let Some(loaded) = self.plugins.get_mut(&link.plugin)
            && !matches!(link.killed, Some(Death::Retired))
        {
            loaded.deaths += 1;
        }
        if let (Death::Template, Some(process)) = (death, &link.process) {
            let process = Arc::clone(process);
            let (plugin, now) = (link.plugin, Instant::now());
            self.unreaped.add_worker(plugin, worker, process, now);
        }
        // What it was killed for is known better here than anywhere.
        let death = link.killed.unwrap_or(death);
        if let (Some(template), Some(process)) =
            (self.templates.get_mut(&link.plugin), link.process)
        {
            process.kill();
            template.pages.give_back(link.page, process);
        }
        self.scheduler
            .worker_died(Instant::now(), worker, started, death);
    }
}

fn describe(death: Death) -> String {
    match death {
        Death::Signal(signal) => format!("by signal {signal}"),
        Death::Exit(status) => format!("with status {status}"),
        other => format!("{other:?}"),
    }
}
