//! Many plugins in one application: one budget, processes for those that are used, and each one's faults its own.

use crate::support::{DEADLINE, eventually, guest};
use std::collections::BTreeSet;
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use wpool::{FailureKind, HostCall, Plugins, PluginsBuilder};

fn plugins() -> PluginsBuilder {
    Plugins::builder()
        .workers(2)
        .worker_program(env!("CARGO_BIN_EXE_wpool"))
}

/// A module whose only function adds a number to its argument.
fn adding(number: usize) -> Vec<u8> {
    let text = format!(
        r#"(module (func (export "add") (param i64) (result i64)
            (i64.add (local.get 0) (i64.const {number}))))"#
    );
    text.into_bytes()
}

/// The processes that this thread's pools have started, by what the kernel says of all threads.
fn children() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let children =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    children.map(|pids| pids.split_whitespace().count()).sum()
}

#[test]
fn hundreds_are_loaded_and_those_without_tasks_have_no_process() {
    crate::support::alone(
        "plugins::hundreds_are_loaded_and_those_without_tasks_have_no_process",
        || {
            let plugins = plugins().processes(4).build().unwrap();
            for number in 0..200 {
                let name = format!("add-{number}");
                plugins.plugin(name, adding(number)).load().unwrap();
            }
            assert_eq!(plugins.names().len(), 200);
            assert_eq!(children(), 0, "none was asked for anything");
            for round in 0..3 {
                for number in (0..200).step_by(7) {
                    let plugin = plugins.get(&format!("add-{number}")).unwrap();
                    let sum: i64 = plugin.apply("add", (round,)).unwrap();
                    assert_eq!(sum, round + number);
                    assert!(children() <= 4, "{}", children());
                }
            }
        },
    );
}

#[test]
fn one_that_is_not_used_for_a_while_gives_up_its_processes() {
    crate::support::alone(
        "plugins::one_that_is_not_used_for_a_while_gives_up_its_processes",
        || {
            let plugins = plugins()
                .park_after(Duration::from_millis(50))
                .build()
                .unwrap();
            let plugin = plugins.plugin("add", adding(1)).load().unwrap();
            for number in 0..3_i64 {
                assert_eq!(plugin.apply::<i64>("add", (number,)).unwrap(), number + 1);
                eventually("it is parked", || (children() == 0).then_some(()));
            }
            assert_eq!(plugin.stats().deaths, 0, "being parked is no death");
        },
    );
}

#[test]
fn more_plugins_than_may_have_processes_all_get_their_turn() {
    let plugins = plugins().processes(1).build().unwrap();
    let handles: Vec<_> = (0..6)
        .map(|number| {
            plugins
                .plugin(format!("{number}"), adding(number))
                .load()
                .unwrap()
        })
        .collect();
    thread::scope(|scope| {
        for (number, handle) in handles.iter().enumerate() {
            scope.spawn(move || {
                let sums: Vec<i64> = handle.map("add", 0_i64..300).unwrap();
                assert!(sums.into_iter().eq((0..300).map(|x| x + number as i64)));
            });
        }
    });
}

