//! Several plugins in one budget.

use super::super::{Action, Death, PluginId, WorkerId};
use super::harness::*;
use std::collections::BTreeMap;

#[test]
fn an_idle_worker_of_one_plugin_makes_room_for_another() {
    let mut env = Env::warm(2, 2, us(10));
    env.add_plugin(B, None);
    env.submit(B, (0..3).map(task));
    env.then(&["template p1"]);
    env.template_ready(B);
    env.then(&["kill w0 Retired"]);
    assert!(
        !env.scheduler.has_left(WorkerId(0)),
        "it could have gone on"
    );
    env.tasks(10..11);
    env.then(&["send w1 @1: 10"]);
    env.died(0, 1, Death::Retired);
    env.then(&["start w2 of p1"]);
    env.finish(1, 1..2, true, [10]);
    env.then(&["kill w1 Retired"]);
    env.died(1, 2, Death::Retired);
    env.then(&["start w3 of p1"]);
}

#[test]
fn a_plugin_with_more_than_its_share_gives_a_worker_up_as_soon_as_one_has_nothing_left() {
    let mut env = Env::warm(2, 2, us(500));
    env.add_plugin(B, None);
    env.tasks(0..20);
    env.then(&[
        "send w0 @1: 0-1",
        "send w1 @1: 2-3",
        "send w0 @3: 4-5",
        "send w1 @3: 6-7",
    ]);
    env.submit(B, (100..120).map(task));
    env.then(&["template p1"]);
    env.template_ready(B);
    env.then(&[]);
    env.finish(0, 1..3, true, 0..2);
    env.then(&[]);
    env.finish(0, 3..5, true, 4..6);
    env.then(&["kill w0 Retired"]);
    // One is on its way: the other is served as before.
    env.finish(1, 1..3, true, 2..4);
    env.then(&["send w1 @5: 8-11"]);
    env.died(0, 5, Death::Retired);
    env.then(&["start w2 of p1"]);
    env.ready(2);
    env.then(&["send w2 @0: 100"]);
}

#[test]
fn a_share_that_is_used_is_kept() {
    let mut env = Env::new(2);
    env.add_plugin(B, None);
    env.tasks(0..9);
    env.then(&["template p0"]);
    env.submit(B, (100..109).map(task));
    env.then(&["template p1"]);
    env.template_ready(A);
    env.then(&["start w0 of p0"]);
    env.template_ready(B);
    env.then(&["start w1 of p1"]);
    env.ready(0);
    env.then(&["send w0 @0: 0"]);
    env.ready(1);
    env.then(&["send w1 @0: 100"]);
    env.pass(ms(70));
    env.finish(0, 0..1, true, [0]);
    env.then(&["send w0 @1: 1"]);
    env.finish(1, 0..1, true, [100]);
    env.then(&["send w1 @1: 101"]);
}

#[test]
fn with_more_plugins_than_workers_each_gets_its_turn() {
    let mut env = Env::new(1);
    let mut templates = 0;
    for plugin in 0..3 {
        env.add_plugin(PluginId(plugin), None);
        env.submit(
            PluginId(plugin),
            (0..200).map(|id| task(u64::from(plugin) * 1000 + id)),
        );
        templates += env.take().len();
        env.template_ready(PluginId(plugin));
        if plugin == 0 {
            env.then(&["start w0 of p0"]);
        }
    }
    assert_eq!(templates, 3);
    let (mut finished, mut starts, mut first_half) = (BTreeMap::new(), 1, BTreeMap::new());
    env.ready(0);
    for _ in 0..2000 {
        let Some(action) = env.scheduler.poll_action() else {
            break;
        };
        match action {
            Action::Send {
                worker,
                first_seq,
                tasks,
                ..
            } => {
                env.pass(ms(10));
                env.scheduler
                    .results(env.now, worker, first_seq, tasks.len() as u32, true)
                    .unwrap();
                *finished.entry(tasks[0].id.0 / 1000).or_insert(0) += tasks.len();
                if finished.values().sum::<usize>() == 300 {
                    first_half = finished.clone();
                }
            }
            Action::Kill(worker, death) => env.scheduler.worker_died(env.now, worker, 0, death),
            Action::StartWorker {
                worker: WorkerId(id),
                ..
            } => {
                starts += 1;
                env.scheduler.worker_ready(env.now, WorkerId(id));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(env.scheduler.unfinished(), 0);
    assert!(
        first_half.values().all(|count| *count >= 95) && first_half.len() == 3,
        "{first_half:?}"
    );
    assert!(
        starts <= 121,
        "{starts} workers for 6 s of work: turns are too short"
    );
}

#[test]
fn a_plugin_that_does_not_start_holds_up_no_other() {
    let mut env = Env::new(2);
    env.add_plugin(B, None);
    env.submit(B, (100..200).map(task));
    env.then(&["template p1"]);
    env.tasks(0..4);
    env.then(&["template p0"]);
    env.template_ready(A);
    env.then(&["start w0 of p0"]);
    env.template_failed(B);
    env.then(&["template p1"]);
    env.ready(0);
    env.then(&["send w0 @0: 0"]);
    env.template_failed(B);
    env.then(&["template p1"]);
    env.template_failed(B);
    assert_eq!(
        env.take().len(),
        101,
        "100 fail, and the other gets the whole budget"
    );
}
