//! A worker process of the simulated world.

use super::super::{Death, PluginId, Task, TaskId};
use super::plan::Rng;
use std::collections::VecDeque;

/// How long it keeps results to itself, in microseconds, unless their batch ends before.
pub(super) const QUIET: u64 = 10_000;

/// Results on their way.
pub(super) struct Frame {
    pub(super) first_seq: u32,
    pub(super) tasks: Vec<TaskId>,
    pub(super) batch_done: bool,
}

pub(super) enum Done {
    Send(Frame),
    Wait,
}

pub(super) struct VirtualWorker {
    pub(super) plugin: PluginId,
    pub(super) lies: bool,
    pub(super) is_ready: bool,
    pub(super) death: Option<Death>,
    /// What it sent before its death is never received.
    pub(super) frames_are_lost: bool,
    /// When its last frame arrives.
    pub(super) arrives: u64,
    /// What the driver sent and got no result for, nor recalled.
    pub(super) owed: VecDeque<(u32, TaskId)>,
    batches: VecDeque<VecDeque<(u32, TaskId)>>,
    running: Option<(u32, TaskId)>,
    results: Frame,
    sent_at: u64,
    /// The page.
    started: u32,
    limit: u32,
}

impl VirtualWorker {
    pub(super) fn new(plugin: PluginId, lies: bool) -> VirtualWorker {
        VirtualWorker {
            plugin,
            lies,
            is_ready: false,
            death: None,
            frames_are_lost: false,
            arrives: 0,
            owed: VecDeque::new(),
            batches: VecDeque::new(),
            running: None,
            results: Frame {
                first_seq: 0,
                tasks: Vec::new(),
                batch_done: false,
            },
            sent_at: 0,
            started: 0,
            limit: u32::MAX,
        }
    }

    pub(super) fn receive(&mut self, first_seq: u32, tasks: &[Task], after_recall: bool) {
        assert!(self.is_ready, "sent to before it was ready");
        assert!(
            tasks.iter().all(|task| task.function == tasks[0].function),
            "two functions in a batch"
        );
        assert!(
            tasks.len() == 1
                || tasks.iter().map(|task| u64::from(task.bytes)).sum::<u64>() <= 1 << 20
        );
        if after_recall {
            assert!(
                self.lies || self.batches.is_empty(),
                "allowed to start before it had drained"
            );
            self.limit = u32::MAX;
        }
        let batch: VecDeque<_> = (first_seq..)
            .zip(tasks.iter().map(|task| task.id))
            .collect();
        self.owed.extend(&batch);
        self.batches.push_back(batch);
    }

    /// Ends batches and starts a task, as far as it may. Returns what it sends, and what it started.
    pub(super) fn go(&mut self) -> (Vec<Frame>, Option<(PluginId, TaskId)>) {
        let mut frames = Vec::new();
        while self.running.is_none() && self.death.is_none() {
            let Some(batch) = self.batches.front_mut() else {
                break;
            };
            match batch.pop_front().filter(|(seq, _)| *seq < self.limit) {
                Some((seq, task)) => {
                    if self.results.tasks.is_empty() {
                        self.results.first_seq = seq;
                    }
                    self.started = seq + 1;
                    self.running = Some((seq, task));
                    return (frames, Some((self.plugin, task)));
                }
                None => {
                    self.batches.pop_front();
                    frames.push(self.take_results(true));
                }
            }
        }
        (frames, None)
    }

    fn take_results(&mut self, batch_done: bool) -> Frame {
        let tasks = std::mem::take(&mut self.results.tasks);
        let first_seq = self.results.first_seq;
        self.results.first_seq += tasks.len() as u32;
        Frame {
            first_seq,
            tasks,
            batch_done,
        }
    }

    /// What it has, before a task that takes long.
    pub(super) fn send_ahead(&mut self) -> Option<Frame> {
        (!self.results.tasks.is_empty()).then(|| self.take_results(false))
    }

    pub(super) fn task_done(&mut self, now: u64) -> Done {
        self.results
            .tasks
            .extend(self.running.take().map(|(_, task)| task));
        if now < self.sent_at + QUIET {
            return Done::Wait;
        }
        self.sent_at = now;
        Done::Send(self.take_results(false))
    }

    /// Forbids what has not started, and returns what the page says about it.
    pub(super) fn recall(&mut self, rng: &mut Rng) -> u32 {
        self.limit = self.started;
        let page = self.page(rng);
        let unstarted = self
            .owed
            .iter()
            .position(|(seq, _)| *seq >= page)
            .unwrap_or(self.owed.len());
        self.owed.truncate(unstarted);
        page
    }

    /// What the page says.
    pub(super) fn page(&mut self, rng: &mut Rng) -> u32 {
        match rng.below(4) {
            0 if self.lies => 0,
            1 if self.lies => u32::MAX,
            2 if self.lies => rng.below(u64::from(self.started) + 20) as u32,
            _ => self.started,
        }
    }

    /// Whom its death is to be blamed on.
    pub(super) fn culprit(&self, page: u32, death: Death) -> Option<TaskId> {
        let running = self.owed.iter().rev().find(|(seq, _)| *seq < page);
        let first = self.owed.front().filter(|_| match death {
            Death::Signal(signal) => signal != libc::SIGKILL,
            Death::Exit(_) | Death::Violation(_) => true,
            // It harmed nobody if it did not get to run before its deadline.
            _ => false,
        });
        running
            .or(first)
            .filter(|_| death != Death::Template)
            .map(|(_, task)| *task)
    }
}
