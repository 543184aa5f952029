//! Templates and workers that are killed as they come to be.

use super::killer::{children_of_one_thread, own_children};
use super::work::mixing;
use super::{module, run_in_calm};
use crate::support::{Luck, alone, eventually, pool_of};
use rustix::process::Signal;
use std::thread;
use std::time::{Duration, Instant};
use wpool::{Order, Value};

#[test]
fn templates_that_are_killed_as_they_are_born_are_waited_for() {
    alone(
        "storms::births::templates_that_are_killed_as_they_are_born_are_waited_for",
        || {
            let mut luck = Luck::new();
            let pool = pool_of(module().into_bytes()).workers(1).build().unwrap();
            for _ in 0..60 {
                let _: i64 = pool.apply("mix", (1,)).unwrap();
                let before = own_children();
                before
                    .iter()
                    .for_each(|template| template.signal(Signal::KILL));
                // It is started again for the next task. Hit one of those that appear on the way.
                let (mut inputs, mut outcomes) = pool.stream("mix", Order::Input).unwrap();
                inputs.send(&[Value::S64(1)]).unwrap();
                drop(inputs);
                let mut spared = luck.number(0..3);
                let mut seen = before;
                while outcomes.try_next().is_none() {
                    for child in own_children() {
                        if seen.contains(&child) {
                            continue;
                        }
                        seen.push(child);
                        if spared == 0 {
                            child.signal(Signal::KILL);
                        }
                        spared = spared.wrapping_sub(1);
                    }
                }
            }
            run_in_calm(&pool, &mixing());
            assert_eq!(own_children().len(), 1);
        },
    );
}

#[test]
fn templates_that_are_killed_as_they_start_fail_no_task() {
    alone(
        "storms::births::templates_that_are_killed_as_they_start_fail_no_task",
        || {
            let pool = pool_of(module().into_bytes()).workers(1).build().unwrap();
            let _: i64 = pool.apply("mix", (1,)).unwrap();
            let (mut inputs, mut outcomes) = pool.stream("mix", Order::Input).unwrap();
            let mut hit = own_children();
            hit.iter()
                .for_each(|template| template.signal(Signal::KILL));
            inputs.send(&[Value::S64(1)]).unwrap();
            drop(inputs);
            let mut early = None;
            while hit.len() < 10 && early.is_none() {
                for child in own_children() {
                    if !hit.contains(&child) {
                        hit.push(child);
                        child.signal(Signal::KILL);
                    }
                }
                early = outcomes.try_next();
            }
            let (_, outcome) = early.or_else(|| outcomes.next()).unwrap();
            assert!(outcome.result.is_ok(), "{outcome:?}");
        },
    );
}

#[test]
fn workers_that_are_killed_as_they_greet_cost_no_template() {
    alone(
        "storms::births::workers_that_are_killed_as_they_greet_cost_no_template",
        || {
            let mut luck = Luck::new();
            let pool = pool_of(module().into_bytes()).workers(4).build().unwrap();
            let _: i64 = pool.apply("mix", (1,)).unwrap();
            let templates = own_children();
            for _ in 0..100 {
                let (mut inputs, outcomes) = pool.stream("mix", Order::Input).unwrap();
                let killer = thread::spawn({
                    let template = templates[0];
                    let moment = luck.time(Duration::from_millis(3));
                    move || {
                        let workers = eventually("workers", || {
                            let workers = children_of_one_thread(&template);
                            (!workers.is_empty() || !template.is_alive()).then_some(workers)
                        });
                        let seen = Instant::now();
                        while seen.elapsed() < moment {
                            thread::yield_now();
                        }
                        workers
                            .iter()
                            .for_each(|worker| worker.signal(Signal::KILL));
                    }
                });
                for _ in 0..4 {
                    inputs.send(&[Value::S64(1)]).unwrap();
                }
                drop(inputs);
                killer.join().unwrap();
                // Who was killed with a task is not the matter here.
                assert_eq!(outcomes.count(), 4);
                children_of_one_thread(&templates[0])
                    .iter()
                    .for_each(|worker| worker.signal(Signal::KILL));
            }
            assert_eq!(own_children(), templates);
        },
    );
}
