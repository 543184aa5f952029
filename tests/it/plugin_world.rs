//! Plugins of the world `wpool:plugin`, and what else components import; calls that end early; runtimes around them.

use crate::support::{DEADLINE, guest, pool_of, run, wpool};
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use wpool::{Builder, ErrorKind, HostCall, LogLevel, PluginHost, Pool};

/// One import, `env.ask`, and a function that passes it on.
const ASKING: &str = r#"(module
    (import "env" "ask" (func $ask (param i64) (result i64)))
    (func (export "ask") (param i64) (result i64) (call $ask (local.get 0))))"#;

fn asking() -> Builder {
    pool_of(ASKING.as_bytes()).workers(1)
}

/// Knows prices, and remembers what it is told.
#[derive(Clone, Default)]
struct Shop {
    said: Arc<Mutex<Vec<String>>>,
}

impl PluginHost for Shop {
    fn log(&self, call: &HostCall, level: LogLevel, message: &str) {
        let line = format!("{} {level} {message}", call.worker());
        self.said.lock().unwrap().push(line);
    }

    fn progress(&self, call: &HostCall, done: f64) {
        let line = format!("task {} {done}", call.task());
        self.said.lock().unwrap().push(line);
    }

    fn get(&self, _: &HostCall, key: &str) -> Option<Vec<u8>> {
        let prices = BTreeMap::from([("tea", "3"), ("kettle", "40"), ("riddle", "?")]);
        Some(prices.get(key)?.as_bytes().to_vec())
    }
}

#[test]
fn a_plugin_looks_things_up_logs_and_tells_its_progress() {
    let shop = Shop::default();
    let pool = pool_of(guest("rules"))
        .workers(1)
        .plugin_host(shop.clone())
        .build()
        .unwrap();
    let orders = ["tea 2", "tea 4\nkettle 3", "unicorn 1", "riddle 1"];
    let answers = pool.map_outcomes("run", orders.map(str::as_bytes));
    let shown: Vec<String> = answers
        .unwrap()
        .into_iter()
        .map(|outcome| match outcome.result {
            Ok(value) => format!("{value:?}"),
            Err(failure) => failure.to_string(),
        })
        .collect();
    assert!(shown[0].contains("Bytes([54])"), "{}", shown[0]);
    assert_eq!(shown[2], "error: there is no unicorn");
    assert_eq!(shown[3], "error: the price of riddle is not a number");
    let said = shop.said.lock().unwrap();
    assert_eq!(
        said[..4],
        [
            "task 1 1",
            "task 2 0.5",
            "task 2 1",
            "worker-1 info a tenth off 132"
        ]
    );
}

#[test]
fn a_plugin_in_rust_and_one_by_hand_need_nothing_and_get_nothing() {
    let count = pool_of(guest("wordcount")).build().unwrap();
    let counted: Vec<u8> = count.apply("run", (&b"one two\nthree\n"[..],)).unwrap();
    assert_eq!(counted, b"2 3 14");
    let upper = pool_of(guest("upper")).build().unwrap();
    let large = vec![b'x'; 3_000_000];
    let shouted: Vec<u8> = upper.apply("run", (large.clone(),)).unwrap();
    assert!(shouted == large.to_ascii_uppercase());
}

#[test]
fn an_interface_is_granted_as_a_whole_or_refused_by_its_name() {
    let refused = pool_of(guest("hello")).build().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Module);
    let refused = refused.to_string();
    for interface in ["wpool:plugin/log@0.1.0", "wpool:plugin/task@0.1.0"] {
        assert!(refused.contains(interface), "{refused}");
    }
    let half = pool_of(guest("hello"))
        .host_function("wpool:plugin/task", "worker", || "me".to_string())
        .host_function(
            "wpool:plugin/log@0.1.0",
            "log",
            |_: wpool::Value, _: String| (),
        )
        .build();
    // What it imports of an interface is what it uses: of `task` only the worker's name.
    assert_eq!(half.unwrap().apply::<String>("whoami", ()).unwrap(), "me");
    let other_version = pool_of(guest("hello"))
        .host_function(
            "wpool:plugin/log@9.9.9",
            "log",
            |_: wpool::Value, _: String| (),
        )
        .build();
    assert!(other_version.is_err());
}

