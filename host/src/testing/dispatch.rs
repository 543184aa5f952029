//! What it costs to decide which task runs where: a scheduler whose workers are virtual, and take only the time of a virtual clock.

use crate::pool::scheduler::{Action, PluginConfig, PluginId, Scheduler, Task, TaskId, WorkerId};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

const PLUGIN: PluginId = PluginId(0);

/// How many tasks wait at most, as in a stream.
const AHEAD: u64 = 65_536;

/// A batch that a worker has.
struct Sent {
    worker: WorkerId,
    first_seq: u32,
    count: u32,
    /// When it will be done, one batch after the other.
    done_at: Instant,
}

/// How long it takes to have so many tasks run by so many workers, each a batch, and each for so long by a clock that only is told.
/// What is measured is all that the scheduler does, with the virtual workers' part, which is a queue.
pub fn dispatch(workers: usize, tasks: u64, each: Duration) -> Duration {
    let mut scheduler = Scheduler::new(workers);
    let config = PluginConfig {
        kill_after: Some(Duration::from_secs(60)),
        batch: Some(NonZeroU32::MIN),
        ..PluginConfig::default()
    };
    scheduler.add_plugin(PLUGIN, config);
    let mut now = Instant::now();
    let mut sent = VecDeque::new();
    // Of each worker, when it will have done all that it has.
    let mut free_at: Vec<Instant> = Vec::new();
    let (mut submitted, mut finished) = (0, 0);
    let began = Instant::now();
    while finished < tasks {
        if submitted < tasks && submitted - finished < AHEAD / 2 {
            let more = (tasks - submitted).min(AHEAD / 2);
            let some = (submitted..submitted + more).map(|id| Task {
                id: TaskId(id),
                function: 0,
                bytes: 8,
                nested: false,
            });
            scheduler.submit(now, PLUGIN, &some.collect::<Vec<_>>());
            submitted += more;
        }
        while let Some(action) = scheduler.poll_action() {
            match action {
                Action::StartTemplate(plugin) => scheduler.template_ready(now, plugin),
                Action::StartWorker { worker, .. } => scheduler.worker_ready(now, worker),
                Action::Send {
                    worker,
                    first_seq,
                    tasks,
                    ..
                } => {
                    let count = tasks.len() as u32;
                    let number = worker.0 as usize;
                    free_at.resize(free_at.len().max(number + 1), now);
                    let done_at = free_at[number].max(now) + each * count;
                    free_at[number] = done_at;
                    sent.push_back(Sent {
                        worker,
                        first_seq,
                        count,
                        done_at,
                    });
                }
                Action::Recall(worker) => scheduler.recalled(now, worker, u32::MAX),
                other => panic!("{other:?}, though nothing goes wrong"),
            }
        }
        let batch: Sent = sent.pop_front().expect("tasks wait, and no worker has any");
        // All of them work at the same time.
        now = now.max(batch.done_at);
        let done = scheduler.results(now, batch.worker, batch.first_seq, batch.count, true);
        finished += done.expect("results in order").len() as u64;
        if scheduler.next_timer().is_some_and(|due| due <= now) {
            scheduler.timer(now);
        }
    }
    began.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_workers_there_are_all_tasks_are_run() {
        for workers in [1, 3, 1000] {
            dispatch(workers, 20_000, Duration::from_micros(100));
        }
    }
}
