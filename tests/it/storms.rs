//! Storms: workers and templates are killed at random, all the time, while tasks run. Each task has one outcome, and the pool
//! is what it was before.
//!
//! `WPOOL_STORM_TASKS=1000000` makes them large; `WPOOL_STORM_SEED` makes the same choices again.

mod births;
mod killer;
mod modules;
mod supervisors;
mod work;

use crate::bytes::BYTES;
use crate::support::{Luck, alone_for, eventually, nobody_is_left_now, pool_of, status_field};
use killer::{Hits, Killer, children_of_one_thread, own_children};
use modules::{calling_module, module, programs_module};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use work::{Work, echoing, mixing};
use wpool::{Builder, Directory, Failure, FailureKind, Isolation, Order, Outcome, Pool, Value};

/// So many that there is always somebody left to hit.
const WORKERS: usize = 24;

/// Storms over one pool, one after the other: what they leave behind would add up.
const STORMS: usize = 5;

/// For as long a stopped worker keeps its task; much longer than one waits for a CPU of a busy machine.
const TIMEOUT: Duration = Duration::from_secs(1);

fn tasks() -> u64 {
    let tasks = std::env::var("WPOOL_STORM_TASKS");
    tasks.map_or(50_000, |tasks| tasks.parse().expect("a number of tasks"))
}

#[test]
fn a_storm_of_kills_leaves_each_task_one_outcome_and_the_pool_as_it_was() {
    weather(
        "storms::a_storm_of_kills_leaves_each_task_one_outcome_and_the_pool_as_it_was",
        mixing,
        tasks(),
        Losses::OneForEachHit,
        || pool_of(module().into_bytes()),
    );
}

#[test]
fn a_storm_over_tasks_with_processes_of_their_own() {
    weather(
        "storms::a_storm_over_tasks_with_processes_of_their_own",
        mixing,
        tasks() / 10,
        Losses::OneForEachHit,
        || pool_of(module().into_bytes()).isolation(Isolation::Process),
    );
}

#[test]
fn a_storm_over_workers_that_keep_their_instance() {
    weather(
        "storms::a_storm_over_workers_that_keep_their_instance",
        mixing,
        tasks() / 2,
        Losses::OneForEachHit,
        || pool_of(module().into_bytes()).isolation(Isolation::Worker),
    );
}

#[test]
fn a_storm_over_long_bytes() {
    weather(
        "storms::a_storm_over_long_bytes",
        echoing,
        tasks() / 20,
        Losses::OneForEachHit,
        || pool_of(BYTES.as_bytes()),
    );
}

#[test]
fn a_storm_over_tasks_that_call_the_application() {
    weather(
        "storms::a_storm_over_tasks_that_call_the_application",
        mixing,
        tasks() / 2,
        Losses::AllThatRunWithATemplate,
        || {
            pool_of(calling_module().into_bytes())
                .host_function("env", "same", |number: i64| number)
        },
    );
}

#[test]
fn a_storm_over_tasks_that_use_wasi_with_a_directory() {
    // The storm is in a process of its own, which has another number.
    let folder = std::env::temp_dir().join(format!("wpool-storm-{}", std::process::id()));
    weather(
        "storms::a_storm_over_tasks_that_use_wasi_with_a_directory",
        mixing,
        tasks() / 10,
        Losses::AllThatRunWithATemplate,
        || {
            fs::create_dir(&folder).unwrap();
            pool_of(programs_module().into_bytes()).dir(Directory::new(&folder).at("/d"))
        },
    );
    // Who was killed in between has left something in it.
    let _ = fs::remove_dir_all(&folder);
}

/// Which tasks may fail.
#[derive(Clone, Copy)]
enum Losses {
    /// No more than there are hits.
    OneForEachHit,
    /// Those that run when their template dies too: they may have had effects.
    AllThatRunWithATemplate,
}

