//! Which task runs where and when: a pure state machine. Events and the time go in, [`Action`]s come out; there is no clock,
//! socket, thread or file in here.
//!
//! ```text
//!  submit ─► queue of the plugin ─► Send ─► outstanding of a worker ─► results ─► (finished)
//!                 ▲                              │ worker died, recalled
//!                 └── unstarted, lost results ◄──┴──► Fail: the one it was running
//! ```
//! Invariants: a task is in one queue or outstanding at one worker until it is returned by [`Scheduler::results`] or named by
//! [`Action::Fail`], which happens once. The number of workers never exceeds the budget, but for
//! one more for each that waits in a host call, up to twice the budget, and as many again for those that have done their last task
//! and are about to be gone. Whatever a worker claims is held against what it was sent.

mod cancel;
mod dispatch;
mod fleet;
mod host_call;
mod lateness;
mod later;
mod loss;
mod park;
mod plugin;
#[cfg(any(test, feature = "testing"))]
mod sanity;
mod timers;
mod unreaped;
mod worker;

#[cfg(test)]
mod tests;

use plugin::Plugin;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use worker::{State, Worker};

pub(crate) use loss::{Death, Loss};
pub(crate) use park::Parking;

/// A plugin of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PluginId(pub(crate) u32);

/// A worker, numbered through the life of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct WorkerId(pub(crate) u32);

/// A task, numbered by whoever submits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TaskId(pub(crate) u64);

/// What the scheduler needs to know of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// Its number.
    pub(crate) id: TaskId,
    /// The function it calls: one batch holds tasks of one function.
    pub(crate) function: u32,
    /// The length of its encoded arguments.
    pub(crate) bytes: u32,
    /// Whether a host function waits for it, and so the worker of another task.
    pub(crate) nested: bool,
}

/// How a plugin's tasks are treated.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PluginConfig {
    /// After how long without progress a worker is killed: the task's time limit and the grace.
    pub(crate) kill_after: Option<Duration>,
    /// How many tasks a worker is sent before another takes its place.
    pub(crate) tasks_per_worker: Option<NonZeroU32>,
    /// How many tasks a batch holds, where that is not to follow what they cost.
    pub(crate) batch: Option<NonZeroU32>,
    /// Whether tasks have effects: one that began is not run again.
    pub(crate) has_effects: bool,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start the plugin's template.
    StartTemplate(PluginId),
    /// End the plugin's template, and the workers that it forked: none of them has anything to do.
    Park(PluginId),
    /// The plugin has no tasks and no processes, and gets none any more.
    Forget(PluginId),
    /// Have the plugin's template fork a worker.
    StartWorker { plugin: PluginId, worker: WorkerId },
    /// Send tasks, numbered from `first_seq`.
    Send {
        worker: WorkerId,
        first_seq: u32,
        tasks: Vec<Task>,
        after_recall: bool,
    },
    /// Forbid the worker to start more of what it was sent, and answer with [`Scheduler::recalled`].
    Recall(WorkerId),
    /// Kill the worker; its death is then reported with the same cause.
    Kill(WorkerId, Death),
    /// The task is over without a result.
    Fail {
        task: TaskId,
        attempts: u32,
        loss: Loss,
        /// Where it was running, if it was.
        ran: Option<Ran>,
    },
}

/// Where a task was running when its worker ended, and since when at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) worker: WorkerId,
    pub(crate) since: Instant,
}

/// A task that a result came for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// Which.
    pub(crate) task: TaskId,
    /// How often it was started, this time included.
    pub(crate) attempts: u32,
}

/// A worker answered something that it was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str);

/// The state of all queues, plugins and workers of a pool.
#[derive(Debug)]
pub(crate) struct Scheduler {
    budget: usize,
    plugins: BTreeMap<PluginId, Plugin>,
    workers: FxHashMap<WorkerId, Worker>,
    next_worker: u32,
    /// Tasks that were lost before, with how often; most never are.
    losses: HashMap<TaskId, loss::Losses>,
    /// Tasks that workers have and nobody wants any more.
    cancelled: HashSet<TaskId>,
    parking: Parking,
    unreaped: unreaped::Unreaped,
    /// The most workers that waited in host calls at once.
    most_waiting: usize,
    actions: VecDeque<Action>,
}

