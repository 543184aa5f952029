//! A plugin as the scheduler sees it: its queue, its template, its workers, what its tasks cost and how often it failed to
//! start.

use super::fleet::Fleet;
use super::worker::Worker;
use super::{PluginConfig, Task, TaskId, WorkerId};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// A plugin that collects this many strikes without finishing a task fails its tasks.
pub(super) const STRIKES_OUT: u32 = 21;

/// A template or worker that fails to start: three in a row are out.
pub(super) const STRIKES_FOR_FAILURE: u32 = 7;

/// A kill from outside says little about the plugin, and nothing for a while after a task of it has finished.
pub(super) const STRIKES_FOR_KILL: u32 = 1;

/// That while.
const PROGRESS_LASTS: Duration = Duration::from_secs(1);

/// After a worker failed to start, no other is started for so long. Failures within that time have the same cause, and count
/// once.
const PAUSE: Duration = Duration::from_millis(100);

/// How much work a batch holds at least, about.
const BATCH_TIME: Duration = Duration::from_millis(1);

/// How much it holds at most: each batch wakes the driver, on a CPU that a worker needs.
const LONG_BATCH_TIME: Duration = Duration::from_millis(8);

/// Into so many batches what waits is divided for each worker, within those bounds: they get shorter towards the end, where they
/// decide who waits for whom.
const BATCHES_AHEAD: usize = 4;

/// How many batches a worker has at most: one that it is at, and one that is there when that is done.
const MOST_BATCHES: u32 = 2;

/// How much work a worker's only batch holds, at most, where it is sent another. One holds more if its tasks turned out far longer
/// than was thought: what waits then is for others.
const ONE_BATCH_TIME: Duration = LONG_BATCH_TIME.saturating_mul(2);

/// The most tasks in a batch.
const BATCH_TASKS: u64 = 4096;

/// Beyond this cost a task is sent only to a worker that waits: hiding the wait for it is worth nothing.
const NO_PREFETCH: Duration = Duration::from_millis(5);

/// The state of the one process that workers are forked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Template {
    Absent,
    Starting,
    Ready,
    /// It is gone, and what becomes of its workers is being told.
    Leaving,
}

/// One plugin.
#[derive(Debug)]
pub(super) struct Plugin {
    pub(super) config: PluginConfig,
    /// Those that host functions wait for are always first.
    pub(super) queue: VecDeque<Task>,
    /// Tasks that failed, by when they run again.
    pub(super) later: BTreeMap<(Instant, TaskId), Task>,
    pub(super) template: Template,
    pub(super) fleet: Fleet,
    pub(super) strikes: u32,
    /// When a task was over last.
    progress_at: Option<Instant>,
    /// Until when no worker is started, because one failed to.
    pub(super) paused_until: Option<Instant>,
    /// Which worker was started last: who was served longest ago is served first.
    pub(super) last_start: Option<WorkerId>,
    /// The last worker that was started before all that waited was given up: what those have that never come is given up too.
    pub(super) given_up: Option<WorkerId>,
    /// When a worker became ready last.
    pub(super) served_at: Option<Instant>,
    pub(super) cost: Cost,
    /// When a task of it came last.
    pub(super) used_at: Option<Instant>,
    /// It gets no more tasks, and is forgotten once it has none.
    pub(super) leaving: bool,
    /// None of its tasks begins any more.
    pub(super) halted: bool,
}

impl Plugin {
    pub(super) fn new(config: PluginConfig) -> Plugin {
        Plugin {
            config,
            queue: VecDeque::new(),
            later: BTreeMap::new(),
            template: Template::Absent,
            fleet: Fleet::default(),
            strikes: 0,
            progress_at: None,
            paused_until: None,
            last_start: None,
            given_up: None,
            served_at: None,
            cost: Cost::default(),
            used_at: None,
            leaving: false,
            halted: false,
        }
    }

    /// Adds tasks to the queue: those that others wait for in front.
    pub(super) fn take_in(&mut self, tasks: &[Task]) {
        if !tasks.iter().any(|task| task.nested) {
            self.queue.extend(tasks);
            return;
        }
        let (nested, own): (VecDeque<Task>, VecDeque<Task>) =
            tasks.iter().partition(|task| task.nested);
        self.queue.extend(own);
        self.put_back(nested);
    }

