//! Does what the scheduler decides: one thread, one poll, sockets that never block.
//!
//! ```text
//! inbox ─┐                                  ┌─ templates (start, load, fork, reap)
//!        ├─► event ─► Scheduler ─► Action ─►┤
//! epoll ─┘                                  └─ workers (send, recall, kill) ─► outcomes ─► streams
//! ```
//! The thread that starts processes must live as long as they do, since the kernel ends them with it: so it is this one, and
//! it lives as long as the pool. Whatever a process sends is checked here; a violation ends that process.

mod blocks;
mod burials;
mod deadlines;
mod deaths;
mod endings;
mod events;
mod expected;
mod host_calls;
mod loaded;
mod pages;
mod requests;
mod resident;
mod results;
mod retries;
mod template;
mod terms;
mod unreaped;
mod waits;
mod worker;

use super::block::Block;
use super::ended::{Ended, More, RanAt};
use super::ends::Ends;
use super::host_threads::HostThreads;
use super::inbox::Inbox;
use super::outcome::Failure;
use super::reply::{Deliveries, Delivery};
use super::scheduler::{
    Action, Loss, Parking, PluginConfig, PluginId, Ran, Scheduler, Task, TaskId, WorkerId,
};
use crate::child::{Launcher, Process, Remains, usable_cpus};
use crate::sandbox::GrantedDirectory;
use blocks::Blocks;
use deadlines::Deadlines;
use events::{Events, Source};
use loaded::Loaded;
use resident::Resident;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use template::TemplateLink;
use unreaped::Unreaped;
use waits::Patience;
use worker::WorkerLink;

/// How many tasks are told to the scheduler at once: more would not stay in the cache.
const LISTED: usize = 4096;

/// How long a pool that is dropped waits for the end of its processes.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// The thread that runs a pool.
pub(super) struct Driver {
    inbox: Arc<Inbox>,
    events: Events,
    patience: Patience,
    launcher: Arc<Launcher>,
    scheduler: Scheduler,
    plugins: HashMap<PluginId, Loaded>,
    /// The directories of plugins whose templates are there before they are compiled.
    expected: HashMap<PluginId, Vec<GrantedDirectory>>,
    templates: HashMap<PluginId, TemplateLink>,
    workers: HashMap<WorkerId, WorkerLink>,
    /// What ended in this turn, delivered together. Of what is dropped, it comes before what has not ended.
    ended: Deliveries,
    tasks: Blocks,
    /// Workers that died in this turn, for the outcomes of what they were running.
    dead: HashMap<WorkerId, Dead>,
    host_threads: HostThreads,
    /// The number of the task that was submitted last.
    last_task: u64,
    settings: Settings,
    /// Workers that did all they were for, and were killed and not settled yet.
    to_settle: Vec<WorkerId>,
    /// Processes that were killed and have not ended.
    unreaped: Unreaped,
    /// How many of them take the places of workers.
    overdue: usize,
    resident: Resident,
    /// By when workers must have answered.
    deadlines: Deadlines,
    /// No calls are begun any more: it ends when there is nothing left to do.
    closing: bool,
}

/// What is left of a worker for the outcome of its last task.
struct Dead {
    pid: u32,
    name: Arc<str>,
    host_calls: u64,
    host: Duration,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // They end beside each other, and their template need not wait for them.
        let workers = self.workers.values();
        workers
            .filter_map(|worker| worker.process.as_deref())
            .for_each(Process::kill);
        let templates = self.templates.values_mut();
        let remains = templates.filter_map(|template| template.stage.take_remains());
        let remains: Vec<Remains> = remains
            .chain(std::mem::take(&mut self.unreaped).into_remains())
            .collect();
        let plugins = self.plugins.keys();
        let last = plugins.map(|id| (*id, self.stats(*id))).collect();
        // However the thread ends, nobody waits for it: what ended is delivered, what is here and what still comes is cancelled.
        self.inbox.close(last);
        let until = Instant::now() + END_TIMEOUT;
        for remains in remains {
            if let Err(left) = remains.wait(until.saturating_duration_since(Instant::now())) {
                self.launcher.reaper.leave(left);
            }
        }
    }
}

