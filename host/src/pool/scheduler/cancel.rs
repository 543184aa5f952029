//! Tasks that nobody wants any more: those that wait are over at once, and a worker that runs one is killed.

use super::worker::{State, Worker};
use super::{Action, Death, Loss, Ran, Scheduler, Task, TaskId, WorkerId};
use std::collections::{HashSet, VecDeque};
use std::time::Instant;

impl Scheduler {
    /// Cancels tasks. Each has its one outcome soon: that it was cancelled, or its result where that was on its way.
    pub(crate) fn cancel(&mut self, now: Instant, tasks: &HashSet<TaskId>) {
        let mut waiting = VecDeque::new();
        for plugin in self.plugins.values_mut() {
            let mut is_wanted = |task: &Task| {
                let wanted = !tasks.contains(&task.id);
                if !wanted {
                    waiting.push_back(*task);
                }
                wanted
            };
            plugin.queue.retain(&mut is_wanted);
            plugin.later.retain(|_, task| is_wanted(task));
        }
        self.fail_cancelled(waiting, None);
        let sent = self.workers.values().flat_map(|worker| &worker.outstanding);
        let sent: Vec<TaskId> = sent
            .map(|task| task.id)
            .filter(|id| tasks.contains(id))
            .collect();
        self.cancelled.extend(sent);
        for worker in self.worker_ids() {
            self.kill_if_at_cancelled(worker);
        }
        self.dispatch(now);
    }

    /// Kills a worker whose next task is not wanted: it runs it, or will before it can be told not to.
    pub(super) fn kill_if_at_cancelled(&mut self, id: WorkerId) {
        let at_cancelled = |worker: &Worker| {
            let front = worker.outstanding.front();
            worker.state == State::Ready
                && front.is_some_and(|task| self.cancelled.contains(&task.id))
        };
        if !self.cancelled.is_empty() && self.workers.get(&id).is_some_and(at_cancelled) {
            self.kill(id, Death::Cancelled);
        }
    }

    /// Takes those that were cancelled out of tasks that would run again. The last of them was running there, if that is known.
    pub(super) fn without_cancelled(
        &mut self,
        mut tasks: VecDeque<Task>,
        ran: Option<Ran>,
    ) -> VecDeque<Task> {
        if self.cancelled.is_empty() {
            return tasks;
        }
        let running = tasks.back().map(|task| task.id);
        let mut unwanted = VecDeque::new();
        tasks.retain(|task| {
            let unwanted_too = self.cancelled.remove(&task.id);
            if unwanted_too {
                unwanted.push_back(*task);
            }
            !unwanted_too
        });
        self.fail_cancelled(unwanted, running.zip(ran));
        tasks
    }

    fn fail_cancelled(&mut self, tasks: VecDeque<Task>, running: Option<(TaskId, Ran)>) {
        for task in tasks {
            let ran = running.filter(|(id, _)| *id == task.id).map(|(_, ran)| ran);
            let before = self.losses.remove(&task.id).map_or(0, |it| it.attempts());
            self.actions.push_back(Action::Fail {
                task: task.id,
                attempts: before + u32::from(ran.is_some()),
                loss: Loss::Cancelled,
                ran,
            });
        }
    }
}