impl Scheduler {
    /// A scheduler that keeps at most `budget` workers.
    pub(crate) fn new(budget: usize) -> Scheduler {
        Scheduler {
            budget: budget.max(1),
            plugins: BTreeMap::new(),
            workers: FxHashMap::default(),
            next_worker: 0,
            losses: HashMap::new(),
            cancelled: HashSet::new(),
            parking: Parking::default(),
            unreaped: unreaped::Unreaped::default(),
            most_waiting: 0,
            actions: VecDeque::new(),
        }
    }

    /// A plugin whose tasks may be submitted from now on.
    pub(crate) fn add_plugin(&mut self, plugin: PluginId, config: PluginConfig) {
        self.plugins
            .entry(plugin)
            .or_insert_with(|| Plugin::new(config));
    }

    /// Tasks to run.
    pub(crate) fn submit(&mut self, now: Instant, plugin: PluginId, tasks: &[Task]) {
        match self.plugins.get_mut(&plugin) {
            Some(state) if !state.leaving => {
                state.used_at = Some(now);
                state.take_in(tasks);
            }
            _ => {
                for task in tasks {
                    self.actions.push_back(Action::Fail {
                        task: task.id,
                        attempts: 0,
                        loss: Loss::NoPlugin,
                        ran: None,
                    });
                }
            }
        }
        self.dispatch(now);
    }

    /// The plugin's template is ready to fork.
    pub(crate) fn template_ready(&mut self, now: Instant, plugin: PluginId) {
        if let Some(plugin) = self.plugins.get_mut(&plugin) {
            plugin.template = plugin::Template::Ready;
        }
        self.dispatch(now);
    }

    /// The plugin's template could not be started, or refused its artifact.
    pub(crate) fn template_failed(&mut self, now: Instant, plugin: PluginId) {
        self.template_gone(now, plugin, plugin::STRIKES_FOR_FAILURE);
        self.dispatch(now);
    }

    /// The plugin's template is gone: until it is told how, no worker is asked of it.
    pub(crate) fn template_closing(&mut self, plugin: PluginId) {
        if let Some(state) = self.plugins.get_mut(&plugin) {
            state.template = plugin::Template::Leaving;
        }
    }

    /// The plugin's template died; the deaths of its workers are reported one by one. `killed` says that it was not its own
    /// doing: then it may have been starting still.
    pub(crate) fn template_died(&mut self, now: Instant, plugin: PluginId, killed: bool) {
        self.template_gone(
            now,
            plugin,
            if killed {
                plugin::STRIKES_FOR_KILL
            } else {
                plugin::STRIKES_FOR_FAILURE
            },
        );
        self.dispatch(now);
    }

    fn template_gone(&mut self, now: Instant, plugin: PluginId, strikes: u32) {
        if let Some(state) = self.plugins.get_mut(&plugin) {
            state.template = plugin::Template::Absent;
            self.strike(now, plugin, strikes);
        }
    }

    /// A worker is confined and waits for tasks.
    pub(crate) fn worker_ready(&mut self, now: Instant, worker: WorkerId) {
        self.change_worker(worker, |worker, plugin| {
            if worker.state == State::Starting {
                worker.is_there(now);
                plugin.served_at = Some(now);
            }
        });
        self.kill_if_at_cancelled(worker);
        self.dispatch(now);
    }

    /// A worker could not be started.
    pub(crate) fn worker_failed(&mut self, now: Instant, worker: WorkerId) {
        if let Some(plugin) = self.never_there(worker) {
            let state = self.plugins.get_mut(&plugin);
            if state.is_some_and(|state| state.start_failed(now)) {
                self.strike(now, plugin, plugin::STRIKES_FOR_FAILURE);
            }
        }
        self.dispatch(now);
    }

    /// Somebody killed a worker before it was ready: another one is started, and it says little about the plugin.
    pub(crate) fn worker_killed(&mut self, now: Instant, worker: WorkerId) {
        if let Some(plugin) = self.never_there(worker) {
            self.strike(now, plugin, plugin::STRIKES_FOR_KILL);
        }
        self.dispatch(now);
    }

    /// A worker does not come to be: what it was given on its way is for others, unless all that waited then was given up.
    fn never_there(&mut self, id: WorkerId) -> Option<PluginId> {
        let worker = self.remove_worker(id)?;
        let back = self.without_cancelled(worker.outstanding, None);
        let state = self.plugins.get_mut(&worker.plugin)?;
        if state.given_up.is_some_and(|last| id <= last) {
            self.give_up(back, Loss::PluginBroken);
        } else {
            state.put_back(back);
        }
        Some(worker.plugin)
    }