#[test]
fn a_plugin_that_crashes_hangs_or_floods_costs_itself_only() {
    let flooding = r#"(module (import "env" "note" (func $note (param i64)))
        (func (export "flood") (param i64) (loop $on (call $note (local.get 0)) (br $on))))"#;
    let plugins = plugins().workers(4).build().unwrap();
    let load = |name: &str, module: wpool::Module| {
        plugins
            .plugin(name, module)
            .timeout(Duration::from_millis(100))
            .host_function("env", "note", |_: i64| ())
            .load()
            .unwrap()
    };
    let good = load("square", guest("square").into());
    let hanging = load("spin", guest("spin").into());
    let crashing = load("faults", guest("faults").into());
    let flooding = load("flood", flooding.as_bytes().into());
    let dying = load("dying", guest("spin").into());
    let hangs = hanging
        .map_async::<_, i64, _>("spin", vec![-1_i64; 6])
        .unwrap();
    let crashes = crashing
        .map_async::<_, (), _>("recurse", vec![i32::MAX; 200])
        .unwrap();
    let floods = flooding
        .map_async::<_, (), _>("flood", vec![1_i64; 6])
        .unwrap();
    let deaths = dying
        .map_async::<_, i64, _>("spin", vec![-1_i64; 6])
        .unwrap();
    for number in 0..2000_i64 {
        assert_eq!(
            good.apply::<i64>("square", (number,)).unwrap(),
            number * number
        );
        for worker in dying.stats().workers {
            let pid = rustix::process::Pid::from_raw(worker.pid.cast_signed()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    for all in [
        hangs.get().is_err(),
        crashes.get().is_err(),
        floods.get().is_err(),
    ] {
        assert!(all);
    }
    assert!(deaths.get().is_err());
    assert_eq!(hanging.stats().failed[&FailureKind::Timeout], 6);
    assert_eq!(flooding.stats().failures(), 6);
    assert_eq!((good.stats().done, good.stats().failures()), (2000, 0));
}

#[test]
fn a_reload_takes_new_calls_while_the_old_one_finishes_its_own() {
    let (began, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let asking = r#"(module (import "env" "ask" (func $ask (result i64)))
        (func (export "get") (result i64) (call $ask)))"#;
    let plugins = plugins().build().unwrap();
    let old = plugins
        .plugin("answer", asking.as_bytes())
        .host_function("env", "ask", move |call: HostCall| {
            assert_eq!(call.plugin(), "answer");
            began.send(()).unwrap();
            released.lock().unwrap().recv_timeout(DEADLINE).unwrap();
            1_i64
        })
        .load()
        .unwrap();
    let slow = old.apply_async::<i64>("get", ()).unwrap();
    begins.recv_timeout(DEADLINE).unwrap();
    let new = plugins
        .plugin("answer", asking.as_bytes())
        .host_function("env", "ask", || 2_i64)
        .load()
        .unwrap();
    assert_eq!(plugins.names(), ["answer"]);
    assert_eq!(
        plugins
            .get("answer")
            .unwrap()
            .apply::<i64>("get", ())
            .unwrap(),
        2
    );
    assert_eq!(new.apply::<i64>("get", ()).unwrap(), 2);
    assert!(!slow.ready());
    release.send(()).unwrap();
    assert_eq!(slow.get().unwrap(), 1);
    let late = old.apply::<i64>("get", ()).unwrap_err();
    assert!(late.to_string().contains("unloaded"), "{late}");
}

#[test]
fn a_reload_that_is_refused_leaves_what_was_there() {
    let plugins = plugins().build().unwrap();
    plugins.plugin("add", adding(1)).load().unwrap();
    assert!(
        plugins
            .plugin("add", &b"(module (func (export \"f\") (i32.add)))"[..])
            .load()
            .is_err()
    );
    assert_eq!(
        plugins
            .get("add")
            .unwrap()
            .apply::<i64>("add", (1,))
            .unwrap(),
        2
    );
    assert!(plugins.unload("add") && !plugins.unload("add"));
    assert!(plugins.get("add").is_none());
}

#[test]
fn workers_of_different_plugins_are_different_processes() {
    let plugins = plugins().build().unwrap();
    let pids = |name: &str, number| {
        let plugin = plugins.plugin(name, adding(number)).load().unwrap();
        let outcomes = plugin.map_outcomes("add", 0_i64..50).unwrap();
        outcomes
            .into_iter()
            .filter_map(|it| it.usage.pid)
            .collect::<BTreeSet<u32>>()
    };
    assert!(pids("one", 1).is_disjoint(&pids("two", 2)));
}

#[test]
fn closing_finishes_the_calls_of_all_plugins() {
    let plugins = plugins().build().unwrap();
    let results: Vec<_> = (0..4)
        .map(|number| {
            let plugin = plugins
                .plugin(format!("{number}"), adding(number))
                .load()
                .unwrap();
            plugin.map_async::<_, i64, _>("add", 0_i64..1000).unwrap()
        })
        .collect();
    plugins.close();
    plugins.join().unwrap();
    assert!(
        results
            .into_iter()
            .all(|result| result.get().unwrap().len() == 1000)
    );
}

#[test]
fn a_reload_lets_calls_whose_inputs_are_still_to_come_go_on() {
    let plugins = plugins().build().unwrap();
    let old = plugins.plugin("add", adding(1)).load().unwrap();
    let (gate, opens) = mpsc::channel::<()>();
    let items = (0..20_000_i64).inspect(move |number| {
        if *number == 1_000 {
            opens.recv_timeout(DEADLINE).unwrap();
        }
    });
    let sums = old.map_async::<_, i64, _>("add", items).unwrap();
    let lazy = old.imap::<_, i64, _>("add", 0..20_000_i64).unwrap();
    plugins.plugin("add", adding(2)).load().unwrap();
    assert_eq!(
        plugins
            .get("add")
            .unwrap()
            .apply::<i64>("add", (1,))
            .unwrap(),
        3
    );
    gate.send(()).unwrap();
    assert!(sums.get().unwrap().into_iter().eq(1..=20_000));
    let lazy = thread::spawn(move || lazy.map(Result::unwrap).collect::<Vec<_>>());
    assert!(lazy.join().unwrap().into_iter().eq(1..=20_000));
}
