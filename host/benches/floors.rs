//! wpool beside the floors it is measured against, in one run, as ratios: the machines it runs on are noisy.
//!
//! ```text
//! map:      a million squares, fresh instances   against  2 × one thread that does the same in-process
//! strings:  a hundred thousand greetings by a component, fresh instances, against the same in-process
//! apply:    one call of a warm pool              against  a round trip of 16 bytes over a socket pair
//! command:  `wpool map square.wasm 1 2 3 4 5`    against  `wasmtime run --invoke`, where that is installed
//! ```
//! Each figure is the best of several rounds, taken in turns.

use std::hint::black_box;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, Linker, Module, PoolingAllocationConfig, Store,
};

/// The argument with which this program becomes the other end of the round trip.
const ECHO: &str = "--echo";

const ROUNDS: usize = 5;
const TASKS: i64 = 1_000_000;
const CALLS: usize = 20_000;
const COMMANDS: usize = 40;

fn main() {
    wpool::init();
    if std::env::args().nth(1).as_deref() == Some(ECHO) {
        return echo();
    }
    let module = square();
    let pool = wpool::Pool::builder(module.as_path())
        .build()
        .expect("a pool");
    let workers = wpool::usable_cpus();
    println!("{workers} workers, best of {ROUNDS} rounds");

    let (mut floor, mut mapped, mut round_trip, mut applied) =
        (Duration::MAX, Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        floor = floor.min(in_process(&module));
        mapped = mapped.min(map(&pool));
        round_trip = round_trip.min(ping_pong());
        applied = applied.min(apply(&pool));
    }
    strings(workers);
    let rate = |time: Duration| TASKS as f64 / time.as_secs_f64();
    println!("map      {:>9.0} tasks/s", rate(mapped));
    println!("floor    {:>9.0} tasks/s in one thread", rate(floor));
    println!(
        "         {:>9.2} of {workers} × one thread (goal: 0.50)",
        rate(mapped) / (rate(floor) * workers as f64)
    );
    println!("apply    {applied:>9.1?} median");
    println!("floor    {round_trip:>9.1?} median round trip of a socket pair");
    println!(
        "         {:>9.2} round trips (goal: 4 or less)",
        applied.as_secs_f64() / round_trip.as_secs_f64()
    );
    commands(&module);
}

fn square() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-examples/wasm/square.wasm")
}

/// One thread: a fresh store and instance for each call, as a worker has it, without limits and without epochs.
fn in_process(path: &Path) -> Duration {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(1)
        .total_memories(1)
        .total_tables(1)
        .linear_memory_keep_resident(64 * 1024);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config).expect("an engine");
    let module = Module::from_file(&engine, path).expect("a module");
    let linked = Linker::<()>::new(&engine)
        .instantiate_pre(&module)
        .expect("no imports");
    let started = Instant::now();
    for number in 0..TASKS {
        let mut store = Store::new(&engine, ());
        let instance = linked.instantiate(&mut store).expect("an instance");
        let square = instance
            .get_typed_func::<i64, i64>(&mut store, "square")
            .expect("square");
        black_box(square.call(&mut store, number).expect("a square"));
    }
    started.elapsed()
}

/// A small component: text in, text out.
fn strings(workers: usize) {
    const GREETINGS: usize = 100_000;
    let path = square().with_file_name("greet.wasm");
    let mut pooling = PoolingAllocationConfig::new();
    pooling.linear_memory_keep_resident(64 * 1024);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
    let engine = Engine::new(&config).expect("an engine");
    let component = wasmtime::component::Component::from_file(&engine, &path).expect("a component");
    let linker = wasmtime::component::Linker::<()>::new(&engine);
    let linked = linker.instantiate_pre(&component).expect("no imports");
    let pool = wpool::Pool::builder(path.as_path())
        .build()
        .expect("a pool");
    let (mut floor, mut mapped) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..GREETINGS {
            let mut store = Store::new(&engine, ());
            let instance = linked.instantiate(&mut store).expect("an instance");
            let greet = instance.get_typed_func::<(&str,), (String,)>(&mut store, "greet");
            black_box(
                greet
                    .expect("greet")
                    .call(&mut store, ("Ada",))
                    .expect("a greeting"),
            );
        }
        floor = floor.min(started.elapsed());
        let started = Instant::now();
        let greetings: Vec<String> = pool
            .map("greet", std::iter::repeat_n("Ada", GREETINGS))
            .expect("greetings");
        assert_eq!(greetings.len(), GREETINGS);
        mapped = mapped.min(started.elapsed());
    }
    let rate = |time: Duration| GREETINGS as f64 / time.as_secs_f64();
    println!("strings  {:>9.0} tasks/s", rate(mapped));
    println!("floor    {:>9.0} tasks/s in one thread", rate(floor));
    println!(
        "         {:>9.2} of {workers} × one thread (goal: 0.50)",
        rate(mapped) / (rate(floor) * workers as f64)
    );
}

fn map(pool: &wpool::Pool) -> Duration {
    let started = Instant::now();
    let squares: Vec<i64> = pool.map("square", 0..TASKS).expect("squares");
    assert_eq!(squares.last(), Some(&((TASKS - 1) * (TASKS - 1))));
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn apply(pool: &wpool::Pool) -> Duration {
    let call = |number: usize| {
        let started = Instant::now();
        black_box(
            pool.apply::<i64>("square", (number as i64,))
                .expect("a square"),
        );
        started.elapsed()
    };
    median((0..CALLS).map(call).collect())
}

fn ping_pong() -> Duration {
    let (mut ours, theirs) = UnixStream::pair().expect("a socket pair");
    let mut other = Command::new(std::env::current_exe().expect("this program"))
        .arg(ECHO)
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .expect("the other end");
    let mut message = [7; 16];
    let round_trip = |_| {
        let started = Instant::now();
        ours.write_all(&message).expect("a listener");
        ours.read_exact(&mut message).expect("an answer");
        started.elapsed()
    };
    let times = (0..CALLS).map(round_trip).collect();
    drop(ours);
    other.wait().expect("its end");
    median(times)
}

fn echo() {
    use std::os::fd::AsFd;
    let socket = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .expect("a socket");
    let mut socket = UnixStream::from(socket);
    let mut message = [0; 16];
    while socket.read_exact(&mut message).is_ok() {
        socket.write_all(&message).expect("a listener");
    }
}

fn commands(module: &Path) {
    let module = module.to_str().expect("a UTF-8 path");
    let ours = [
        env!("CARGO_BIN_EXE_wpool"),
        "map",
        module,
        "1",
        "2",
        "3",
        "4",
        "5",
    ];
    let theirs = ["wasmtime", "run", "--invoke", "square", module, "5"];
    if Command::new(theirs[0])
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!(
            "command  {:>9.1?} median; wasmtime is not installed, so there is no ratio",
            run(&ours, COMMANDS)
        );
        return;
    }
    let (mut our_best, mut their_best) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        our_best = our_best.min(run(&ours, COMMANDS));
        their_best = their_best.min(run(&theirs, COMMANDS));
    }
    println!("command  {our_best:>9.1?} median");
    println!("floor    {their_best:>9.1?} median of wasmtime run --invoke");
    println!(
        "         {:>9.2} times that (goal: 4 or less)",
        our_best.as_secs_f64() / their_best.as_secs_f64()
    );
}

fn run(command: &[&str], times: usize) -> Duration {
    let once = |_| {
        let started = Instant::now();
        let status = Command::new(command[0])
            .args(&command[1..])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("it runs").success(), "{command:?}");
        started.elapsed()
    };
    median((0..times).map(once).collect())
}
