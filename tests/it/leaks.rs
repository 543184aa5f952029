//! What one task leaves behind, the next does not find: not in memories, tables or globals, not in arguments or results, in
//! whatever way the task before ended.

use crate::support::{DEADLINE, pool_of};
use std::collections::HashMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use wpool::{FailureKind, Order, Outcome, Pool, Value};

/// What is planted: every byte of it.
const PATTERN: i64 = 0x1e37_79b9_7f4a_7c15;

const PAGE: u64 = 65_536;

/// What a task does, and how one that plants ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Plant(End),
    Hunt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Return,
    Trap,
    Endless,
    OutOfMemory,
}

use End::{Endless, OutOfMemory, Return, Trap};
use Task::{Hunt, Plant};

impl Task {
    fn arguments(self) -> [Value; 2] {
        let (what, end) = match self {
            Plant(end) => (0, end as i32),
            Hunt => (1, 0),
        };
        [Value::S32(what), Value::S32(end)]
    }

    /// Checks the outcome, and gives back how many pages and elements of tables it had in the end, if it returned.
    #[track_caller]
    fn check(self, outcome: &Outcome) -> Option<(i64, i64)> {
        let expected = match self {
            Plant(Trap) => FailureKind::Trap,
            Plant(Endless) => FailureKind::Timeout,
            Plant(OutOfMemory) => FailureKind::Memory,
            Plant(Return) | Hunt => return Some(self.check_found(outcome)),
        };
        let failure = outcome.result.as_ref().expect_err("it does not return");
        assert_eq!(failure.kind(), expected, "{failure}");
        None
    }

    #[track_caller]
    fn check_found(self, outcome: &Outcome) -> (i64, i64) {
        let Ok(Some(Value::Tuple(numbers))) = &outcome.result else {
            panic!("{self:?}: {:?}", outcome.result)
        };
        let [
            Value::S64(in_memories),
            Value::S64(in_tables),
            Value::S64(elsewhere),
            Value::S64(pages),
            Value::S64(elements),
            Value::S64(pattern),
        ] = numbers[..]
        else {
            panic!("{self:?}: {numbers:?}")
        };
        assert_eq!(
            (in_memories, in_tables, elsewhere),
            (0, 0, 0),
            "{self:?} found words in memories, elements in tables, and elsewhere"
        );
        assert!(pages > 0 && elements > 0, "{self:?}: {numbers:?}");
        assert_eq!(pattern, if self == Hunt { 0 } else { PATTERN });
        (pages, elements)
    }
}

fn hunter(memory_bytes: u64, workers: usize) -> Pool {
    let module = include_str!("leaks/hunter.wat").replace("PATTERN", &PATTERN.to_string());
    let pool = pool_of(module.into_bytes()).workers(workers);
    pool.memory_bytes(memory_bytes)
        .timeout(DEADLINE)
        .build()
        .unwrap()
}

/// The outcomes of tasks that are sent all at once. Where they hang, they are cancelled.
fn run(pool: &Pool, function: &str, tasks: &[Vec<Value>]) -> Vec<Outcome> {
    thread::scope(|scope| {
        let (ended, watch) = mpsc::channel::<()>();
        scope.spawn(move || {
            if watch.recv_timeout(2 * DEADLINE) == Err(RecvTimeoutError::Timeout) {
                pool.terminate();
            }
        });
        let (mut inputs, outcomes) = pool.stream(function, Order::Input).unwrap();
        for arguments in tasks {
            inputs.send(arguments).unwrap();
        }
        drop(inputs);
        let outcomes = outcomes.map(|(_, outcome)| outcome).collect();
        drop(ended);
        outcomes
    })
}

/// Runs tasks all at once, checks each, and counts the hunts that came right after a plant in the same worker. All that return
/// have grown to the same size.
#[track_caller]
fn hunts_behind_plants(pool: &Pool, tasks: &[Task]) -> usize {
    let arguments: Vec<_> = tasks.iter().map(|task| task.arguments().to_vec()).collect();
    let outcomes = run(pool, "task", &arguments);
    assert_eq!(outcomes.len(), tasks.len());
    let mut hunts = 0;
    let mut size = None;
    let mut before: HashMap<Option<u32>, Task> = HashMap::new();
    for (task, outcome) in tasks.iter().zip(&outcomes) {
        if let Some(grown) = task.check(outcome) {
            assert_eq!(*size.get_or_insert(grown), grown, "{task:?}");
        }
        let last = before.insert(outcome.usage.pid, *task);
        hunts += usize::from(*task == Hunt && matches!(last, Some(Plant(_))));
    }
    hunts
}

