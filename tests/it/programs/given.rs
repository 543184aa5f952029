//! What a module that imports WASI is given: nothing of the host's but what was granted, clocks and random numbers, or those that
//! are the same in every run.

use super::{BOTH, run_tool};
use crate::support::{Running, eventually, guest, pool, run, status_field, workers_of, wpool};
use std::collections::BTreeSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn the_environment_is_what_was_granted() {
    for tool in BOTH {
        let mut command = run_tool(&[], tool, &["env"]);
        assert_eq!(run(command.env("SECRET", "x")).results(), [""; 0]);
        let options = ["--env", "A=b=c", "--env", "GIVEN", "--env", "EMPTY="];
        let mut command = run_tool(&options, tool, &["env"]);
        let ran = run(command.env("SECRET", "x").env("GIVEN", "here"));
        let lines: BTreeSet<&str> = ran.results().into_iter().collect();
        assert_eq!(lines, BTreeSet::from(["A=b=c", "EMPTY=", "GIVEN=here"]));
    }
    let ran = run(run_tool(&["--env", "UNSET"], "tool", &["env"]).env_remove("UNSET"));
    assert_eq!(ran.code(), 2);
    assert!(ran.stderr.contains("UNSET=VALUE"), "{ran:?}");
    let ran = run(&mut run_tool(&["--env", "=x"], "tool", &["env"]));
    assert_eq!(ran.code(), 2);
    assert!(
        ran.stderr.contains("no name of an environment variable"),
        "{ran:?}"
    );
}

#[test]
fn there_is_no_network_and_who_tries_is_told_so() {
    for tool in BOTH {
        for attempt in ["connect", "listen", "udp", "resolve"] {
            let ran = run(&mut run_tool(&[], tool, &[attempt]));
            assert_eq!(
                (ran.code(), ran.stdout.as_str()),
                (1, ""),
                "{attempt}: {ran:?}"
            );
            assert!(ran.stderr.starts_with("tool: "), "{ran:?}");
        }
    }
}

#[test]
fn there_are_no_files() {
    for tool in BOTH {
        for path in ["/", ".", "/etc/passwd", "/proc/self/status", "../x"] {
            for attempt in ["read", "ls", "stat"] {
                let ran = run(&mut run_tool(&[], tool, &[attempt, path]));
                assert_eq!(
                    (ran.code(), ran.stdout.as_str()),
                    (1, ""),
                    "{attempt} {path}"
                );
            }
        }
    }
}

#[test]
fn clocks_go_and_random_numbers_differ_also_between_forks_of_one_template() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    for tool in BOTH {
        let ran = run(&mut run_tool(&[], tool, &["now"]));
        let said: u64 = ran.results()[0].parse().unwrap();
        assert!(said.abs_diff(now) < 3600, "{said} is not about {now}");
        let pool = pool(tool)
            .isolation(wpool::Isolation::Process)
            .build()
            .unwrap();
        let random: Vec<String> = pool.starmap("run", vec![(["random"], ""); 40]).unwrap();
        assert_eq!(random.iter().collect::<BTreeSet<_>>().len(), 40);
    }
}

#[test]
fn how_precise_clocks_are_can_be_asked() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "clock_res_get" (func $resolution (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "resolution") (param i32) (result i32 i64)
            (call $resolution (local.get 0) (i32.const 0)) (i64.load (i32.const 0))))"#;
    let pool = crate::support::pool_of(wpool::Module::text(text))
        .build()
        .unwrap();
    for clock in [0, 1] {
        assert_eq!(
            pool.apply::<(i32, i64)>("resolution", (clock,)).unwrap(),
            (0, 1)
        );
    }
}

#[test]
fn with_deterministic_every_run_is_the_same_to_the_unit_of_fuel() {
    for tool in BOTH {
        let pool = pool(tool).deterministic().build().unwrap();
        for command in ["random", "now", "elapsed", "say"] {
            let (mut inputs, outcomes) = pool.stream("run", wpool::Order::Input).unwrap();
            let words = wpool::Value::List(vec![wpool::Value::Bytes(command.into())]);
            for _ in 0..20 {
                inputs
                    .send(&[words.clone(), wpool::Value::Bytes(Vec::new())])
                    .unwrap();
            }
            drop(inputs);
            let all: Vec<_> = outcomes
                .map(|(_, outcome)| (outcome.result.unwrap(), outcome.usage.fuel.unwrap()))
                .collect();
            assert!(all.iter().all(|one| *one == all[0]), "{command}: {all:?}");
            assert!(all[0].1 > 100);
        }
    }
    let ran = run(&mut run_tool(&["--deterministic"], "tool", &["now"]));
    assert_eq!(ran.results(), ["1577836800"]);
}

