//! How many processes there are.

use crate::support::{Process, Running, eventually, guest, run, workers_of, wpool};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::collections::HashSet;
use std::thread;

/// Runs eight endless tasks, and says how many workers compute once as many as will have begun.
fn workers_at_once(options: &[&str]) -> usize {
    let mut command = wpool();
    command
        .args(["map", "--timeout", "none"])
        .args(options)
        .arg(guest("spin"))
        .args(["-1"; 8]);
    let running = Running::start(&mut command);
    eventually("all workers have computed for a tenth of a second", || {
        let workers = workers_of(&running.process);
        let all_busy = !workers.is_empty() && workers.iter().all(|worker| worker.cpu_ticks() >= 10);
        all_busy.then_some(workers.len())
    })
}

fn usable() -> usize {
    thread::available_parallelism().unwrap().get()
}

#[test]
fn there_are_as_many_workers_as_asked_for() {
    assert_eq!(workers_at_once(&["-j", "1"]), 1);
    assert_eq!(workers_at_once(&["-j", "3"]), 3);
    assert_eq!(workers_at_once(&["--workers=5"]), 5);
}

#[test]
fn there_are_as_many_workers_as_usable_cpus_by_default() {
    assert_eq!(workers_at_once(&[]), usable().min(8));
}

#[test]
fn cpus_outside_the_affinity_mask_are_not_usable() {
    // The mask of a thread is inherited by what it starts.
    let on_one_cpu = thread::spawn(|| {
        let all = sched_getaffinity(None).unwrap();
        let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).unwrap();
        let mut one = CpuSet::new();
        one.set(first);
        sched_setaffinity(None, &one).unwrap();
        workers_at_once(&[])
    });
    assert_eq!(on_one_cpu.join().unwrap(), 1);
}

#[test]
fn apply_needs_one_worker() {
    let mut command = wpool();
    let running = Running::start(
        command
            .args(["apply", "--timeout=none"])
            .arg(guest("spin"))
            .arg("-1"),
    );
    let worker = eventually("a worker has computed for a tenth of a second", || {
        workers_of(&running.process)
            .into_iter()
            .find(|worker| worker.cpu_ticks() >= 10)
    });
    assert_eq!(workers_of(&running.process), [worker]);
}

#[test]
fn a_worker_runs_many_tasks() {
    let mut running =
        Running::start_with_input(wpool().args(["map", "-j", "1"]).arg(guest("square")));
    let mut seen = HashSet::new();
    for number in 1..=50 {
        running.write(&format!("{number}\n"));
        running.skip_lines(1);
        seen.extend(workers_of(&running.process));
    }
    assert_eq!(seen.len(), 1);
}

#[test]
fn workers_are_forked_by_one_template() {
    let mut command = wpool();
    command
        .args(["map", "-j", "3", "--timeout", "none"])
        .arg(guest("spin"))
        .args(["-1"; 3]);
    let running = Running::start(&mut command);
    let workers = eventually("three workers compute", || {
        let workers = workers_of(&running.process);
        (workers
            .iter()
            .filter(|worker| worker.cpu_ticks() > 0)
            .count()
            == 3)
            .then_some(workers)
    });
    let parents: HashSet<Process> = workers.iter().filter_map(Process::parent).collect();
    assert_eq!(
        parents.into_iter().collect::<Vec<_>>(),
        running.process.children()
    );
}

#[test]
fn a_number_of_workers_that_makes_no_sense_is_refused() {
    for number in ["0", "-1", "many", "100000"] {
        let ran = run(wpool()
            .arg("map")
            .arg(format!("-j={number}"))
            .arg(guest("square"))
            .arg("1"));
        assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""), "{ran:?}");
    }
}