#[test]
fn nothing_of_a_task_is_found_by_the_next_in_its_worker_and_batch() {
    // The engine clears the first 64 KiB of a memory or table otherwise than the rest: on either side of that.
    for (memory_bytes, rounds) in [
        (4 * PAGE + 1000, 3000),
        (6 * PAGE + 1000, 2000),
        (24 * PAGE, 1000),
        (256 * PAGE, 40),
    ] {
        let tasks = [Plant(Return), Hunt].repeat(rounds);
        let hunts = hunts_behind_plants(&hunter(memory_bytes, 1), &tasks);
        assert_eq!(hunts, rounds, "{memory_bytes} bytes");
    }
}

#[test]
fn nothing_of_a_task_is_found_by_the_next_batch() {
    let pool = hunter(5 * PAGE, 1);
    let (mut hunts, mut pid) = (0, None);
    for _ in 0..500 {
        for task in [Plant(Return), Hunt] {
            let outcome = run(&pool, "task", &[task.arguments().to_vec()]).remove(0);
            task.check(&outcome);
            assert_eq!(*pid.get_or_insert(outcome.usage.pid), outcome.usage.pid);
            hunts += usize::from(task == Hunt);
        }
    }
    assert_eq!(hunts, 500);
}

#[test]
fn nothing_of_a_task_is_found_with_256_mib_of_memory() {
    let tasks = [Plant(Return), Hunt].repeat(8);
    assert_eq!(hunts_behind_plants(&hunter(256 << 20, 1), &tasks), 8);
}

#[test]
fn nothing_is_found_by_several_workers_that_plant_and_hunt_in_turn() {
    let tasks = [
        Plant(Return),
        Hunt,
        Hunt,
        Plant(Return),
        Plant(OutOfMemory),
        Hunt,
    ]
    .repeat(500);
    let hunts = hunts_behind_plants(&hunter(8 * PAGE, 3), &tasks);
    assert!(hunts > 500, "{hunts}");
}

#[test]
fn nothing_of_a_task_that_trapped_or_wanted_too_much_memory_is_found() {
    let tasks = [
        Plant(Trap),
        Hunt,
        Plant(OutOfMemory),
        Hunt,
        Plant(Return),
        Hunt,
    ]
    .repeat(300);
    assert_eq!(hunts_behind_plants(&hunter(16 * PAGE, 1), &tasks), 900);
    let tasks = [Plant(OutOfMemory), Hunt].repeat(4);
    assert_eq!(hunts_behind_plants(&hunter(256 << 20, 1), &tasks), 4);
}

#[test]
fn nothing_of_a_task_that_ran_out_of_time_is_found() {
    let module = include_str!("leaks/hunter.wat").replace("PATTERN", &PATTERN.to_string());
    let pool = pool_of(module.into_bytes())
        .workers(1)
        .memory_bytes(16 * PAGE)
        .timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    // A worker that got no CPU for long is killed instead, and then the hunt is in a new one: that does not count.
    let (begun, mut hunts) = (Instant::now(), 0);
    while hunts < 10 {
        assert!(begun.elapsed() < DEADLINE, "{hunts} hunts");
        hunts += hunts_behind_plants(&pool, &[Plant(Endless), Hunt]);
    }
}

#[test]
fn nothing_of_arguments_and_results_is_found_by_the_next_task_of_a_component() {
    let pool = pool_of(include_str!("leaks/texts.wat").as_bytes())
        .workers(1)
        .memory_bytes(16 * PAGE)
        .build()
        .unwrap();
    let words = 40_000;
    let text = "planted\n".repeat(words);
    let planted = [
        ("plant", Value::String(text.clone())),
        ("plant-bytes", Value::Bytes(text.into_bytes())),
        (
            "plant-list",
            Value::List(vec![Value::U64(PATTERN as u64); words]),
        ),
    ];
    let mut pid = None;
    for round in 0..600 {
        let (function, value) = &planted[round % planted.len()];
        let plant = run(&pool, function, &[vec![value.clone()]]).remove(0);
        assert!(
            plant.result.as_ref() == Ok(&Some(value.clone())),
            "{function}"
        );
        let hunt = run(&pool, "hunt", &[vec![Value::String("hunting".into())]]).remove(0);
        assert_eq!(hunt.result, Ok(Some(Value::U64(0))), "after {function}");
        assert_eq!(plant.usage.pid, hunt.usage.pid);
        assert_eq!(*pid.get_or_insert(hunt.usage.pid), hunt.usage.pid);
    }
}
