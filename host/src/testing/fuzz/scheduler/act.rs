//! Doing what the scheduler asks for, each thing held against what was asked before.

use super::driver::{Driver, Place, TASKS_PER_WORKER, Template, WITH_EFFECTS};
use super::worker::Worker;
use crate::pool::scheduler::{Action, Death, Loss, Ran, Task, WorkerId};

impl Driver {
    /// Does all that the scheduler asks for.
    pub(super) fn act(&mut self) {
        while let Some(action) = self.scheduler.poll_action() {
            match action {
                Action::StartTemplate(plugin) => {
                    let template = &mut self.templates[plugin.0 as usize];
                    assert!(*template == Template::Absent, "a second template");
                    *template = Template::Starting;
                }
                Action::StartWorker { plugin, worker } => self.start_worker(plugin.0, worker),
                Action::Park(plugin) => self.park(plugin.0),
                Action::Forget(plugin) => panic!("{plugin:?} was not unloaded"),
                Action::Send {
                    worker,
                    first_seq,
                    tasks,
                    after_recall,
                } => self.send(worker, first_seq, &tasks, after_recall),
                Action::Recall(worker) => self.recall(worker),
                Action::Kill(worker, death) => {
                    if let Some(worker) = self.alive(worker) {
                        worker.killed.get_or_insert(death);
                    }
                }
                Action::Fail {
                    task,
                    attempts,
                    loss,
                    ran,
                } => {
                    match loss {
                        Loss::Died(_) => {
                            let ran = ran.expect("it ran somewhere");
                            let plugin = self.dead.remove(&ran.worker);
                            let plugin = plugin.expect("blamed on a worker that did not die");
                            // All that it had begun; of others, one.
                            if plugin == WITH_EFFECTS {
                                self.dead.insert(ran.worker, plugin);
                            }
                            assert!(ran.since <= self.now);
                        }
                        Loss::Cancelled => {
                            let of_dead = |ran: Ran| self.dead.contains_key(&ran.worker);
                            assert!(ran.is_none_or(of_dead), "{task:?}");
                        }
                        _ => assert_eq!(ran, None),
                    }
                    self.is_over(task, Place::Queue, attempts, loss != Loss::Cancelled);
                }
            }
        }
        self.dead.clear();
    }

    /// The template ends, and with it its workers, which have nothing to do.
    fn park(&mut self, plugin: u32) {
        self.templates[plugin as usize] = Template::Absent;
        for id in self.workers() {
            if self.workers[&id].plugin == plugin {
                assert!(self.workers[&id].due().next().is_none(), "{id:?} is busy");
                self.workers.remove(&id);
                self.scheduler.worker_died(self.now, id, 0, Death::Retired);
            }
        }
    }

    /// The task that a worker is at calls a function of the host; or it gets its answer, if it waits for one.
    pub(super) fn host_call(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        let is_at_none = self.scheduler.running(id).is_none();
        if worker.is_closed || (is_at_none && !worker.in_host_call) {
            return;
        }
        if !worker.in_host_call {
            // One that is not there yet is at no task, whatever it says.
            worker.in_host_call = worker.is_ready;
            self.scheduler.host_call_begins(self.now, id);
        } else {
            worker.in_host_call = false;
            self.scheduler.host_call_ends(self.now, id);
        }
        self.act();
    }

    fn start_worker(&mut self, plugin: u32, id: WorkerId) {
        let worker = self.workers.insert(id, Worker::new(plugin));
        assert!(worker.is_none(), "{id:?} again");
        let waits = |it: &&Worker| it.in_host_call && !it.is_closed && it.killed.is_none();
        let waiting = self.workers.values().filter(waits).count();
        // Done with all that it will ever be sent, and killed, for that or before its last result came.
        let leaves = |worker: &&Worker| {
            let is_for_some = TASKS_PER_WORKER[worker.plugin as usize].is_some();
            let is_ending = worker.killed.is_some() || worker.is_closed;
            is_for_some && is_ending && worker.batches.is_empty()
        };
        let leaving = self.workers.values().filter(leaves).count();
        let most = self.budget + waiting.min(self.budget) + leaving.min(self.budget);
        assert!(self.workers.len() <= most, "a worker too many");
        if self.templates[plugin as usize] != Template::Ready {
            self.bury(id, Death::Template);
        }
    }

    /// A worker that something is asked of.
    fn alive(&mut self, id: WorkerId) -> Option<&mut Worker> {
        let worker = self.workers.get_mut(&id);
        assert!(
            worker.is_some() || self.dead.contains_key(&id),
            "{id:?} is dead"
        );
        worker
    }

    fn send(&mut self, id: WorkerId, first_seq: u32, tasks: &[Task], after_recall: bool) {
        let Some(worker) = self.alive(id) else {
            return;
        };
        let is_for_one = TASKS_PER_WORKER[worker.plugin as usize].is_some_and(|it| it.get() == 1);
        assert!(worker.is_ready || is_for_one && first_seq == 0);
        assert!(!worker.is_closed && worker.killed.is_none());
        assert_eq!(worker.next_seq, first_seq);
        assert!(!tasks.is_empty());
        let is_of_one_function = tasks.iter().all(|task| task.function == tasks[0].function);
        assert!(is_of_one_function, "two functions in a batch");
        let bytes: u64 = tasks.iter().map(|task| u64::from(task.bytes)).sum();
        assert!(tasks.len() == 1 || bytes <= 1 << 20, "a batch too large");
        if std::mem::take(&mut worker.was_recalled) {
            assert!(after_recall, "its page still forbids it");
            assert!(worker.batches.is_empty(), "it may start what was recalled");
        }
        let seqs = first_seq..;
        let batch = seqs.zip(tasks.iter().map(|task| task.id));
        worker.batches.push_back(batch.collect());
        worker.next_seq += tasks.len() as u32;
        for task in tasks {
            let place = &mut self.places[task.id.0 as usize];
            assert_eq!(*place, Place::Queue, "{:?}", task.id);
            *place = Place::Worker(id);
        }
    }

    fn recall(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else {
            return;
        };
        let started = worker.started();
        for task in worker.recall() {
            self.places[task.0 as usize] = Place::Queue;
        }
        self.scheduler.recalled(self.now, id, started);
    }
}
