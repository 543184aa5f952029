//! Whole lives of pools: thousands of workers, random deaths, and exactly one outcome for each task, in order.

use super::super::TaskId;
use super::plan::{Faults, Plan};
use super::world::World;
use std::collections::BTreeSet;

/// What an ordered stream lets through: each outcome when all before it are there.
fn in_order(outcomes: &[TaskId]) -> Vec<TaskId> {
    let (mut early, mut stream) = (BTreeSet::new(), Vec::new());
    for task in outcomes {
        assert!(early.insert(*task));
        while early.remove(&TaskId(stream.len() as u64)) {
            stream.push(TaskId(stream.len() as u64));
        }
    }
    assert!(early.is_empty());
    stream
}

/// Returns how many failed.
fn simulate(plan: Plan) -> usize {
    let mut world = World::new(plan);
    let outcomes = world.run();
    assert!(
        in_order(outcomes)
            .iter()
            .copied()
            .eq((0..plan.tasks).map(TaskId))
    );
    world.failures()
}

const EVERYTHING: Faults = Faults {
    task_crashes: 300,
    task_hangs: 1000,
    worker_start_fails: 50,
    template_start_fails: 10,
    worker_lies: 20,
    worker_killed_every: 1500,
    template_killed_every: 60_000,
};

const LARGE: Plan = Plan {
    seed: 1,
    budget: 2000,
    plugins: 5,
    tasks: 100_000,
    faults: EVERYTHING,
    coarse_us: 1000,
};

#[test]
fn thousands_of_workers_that_crash_lie_and_are_killed_give_each_task_one_outcome_in_order() {
    // With these no template fails to start three times in a row, which would fail all that its plugin has.
    for (seed, tasks) in [(1, 100_000), (2, 20_000), (5, 20_000)] {
        let failures = simulate(Plan {
            seed,
            tasks,
            ..LARGE
        });
        assert!((50..2000).contains(&failures), "{failures}");
    }
}

#[test]
fn without_faults_no_task_fails() {
    assert_eq!(
        simulate(Plan {
            tasks: 50_000,
            faults: Faults::default(),
            ..LARGE
        }),
        0
    );
}

#[test]
fn templates_that_are_killed_cost_no_task() {
    let faults = Faults {
        template_killed_every: 90_000,
        ..Faults::default()
    };
    assert_eq!(
        simulate(Plan {
            budget: 200,
            tasks: 30_000,
            plugins: 3,
            faults,
            ..LARGE
        }),
        0
    );
}

#[test]
fn workers_that_sometimes_do_not_start_cost_no_task() {
    let faults = Faults {
        worker_start_fails: 4,
        ..Faults::default()
    };
    assert_eq!(
        simulate(Plan {
            tasks: 20_000,
            faults,
            ..LARGE
        }),
        0
    );
}

#[test]
fn small_pools_are_sane_at_every_step() {
    for seed in 0..40 {
        let rare = |times| if seed % 4 == 0 { 0 } else { times };
        let faults = Faults {
            worker_lies: if seed % 2 == 0 { 0 } else { 5 },
            worker_killed_every: rare(3000),
            template_killed_every: rare(25_000),
            ..EVERYTHING
        };
        let (budget, plugins) = (1 + seed as usize % 7, 1 + seed as u32 % 4);
        simulate(Plan {
            seed: 77 + seed,
            budget,
            plugins,
            tasks: 400,
            faults,
            coarse_us: 0,
        });
    }
}
