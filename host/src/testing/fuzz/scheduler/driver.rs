//! Keeps the contract of the real driver with virtual processes, and knows of each task where it is.

use super::worker::Worker;
use crate::pool::scheduler::{
    Death, Parking, PluginConfig, PluginId, Scheduler, Task, TaskId, WorkerId,
};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// How many plugins there are; tasks of the next one are for nobody.
pub(super) const PLUGINS: u32 = 3;

/// The plugin whose tasks have effects.
pub(super) const WITH_EFFECTS: u32 = 2;

/// How many tasks a worker of each plugin runs.
pub(super) const TASKS_PER_WORKER: [Option<NonZeroU32>; PLUGINS as usize] =
    [NonZeroU32::new(1), NonZeroU32::new(3), None];

/// How often a task may run, before and after each time that it is run again on purpose.
pub(super) const MOST_ATTEMPTS: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Queue,
    Worker(WorkerId),
    Over,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Template {
    Absent,
    Starting,
    Ready,
}

pub(super) struct Driver {
    pub(super) scheduler: Scheduler,
    pub(super) budget: usize,
    pub(super) now: Instant,
    pub(super) places: Vec<Place>,
    /// What was submitted, of which plugin, and how often it was run before it was to run again.
    tasks: Vec<(u32, Task, u32)>,
    /// How many of the tasks that are over next run again.
    pub(super) retries: usize,
    pub(super) unfinished: usize,
    pub(super) templates: [Template; PLUGINS as usize],
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    /// Workers whose death was just reported and no task was blamed for. What was asked of them before is too late.
    pub(super) dead: BTreeMap<WorkerId, u32>,
}

impl Driver {
    pub(super) fn new(budget: usize, parks_after: Option<Duration>) -> Driver {
        let mut scheduler = Scheduler::new(budget);
        for plugin in 0..PLUGINS {
            let config = PluginConfig {
                kill_after: (plugin != 1).then_some(Duration::from_millis(100)),
                tasks_per_worker: TASKS_PER_WORKER[plugin as usize],
                batch: None,
                has_effects: plugin == WITH_EFFECTS,
            };
            scheduler.add_plugin(PluginId(plugin), config);
        }
        // One plugin must give up its processes for another.
        scheduler.set_parking(Parking {
            templates: PLUGINS as usize - 1,
            after: parks_after,
        });
        Driver {
            scheduler,
            budget,
            now: Instant::now(),
            places: Vec::new(),
            tasks: Vec::new(),
            retries: 0,
            unfinished: 0,
            templates: [Template::Absent; PLUGINS as usize],
            workers: BTreeMap::new(),
            dead: BTreeMap::new(),
        }
    }

    pub(super) fn submitted(&self) -> usize {
        self.places.len()
    }

    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    pub(super) fn workers(&self) -> Vec<WorkerId> {
        self.workers.keys().copied().collect()
    }

    /// One of the workers that are not yet dead.
    pub(super) fn worker(&self, number: u8) -> Option<WorkerId> {
        let count = self.workers.len().max(1);
        self.workers
            .keys()
            .nth(usize::from(number) % count)
            .copied()
    }

    pub(super) fn check(&self) {
        self.scheduler.sanity_check();
        assert_eq!(self.scheduler.unfinished(), self.unfinished);
        assert!(self.scheduler.workers().eq(self.workers.keys().copied()));
    }

    pub(super) fn submit(&mut self, plugin: u32, tasks: Vec<Task>) {
        self.unfinished += tasks.len();
        self.places.extend(tasks.iter().map(|_| Place::Queue));
        self.tasks
            .extend(tasks.iter().map(|task| (plugin, *task, 0)));
        self.scheduler.submit(self.now, PluginId(plugin), &tasks);
        self.act();
    }

    pub(super) fn template_starts(&mut self, plugin: u32, works: bool) {
        let template = &mut self.templates[plugin as usize];
        if *template != Template::Starting {
            return;
        }
        if works {
            *template = Template::Ready;
            self.scheduler.template_ready(self.now, PluginId(plugin));
        } else {
            *template = Template::Absent;
            self.scheduler.template_failed(self.now, PluginId(plugin));
        }
        self.act();
    }