#[test]
fn with_deterministic_who_waits_for_a_time_gets_there_in_no_time() {
    for tool in BOTH {
        let pool = pool(tool)
            .deterministic()
            .timeout(std::time::Duration::from_secs(20))
            .build()
            .unwrap();
        // An hour, by the clock that the program sees.
        let said: String = pool.apply("run", (["sleep", "3600000"], "")).unwrap();
        assert_eq!(said, "true\n");
    }
}

#[test]
fn with_deterministic_numbers_that_are_none_have_one_form() {
    // The sign and payload of a NaN are what a processor makes of them, unless they are made canonical.
    let text = r#"(module (func (export "nan") (param f64 f64) (result i64)
        (i64.reinterpret_f64 (f64.div (local.get 0) (local.get 1)))))"#;
    let pool = crate::support::pool_of(wpool::Module::text(text))
        .deterministic()
        .build()
        .unwrap();
    assert_eq!(
        pool.apply::<i64>("nan", (0.0, 0.0)).unwrap(),
        0x7ff8_0000_0000_0000
    );
}

#[test]
fn fuel_is_the_limit_of_a_deterministic_task() {
    let ran = run(&mut run_tool(
        &["--deterministic", "--fuel", "1000000"],
        "tool",
        &["spin"],
    ));
    assert_eq!(ran.code(), 137);
    assert!(
        ran.stderr.contains("fuel: it used up its fuel of 1000000"),
        "{ran:?}"
    );
}

#[test]
fn a_worker_of_a_program_has_the_descriptors_of_any_other() {
    if !crate::support::is_root() {
        return;
    }
    let mut command = wpool();
    command.args(["map", "-j", "1", "--timeout", "none", "--arg", "spin"]);
    let running = Running::start(command.arg(guest("tool")).arg("x"));
    let worker = eventually("a worker", || workers_of(&running.process).pop());
    // It has those of its template until it closes them, right after the fork.
    eventually("a worker with two descriptors", || {
        let mut open: Vec<String> = fs::read_dir(worker.file("fd"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        open.sort();
        (open == ["0", "1"]).then_some(())
    });
    let status = fs::read_to_string(worker.file("status")).unwrap();
    assert_eq!(status_field(&status, "Threads").unwrap(), "1");
    assert_eq!(status_field(&status, "Seccomp").unwrap(), "2");
}

#[test]
fn forks_of_a_prepared_component_share_what_it_has_drawn_and_draw_their_own_afterwards() {
    let text = r#"(component
        (import "wasi:random/random@0.2.0" (instance $random
            (export "get-random-u64" (func (result u64)))))
        (core func $draw (canon lower (func $random "get-random-u64")))
        (core module $m (import "random" "draw" (func $draw (result i64)))
            (global $drawn (mut i64) (i64.const 0))
            (func (export "init") (global.set $drawn (call $draw)))
            (func (export "drawn") (result i64) (global.get $drawn))
            (func (export "draw") (result i64) (call $draw)))
        (core instance $i (instantiate $m (with "random" (instance (export "draw" (func $draw))))))
        (func (export "init") (canon lift (core func $i "init")))
        (func (export "drawn") (result u64) (canon lift (core func $i "drawn")))
        (func (export "draw") (result u64) (canon lift (core func $i "draw"))))"#;
    let pool = crate::support::pool_of(wpool::Module::text(text))
        .isolation(wpool::Isolation::Process)
        .initializer("init")
        .build()
        .unwrap();
    let all = |function| -> BTreeSet<u64> {
        let numbers: Vec<u64> = pool.starmap(function, vec![(); 20]).unwrap();
        numbers.into_iter().collect()
    };
    assert_eq!(all("drawn").len(), 1);
    assert_eq!(all("draw").len(), 20);
}

#[test]
fn words_of_preview_1_arrive_as_the_bytes_that_they_are() {
    // It writes all its arguments, each with the zero at its end.
    let text = r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (drop (call $sizes (i32.const 0) (i32.const 4)))
            (drop (call $get (i32.const 100) (i32.const 1000)))
            (i32.store (i32.const 8) (i32.const 1000))
            (i32.store (i32.const 12) (i32.load (i32.const 4)))
            (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"#;
    let pool = crate::support::pool_of(wpool::Module::text(text))
        .build()
        .unwrap();
    let words = vec![b"\xff\xfe".to_vec(), Vec::new(), b"z".to_vec()];
    let said: Vec<u8> = pool.apply("run", (words, Vec::<u8>::new())).unwrap();
    assert_eq!(said, b"program\0\xff\xfe\0\0z\0");
}