#[test]
fn the_command_gives_a_plugin_its_log_where_it_is_asked_to() {
    let apply = |options: &[&str]| {
        let mut command = wpool();
        command
            .arg("apply")
            .args(options)
            .args(["-f", "hello"])
            .arg(guest("hello"));
        run(command.arg("\u{1b}[2JAda"))
    };
    let refused = apply(&[]);
    assert_eq!(refused.code(), 2);
    assert!(
        refused.stderr.contains("wpool:plugin/log@0.1.0"),
        "{}",
        refused.stderr
    );
    let greeted = apply(&["--log"]);
    assert_eq!((greeted.code(), greeted.stdout.as_str()), (0, "\n"));
    assert_eq!(
        greeted.complaints(),
        ["wpool: worker-1: info: Hello, \\u{1b}[2JAda!"]
    );
}

#[test]
fn results_are_awaited_and_host_functions_use_timers_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    let pool = asking()
        .workers(2)
        .host_function_async("env", "ask", move |number: i64| {
            let runtime = handle.clone();
            async move {
                let later = runtime.spawn(async move {
                    let _ = tokio::time::timeout(Duration::from_millis(1), pending::<()>()).await;
                    number + 1
                });
                later.await.unwrap()
            }
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let asked: Vec<_> = (0..20_i64)
            .map(|number| pool.apply_async::<i64>("ask", (number,)).unwrap())
            .collect();
        for (number, answer) in (1..).zip(asked) {
            assert_eq!(answer.await.unwrap(), number);
        }
    });
}

#[test]
fn tasks_that_wait_for_the_application_can_be_cancelled() {
    let (began, begins) = mpsc::channel();
    let pool = asking()
        .host_function_async("env", "ask", move |_: i64| {
            began.send(()).unwrap();
            pending::<i64>()
        })
        .build()
        .unwrap();
    let asked = pool.apply_async::<i64>("ask", (1,)).unwrap();
    begins.recv_timeout(DEADLINE).unwrap();
    asked.cancel();
    let failure = asked.get().unwrap_err();
    assert!(failure.to_string().contains("cancelled"), "{failure}");
}

#[test]
fn a_pool_can_be_dropped_while_its_tasks_wait_for_the_application() {
    let (began, begins) = mpsc::channel();
    let pool: Pool = asking()
        .host_function("env", "ask", move |call: HostCall, number: i64| {
            began.send(()).unwrap();
            while !call.is_over() {
                std::thread::yield_now();
            }
            number
        })
        .build()
        .unwrap();
    let asked = pool.apply_async::<i64>("ask", (1,)).unwrap();
    begins.recv_timeout(DEADLINE).unwrap();
    drop(pool);
    assert!(asked.get().unwrap_err().to_string().contains("cancelled"));
}

#[test]
fn a_closure_may_use_the_calls_of_the_pool_that_go_on_in_the_background() {
    let own: Arc<std::sync::OnceLock<wpool::PluginHandle>> = Arc::default();
    let itself = Arc::clone(&own);
    let asking = r#"(module
        (import "env" "ask" (func $ask (param i64) (result i64)))
        (func (export "ask") (param i64) (result i64) (call $ask (local.get 0)))
        (func (export "plain") (param i64) (result i64) (local.get 0)))"#;
    let pool = pool_of(asking.as_bytes())
        .workers(1)
        .host_function("env", "ask", move |number: i64| {
            let plain = itself.get().unwrap();
            let numbers = plain.map_async::<_, i64, _>("plain", 0..number).unwrap();
            numbers.get().unwrap().len() as i64
        })
        .build()
        .unwrap();
    own.set((*pool).clone()).unwrap();
    assert_eq!(pool.apply::<i64>("ask", (20,)).unwrap(), 20);
}