    pub(super) fn template_dies(&mut self, plugin: u32, killed: bool) {
        let template = &mut self.templates[plugin as usize];
        if *template != Template::Ready {
            return;
        }
        *template = Template::Absent;
        self.scheduler.template_closing(PluginId(plugin));
        for id in self.workers() {
            if self.workers[&id].plugin == plugin {
                self.bury(id, Death::Template);
            }
        }
        self.scheduler
            .template_died(self.now, PluginId(plugin), killed);
        self.act();
    }

    pub(super) fn worker_starts(&mut self, id: WorkerId, works: bool) {
        let Some(worker) = self.workers.get_mut(&id).filter(|worker| !worker.is_ready) else {
            return;
        };
        if works {
            worker.is_ready = true;
            self.scheduler.worker_ready(self.now, id);
        } else {
            self.never_there(id);
            self.scheduler.worker_failed(self.now, id);
        }
        self.act();
    }

    pub(super) fn honest_results(&mut self, id: WorkerId, count: usize, ends_batch: bool) {
        let worker = &self.workers[&id];
        let Some(batch) = worker.batches.front() else {
            return;
        };
        let count = count.min(batch.len());
        let ends_batch = count == batch.len() && (ends_batch || count == 0);
        if count > 0 || ends_batch {
            let may_fail = worker.lied || !worker.is_ready;
            let first = worker.first_due();
            let accepted = self.results(id, first, count as u32, ends_batch);
            assert!(accepted || may_fail, "an honest worker was not believed");
        }
    }