/// How a pool is driven.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) names: WorkerNames,
    /// Workers at once, at most.
    pub(super) workers: usize,
    /// Templates at once, at most.
    pub(super) templates: usize,
    /// After how long without tasks a plugin gives up its processes.
    pub(super) park_after: Option<Duration>,
}

/// How workers are called.
#[derive(Clone, Debug)]
pub(super) enum WorkerNames {
    /// Each by this and its number.
    Numbered(String),
    /// There is one.
    Only(String),
}

impl Driver {
    pub(super) fn new(
        inbox: Arc<Inbox>,
        launcher: Arc<Launcher>,
        settings: Settings,
    ) -> std::io::Result<Driver> {
        let events = Events::new()?;
        events.add_changes(&*inbox, Source::Inbox)?;
        let mut scheduler = Scheduler::new(settings.workers);
        scheduler.set_parking(Parking {
            templates: settings.templates,
            after: settings.park_after,
        });
        Ok(Driver {
            host_threads: HostThreads::new(&inbox, 2 * settings.workers),
            inbox,
            events,
            patience: Patience::new(usable_cpus()),
            launcher,
            scheduler,
            plugins: HashMap::new(),
            expected: HashMap::new(),
            templates: HashMap::new(),
            workers: HashMap::new(),
            tasks: Blocks::default(),
            dead: HashMap::new(),
            deadlines: Deadlines::default(),
            last_task: 0,
            ended: Deliveries::default(),
            settings,
            to_settle: Vec::new(),
            unreaped: Unreaped::default(),
            overdue: 0,
            resident: Resident::new(),
            closing: false,
        })
    }

    /// Runs until the pool is terminated. Tasks that are left then are cancelled as they are dropped.
    pub(super) fn run(mut self) {
        // Where nothing can be waited for, nothing is left unfinished: ending cancels what is left.
        while let Ok(sources) = self.wait() {
            for source in sources {
                match source {
                    // Mail is collected whatever woke it, and what was killed is looked at.
                    Source::Inbox | Source::Unreaped => {}
                    Source::Template(plugin) => self.template_event(plugin),
                    Source::Worker(worker) => self.worker_event(worker),
                }
            }
            if !self.collect_mail() {
                break;
            }
            let now = Instant::now();
            if self.scheduler.next_timer().is_some_and(|due| due <= now) {
                self.scheduler.timer(now);
            }
            self.check_deadlines(now);
            self.request_burials(now);
            self.look_at_unreaped(now);
            self.look_at_resident(now);
            self.act();
            self.dead.clear();
            self.ended.send();
            if self.closing && self.tasks.is_empty() && !self.inbox.expects_more() {
                break;
            }
        }
    }

    /// Takes in tasks and plugins; false if the pool is terminated.
    fn collect_mail(&mut self) -> bool {
        let mail = self.inbox.collect();
        if mail.terminate {
            return false;
        }
        for (plugin, directories) in mail.expected {
            self.expect(plugin, directories);
        }
        for (id, plugin) in mail.plugins {
            let terms = &plugin.terms;
            let config = PluginConfig {
                kill_after: terms.limits.kill_after(),
                tasks_per_worker: terms.tasks_per_worker(),
                batch: terms.chunk,
                has_effects: plugin.has_effects(),
            };
            self.expected.remove(&id);
            self.plugins.insert(id, Loaded::new(plugin));
            self.scheduler.add_plugin(id, config);
            self.load_if_confined(id);
        }
        for answer in mail.answers {
            self.host_answers(answer);
        }
        self.submit(mail.tasks);
        // After the last tasks of calls that had begun.
        for plugin in mail.unloaded {
            self.scheduler.remove_plugin(Instant::now(), plugin);
        }
        self.closing |= mail.close;
        for (plugin, to) in mail.stats {
            // Who asked may have gone.
            let _ = to.send(self.stats(plugin));
        }
        if mail.cancelled {
            self.cancel();
        }
        for plugin in mail.halted {
            self.scheduler.halt(Instant::now(), plugin);
        }
        true
    }

