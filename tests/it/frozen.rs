//! A kernel that does not end a process that was killed: a worker that waits for a file system that
//! does not answer. Tasks have their outcomes all the same, other plugins go on, and a pool that is
//! dropped does not wait for it.

use crate::support::{FileSystem, alone, eventually, nobody_is_left};
use std::path::Path;
use std::time::Duration;
use wpool::{Directory, FailureKind, MapError, PluginHandle, Plugins};

/// Two plugins: `writes` to that directory, `squares` numbers.
fn plugins(directory: &Path, workers: usize) -> Plugins {
    let plugins = Plugins::builder()
        .workers(workers)
        .worker_program(env!("CARGO_BIN_EXE_wpool"))
        .build()
        .unwrap();
    plugins
        .plugin("writes", crate::support::guest("tool"))
        .dir(Directory::new(directory).at("/d"))
        .timeout(Duration::from_secs(1))
        .load()
        .unwrap();
    plugins
        .plugin("squares", crate::support::guest("square"))
        .load()
        .unwrap();
    plugins
}

fn write(name: &str) -> ([String; 3], &'static str) {
    (["write".into(), format!("/d/{name}"), "text".into()], "")
}

/// How a task that writes a file fails.
fn failure(writes: &PluginHandle, name: &str) -> (FailureKind, String) {
    match writes.apply::<String>("run", write(name)) {
        Err(MapError::Task { failure, .. }) => (failure.kind(), failure.message().to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_task_has_its_outcome_and_other_plugins_go_on_though_the_kernel_does_not_end_its_worker() {
    alone(
        "frozen::a_task_has_its_outcome_and_other_plugins_go_on_though_the_kernel_does_not_end_its_worker",
        || {
            let Some(mut system) = FileSystem::mount() else {
                return;
            };
            let plugins = plugins(&system.path(), 2);
            let (writes, squares) = (
                plugins.get("writes").unwrap(),
                plugins.get("squares").unwrap(),
            );
            let _: String = writes.apply("run", write("before")).unwrap();
            system.freeze();

            let (kind, why) = failure(&writes, "while");
            assert_eq!(kind, FailureKind::Timeout, "{why}");
            assert!(system.is_frozen(), "it waited for the file system");
            // It has the place of a worker, and shows.
            assert_eq!(writes.stats().unreaped, 1);
            for number in 0..100 {
                let square: i64 = squares.apply("square", (number,)).unwrap();
                assert_eq!(square, number * number);
            }
            assert_eq!(squares.stats().unreaped, 0);
            assert!(system.is_frozen(), "others waited for it");

            system.thaw();
            eventually("it ends", || (writes.stats().unreaped == 0).then_some(()));
            let _: String = writes.apply("run", write("after")).unwrap();
            drop(plugins);
            drop(system);
            nobody_is_left();
        },
    );
}

#[test]
fn without_a_place_left_tasks_fail_and_say_why_and_a_pool_can_be_dropped() {
    alone(
        "frozen::without_a_place_left_tasks_fail_and_say_why_and_a_pool_can_be_dropped",
        || {
            let Some(mut system) = FileSystem::mount() else {
                return;
            };
            let plugins = plugins(&system.path(), 1);
            let writes = plugins.get("writes").unwrap();
            let _: String = writes.apply("run", write("before")).unwrap();
            system.freeze();

            let (kind, why) = failure(&writes, "while");
            assert_eq!(kind, FailureKind::Timeout, "{why}");
            let (kind, why) = failure(&writes, "then");
            assert_eq!(kind, FailureKind::WorkerDied, "{why}");
            assert!(why.contains("do not end"), "{why}");
            drop(plugins);
            assert!(
                system.is_frozen(),
                "dropping the pool waited for the file system"
            );

            // What it left is waited for when the kernel lets it.
            system.thaw();
            drop(system);
            eventually_no_child();
        },
    );
}

/// A thread of the pool that is gone waits for what it left.
fn eventually_no_child() {
    let children = |task: &Path| std::fs::read_to_string(task.join("children")).unwrap_or_default();
    eventually("nothing is left", || {
        let mut tasks = std::fs::read_dir("/proc/self/task").ok()?;
        let is_left = tasks.any(|task| !children(&task.unwrap().path()).trim().is_empty());
        (!is_left).then_some(())
    });
}