    pub(super) fn lie(&mut self, id: WorkerId, first: i8, count: u32, ends_batch: bool) {
        let first = self.workers[&id]
            .first_due()
            .wrapping_add_signed(first.into());
        self.results(id, first, count, ends_batch);
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.lied = true;
        }
    }

    /// Results come. Returns whether they were believed; of a closed worker nothing is read.
    fn results(&mut self, id: WorkerId, first: u32, count: u32, ends_batch: bool) -> bool {
        // One that waits for the host and sends results is ended for that, which is not the scheduler's matter.
        let reads = |worker: &&mut Worker| !worker.is_closed && !worker.in_host_call;
        let Some(worker) = self.workers.get_mut(&id).filter(reads) else {
            return true;
        };
        let expected = self.scheduler.expected(id, first, count, ends_batch);
        let expected = expected.map(|tasks| tasks.map(|task| task.id).collect::<Vec<_>>());
        match self
            .scheduler
            .results(self.now, id, first, count, ends_batch)
        {
            Err(violation) => {
                assert_eq!(expected, Err(violation));
                worker.is_closed = true;
                worker.killed = Some(Death::Violation(violation.0));
            }
            Ok(finished) => {
                let tasks: Vec<TaskId> = finished.iter().map(|finished| finished.task).collect();
                assert!(worker.is_ready && first == worker.first_due() || count == 0);
                let due = worker.due().map(|(_, task)| task);
                assert!(due.take(count as usize).eq(tasks.iter().copied()));
                assert_eq!(expected, Ok(tasks));
                worker.take_results(count, ends_batch);
                for finished in finished {
                    assert!(finished.attempts > 0);
                    self.is_over(finished.task, Place::Worker(id), finished.attempts, true);
                }
            }
        }
        let is_believed = expected.is_ok();
        self.act();
        is_believed
    }

    pub(super) fn write_page(&mut self, id: WorkerId, started: i8) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.page = started;
        }
    }

    pub(super) fn closes(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&id).filter(|worker| worker.is_ready) {
            worker.is_closed = true;
            self.scheduler.worker_closing(id);
            self.act();
        }
    }

    pub(super) fn dies(&mut self, id: WorkerId, how: Death) {
        self.bury(id, how);
        self.act();
    }

    /// What it was given on its way is nobody's.
    fn never_there(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.remove(&id) {
            for (_, task) in worker.due() {
                self.places[task.0 as usize] = Place::Queue;
            }
            self.dead.insert(id, worker.plugin);
        }
    }

    pub(super) fn bury(&mut self, id: WorkerId, how: Death) {
        let Some(worker) = self.workers.get(&id) else {
            return;
        };
        let (started, death) = (worker.started(), worker.killed.unwrap_or(how));
        let is_ready = worker.is_ready;
        self.never_there(id);
        match death {
            Death::Signal(libc::SIGKILL) if !is_ready => self.scheduler.worker_killed(self.now, id),
            Death::Signal(_) | Death::Exit(_) if !is_ready => {
                self.scheduler.worker_failed(self.now, id);
            }
            _ => self.scheduler.worker_died(self.now, id, started, death),
        }
    }

    /// Some tasks are not wanted any more, which may be over already.
    pub(super) fn cancel(&mut self, first: u64, count: u64) {
        let over = |id: &u64| {
            let place = self.places.get(*id as usize);
            place.is_none_or(|place| *place == Place::Over)
        };
        let tasks = (first..first + count).filter(|id| !over(id)).map(TaskId);
        self.scheduler.cancel(self.now, &tasks.collect());
        self.act();
    }

    pub(super) fn halt(&mut self, plugin: u32) {
        self.scheduler.halt(self.now, PluginId(plugin));
        self.act();
    }

    pub(super) fn unreaped(&mut self, count: usize) {
        self.scheduler.set_unreaped(self.now, count);
        self.act();
    }

    /// Time passes, and the timer goes off until nothing is due any more.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        for _ in 0..100 {
            if self.scheduler.next_timer().is_none_or(|at| at > self.now) {
                return;
            }
            self.scheduler.timer(self.now);
            self.act();
        }
        panic!("something is due, and is never done");
    }

    /// A worker that is to die does; another one starts, or answers all that it was sent.
    pub(super) fn settle_or_serve(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        worker.page = 1;
        if worker.killed.is_some() || worker.is_closed || worker.lied {
            return self.dies(id, Death::Unknown);
        }
        if worker.in_host_call {
            if self.waits_for_others(id) {
                return;
            }
            self.host_call(id);
        }
        self.worker_starts(id, true);
        while self
            .workers
            .get(&id)
            .is_some_and(|worker| worker.killed.is_none() && !worker.batches.is_empty())
        {
            self.honest_results(id, usize::MAX, true);
        }
    }

    /// Whether the host function that a worker's task is in waits for tasks that are not over: those that others wait for are what it
    /// waits for, if it is none of them itself.
    fn waits_for_others(&self, id: WorkerId) -> bool {
        let is_nested = |task: TaskId| self.tasks[task.0 as usize].1.nested;
        let running = self.scheduler.running(id);
        let of_own = running.is_some_and(|(task, _)| !is_nested(task));
        let over = |(place, (_, task, _)): (&Place, &(u32, Task, u32))| {
            *place == Place::Over || !task.nested
        };
        of_own && !self.places.iter().zip(&self.tasks).all(over)
    }

    /// A task is over, and runs again if that was asked for and it may.
    pub(super) fn is_over(&mut self, id: TaskId, from: Place, attempts: u32, may_retry: bool) {
        let (plugin, task, before) = &mut self.tasks[id.0 as usize];
        assert!(attempts <= *before + MOST_ATTEMPTS);
        assert_eq!(self.places[id.0 as usize], from, "{id:?}");
        if may_retry && self.retries > 0 && self.scheduler.may_retry(PluginId(*plugin)) {
            self.retries -= 1;
            *before = attempts;
            self.places[id.0 as usize] = Place::Queue;
            let at = self.now + Duration::from_millis(5);
            self.scheduler.retry(PluginId(*plugin), *task, attempts, at);
            return;
        }
        self.places[id.0 as usize] = Place::Over;
        self.unfinished -= 1;
    }
}