    /// The tasks that such results would be for, if they are what the worker was sent and next.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::results`], but nothing changes.
    pub(crate) fn expected(
        &self,
        worker: WorkerId,
        first_seq: u32,
        count: u32,
        batch_done: bool,
    ) -> Result<impl ExactSizeIterator<Item = &Task> + Clone, Violation> {
        let worker = self
            .workers
            .get(&worker)
            .ok_or(Violation("results from an unknown worker"))?;
        worker.check_results(first_seq, count, batch_done)?;
        Ok(worker.outstanding.iter().take(count as usize))
    }

    /// Results came: `count` of them, from sequence number `first_seq` on, and perhaps the end of a batch. Returns the tasks
    /// they are for, in order.
    ///
    /// # Errors
    ///
    /// When the worker was not sent those tasks, or not next. Then it is sent nothing more, and the driver must kill it and
    /// report its death by [`Death::Violation`].
    pub(crate) fn results(
        &mut self,
        now: Instant,
        worker: WorkerId,
        first_seq: u32,
        count: u32,
        batch_done: bool,
    ) -> Result<Vec<Finished>, Violation> {
        let results = self.change_worker(worker, |worker, plugin| {
            if let Err(violation) = worker.check_results(first_seq, count, batch_done) {
                worker.state = State::Dying;
                return Err(violation);
            }
            let finished = worker.take_results(now, count as usize, batch_done);
            if let Some(took) = worker.sample(now, count) {
                plugin.cost.add(took, count);
                plugin.progressed(now);
            }
            Ok((finished, worker.is_spent()))
        });
        let (mut finished, spent) =
            results.unwrap_or(Err(Violation("results from an unknown worker")))?;
        if spent {
            self.kill(worker, Death::Retired);
        }
        if !self.cancelled.is_empty() {
            for finished in &finished {
                self.cancelled.remove(&finished.task);
            }
            self.kill_if_at_cancelled(worker);
        }
        if !self.losses.is_empty() {
            for finished in &mut finished {
                let losses = self.losses.remove(&finished.task);
                finished.attempts += losses.map_or(0, |it| it.attempts());
            }
        }
        self.dispatch(now);
        Ok(finished)
    }

    /// The answer to [`Action::Recall`]: the worker's tasks from `started` on have not started and will not.
    pub(crate) fn recalled(&mut self, now: Instant, worker: WorkerId, started: u32) {
        let recalled = self.change_worker(worker, |worker, _| worker.recalled(now, started));
        let back = self.without_cancelled(recalled.unwrap_or_default(), None);
        self.change_worker(worker, |_, plugin| plugin.put_back(back));
        self.dispatch(now);
    }

    /// A worker's connection is closed, and how it died is not known yet: it gets nothing more.
    pub(crate) fn worker_closing(&mut self, worker: WorkerId) {
        self.change_worker(worker, |worker, _| worker.state = State::Dying);
    }

    /// A worker is gone. `started` is what its status page says: one more than the sequence number it started last.
    pub(crate) fn worker_died(
        &mut self,
        now: Instant,
        worker: WorkerId,
        started: u32,
        death: Death,
    ) {
        if let Some(state) = self.remove_worker(worker) {
            self.settle(now, worker, state, started, death);
        }
        self.dispatch(now);
    }

    fn kill(&mut self, worker: WorkerId, death: Death) {
        self.change_worker(worker, |worker, _| worker.state = State::Dying);
        self.actions.push_back(Action::Kill(worker, death));
    }

    /// Whether a worker is about to be gone because it has done all that it will ever be sent.
    pub(crate) fn has_left(&self, worker: WorkerId) -> bool {
        self.workers.get(&worker).is_some_and(Worker::leaves)
    }

    /// What to do next, if anything.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// How many tasks of a plugin wait, and how many its workers have.
    pub(crate) fn tasks_of(&self, plugin: PluginId) -> (usize, usize) {
        let queued = self.plugins.get(&plugin).map_or(0, |state| state.waiting());
        let workers = self.workers.values().filter(|it| it.plugin == plugin);
        (queued, workers.map(|worker| worker.outstanding.len()).sum())
    }
}
