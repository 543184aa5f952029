//! What it costs that tasks share less, or more, than a worker: processes, instances, plugins that
//! are parked, calls of the host.
//!
//! ```text
//! kept:      a million squares in kept instances
//! process:   squares, each in a fresh process             against  fork, exit and wait of this small process
//! prepared:  tasks of a guest whose initializer takes a fifth of a second, each in a fork of what it prepared
//! parked:    a call of a plugin that has no process, from its cached artifact to the result
//! host:      a call of the application by a task           against  a round trip of a warm pool
//! frozen:    a call of a plugin, the 99th of 100, while the kernel does not end a worker of another, against before that
//! ```

#[path = "../../tests/it/support/file_system.rs"]
#[allow(dead_code, reason = "shared with a test that needs more of it")]
mod file_system;

use file_system::FileSystem;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use wpool::{Directory, Isolation, Plugins, Pool};

const TASKS: i64 = 1_000_000;
const PROCESSES: i64 = 4_000;
const CALLS: usize = 2_000;
const ROUNDS: usize = 5;

/// An initializer that computes for a fifth of a second or so, and a function that returns what it found.
const SLOW_TO_START: &str = r#"(module
    (global $found (mut i64) (i64.const 1))
    (func (export "init") (local $left i32)
        (local.set $left (i32.const 150_000_000))
        (loop $again
            (global.set $found (i64.mul (global.get $found) (i64.const 6364136223846793005)))
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
    (func (export "found") (result i64) (global.get $found)))"#;

const CALLING: &str = r#"(module (import "env" "next" (func $next (param i64) (result i64)))
    (func (export "call") (param $times i64) (result i64) (local $last i64)
        (loop $again
            (local.set $last (call $next (local.get $last)))
            (br_if $again (i64.ne (i64.const 0)
                (local.tee $times (i64.sub (local.get $times) (i64.const 1))))))
        (local.get $last)))"#;

fn main() {
    wpool::init();
    println!("{} workers, best of {ROUNDS} rounds", wpool::usable_cpus());
    let kept = pool(Isolation::Worker);
    report("kept", TASKS, best(|| squares(&kept, TASKS)));
    let forked = pool(Isolation::Process);
    report("process", PROCESSES, best(|| squares(&forked, PROCESSES)));
    println!(
        "floor    {:>9.1?} a fork, exit and wait, by posix_spawn of true(1)",
        best(spawned) / 200
    );
    prepared();
    parked();
    host_calls();
    frozen();
}

fn guest(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../guest-examples/wasm/{name}.wasm"))
}

fn pool(isolation: Isolation) -> Pool {
    Pool::builder(guest("square"))
        .isolation(isolation)
        .build()
        .expect("a pool")
}

fn best(mut run: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| run()).min().unwrap_or_default()
}

fn report(what: &str, tasks: i64, time: Duration) {
    let rate = tasks as f64 / time.as_secs_f64();
    println!(
        "{what:<8} {rate:>9.0} tasks/s, {:>9.1?} each",
        time / tasks as u32
    );
}

fn squares(pool: &Pool, tasks: i64) -> Duration {
    let started = Instant::now();
    let squares: Vec<i64> = pool.map("square", 0..tasks).expect("squares");
    assert_eq!(squares.last(), Some(&((tasks - 1) * (tasks - 1))));
    started.elapsed()
}

fn spawned() -> Duration {
    let started = Instant::now();
    for _ in 0..200 {
        black_box(Command::new("true").status().expect("true(1)"));
    }
    started.elapsed()
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(run());
    started.elapsed()
}

fn prepared() {
    let pool = Pool::builder(SLOW_TO_START.as_bytes())
        .isolation(Isolation::Process)
        .initializer("init")
        .workers(1)
        .build()
        .expect("a pool");
    let call = || pool.apply::<i64>("found", ()).expect("what was found");
    println!(
        "prepared {:>9.1?} the first, which waits for the initializer",
        timed(call)
    );
    println!(
        "prepared {:>9.1?} median of the next",
        median((0..CALLS).map(|_| timed(call)))
    );
}

fn parked() {
    let plugins = Plugins::builder().processes(1).build().expect("plugins");
    let load = |name: &str| plugins.plugin(name, guest(name)).load().expect("a plugin");
    let (square, spin) = (load("square"), load("spin"));
    let times = (0..CALLS / 10).map(|_| {
        spin.apply::<i64>("spin", (1,)).expect("a number");
        timed(|| square.apply::<i64>("square", (7,)).expect("a square"))
    });
    println!(
        "parked   {:>9.1?} median of a call, the end of the other included (goal: under 5 ms)",
        median(times)
    );
}

fn host_calls() {
    let pool = Pool::builder(CALLING.as_bytes())
        .workers(1)
        .host_function("env", "next", |last: i64| last + 1)
        .build()
        .expect("a pool");
    let times = 10_000;
    let all = best(|| timed(|| pool.apply::<i64>("call", (times,)).expect("the last")));
    let one = median((0..CALLS).map(|_| timed(|| pool.apply::<i64>("call", (1,)).expect("one"))));
    println!(
        "host     {:>9.1?} a call of the application, of many in one task",
        all / times as u32
    );
    println!("         {one:>9.1?} median of a task that makes one");
}

/// Calls of one plugin while a worker of another waits for a frozen file system, and was killed in
/// vain.
fn frozen() {
    let Some(system) = FileSystem::mount() else {
        return;
    };
    let plugins = Plugins::builder().workers(2).build().expect("a pool");
    let writes = plugins.plugin("writes", guest("tool"));
    let writes = writes.dir(Directory::new(system.path()).at("/d"));
    let writes = writes
        .timeout(Duration::from_millis(100))
        .load()
        .expect("a plugin");
    let square = plugins
        .plugin("square", guest("square"))
        .load()
        .expect("a plugin");
    let write = |name: &str| {
        let arguments = [
            "write".to_string(),
            format!("/d/{name}"),
            "text".to_string(),
        ];
        writes.apply::<String>("run", (arguments, ""))
    };
    let slowest_but_one = || {
        let mut calls: Vec<Duration> = (0..CALLS as i64)
            .map(|number| {
                let began = Instant::now();
                black_box(square.apply::<i64>("square", (number,)).expect("a square"));
                began.elapsed()
            })
            .collect();
        calls.sort_unstable();
        calls[calls.len() * 99 / 100]
    };
    write("before").expect("a file");
    slowest_but_one();
    let before = slowest_but_one();
    system.freeze();
    let taken = {
        let began = Instant::now();
        write("while").expect_err("it waits");
        began.elapsed()
    };
    let meanwhile = slowest_but_one();
    system.thaw();
    println!(
        "frozen   {meanwhile:>9.1?} a call, the 99th of 100, {before:.1?} before; the task that waits had its outcome after {taken:.1?}"
    );
}
