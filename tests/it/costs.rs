//! What tasks cost, counted: calls of `read` and `write`, and page faults, are about the same on a busy machine. Times are a matter of
//! benchmarks.

use crate::support::{Process, alone, pool, pool_of};
use std::fs;
use wpool::{Isolation, Pool};

const TASKS: i64 = 100_000;
const BATCH: u32 = 1000;

/// Page faults of a worker for one task: in the profile of tests a half more than is measured there.
const MOST_FAULTS: u64 = 145;

/// Those of a template for a fork, of which each is a page that is copied: four are measured there.
const MOST_OF_TEMPLATE: u64 = 7;

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

#[test]
fn a_process_for_one_task_takes_few_page_faults_and_fewer_where_its_instance_was_made_before() {
    alone(
        "costs::a_process_for_one_task_takes_few_page_faults_and_fewer_where_its_instance_was_made_before",
        || {
            let faults = |more: &str| {
                let same =
                    r#"(func $f) (func (export "same") (param i64) (result i64) (local.get 0))"#;
                let module = format!("(module {same} {more})");
                let pool = pool_of(module.as_bytes()).workers(1);
                let pool = pool.isolation(Isolation::Process).build().unwrap();
                let run = |count: i64| {
                    let same: Vec<i64> = pool.map("same", 0..count).unwrap();
                    assert_eq!(same.len() as i64, count);
                };
                run(20);
                let itself = Process::with_pid(std::process::id()).unwrap();
                let [template] = itself.children()[..] else {
                    panic!("other children than a template")
                };
                let faults = || (template.faults(), template.faults_of_children());
                let before = faults();
                run(500);
                let (own, of_workers) = faults();
                let own = (own - before.0) / 500;
                assert!(own <= MOST_OF_TEMPLATE, "{own} of the template");
                (of_workers - before.1) / 500
            };
            let (made, itself) = (faults(""), faults("(start $f)"));
            assert!(made < MOST_FAULTS, "{made}");
            assert!(made + 10 < itself, "{made} and {itself}");
        },
    );
}