fn weather(
    test: &str,
    work: fn() -> Work,
    tasks: u64,
    losses: Losses,
    builder: impl FnOnce() -> Builder,
) {
    let patience = Duration::from_secs(180 + tasks / 100);
    alone_for(patience, test, || {
        let before = Held::now();
        let pool = builder().workers(WORKERS).timeout(TIMEOUT).build().unwrap();
        let work = work();
        run_in_calm(&pool, &work);
        let calm = Held::at_rest(&pool);
        let (mut luck, mut all, mut memory) = (Luck::new(), Weathered::default(), Vec::new());
        for storm in 1..=STORMS {
            let weathered;
            // It takes ten seconds until such a template is given up: time in which there is nobody to hit.
            let stopped_for_good = storm == STORMS && tasks >= 500_000;
            (weathered, luck) =
                run_in_a_storm(&pool, &work, tasks / STORMS as u64, stopped_for_good, luck);
            all.add(weathered);
            settle(&calm);
            memory.push(Held::now().memory);
        }
        println!("{all}\nprivate memory after each storm, in KiB: {memory:?}");
        let (workers, templates) = (all.hits.of("worker"), all.hits.of("template"));
        assert!(workers > 20 && templates > 0);
        let most = match losses {
            Losses::OneForEachHit => all.hits.count(),
            Losses::AllThatRunWithATemplate => workers + WORKERS * templates,
        };
        assert!(all.failed() <= most, "{} failures", all.failed());
        assert!(memory[STORMS - 1] < memory[STORMS / 2] + work.memory_slack);
        // Who died last is known to the pool.
        Held::at_rest(&pool);
        run_in_calm(&pool, &work);
        drop(pool);
        assert!(nobody_is_left_now());
        let after = Held::now();
        assert_eq!(after.descriptors, before.descriptors);
        eventually("every thread has ended", || {
            (Held::now().threads == before.threads).then_some(())
        });
    });
}

/// Runs a task on each worker, so that all are there.
fn run_in_calm(pool: &Pool, work: &Work) {
    let results: Vec<Value> = pool
        .map(work.function, (0..work.in_calm).map(work.argument))
        .unwrap();
    assert!(results.into_iter().eq((0..work.in_calm).map(&work.result)));
}

/// What a storm did.
#[derive(Default)]
struct Weathered {
    tasks: u64,
    took: Duration,
    hits: Hits,
    failures: BTreeMap<String, usize>,
    again: u64,
    /// The number of the last worker: so many were started.
    workers: u32,
}

impl Weathered {
    fn failed(&self) -> usize {
        self.failures.values().sum()
    }

    fn add(&mut self, other: Weathered) {
        self.tasks += other.tasks;
        self.took += other.took;
        self.hits.add(other.hits);
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
        self.again += other.again;
        self.workers = self.workers.max(other.workers);
    }

    /// Takes an outcome into account; that of `number`.
    fn take(&mut self, outcome: &Outcome, expected: Value) {
        match &outcome.result {
            // It may be long.
            Ok(value) => assert!(*value == Some(expected), "another task's result"),
            Err(failure) => {
                assert!(names_a_kill(failure), "{failure}");
                *self.failures.entry(failure.to_string()).or_default() += 1;
            }
        }
        self.again += u64::from(outcome.usage.attempts > 1);
        self.workers = self.workers.max(outcome.usage.worker.unwrap_or(0));
    }
}

impl std::fmt::Display for Weathered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} tasks in {:?}, {} of them run again, on {} workers",
            self.tasks, self.took, self.again, self.workers
        )?;
        let rate = self.hits.count() as f64 / self.took.as_secs_f64();
        writeln!(
            f,
            "{} hits, {rate:.0} a second: {}",
            self.hits.count(),
            self.hits
        )?;
        write!(f, "{} failures: {:#?}", self.failed(), self.failures)
    }
}

