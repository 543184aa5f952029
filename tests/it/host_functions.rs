//! Functions of the application that plugins import: called across the process boundary, within limits, and whatever goes wrong.

use crate::support::{DEADLINE, eventually, pool_of};
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock, mpsc};
use std::time::{Duration, Instant};
use wpool::{Builder, ErrorKind, FailureKind, HostCall, HostError, Isolation, Limits, MapError};

/// Core imports of every shape, and a task that goes on calling.
const CORE: &str = r#"(module
    (import "env" "double" (func $double (param i64) (result i64)))
    (import "env" "note" (func $note (param i32 f64)))
    (func (export "quadruple") (param i64) (result i64)
        (call $double (call $double (local.get 0))))
    (func (export "noted") (param i32 f64) (call $note (local.get 0) (local.get 1)))
    (func (export "flood") (param i64) (result i64) (local $sum i64)
        (loop $again
            (local.set $sum (i64.add (local.get $sum) (call $double (i64.const 1))))
            (br_if $again (i64.ne (i64.const 0)
                (local.tee 0 (i64.sub (local.get 0) (i64.const 1))))))
        (local.get $sum)))"#;

/// One import, `env.ask`, and functions that pass it on.
const ASKING: &str = r#"(module
    (import "env" "ask" (func $ask (param i64) (result i64)))
    (func (export "ask") (param i64) (result i64) (call $ask (local.get 0)))
    (func (export "plain") (param i64) (result i64) (local.get 0)))"#;

fn core(double: impl Fn(i64) -> i64 + Send + Sync + 'static) -> Builder {
    pool_of(CORE.as_bytes())
        .workers(2)
        .host_function("env", "double", double)
        .host_function("env", "note", |_: i32, _: f64| ())
}

fn asking() -> Builder {
    pool_of(ASKING.as_bytes()).workers(1)
}

#[test]
fn a_core_module_calls_functions_of_the_application_with_its_own_types() {
    let (noted, notes) = mpsc::channel();
    let pool = core(|x| 2 * x)
        .host_function("env", "note", move |number: i32, factor: f64| {
            noted.send((number, factor)).unwrap();
        })
        .build()
        .unwrap();
    let quadrupled: Vec<i64> = pool.map("quadruple", 0_i64..100).unwrap();
    assert!(quadrupled.into_iter().eq((0..100).map(|x| 4 * x)));
    let () = pool.apply("noted", (-7, 0.5)).unwrap();
    assert_eq!(notes.recv().unwrap(), (-7, 0.5));
}

#[test]
fn what_a_plugin_imports_is_granted_by_name_or_refused_before_anything_runs() {
    let refused = |builder: Builder| builder.build().unwrap_err();
    let nothing = refused(pool_of(CORE.as_bytes()));
    assert_eq!(nothing.kind(), ErrorKind::Module);
    assert!(
        nothing
            .to_string()
            .contains("function env.double, function env.note"),
        "{nothing}"
    );
    let half = refused(pool_of(CORE.as_bytes()).host_function("env", "note", |_: i32, _: f64| ()));
    assert!(
        half.to_string()
            .ends_with("not granted: function env.double"),
        "{half}"
    );
    let other = refused(core(|x| x).host_function("env", "double", |_: String| 1_i64));
    assert!(other.to_string().contains("another type"), "{other}");
}

#[test]
fn a_closure_may_ask_which_task_calls_and_from_where() {
    let (asked, calls) = mpsc::channel();
    let pool = asking()
        .name("rules")
        .host_function("env", "ask", move |call: HostCall, number: i64| {
            asked.send(call).unwrap();
            number
        })
        .build()
        .unwrap();
    let outcomes = pool.map_outcomes("ask", 0_i64..3).unwrap();
    for (number, (call, outcome)) in (1..).zip(calls.iter().take(3).zip(outcomes)) {
        assert_eq!((call.task(), call.function()), (number, "ask"));
        assert_eq!(call.worker(), "rules-1");
        assert_eq!(Some(call.pid()), outcome.usage.pid);
        assert_eq!(outcome.usage.worker_name.as_deref(), Some("rules-1"));
        assert_eq!(outcome.usage.host_calls, 1);
    }
}

