//! A worker as the scheduler sees it: what it was sent and has not answered.

use super::lateness::Listed;
use super::{Finished, PluginId, Task, Violation};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// A worker is replaced before its sequence numbers come near their end.
const LAST_SEQ: u32 = 1 << 31;

/// How long a task runs before what waits behind it moves to an idle worker: about two batches, as they are when that happens.
pub(super) const SLOW: Duration = Duration::from_millis(2);

/// Where a worker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Asked for, not yet there.
    Starting,
    /// Takes tasks.
    Ready,
    /// Was killed, and its death is awaited.
    Dying,
}

/// What a worker that is ready is to do next, and may be late with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// To finish the task it is at.
    Result,
    /// The same, and others that would be better off elsewhere wait behind that one.
    ResultBeforeOthers,
    /// To end its batches, of which nothing is left to run.
    End,
}

impl Awaited {
    pub(super) const RESULTS: [Awaited; 2] = [Awaited::Result, Awaited::ResultBeforeOthers];
}

/// One worker.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    pub(super) plugin: PluginId,
    pub(super) state: State,
    /// Tasks it was sent, in the order in which it runs them.
    pub(super) outstanding: VecDeque<Task>,
    /// The sequence number of the first of them.
    pub(super) front_seq: u32,
    /// The sequence number of the next task it will be sent. Numbers of tasks that were taken back are not used again.
    pub(super) next_seq: u32,
    /// Batches whose end it has not yet reported.
    pub(super) batches: u32,
    /// Its unstarted tasks were taken back: nothing is sent until all batches have ended.
    pub(super) draining: bool,
    /// Its page still forbids to start tasks: the next batch must lift that.
    pub(super) was_recalled: bool,
    /// A recall was asked of the driver and not yet answered.
    pub(super) recalling: bool,
    /// How many more tasks it may be sent.
    pub(super) left: u32,
    /// The task it is at waits for a function of the host.
    pub(super) in_host_call: bool,
    /// Since when it has been at the first outstanding task, at the latest.
    pub(super) progress_at: Instant,
    /// Where it is listed as one that may be late.
    pub(super) listed: Listed,
    /// Since when it has been busy, or when the last result came: what tasks cost is measured from here.
    busy_since: Option<Instant>,
}

impl Worker {
    /// A worker that is to be sent so many tasks at most.
    pub(super) fn new(plugin: PluginId, now: Instant, tasks: Option<NonZeroU32>) -> Worker {
        Worker {
            plugin,
            state: State::Starting,
            outstanding: VecDeque::new(),
            front_seq: 0,
            next_seq: 0,
            batches: 0,
            draining: false,
            was_recalled: false,
            recalling: false,
            left: tasks.map_or(u32::MAX, NonZeroU32::get),
            in_host_call: false,
            progress_at: now,
            listed: Listed::default(),
            busy_since: None,
        }
    }

    /// Whether it may be sent tasks.
    pub(super) fn takes_tasks(&self) -> bool {
        self.state == State::Ready && !self.draining && !self.in_host_call && !self.is_used_up()
    }

    /// Whether it is on its way without a task: the next in the queue may be for it.
    pub(super) fn starts_without(&self) -> bool {
        self.state == State::Starting && self.outstanding.is_empty()
    }

    /// It is there. What it was given on its way, it comes to now.
    pub(super) fn is_there(&mut self, now: Instant) {
        self.state = State::Ready;
        if !self.outstanding.is_empty() {
            self.progress_at = now;
            self.busy_since = Some(now);
        }
    }

    /// Whether it has a task that no other waits for. Such a one may come behind one that another waits for, and not before it.
    pub(super) fn has_other_than_nested(&self) -> bool {
        self.outstanding.back().is_some_and(|task| !task.nested)
    }

    /// Whether it waits in a host call, and leaves its CPU to others.
    pub(super) fn waits(&self) -> bool {
        self.state == State::Ready && self.in_host_call
    }

    /// Whether it will not be sent more: its tasks, or its sequence numbers, are used up.
    fn is_used_up(&self) -> bool {
        self.left == 0 || self.next_seq >= LAST_SEQ
    }

    /// Whether it has nothing left to do and will not be sent more.
    pub(super) fn is_spent(&self) -> bool {
        self.state == State::Ready && self.has_done_all()
    }

