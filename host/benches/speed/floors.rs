//! What the machine and the engine allow: wasmtime in this process, without confinement, limits or an outcome for each task, and what
//! the kernel takes for a round trip and a process.

use std::hint::black_box;
use std::io::{Read, Write};
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Instant;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module,
    PoolingAllocationConfig, Store,
};

/// The argument with which this program becomes the other end of a round trip.
pub const ECHO: &str = "--echo";

/// Functions from one number to another, called in this process.
pub struct InProcess {
    engine: Engine,
    linked: InstancePre<()>,
    function: &'static str,
}

impl InProcess {
    /// What is never interrupted looks at no clock, and may run for ever.
    pub fn new(path: &Path, function: &'static str, interruptible: bool) -> InProcess {
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(64 * 1024);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        config.epoch_interruption(interruptible);
        let engine = Engine::new(&config).expect("an engine");
        let module = Module::from_file(&engine, path).expect("a module");
        let linked = Linker::new(&engine)
            .instantiate_pre(&module)
            .expect("no imports");
        InProcess {
            engine,
            linked,
            function,
        }
    }

    /// One call in an instance of its own.
    fn fresh(&self, number: i64) {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1);
        let instance = self.linked.instantiate(&mut store).expect("an instance");
        let function = instance.get_typed_func::<i64, i64>(&mut store, self.function);
        let called = function.expect("the function").call(&mut store, number);
        black_box(called.expect("a number"));
    }

    /// Calls with these numbers on so many threads, each in an instance of its own: how long that takes.
    pub fn all_fresh(&self, numbers: &[i64], threads: usize) -> f64 {
        let next = AtomicI64::new(0);
        let started = Instant::now();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let next = || next.fetch_add(1, Ordering::Relaxed) as usize;
                    while let Some(number) = numbers.get(next()) {
                        self.fresh(*number);
                    }
                });
            }
        });
        started.elapsed().as_secs_f64()
    }

    /// Calls with the numbers below `count`, shared evenly by threads with an instance each.
    pub fn all_kept(&self, count: i64, threads: usize) -> f64 {
        let started = Instant::now();
        thread::scope(|scope| {
            let share = count / threads as i64;
            let calls = (0..threads as i64).map(|at| at * share..(at + 1) * share);
            calls.for_each(|numbers| drop(scope.spawn(|| self.kept(numbers))));
        });
        started.elapsed().as_secs_f64()
    }

    fn kept(&self, numbers: Range<i64>) {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1);
        let instance = self.linked.instantiate(&mut store).expect("an instance");
        let function = instance.get_typed_func::<i64, i64>(&mut store, self.function);
        let function = function.expect("the function");
        for number in numbers {
            black_box(function.call(&mut store, number).expect("a number"));
        }
    }
}

/// The median time of a round trip of 16 bytes over a socket pair, to a process that does nothing else.
pub fn round_trip(times: usize) -> f64 {
    let (mut ours, theirs) = UnixStream::pair().expect("a socket pair");
    let mut other = Command::new(std::env::current_exe().expect("this program"))
        .arg(ECHO)
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .expect("the other end");
    let mut message = [7; 16];
    let once = |_| {
        let started = Instant::now();
        ours.write_all(&message).expect("a listener");
        ours.read_exact(&mut message).expect("an answer");
        started.elapsed().as_secs_f64()
    };
    let taken: Vec<f64> = (0..times).map(once).collect();
    drop(ours);
    other.wait().expect("its end");
    crate::contest::median(&taken).expect("a round trip")
}

pub fn echo() {
    let socket = std::io::stdin().as_fd().try_clone_to_owned();
    let mut socket = UnixStream::from(socket.expect("a socket"));
    let mut message = [0; 16];
    while socket.read_exact(&mut message).is_ok() {
        socket.write_all(&message).expect("a listener");
    }
}

/// Seconds for each process that is started, ends and is waited for.
pub fn process(times: u32) -> f64 {
    let started = Instant::now();
    for _ in 0..times {
        let status = Command::new("true").status();
        assert!(status.expect("true(1)").success());
    }
    started.elapsed().as_secs_f64() / f64::from(times)
}
