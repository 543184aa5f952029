//! What becomes of the tasks of a worker that died: one fails, the others run again.

use super::plugin::{STRIKES_FOR_KILL, STRIKES_OUT};
use super::worker::{State, Worker};
use super::{Action, PluginId, Ran, Scheduler, Task, TaskId, WorkerId};
use std::collections::VecDeque;
use std::time::Instant;

/// How often a task is run again after it was lost through no fault of its own.
const RERUNS: u32 = 2;

/// How often a task may be handed to workers that die before they start it. After the first time it is handed out alone, so
/// that it does not share the fate of others.
const HANDINGS: u32 = 10;

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// By a signal that the supervisor did not send.
    Signal(i32),
    /// By exiting, which a worker does by itself only once its one task is done: then it is retired.
    Exit(i32),
    /// Nobody could say how.
    Unknown,
    /// Its template died, and it with it.
    Template,
    /// It was killed because its task ran past its deadline.
    Deadline,
    /// It was killed because it held more memory than its limits allow.
    Memory,
    /// The kernel killed it because no memory was left in its cgroup.
    OutOfMemory,
    /// It was killed because it answered something it was not asked.
    Violation(&'static str),
    /// It was killed because it did not answer.
    Stuck,
    /// It was killed because it was not needed any more.
    Retired,
    /// It was killed because nobody wants the task it was running.
    Cancelled,
}

impl Death {
    /// Whether a task must have caused it, even if none is known to have started.
    fn has_a_culprit(self) -> bool {
        match self {
            Death::Signal(signal) => signal != libc::SIGKILL,
            Death::Exit(_) | Death::Violation(_) | Death::Memory => true,
            // A worker that did not get to run before its deadline has harmed nobody.
            Death::Deadline
            | Death::Unknown
            | Death::OutOfMemory
            | Death::Template
            | Death::Stuck
            | Death::Retired
            | Death::Cancelled => false,
        }
    }
}

/// Why a task is over without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It was running when its worker ended.
    Died(Death),
    /// Its result was lost with a worker or a template, more often than it is run again.
    LostTooOften(Death),
    /// The plugin's processes do not start, or die before they finish anything.
    PluginBroken,
    /// There is no such plugin.
    NoPlugin,
    /// Nobody wanted it any more.
    Cancelled,
    /// Processes that were killed and do not end have the places of all workers.
    NoPlace,
    /// A host function waits for it, all workers wait for host functions, and there are as many as there may be.
    NoWorkerLeft,
}

/// How often a task was lost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    /// While or after it ran.
    pub(super) runs: u32,
    /// How often it was started before it failed and was to run again.
    pub(super) before: u32,
    /// Before it started.
    handings: u32,
}

impl Losses {
    /// How often it was started.
    pub(super) fn attempts(self) -> u32 {
        self.before + self.runs
    }
}

impl Scheduler {
    /// Finds an end or a new start for each task of a dead worker. From now on those that it did not finish are sent alone:
    /// whatever the status page says, a task that kills its workers takes at most one other with it.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        id: WorkerId,
        mut worker: Worker,
        started: u32,
        death: Death,
    ) {
        let mut unstarted = worker.take_unstarted(started);
        let mut started: VecDeque<Task> = worker.outstanding;
        let culprit = match death {
            Death::Template | Death::Cancelled => None,
            _ => started.pop_back().or_else(|| {
                if death.has_a_culprit() {
                    unstarted.pop_front()
                } else {
                    None
                }
            }),
        };
        let left = started.len() + unstarted.len();
        let ran = Ran {
            worker: id,
            since: worker.progress_at,
        };
        let at_cancelled = death == Death::Cancelled;
        started = self.without_cancelled(started, at_cancelled.then_some(ran));
        unstarted = self.without_cancelled(unstarted, None);
        let cancelled = started.len() + unstarted.len() < left;
        let has_effects = self.plugins.get(&worker.plugin);
        let has_effects = has_effects.is_some_and(|plugin| plugin.config.has_effects);
        let begun: Vec<Task> = if has_effects {
            started.drain(..).collect()
        } else {
            Vec::new()
        };
        for task in begun.iter().chain(&culprit) {
            self.cancelled.remove(&task.id);
            let attempts = 1 + self.losses.remove(&task.id).map_or(0, |it| it.attempts());
            self.actions.push_back(Action::Fail {
                task: task.id,
                attempts,
                loss: Loss::Died(death),
                ran: Some(ran),
            });
        }
        let lost = started.len() + unstarted.len();
        started
            .retain(|task| self.may_run_again(task.id, death, |losses| &mut losses.runs, RERUNS));
        // What was on its way waits again, as if it had never left; the template's own strikes bound that.
        if !(worker.state == State::Starting && death == Death::Template) {
            unstarted.retain(|task| {
                self.may_run_again(task.id, death, |losses| &mut losses.handings, HANDINGS)
            });
        }
        started.append(&mut unstarted);
        // A failed task is progress too: there is one fewer.
        let failed = cancelled || culprit.is_some() || !begun.is_empty() || started.len() < lost;
        let Some(plugin) = self.plugins.get_mut(&worker.plugin) else {
            return;
        };
        plugin.put_back(started);
        match death {
            _ if failed => plugin.progressed(now),
            // The template's own death is counted once, not for each worker.
            Death::Template | Death::Retired | Death::Cancelled => {}
            _ => self.strike(now, worker.plugin, STRIKES_FOR_KILL),
        }
    }

    fn may_run_again(
        &mut self,
        task: TaskId,
        death: Death,
        count: fn(&mut Losses) -> &mut u32,
        most: u32,
    ) -> bool {
        let losses = self.losses.entry(task).or_default();
        *count(losses) += 1;
        let attempts = losses.attempts();
        if *count(losses) <= most {
            return true;
        }
        self.losses.remove(&task);
        self.actions.push_back(Action::Fail {
            task,
            attempts,
            loss: Loss::LostTooOften(death),
            ran: None,
        });
        false
    }

    /// What a plugin does once for all tasks failed, and would again: its next failure is its last.
    pub(crate) fn last_chance(&mut self, plugin: PluginId) {
        if let Some(state) = self.plugins.get_mut(&plugin) {
            state.strikes = STRIKES_OUT - 1;
        }
    }

    /// Counts against a plugin that makes no progress; one that is out fails all that wait.
    pub(super) fn strike(&mut self, now: Instant, plugin: PluginId, strikes: u32) {
        let Some(state) = self.plugins.get_mut(&plugin) else {
            return;
        };
        if strikes == STRIKES_FOR_KILL && state.progressed_lately(now) {
            return;
        }
        state.strikes += strikes;
        if state.strikes < STRIKES_OUT {
            return;
        }
        // Tasks that come later get their own chance: what exhausted the machine may have passed.
        state.strikes = 0;
        state.given_up = state.last_start;
        let waiting = state.take_waiting();
        self.give_up(waiting, Loss::PluginBroken);
    }

    /// Ends tasks that no worker has.
    pub(super) fn give_up(&mut self, tasks: impl IntoIterator<Item = Task>, loss: Loss) {
        for task in tasks {
            let attempts = self.losses.remove(&task.id).map_or(0, |it| it.attempts());
            self.actions.push_back(Action::Fail {
                task: task.id,
                attempts,
                loss,
                ran: None,
            });
        }
    }
}