    /// Takes the first tasks out of the queue.
    pub(super) fn take_out(&mut self, count: usize) -> Vec<Task> {
        // In one piece, which `drain` would not do.
        let tasks = self.queue.range(..count).copied().collect();
        self.queue.drain(..count);
        tasks
    }

    /// How many tasks one batch holds.
    pub(super) fn batch(&self) -> usize {
        if let Some(chosen) = self.config.batch {
            return chosen.get() as usize;
        }
        let longest = match self.fleet.waiting {
            0 => LONG_BATCH_TIME,
            // What the application is to do for a task may be behind it.
            _ => BATCH_TIME,
        };
        let [short, long] = [BATCH_TIME, longest].map(|time| self.cost.tasks_in(time));
        let batches = BATCHES_AHEAD * self.fleet.workers.max(1);
        (self.queue.len() / batches).clamp(short, long)
    }

    /// Whether there is a batch for each worker, so that none is without for what is sent ahead to another. While tasks wait for the
    /// application, those that it may wait for in turn are for workers that have nothing, so that few should have much.
    pub(super) fn has_plenty(&self) -> bool {
        self.cost.is_worth_prefetching()
            && self.fleet.waiting == 0
            && self.queue.len() >= self.batch() * self.fleet.workers.max(1)
    }

    /// Below how many outstanding tasks a worker may be sent more, if it has too little to do.
    pub(super) fn refill_below(&self) -> usize {
        match self.cost.is_worth_prefetching() {
            true if self.has_plenty() => self.enough(),
            true => self.batch() + 1,
            false => 1,
        }
    }

    /// Whether a worker may be sent more without having much more to do than others.
    pub(super) fn has_too_little(&self, worker: &Worker) -> bool {
        worker.batches < MOST_BATCHES && worker.load() < self.enough()
    }

    /// How many tasks are enough for a worker, in whatever batches.
    fn enough(&self) -> usize {
        self.batch().max(self.cost.tasks_in(ONE_BATCH_TIME)) + 1
    }

    /// Puts tasks back in front of the queue, in their order, each kind for itself.
    pub(super) fn put_back(&mut self, tasks: VecDeque<Task>) {
        let (nested, own): (Vec<Task>, Vec<Task>) = tasks.into_iter().partition(|task| task.nested);
        let stay_first = match own.is_empty() {
            true => 0,
            false => self.queue.iter().take_while(|task| task.nested).count(),
        };
        let first = self.take_out(stay_first);
        for task in nested.into_iter().chain(first).chain(own).rev() {
            self.queue.push_front(task);
        }
    }

    /// A task is over.
    pub(super) fn progressed(&mut self, now: Instant) {
        self.strikes = 0;
        self.progress_at = Some(now);
    }

    /// Whether a task was over not long ago.
    pub(super) fn progressed_lately(&self, now: Instant) -> bool {
        self.progress_at.is_some_and(|at| now < at + PROGRESS_LASTS)
    }

    /// Whether workers are not started for now.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// A worker failed to start: whether that counts against the plugin.
    pub(super) fn start_failed(&mut self, now: Instant) -> bool {
        if self.is_paused(now) {
            return false;
        }
        self.paused_until = Some(now + PAUSE);
        // Where some work, the machine has no room for more, or the plugin would not have come that far.
        self.fleet.ready == 0
    }
}

/// A running average of what one task costs, by the supervisor's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost(Option<f64>);

impl Cost {
    /// `count` tasks took `took` together.
    pub(super) fn add(&mut self, took: Duration, count: u32) {
        let sample = took.as_nanos() as f64 / f64::from(count.max(1));
        self.0 = Some(
            self.0
                .map_or(sample, |average| 0.75 * average + 0.25 * sample),
        );
    }

    /// How many tasks take about so long, at least one and no more than a batch may hold.
    fn tasks_in(self, time: Duration) -> usize {
        let Some(cost) = self.0 else { return 1 };
        let fitting = time.as_nanos() as f64 / cost.max(1.0);
        (fitting as u64).clamp(1, BATCH_TASKS) as usize
    }

    /// Whether hiding the wait for the next batch is worth something.
    fn is_worth_prefetching(self) -> bool {
        self.0
            .is_some_and(|cost| cost < NO_PREFETCH.as_nanos() as f64)
    }
}
