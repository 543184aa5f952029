//! What tasks cost, counted: calls of `read` and `write` are about the same on a busy machine. Times are a matter of benchmarks.

use crate::support::{alone, pool};
use std::fs;
use wpool::{Isolation, Pool};

const TASKS: i64 = 100_000;
const BATCH: u32 = 1000;

/// How often a process has read and written, by `read(2)` and `write(2)`; `None` of one that hides it, as a worker does from all but
/// root.
fn reads_and_writes(pid: u32) -> Option<(u64, u64)> {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let field = |name: &str| {
        let line = io.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse::<u64>().unwrap()
    };
    Some((field("syscr:"), field("syscw:")))
}

fn squares(pool: &Pool) {
    let squares: Vec<i64> = pool.map("square", 0..TASKS).unwrap();
    assert_eq!(squares.len() as i64, TASKS);
}

#[test]
fn a_thousand_tasks_cost_their_worker_and_the_supervisor_twenty_reads_and_writes_at_most() {
    alone(
        "costs::a_thousand_tasks_cost_their_worker_and_the_supervisor_twenty_reads_and_writes_at_most",
        || {
            for isolation in [Isolation::Worker, Isolation::Instance] {
                let pool = pool("square").workers(1).isolation(isolation);
                let pool = pool.chunk_size(BATCH).build().unwrap();
                squares(&pool);
                let (itself, worker) = (std::process::id(), pool.stats().workers[0].pid);
                let before = [itself, worker].map(reads_and_writes);
                squares(&pool);
                let after = [itself, worker].map(reads_and_writes);
                let batches = TASKS as u64 / u64::from(BATCH);
                for (who, (before, after)) in before.into_iter().zip(after).enumerate() {
                    let Some(((reads, writes), (reads_after, writes_after))) = before.zip(after)
                    else {
                        assert!(who == 1, "this process hides nothing from itself");
                        continue;
                    };
                    let (read, written) = (reads_after - reads, writes_after - writes);
                    // Four or so, and more where results are sent ahead of a slow task or somebody sleeps in between.
                    let most = 20 * batches;
                    assert!(read <= most && written <= most, "{read}, {written}");
                }
            }
        },
    );
}
