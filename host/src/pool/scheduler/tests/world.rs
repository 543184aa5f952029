//! A world of virtual processes that keep the protocol, die, and sometimes lie; and a driver that connects a scheduler to it.
//! Time is virtual, in microseconds. Every outcome is held against what really happened.

mod judge;

use super::super::{Death, Loss, PluginConfig, PluginId, Scheduler, Task, TaskId, WorkerId};
use super::harness::{CRASHED, KILLED, us};
use super::plan::{Faults, Plan, Rng};
use super::virtual_worker::{Done, Frame, QUIET, VirtualWorker};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Longer than any limit.
const HOUR: u64 = 3_600_000_000;

enum Event {
    Submit { first: u64 },
    TemplateStarted(PluginId),
    TemplateDied(PluginId),
    WorkerStarted(WorkerId),
    TaskDone(WorkerId),
    Frame(WorkerId, Frame),
    WorkerDied(WorkerId),
    KillSomeWorker,
    KillSomeTemplate,
}

#[derive(Clone, Default)]
struct TaskLife {
    starts: u32,
    /// How many workers died that had it.
    losses: u32,
    outcome: Option<Result<(), Loss>>,
}

pub(super) struct World {
    plan: Plan,
    rng: Rng,
    scheduler: Scheduler,
    begin: Instant,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    workers: BTreeMap<WorkerId, VirtualWorker>,
    templates: Vec<bool>,
    /// Failures to start and blameless deaths of each plugin since one of its tasks finished.
    trouble: Vec<u32>,
    tasks: Vec<TaskLife>,
    /// The worker whose death is being reported, and the task that may be blamed.
    blame: Option<TaskId>,
    outcomes: Vec<TaskId>,
    steps: u64,
}

impl World {
    pub(super) fn new(plan: Plan) -> World {
        let mut scheduler = Scheduler::new(plan.budget);
        for plugin in 0..plan.plugins {
            let kill_after = plugin
                .is_multiple_of(2)
                .then_some(Duration::from_millis(300));
            scheduler.add_plugin(
                PluginId(plugin),
                PluginConfig {
                    kill_after,
                    ..PluginConfig::default()
                },
            );
        }
        World {
            plan,
            rng: Rng(plan.seed | 1 << 40),
            scheduler,
            begin: Instant::now(),
            now: 0,
            events: BTreeMap::new(),
            scheduled: 0,
            workers: BTreeMap::new(),
            templates: vec![false; plan.plugins as usize],
            trouble: vec![0; plan.plugins as usize],
            tasks: vec![TaskLife::default(); plan.tasks as usize],
            blame: None,
            outcomes: Vec::new(),
            steps: 0,
        }
    }

    /// Runs until all is done, and returns the tasks in the order in which they ended.
    pub(super) fn run(&mut self) -> &[TaskId] {
        self.after(0, Event::Submit { first: 0 });
        for (every, event) in self.kills() {
            self.after(every, event);
        }
        let mut looked = 0;
        while self.outcomes.len() < self.tasks.len() {
            self.steps += 1;
            assert!(self.steps < 1000 + 60 * self.plan.tasks, "does not end");
            let next = self.events.keys().next().map(|(at, _)| *at);
            if next.is_none_or(|next| next >= looked + self.plan.coarse_us) {
                looked = next.unwrap_or(self.now);
                let timer = self
                    .scheduler
                    .next_timer()
                    .map(|at| at.saturating_duration_since(self.begin).as_micros() as u64);
                if let Some(at) = timer.filter(|at| next.is_none_or(|next| *at <= next)) {
                    self.now = self.now.max(at);
                    self.scheduler.timer(self.instant());
                    self.act();
                    continue;
                }
            }
            let ((at, _), event) = self
                .events
                .pop_first()
                .expect("tasks wait, and nothing will happen any more");
            self.now = self.now.max(at);
            self.happen(event);
            self.act();
        }
        self.scheduler.sanity_check();
        assert_eq!(self.scheduler.unfinished(), 0);
        assert!(self.scheduler.losses.is_empty());
        &self.outcomes
    }

    fn kills(&self) -> impl Iterator<Item = (u64, Event)> + use<> {
        let Faults {
            worker_killed_every,
            template_killed_every,
            ..
        } = self.plan.faults;
        let kills = [
            (worker_killed_every, Event::KillSomeWorker),
            (template_killed_every, Event::KillSomeTemplate),
        ];
        kills.into_iter().filter(|(every, _)| *every > 0)
    }

    pub(super) fn failures(&self) -> usize {
        self.tasks
            .iter()
            .filter(|task| matches!(task.outcome, Some(Err(_))))
            .count()
    }

    fn instant(&self) -> Instant {
        self.begin + us(self.now)
    }

    fn after(&mut self, delay: u64, event: Event) {
        self.scheduled += 1;
        self.events
            .insert((self.now + delay, self.scheduled), event);
    }