    fn submit(&mut self, new: Vec<Block>) {
        let now = Instant::now();
        let count: usize = new.iter().map(Block::count).sum();
        let mut listed: Vec<Task> = Vec::with_capacity(count.min(LISTED));
        let mut of = None;
        for mut block in new {
            block.number = self.last_task + 1;
            self.last_task += block.count() as u64;
            if block.to.is_cancelled() {
                let failure = Failure::lost(Loss::Cancelled, None, None);
                if let Some(loaded) = self.plugins.get_mut(&block.plugin) {
                    loaded.count(failure.kind(), block.count() as u64);
                }
                self.ended.extend(block.fail_all(&failure));
                continue;
            }
            if let Some(plugin) = of
                && (plugin != block.plugin || listed.len() + block.count() > LISTED)
            {
                self.scheduler.submit(now, plugin, &listed);
                listed.clear();
            }
            of = Some(block.plugin);
            let place = self.tasks.insert(block);
            self.tasks.list(place, &mut listed);
        }
        if let Some(plugin) = of {
            self.scheduler.submit(now, plugin, &listed);
        }
    }

    /// Cancels what nobody wants any more.
    fn cancel(&mut self) {
        let unwanted = self.tasks.unwanted();
        self.scheduler.cancel(Instant::now(), &unwanted);
    }

    /// Does everything that the scheduler decided, and what follows from doing it.
    fn act(&mut self) {
        loop {
            self.act_as_decided();
            let to_settle = std::mem::take(&mut self.to_settle);
            if to_settle.is_empty() {
                return;
            }
            to_settle.into_iter().for_each(|worker| self.bury(worker));
        }
    }

    fn act_as_decided(&mut self) {
        while let Some(action) = self.scheduler.poll_action() {
            match action {
                Action::StartTemplate(plugin) => self.start_template(plugin),
                Action::Park(plugin) => self.park(plugin),
                Action::Forget(plugin) => drop(self.plugins.remove(&plugin)),
                Action::StartWorker { plugin, worker } => self.fork_worker(plugin, worker),
                Action::Send {
                    worker,
                    first_seq,
                    tasks,
                    after_recall,
                } => {
                    self.send_batch(worker, first_seq, &tasks, after_recall);
                }
                Action::Recall(worker) => {
                    // A worker that is gone already has nothing to start; its death is on its way.
                    let started = self.workers.get(&worker).map_or(u32::MAX, |link| {
                        link.calls.started(link.page.mapped.recall())
                    });
                    self.scheduler.recalled(Instant::now(), worker, started);
                }
                Action::Kill(worker, death) => self.kill_worker(worker, death),
                Action::Fail {
                    task,
                    attempts,
                    loss,
                    ran,
                } => self.fail(task, attempts, loss, ran),
            }
        }
    }

    fn fail(&mut self, id: TaskId, attempts: u32, loss: Loss, ran: Option<Ran>) {
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        let loaded = self.plugins.get(&task.plugin());
        let timeout = loaded.and_then(|loaded| loaded.plugin.terms.limits.timeout);
        let trouble = loaded.and_then(|loaded| loaded.trouble.as_deref());
        let failure = Failure::lost(loss, timeout, trouble);
        if self.runs_again(id, failure.kind(), attempts) {
            return;
        }
        let failure = self.failed(id, failure);
        let mut ended = Ended::failed(failure, attempts);
        let mut ran_at = None;
        if let Some(Ran { worker, since }) = ran {
            let dead = self.dead.get(&worker);
            ended.wall_ns = since.elapsed().as_nanos() as u64;
            ran_at = Some(Arc::new(RanAt {
                worker,
                name: dead.map(|dead| Arc::clone(&dead.name)),
                pid: dead.map(|dead| dead.pid),
            }));
            let called = dead.filter(|dead| dead.host_calls > 0 || !dead.host.is_zero());
            ended.more = called.map(|dead| {
                Box::new(More {
                    host_calls: dead.host_calls,
                    host: dead.host,
                    ..More::default()
                })
            });
        }
        if let Some(run) = self.tasks.end(id) {
            self.ended.add(Delivery {
                to: run.to,
                ends: Ends::one(run.first, ended, ran_at),
                freed: run.freed,
            });
        }
    }

    /// What people call a worker.
    fn worker_name(&self, worker: WorkerId) -> Arc<str> {
        let number = worker.0 + 1;
        match &self.settings.names {
            WorkerNames::Numbered(name) => format!("{name}-{number}").into(),
            WorkerNames::Only(name) => (&**name).into(),
        }
    }
}