/// Whether a failure says that its worker was killed, and how; or stopped, which is a task that takes too long.
fn names_a_kill(failure: &Failure) -> bool {
    let message = failure.message();
    match failure.kind() {
        FailureKind::WorkerDied => ["SIGKILL", "SIGSEGV", "its template died"]
            .iter()
            .any(|cause| message.contains(cause)),
        FailureKind::Timeout => true,
        _ => false,
    }
}

/// Runs so many tasks while a killer is at work, and checks each outcome.
fn run_in_a_storm(
    pool: &Pool,
    work: &Work,
    tasks: u64,
    stopped_for_good: bool,
    luck: Luck,
) -> (Weathered, Luck) {
    let (mut inputs, outcomes) = pool.stream(work.function, Order::Input).unwrap();
    let argument = work.argument;
    let feeder = thread::spawn(move || {
        for number in 0..tasks {
            inputs.send(&[argument(number)]).unwrap();
        }
    });
    let mut weathered = Weathered::default();
    let begun = Instant::now();
    let finished = Arc::new(AtomicU64::new(0));
    let killer = Killer::start(luck, Arc::clone(&finished), stopped_for_good);
    for (number, outcome) in outcomes {
        assert_eq!(
            number, weathered.tasks,
            "an outcome out of order, or a second one"
        );
        weathered.take(&outcome, (work.result)(number));
        weathered.tasks += 1;
        finished.fetch_add(1, Ordering::Relaxed);
    }
    weathered.took = begun.elapsed();
    let (hits, luck) = killer.stop();
    weathered.hits = hits;
    feeder.join().unwrap();
    assert_eq!(weathered.tasks, tasks, "a task without an outcome");
    (weathered, luck)
}

/// Waits until a pool holds no more than before a storm: a template, its workers, and what is open for them.
fn settle(calm: &Held) {
    let mut shown = None;
    eventually("nothing is left of those that were killed", || {
        let templates = own_children();
        let held = Held::now();
        let workers = held.workers;
        // Those that functions of the application run on stay, with their stacks.
        let host_threads = held.threads - calm.threads;
        let is_settled = templates.len() <= 1
            && workers <= WORKERS
            && held.besides_workers() <= calm.besides_workers()
            && held.mappings <= calm.mappings + 64 + 8 * host_threads
            && host_threads <= 2 * WORKERS;
        let show = (templates.len(), workers, held.descriptors, held.threads);
        if shown.replace(show) != Some(show) {
            let states: Vec<_> = templates
                .iter()
                .map(|it| fs::read_to_string(it.file("stat")).unwrap_or_default())
                .collect();
            println!("templates {states:?}, {workers} workers, {held:?}");
        }
        is_settled.then_some(())
    });
}

/// What this process holds.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    workers: usize,
    threads: usize,
    mappings: usize,
    /// Private memory, in KiB.
    memory: u64,
}

impl Held {
    /// What it holds when no worker of the pool is just coming or going.
    fn at_rest(pool: &Pool) -> Held {
        eventually(
            "every worker that the pool knows is there, and no other",
            || {
                let before = pool.stats().workers;
                let held = Held::now();
                (before.len() == held.workers && before == pool.stats().workers).then_some(held)
            },
        )
    }

    /// Descriptors that are not a worker's socket or pidfd.
    fn besides_workers(&self) -> usize {
        self.descriptors.saturating_sub(2 * self.workers)
    }

    fn now() -> Held {
        let entries = |path: &str| fs::read_dir(path).unwrap().count();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let kib = |field: &str| {
            let value = status_field(&status, field).unwrap();
            value.split(' ').next().unwrap().parse::<u64>().unwrap()
        };
        Held {
            descriptors: entries("/proc/self/fd"),
            workers: own_children()
                .iter()
                .flat_map(children_of_one_thread)
                .count(),
            threads: entries("/proc/self/task"),
            mappings: fs::read_to_string("/proc/self/maps")
                .unwrap()
                .lines()
                .count(),
            memory: kib("RssAnon") + kib("RssShmem"),
        }
    }
}