    /// Whether it has done everything that it will ever be sent.
    fn has_done_all(&self) -> bool {
        self.is_used_up() && self.batches == 0
    }

    /// Whether it is about to be gone for no other reason than that.
    pub(super) fn leaves(&self) -> bool {
        self.state == State::Dying && self.has_done_all()
    }

    /// How much it has to do; nothing at all, and it waits for tasks.
    pub(super) fn load(&self) -> usize {
        self.outstanding.len().max(usize::from(self.batches > 0))
    }

    /// What is awaited of it, since [`Worker::progress_at`].
    pub(super) fn awaited(&self) -> Option<Awaited> {
        if self.state != State::Ready || self.recalling {
            return None;
        }
        match self.outstanding.len() {
            0 => (self.batches > 0).then_some(Awaited::End),
            1 => Some(Awaited::Result),
            _ if self.draining => Some(Awaited::Result),
            _ => Some(Awaited::ResultBeforeOthers),
        }
    }

    /// Notes that `tasks` are sent, and returns the sequence number of the first.
    pub(super) fn sent(&mut self, now: Instant, tasks: &[Task]) -> u32 {
        if self.outstanding.is_empty() {
            self.front_seq = self.next_seq;
            self.progress_at = now;
            self.busy_since = Some(now);
        }
        let first_seq = self.next_seq;
        self.outstanding.extend(tasks);
        self.next_seq += tasks.len() as u32;
        self.batches += 1;
        self.left = self.left.saturating_sub(tasks.len() as u32);
        first_seq
    }

    /// Whether results are for the tasks that it was sent and are next.
    pub(super) fn check_results(
        &self,
        first_seq: u32,
        count: u32,
        batch_done: bool,
    ) -> Result<(), Violation> {
        if self.state == State::Starting {
            return Err(Violation("results before it was ready"));
        }
        if count as usize > self.outstanding.len() {
            return Err(Violation("more results than tasks"));
        }
        if count > 0 && first_seq != self.front_seq {
            return Err(Violation("results out of order"));
        }
        if count == 0 && !batch_done {
            return Err(Violation("neither results nor the end of a batch"));
        }
        if batch_done && self.batches == 0 {
            return Err(Violation("the end of a batch that was not sent"));
        }
        if batch_done && self.batches == 1 && count as usize != self.outstanding.len() {
            return Err(Violation("the end of the last batch before all its tasks"));
        }
        Ok(())
    }

    /// Takes the tasks that results came for, as if each was started once.
    pub(super) fn take_results(
        &mut self,
        now: Instant,
        count: usize,
        batch_done: bool,
    ) -> Vec<Finished> {
        if count > 0 {
            self.progress_at = now;
        }
        self.batches -= u32::from(batch_done);
        self.draining &= self.batches > 0;
        self.front_seq += count as u32;
        let finished = self.outstanding.range(..count).map(|task| Finished {
            task: task.id,
            attempts: 1,
        });
        let finished = finished.collect();
        self.outstanding.drain(..count);
        finished
    }

    /// How long `count` results took, which starts the next measurement.
    pub(super) fn sample(&mut self, now: Instant, count: u32) -> Option<Duration> {
        if count == 0 {
            return None;
        }
        let since = self.busy_since.take()?;
        self.busy_since = (!self.outstanding.is_empty()).then_some(now);
        Some(now.saturating_duration_since(since))
    }

    /// Takes back what has not started, of which the status page says that it begins at `started`. The page can lie; only
    /// tasks of this worker can be concerned.
    pub(super) fn take_unstarted(&mut self, started: u32) -> VecDeque<Task> {
        let kept = started.saturating_sub(self.front_seq) as usize;
        self.outstanding.split_off(kept.min(self.outstanding.len()))
    }

    /// What has not started is to be taken back.
    pub(super) fn recall(&mut self) {
        self.recalling = true;
        self.draining = true;
        self.was_recalled = true;
    }

    /// The driver forbade what has not started: takes that back.
    pub(super) fn recalled(&mut self, now: Instant, started: u32) -> VecDeque<Task> {
        if !std::mem::take(&mut self.recalling) {
            return VecDeque::new();
        }
        let unstarted = self.take_unstarted(started);
        self.left = self.left.saturating_add(unstarted.len() as u32);
        if self.outstanding.is_empty() {
            // From now on it is only waited for the end of its batches.
            self.progress_at = now;
        }
        unstarted
    }
}