#[test]
fn an_error_or_a_panic_in_a_closure_fails_that_task_alone() {
    let pool = asking()
        .host_function("env", "ask", |number: i64| match number {
            1 => Err(HostError::new("no such\nthing\u{1b}[2J")),
            2 => panic!("out of luck"),
            number => Ok(number),
        })
        .build()
        .unwrap();
    let outcomes = pool.map_outcomes("ask", 0_i64..4).unwrap();
    let failures: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| outcome.result.as_ref().err())
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        failures,
        [
            "host-call: host function env#ask: no such\\nthing\\u{1b}[2J",
            "host-call: host function env#ask: it panicked: out of luck"
        ]
    );
    assert!(outcomes[0].result.is_ok() && outcomes[3].result.is_ok());
}

#[test]
fn time_in_host_calls_is_a_part_of_the_tasks_time_and_told_apart() {
    let long = Duration::from_millis(30);
    let pool = asking()
        .host_function("env", "ask", move |number: i64| {
            let begun = Instant::now();
            while begun.elapsed() < long {
                std::thread::yield_now();
            }
            number
        })
        .build()
        .unwrap();
    let outcome = &pool.map_outcomes("ask", [1_i64]).unwrap()[0];
    assert!(outcome.usage.host >= long && outcome.usage.wall >= long);
    let outcome = &pool.map_outcomes("plain", [1_i64]).unwrap()[0];
    assert_eq!(
        (outcome.usage.host_calls, outcome.usage.host),
        (0, Duration::ZERO)
    );
}

#[test]
fn a_task_that_waits_for_a_closure_meets_its_deadline_and_its_future_is_dropped() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&dropped);
    let pool = asking()
        .timeout(Duration::from_millis(50))
        .host_function_async("env", "ask", move |_: i64| {
            let dropped = Dropped(Arc::clone(&noted));
            async move {
                pending::<()>().await;
                drop(dropped);
                0_i64
            }
        })
        .build()
        .unwrap();
    let failure = pool.apply::<i64>("ask", (1,)).unwrap_err();
    assert!(failure.to_string().contains("timeout"), "{failure}");
    eventually("the future is dropped", || {
        dropped.load(Ordering::SeqCst).then_some(())
    });
    assert_eq!(pool.apply::<i64>("plain", (5,)).unwrap(), 5);
}

#[test]
fn a_future_answers_whenever_it_is_ready() {
    let pool = asking()
        .host_function_async("env", "ask", |number: i64| async move {
            // Woken from elsewhere, as by a runtime.
            let (done, is_done) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
            std::future::poll_fn(|context| {
                if done.load(Ordering::SeqCst) {
                    return std::task::Poll::Ready(());
                }
                if !is_done.swap(true, Ordering::SeqCst) {
                    let (done, waker) = (Arc::clone(&done), context.waker().clone());
                    std::thread::spawn(move || {
                        done.store(true, Ordering::SeqCst);
                        waker.wake();
                    });
                }
                std::task::Poll::Pending
            })
            .await;
            number + 1
        })
        .build()
        .unwrap();
    let answers: Vec<i64> = pool.map("ask", 0_i64..50).unwrap();
    assert!(answers.into_iter().eq(1..=50));
}

#[test]
fn a_blocking_closure_whose_task_is_over_ends_by_itself_and_its_answer_is_discarded() {
    let (over, is_over) = mpsc::channel::<HostCall>();
    let pool = asking()
        .timeout(Duration::from_millis(50))
        .host_function("env", "ask", move |call: HostCall, number: i64| {
            while !call.is_over() {
                std::thread::yield_now();
            }
            over.send(call).unwrap();
            number
        })
        .build()
        .unwrap();
    assert!(pool.apply::<i64>("ask", (1,)).is_err());
    assert!(is_over.recv_timeout(DEADLINE).unwrap().is_over());
    assert_eq!(pool.apply::<i64>("plain", (5,)).unwrap(), 5);
}

#[test]
fn a_closure_may_use_the_pool_and_a_nested_call_that_could_never_run_fails_at_once() {
    let own: Arc<OnceLock<wpool::PluginHandle>> = Arc::default();
    let itself = Arc::clone(&own);
    let pool = asking()
        .host_function("env", "ask", move |depth: i64| match depth {
            0 => Ok(1),
            depth => {
                let nested = itself.get().unwrap().apply::<i64>("ask", (depth - 1,));
                nested
                    .map(|number| number + 1)
                    .map_err(|error| HostError::new(error.to_string()))
            }
        })
        .build()
        .unwrap();
    own.set((*pool).clone()).unwrap();
    assert_eq!(pool.apply::<i64>("ask", (1,)).unwrap(), 2);
    // One worker, and one more while it waits: the third would wait for ever.
    let failure = pool.apply::<i64>("ask", (2,)).unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("all workers that there may be"),
        "{failure}"
    );
    assert_eq!(pool.apply::<i64>("ask", (1,)).unwrap(), 2);
}

