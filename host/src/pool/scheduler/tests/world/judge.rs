//! The driver of the virtual world, and the judge: each outcome is held against what really happened.

use super::super::super::{Action, Death, Finished, Loss, TaskId, WorkerId};
use super::super::harness::us;
use super::super::virtual_worker::{Frame, VirtualWorker};
use super::{Event, World};

impl World {
    pub(super) fn frame(&mut self, id: WorkerId, frame: &Frame) {
        let Some(worker) = self
            .workers
            .get_mut(&id)
            .filter(|worker| !worker.frames_are_lost)
        else {
            return;
        };
        let count = frame.tasks.len() as u32;
        let (liar, plugin) = (worker.lies, worker.plugin);
        match self.scheduler.results(
            self.begin + us(self.now),
            id,
            frame.first_seq,
            count,
            frame.batch_done,
        ) {
            Err(violation) => {
                assert!(liar, "{violation:?} of an honest worker");
                self.die(id, Death::Violation(violation.0));
            }
            Ok(finished) => {
                worker.owed.drain(..finished.len());
                if count > 0 {
                    self.trouble[plugin.0 as usize] = 0;
                }
                assert!(
                    liar || finished
                        .iter()
                        .map(|finished| finished.task)
                        .eq(frame.tasks.iter().copied())
                );
                finished.iter().for_each(|finished| self.finish(*finished));
            }
        }
    }

    pub(super) fn finish(&mut self, finished: Finished) {
        let task = &self.tasks[finished.task.0 as usize];
        if self.plan.faults.worker_lies == 0 {
            assert_eq!(finished.attempts, task.starts, "attempts of {finished:?}");
        }
        self.end(finished.task, Ok(()));
    }

    pub(super) fn end(&mut self, task: TaskId, outcome: Result<(), Loss>) {
        let before = self.tasks[task.0 as usize].outcome.replace(outcome);
        assert_eq!(before, None, "{task:?} ended twice");
        self.outcomes.push(task);
    }

    /// A worker stops; the driver hears of it later, after what it had sent, or instead of it.
    pub(super) fn die(&mut self, id: WorkerId, death: Death) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        if worker.death.is_none() {
            worker.death = Some(death);
            worker.frames_are_lost = self.rng.once_in(2);
            let delay = (10 + self.rng.below(300)).max(worker.arrives.saturating_sub(self.now));
            self.after(delay, Event::WorkerDied(id));
        }
    }

    pub(super) fn worker_died(&mut self, id: WorkerId) {
        let Some(mut worker) = self.workers.remove(&id) else {
            return;
        };
        let Some(death) = worker.death else { return };
        let started = worker.page(&mut self.rng);
        for (_, task) in &worker.owed {
            self.tasks[task.0 as usize].losses += 1;
        }
        self.blame = worker.culprit(started, death);
        if self.blame.is_none() {
            self.trouble[worker.plugin.0 as usize] += 1;
        }
        self.scheduler
            .worker_died(self.instant(), id, started, death);
        self.act();
        assert_eq!(self.blame, None, "nobody was blamed for {death:?}");
    }

    /// Does all that the scheduler asks for.
    pub(super) fn act(&mut self) {
        while let Some(action) = self.scheduler.poll_action() {
            match action {
                Action::StartTemplate(plugin) => {
                    let delay = 1000 + self.rng.below(1000);
                    self.after(delay, Event::TemplateStarted(plugin));
                }
                Action::StartWorker { plugin, worker: id } => {
                    let lies = self.rng.once_in(self.plan.faults.worker_lies);
                    self.workers.insert(id, VirtualWorker::new(plugin, lies));
                    assert!(self.workers.len() <= self.plan.budget);
                    if self.templates[plugin.0 as usize] {
                        let delay = 100 + self.rng.below(400);
                        self.after(delay, Event::WorkerStarted(id));
                    } else {
                        self.die(id, Death::Template);
                    }
                }
                Action::Send {
                    worker: id,
                    first_seq,
                    tasks,
                    after_recall,
                } => {
                    let worker = self
                        .workers
                        .get_mut(&id)
                        .expect("sent to a worker that is gone");
                    worker.receive(first_seq, &tasks, after_recall);
                    self.go(id);
                }
                Action::Recall(id) => {
                    let worker = self
                        .workers
                        .get_mut(&id)
                        .expect("recalled from a worker that is gone");
                    let started = worker.recall(&mut self.rng);
                    self.scheduler.recalled(self.instant(), id, started);
                }
                Action::Park(_) | Action::Forget(_) => panic!("nobody asked for {action:?}"),
                Action::Kill(id, death) => self.die(id, death),
                Action::Fail { task, loss, .. } => self.fail(task, loss),
            }
        }
        if self.plan.coarse_us == 0 {
            self.scheduler.sanity_check();
        }
    }

    pub(super) fn fail(&mut self, task: TaskId, loss: Loss) {
        match loss {
            Loss::Died(_) => assert_eq!(self.blame.take(), Some(task), "the wrong task was blamed"),
            Loss::LostTooOften(_) => assert!(
                self.tasks[task.0 as usize].losses >= 3,
                "{task:?} was given up too early"
            ),
            Loss::PluginBroken => assert!(
                self.trouble.iter().any(|trouble| *trouble >= 3),
                "the plugin is not broken"
            ),
            Loss::NoPlugin | Loss::Cancelled | Loss::NoPlace | Loss::NoWorkerLeft => {
                panic!("nobody asked for {loss:?}")
            }
        }
        self.end(task, Err(loss));
    }
}