    fn happen(&mut self, event: Event) {
        let now = self.instant();
        match event {
            Event::Submit { first } => self.submit(first),
            Event::TemplateStarted(plugin) => {
                let starts = !self.rng.once_in(self.plan.faults.template_start_fails);
                self.templates[plugin.0 as usize] = starts;
                if starts {
                    self.scheduler.template_ready(now, plugin);
                } else {
                    self.trouble[plugin.0 as usize] += 1;
                    if self.rng.once_in(5) {
                        self.trouble[plugin.0 as usize] = 3;
                        self.scheduler.last_chance(plugin);
                    }
                    self.scheduler.template_failed(now, plugin);
                }
            }
            Event::TemplateDied(plugin) => {
                self.trouble[plugin.0 as usize] += 1;
                let killed = !self.rng.once_in(5);
                self.scheduler.template_died(now, plugin, killed);
            }
            Event::WorkerStarted(id) => self.worker_started(id),
            Event::TaskDone(id) => self.task_done(id),
            Event::Frame(id, frame) => self.frame(id, &frame),
            Event::WorkerDied(id) => self.worker_died(id),
            Event::KillSomeWorker => {
                let skip = self.rng.below(self.workers.len() as u64) as usize;
                let death =
                    [KILLED, CRASHED, Death::Exit(3), Death::Unknown][self.rng.below(4) as usize];
                if let Some(id) = self.workers.keys().nth(skip).copied() {
                    self.die(id, death);
                }
                self.after(self.plan.faults.worker_killed_every, Event::KillSomeWorker);
            }
            Event::KillSomeTemplate => {
                let plugin = self.rng.below(self.plan.plugins.into()) as usize;
                if std::mem::take(&mut self.templates[plugin]) {
                    let delay = self.rng.below(300);
                    self.after(delay, Event::TemplateDied(PluginId(plugin as u32)));
                    let of_it = self
                        .workers
                        .iter()
                        .filter(|(_, worker)| worker.plugin.0 as usize == plugin);
                    for id in of_it.map(|(id, _)| *id).collect::<Vec<_>>() {
                        self.die(id, Death::Template);
                    }
                }
                self.after(
                    self.plan.faults.template_killed_every,
                    Event::KillSomeTemplate,
                );
            }
        }
    }

    fn submit(&mut self, first: u64) {
        let end =
            (first + 1 + self.rng.below(self.plan.tasks.min(12_000) / 4)).min(self.plan.tasks);
        let plugin = PluginId(self.rng.below(self.plan.plugins.into()) as u32);
        let rng = &mut self.rng;
        let tasks = (first..end).map(|id| Task {
            id: TaskId(id),
            function: (id / 700 % 3) as u32,
            bytes: if rng.once_in(1000) { 700_000 } else { 16 },
            nested: false,
        });
        let tasks: Vec<Task> = tasks.collect();
        self.scheduler.submit(self.instant(), plugin, &tasks);
        if end < self.plan.tasks {
            let delay = self.rng.below(8000);
            self.after(delay, Event::Submit { first: end });
        }
    }

    fn worker_started(&mut self, id: WorkerId) {
        let Some(worker) = self
            .workers
            .get_mut(&id)
            .filter(|worker| worker.death.is_none())
        else {
            return;
        };
        if self.rng.once_in(self.plan.faults.worker_start_fails) {
            self.trouble[worker.plugin.0 as usize] += 1;
            self.workers.remove(&id);
            self.scheduler.worker_failed(self.instant(), id);
        } else {
            worker.is_ready = true;
            self.scheduler.worker_ready(self.instant(), id);
        }
    }

    /// What a task costs: each plugin has its own range, and there are outliers.
    fn cost(&mut self, plugin: PluginId) -> u64 {
        if plugin.0.is_multiple_of(2) && self.rng.once_in(self.plan.faults.task_hangs) {
            return HOUR;
        }
        if self.rng.once_in(2000) {
            return 100_000;
        }
        match plugin.0 % 3 {
            0 => 1 + self.rng.below(20),
            1 => 100 + self.rng.below(1000),
            _ => 1 << self.rng.below(17),
        }
    }

    /// Lets a worker start what it may.
    fn go(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        let (frames, started) = worker.go();
        for frame in frames {
            self.send(id, frame);
        }
        if let Some((plugin, task)) = started {
            self.tasks[task.0 as usize].starts += 1;
            let cost = self.cost(plugin);
            if cost > QUIET
                && let Some(frame) = self
                    .workers
                    .get_mut(&id)
                    .and_then(VirtualWorker::send_ahead)
            {
                self.send(id, frame);
            }
            self.after(cost, Event::TaskDone(id));
        }
    }

    fn send(&mut self, id: WorkerId, frame: Frame) {
        let delay = 5 + self.rng.below(100);
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.arrives = worker.arrives.max(self.now + delay);
            let delay = worker.arrives - self.now;
            self.after(delay, Event::Frame(id, frame));
        }
    }

    fn task_done(&mut self, id: WorkerId) {
        let Some(worker) = self
            .workers
            .get_mut(&id)
            .filter(|worker| worker.death.is_none())
        else {
            return;
        };
        if self.rng.once_in(self.plan.faults.task_crashes) {
            self.die(id, CRASHED);
            return;
        }
        if let Done::Send(frame) = worker.task_done(self.now) {
            self.send(id, frame);
        }
        self.go(id);
    }
}