#[test]
fn many_tasks_whose_closures_all_use_the_pool_come_to_an_end() {
    let own: Arc<OnceLock<wpool::PluginHandle>> = Arc::default();
    let itself = Arc::clone(&own);
    let pool = pool_of(ASKING.as_bytes())
        .workers(3)
        .host_function("env", "ask", move |number: i64| {
            let numbers = itself.get().unwrap().map::<_, i64>("plain", 0..number);
            numbers.unwrap().len() as i64
        })
        .build()
        .unwrap();
    own.set((*pool).clone()).unwrap();
    let lengths: Vec<i64> = pool.map("ask", 0_i64..60).unwrap();
    assert!(lengths.into_iter().eq(0..60));
}

#[test]
fn a_worker_that_waits_gives_its_place_to_another() {
    let all = Arc::new(Barrier::new(3));
    let met = Arc::clone(&all);
    // Each closure returns only once three tasks are in it, and there are two workers.
    let pool = asking()
        .workers(2)
        .host_function("env", "ask", move |number: i64| {
            met.wait();
            number
        })
        .build()
        .unwrap();
    let answers: Vec<i64> = pool.map("ask", [3_i64, 4, 5]).unwrap();
    assert_eq!(answers, [3, 4, 5]);
}

#[test]
fn calls_and_bytes_of_one_task_are_limited_and_a_flood_ends_there() {
    let called = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&called);
    let limits = Limits {
        host_calls: Some(1000),
        ..Limits::default()
    };
    let pool = core(move |x| {
        count.fetch_add(1, Ordering::Relaxed);
        x
    })
    .limits(limits)
    .build()
    .unwrap();
    assert_eq!(pool.apply::<i64>("flood", (1000,)).unwrap(), 1000);
    let Err(MapError::Task { failure, .. }) = pool.apply::<i64>("flood", (1001,)) else {
        panic!("it was let through")
    };
    assert_eq!(failure.kind(), FailureKind::HostCall);
    assert!(failure.message().contains("limit of 1000"), "{failure}");
    assert_eq!(called.load(Ordering::Relaxed), 2000);
    let limits = Limits {
        host_call_bytes: Some(100),
        ..Limits::default()
    };
    let pool = core(|x| x).limits(limits).build().unwrap();
    assert_eq!(pool.apply::<i64>("flood", (6,)).unwrap(), 6);
    let failure = pool.apply::<i64>("flood", (7,)).unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("more bytes than the limit of 100"),
        "{failure}"
    );
}

#[test]
fn a_task_that_called_the_application_is_not_run_again_when_its_worker_is_lost() {
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let pool = asking()
        .host_function("env", "ask", move |call: HostCall, number: i64| {
            if count.fetch_add(1, Ordering::SeqCst) == 5 {
                let pid = rustix::process::Pid::from_raw(call.pid().cast_signed()).unwrap();
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            }
            number
        })
        .build()
        .unwrap();
    let outcomes = pool.map_outcomes("ask", 0_i64..20).unwrap();
    let failed: Vec<_> = outcomes.iter().filter(|it| it.result.is_err()).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 20);
    assert!(outcomes.iter().all(|outcome| outcome.usage.attempts == 1));
}

#[test]
fn an_initializer_may_call_the_application_in_a_worker_and_not_in_a_template() {
    let preparing = r#"(module
        (import "env" "ask" (func $ask (param i64) (result i64)))
        (global $set (mut i64) (i64.const 0))
        (func (export "init") (global.set $set (call $ask (i64.const 20))))
        (func (export "get") (result i64) (global.get $set)))"#;
    let pool = |isolation| {
        pool_of(preparing.as_bytes())
            .isolation(isolation)
            .initializer("init")
            .host_function("env", "ask", |number: i64| number + 1)
            .build()
            .unwrap()
    };
    let worker = pool(Isolation::Worker);
    assert_eq!(worker.apply::<i64>("get", ()).unwrap(), 21);
    let process = pool(Isolation::Process)
        .apply::<i64>("get", ())
        .unwrap_err();
    assert!(
        process.to_string().contains("cannot call the host"),
        "{process}"
    );
}
