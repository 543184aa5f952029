//! The rows: each a claim that wpool makes about its speed, with who it is held against.

use crate::command::{self, WPOOL};
use crate::contest::{Contest, Entrant, Goal, Measure};
use crate::floors::{self, InProcess};
use crate::peers;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wpool::{Builder, Isolation, Limits, Pool};

const MEBIBYTE: u64 = 1 << 20;

/// Squares in fresh instances.
const FRESH: i64 = 1_000_000;

/// Squares in kept ones.
const KEPT: i64 = 10_000_000;

/// Runs of the command that one turn takes the median of.
const COMMANDS: usize = 15;

/// Calls that one turn takes the median of.
const CALLS: usize = 20_000;

/// The bytes that are sent there and back.
const BYTES: usize = 64 << 20;

/// Returns the bytes that it is given.
const ECHO: &str = r#"(component
    (core module $m
        (memory (export "memory") 1100)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "echo") (param i32 i32) (result i32)
            (i32.store (i32.const 0) (local.get 0))
            (i32.store (i32.const 4) (local.get 1))
            (i32.const 0)))
    (core instance $i (instantiate $m))
    (func (export "echo") (param "bytes" (list u8)) (result (list u8))
        (canon lift (core func $i "echo") (memory $i "memory") (realloc (func $i "realloc")))))"#;

/// A square as Extism has its functions.
const EXTISM: &str = include_str!("extism.wat");

/// What the rows share.
pub struct Bench {
    square: PathBuf,
    spin: PathBuf,
    extism: tempfile::NamedTempFile,
    workers: usize,
    squares: InProcess,
    spins: InProcess,
    endless_spins: InProcess,
    /// How many turns of `spin` take a microsecond here.
    turns: f64,
    /// The memory of the supervisor over the lines that were streamed last, in bytes.
    peak_bytes: Cell<f64>,
}

impl Bench {
    pub fn new() -> Bench {
        let (square, spin) = (guest("square"), guest("spin"));
        let spins = InProcess::new(&spin, "spin", true);
        let turns = 20_000_000;
        let taken = spins.all_fresh(&[turns], 1);
        let extism = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&extism, wat(EXTISM)).expect("a module");
        Bench {
            squares: InProcess::new(&square, "square", false),
            endless_spins: InProcess::new(&spin, "spin", false),
            spins,
            square,
            spin,
            extism,
            workers: wpool::usable_cpus(),
            turns: turns as f64 / taken / 1e6,
            peak_bytes: Cell::new(0.0),
        }
    }

    pub fn contests(&self) -> Vec<Contest<'_>> {
        vec![
            self.fresh(),
            self.fresh_elsewhere(),
            self.kept(),
            self.text(),
            self.memory(),
            self.commands_for_each_line(),
            self.apply(),
            self.processes(),
            self.five("five squares by the command, cached", &[]),
            self.five(
                "five squares by the command, nothing cached",
                &["--no-cache"],
            ),
            self.even(),
            self.skewed(),
            self.straggler(),
            self.bytes(),
            self.idle(),
        ]
    }

    fn fresh(&self) -> Contest<'_> {
        let pool = pool(&self.square).build().expect("a pool");
        let (numbers, workers) = ((0..FRESH).collect::<Vec<i64>>(), self.workers);
        let others = numbers.clone();
        Contest {
            name: "map of 1M squares, fresh instances, of N x one thread",
            rounds: 5,
            goal: Goal::AtLeast(0.70, 0.85),
            ratio: |taken| taken[1] / wpool::usable_cpus() as f64 / taken[0],
            entrants: vec![
                Entrant::new("wpool", move || seconds(|| squares(&pool, FRESH))),
                Entrant::new("in-process, one thread", move || {
                    Some(self.squares.all_fresh(&numbers, 1))
                }),
                Entrant::new("in-process, a thread a core", move || {
                    Some(self.squares.all_fresh(&others, workers))
                }),
            ],
        }
    }

    fn fresh_elsewhere(&self) -> Contest<'_> {
        const COUNT: u64 = 20_000;
        let pool = pool(&self.square).build().expect("a pool");
        let python = |name, module: &Path| peers::python(name, 1, COUNT, module);
        Contest {
            name: "20k squares, times as fast as wasmtime-py in a loop",
            rounds: 3,
            goal: Goal::None,
            ratio: |taken| taken[1] / taken[0],
            entrants: vec![
                Entrant::new("wpool, fresh instances", move || {
                    seconds(|| squares(&pool, COUNT as i64))
                }),
                Entrant::new("wasmtime-py, fresh instances", move || {
                    python("wasmtime_fresh", &self.square)
                }),
                Entrant::new("Extism for Python, a kept instance", move || {
                    python("extism_kept", self.extism.path())
                }),
            ],
        }
    }

    fn kept(&self) -> Contest<'_> {
        let pool = pool(&self.square).isolation(Isolation::Worker);
        let pool = pool.build().expect("a pool");
        let python = |name| peers::python(name, self.workers, KEPT as u64, &self.square);
        Contest {
            name: "map of 10M squares, kept instances, against Python's map",
            rounds: 3,
            goal: Goal::AtLeast(1.0, 3.0),
            ratio: |taken| taken[1] / taken[0],
            entrants: vec![
                Entrant::new("wpool", move || seconds(|| squares(&pool, KEPT))),
                Entrant::new("Python, multiprocessing.Pool.map, native", move || {
                    python("multiprocessing_map")
                }),
                Entrant::new("Python, ProcessPoolExecutor.map, native", move || {
                    python("futures_map")
                }),
                Entrant::new("joblib, native, a tenth of them, times 10", move || {
                    let tenth = KEPT as u64 / 10;
                    peers::python("joblib_map", self.workers, tenth, &self.square)
                        .map(|seconds| 10.0 * seconds)
                }),
                Entrant::new("in-process, one thread, one instance", move || {
                    Some(self.squares.all_kept(KEPT))
                }),
            ],
        }
    }

    fn text(&self) -> Contest<'_> {
        let python = || {
            peers::python(
                "multiprocessing_map",
                self.workers,
                KEPT as u64,
                &self.square,
            )
        };
        Contest {
            name: "the same by the command, text in and out",
            rounds: 5,
            goal: Goal::AtLeast(0.5, 1.5),
            ratio: |taken| taken[1] / taken[0],
            entrants: vec![
                Entrant::new("seq 1 10000000 | wpool map --isolation worker", || {
                    let streamed = command::stream(&self.square, KEPT as u64);
                    self.peak_bytes.set(streamed.peak_bytes);
                    Some(streamed.seconds)
                }),
                Entrant::new("Python, multiprocessing.Pool.map, native", python),
            ],
        }
    }

    fn memory(&self) -> Contest<'_> {
        let streamed = |count| command::stream(&self.square, count).peak_bytes;
        Contest {
            name: "the supervisor's memory over 10M lines, in MiB",
            rounds: 1,
            goal: Goal::AtMost(64.0, 24.0),
            ratio: |taken| taken[0] / MEBIBYTE as f64,
            entrants: vec![
                Entrant::new("bytes over 10M lines", move || {
                    Some(match self.peak_bytes.get() {
                        0.0 => streamed(KEPT as u64),
                        bytes => bytes,
                    })
                }),
                Entrant::new("bytes over 1M lines", move || Some(streamed(1_000_000))),
            ],
        }
    }

    fn commands_for_each_line(&self) -> Contest<'_> {
        const COUNT: u64 = 200;
        let square = self.square.to_str().expect("a UTF-8 path");
        let shell = move |line: String| {
            peers::command("sh", &["-c", &line], 1).map(|seconds| seconds / COUNT as f64)
        };
        let jobs = self.workers;
        Contest {
            name: "a line of wpool map, times as fast as of GNU parallel",
            rounds: 3,
            goal: Goal::None,
            ratio: |taken| taken[1] / taken[0],
            entrants: vec![
                Entrant::new("seq 200 | wpool map", move || {
                    shell(format!("seq {COUNT} | '{WPOOL}' map '{square}'"))
                }),
                Entrant::new("seq 200 | parallel wasmtime run --invoke", move || {
                    let invoke = format!("wasmtime run --invoke square '{square}' {{}}");
                    shell(format!("seq {COUNT} | parallel -j{jobs} \"{invoke}\""))
                }),
                Entrant::new("seq 200 | xargs -P wasmtime run --invoke", move || {
                    let invoke = format!("wasmtime run --invoke square '{square}'");
                    shell(format!("seq {COUNT} | xargs -P{jobs} -n1 {invoke}"))
                }),
            ],
        }
    }

    fn apply(&self) -> Contest<'_> {
        let pool = pool(&self.square).build().expect("a pool");
        let call = move |number: usize| {
            seconds(|| {
                let square: i64 = pool.apply("square", (number as i64,)).expect("a square");
                assert_eq!(square, (number * number) as i64);
            })
        };
        Contest {
            name: "apply, a fresh instance, in round trips of a socket pair",
            rounds: 5,
            goal: Goal::AtMost(2.5, 1.6),
            ratio: |taken| taken[0] / taken[1],
            entrants: vec![
                Entrant::new("wpool", move || {
                    let taken: Vec<f64> = (0..CALLS).filter_map(&call).collect();
                    crate::contest::median(&taken)
                }),
                Entrant::new("a round trip", || Some(floors::round_trip(CALLS))),
            ],
        }
    }

    fn processes(&self) -> Contest<'_> {
        const OURS: i64 = 4_000;
        const THEIRS: u64 = 400;
        let pool = pool(&self.square).isolation(Isolation::Process);
        let pool = pool.build().expect("a pool");
        Contest {
            name: "a process for each task, against maxtasksperchild=1",
            rounds: 3,
            goal: Goal::AtLeast(8.0, 15.0),
            ratio: |taken| taken[1] / taken[0],
            entrants: vec![
                Entrant::new("wpool, a task", move || {
                    Some(seconds(|| squares(&pool, OURS))? / OURS as f64)
                }),
                Entrant::new("Python, a task, native", || {
                    let taken =
                        peers::python("multiprocessing_fresh", self.workers, THEIRS, &self.square);
                    Some(taken? / THEIRS as f64)
                }),
                Entrant::new("true(1), started and waited for", || {
                    Some(floors::process(400))
                }),
            ],
        }
    }

    fn five<'a>(&'a self, name: &'static str, uncached: &'static [&'static str]) -> Contest<'a> {
        let square = self.square.to_str().expect("a UTF-8 path");
        let (most, best) = match uncached.is_empty() {
            true => (2.5, 1.5),
            false => (4.0, 2.5),
        };
        Contest {
            name,
            rounds: 5,
            goal: Goal::AtMost(most, best),
            ratio: |taken| taken[0] / taken[1],
            entrants: vec![
                Entrant::new("wpool map square.wasm 1 2 3 4 5", move || {
                    let inputs = ["map", square, "1", "2", "3", "4", "5"];
                    peers::command(WPOOL, &[&inputs, uncached].concat(), COMMANDS)
                }),
                Entrant::new("wasmtime run --invoke, with its cache", move || {
                    let args = ["run", "-C", "cache", "--invoke", "square", square, "5"];
                    peers::command("wasmtime", &args, COMMANDS)
                }),
            ],
        }
    }

    fn even(&self) -> Contest<'_> {
        let (numbers, workers) = (vec![self.turns_of(200.0); 2_000], self.workers);
        let (ours, endless) = (numbers.clone(), numbers.clone());
        let pool = pool(&self.spin).build().expect("a pool");
        Contest {
            name: "2,000 tasks of 0.2 ms, of a thread a core in-process",
            rounds: 7,
            goal: Goal::AtLeast(0.97, 0.99),
            ratio: |taken| taken[1] / taken[0],
            entrants: vec![
                Entrant::new("wpool", move || seconds(|| spins(&pool, &ours))),
                Entrant::new("in-process, a thread a core", move || {
                    Some(self.spins.all_fresh(&numbers, workers))
                }),
                Entrant::new("the same, where nothing can be interrupted", move || {
                    Some(self.endless_spins.all_fresh(&endless, workers))
                }),
            ],
        }
    }

    fn skewed(&self) -> Contest<'_> {
        let numbers: Vec<i64> = pareto(1_000)
            .map(|length| self.turns_of(500.0 * length))
            .collect();
        let pool = pool(&self.spin).build().expect("a pool");
        Contest {
            name: "1,000 tasks of Pareto lengths, over the lower bound",
            rounds: 5,
            goal: Goal::AtMost(1.05, 1.02),
            ratio: |taken| taken[0],
            entrants: vec![Entrant::new(
                "makespan over that of perfect packing",
                move || {
                    let started = Instant::now();
                    let outcomes = pool.map_outcomes("spin", numbers.iter().copied());
                    let makespan = started.elapsed().as_secs_f64();
                    let walls = outcomes.expect("outcomes").into_iter();
                    let walls: Vec<f64> = walls.map(|it| it.usage.wall.as_secs_f64()).collect();
                    let longest = walls.iter().copied().fold(0.0, f64::max);
                    let even = walls.iter().sum::<f64>() / self.workers as f64;
                    Some(makespan / longest.max(even))
                },
            )],
        }
    }

    fn straggler(&self) -> Contest<'_> {
        let mut numbers = vec![self.turns_of(10.0); 5_000];
        numbers[1_000] = self.turns_of(1e6);
        let pool = pool(&self.spin).build().expect("a pool");
        Contest {
            name: "a task of 1 s among 5,000 of 10 us, in times of the one",
            rounds: 5,
            goal: Goal::AtMost(1.1, 1.02),
            ratio: |taken| taken[0],
            entrants: vec![Entrant::new("all, over the one", move || {
                let started = Instant::now();
                let outcomes = pool.map_outcomes("spin", numbers.iter().copied());
                let all = started.elapsed().as_secs_f64();
                let long = outcomes.expect("outcomes")[1_000].usage.wall;
                Some(all / long.as_secs_f64())
            })],
        }
    }

    fn bytes(&self) -> Contest<'_> {
        let limits = Limits {
            memory_bytes: Some(256 * MEBIBYTE),
            argument_bytes: Some(128 * MEBIBYTE),
            output_bytes: Some(128 * MEBIBYTE),
            ..Limits::default()
        };
        let pool = Pool::builder(wat(ECHO)).workers(1).limits(limits);
        let pool = pool.build().expect("a pool");
        Contest {
            name: "64 MiB there and back, against Python's pool",
            rounds: 5,
            goal: Goal::AtLeast(2.0, 5.0),
            ratio: |taken| taken[1] / taken[0],
            entrants: vec![
                Entrant::new("wpool, list<u8>", move || {
                    let sent = vec![7_u8; BYTES];
                    seconds(|| {
                        let echoed: Vec<u8> = pool.apply("echo", (sent,)).expect("bytes");
                        assert_eq!(echoed.len(), BYTES);
                    })
                }),
                Entrant::new("Python, bytes", || {
                    peers::python("multiprocessing_bytes", 1, BYTES as u64, &self.square)
                }),
            ],
        }
    }

    fn idle(&self) -> Contest<'_> {
        const WORKERS: usize = 16;
        let pool = pool(&self.spin).workers(WORKERS).build().expect("a pool");
        let tasks = vec![self.turns_of(20_000.0); 4 * WORKERS];
        let measure: Measure<'_> = Box::new(move || {
            spins(&pool, &tasks);
            let workers = pool.stats().workers;
            let bytes: Option<Vec<f64>> = workers
                .iter()
                .map(|worker| command::proportional(worker.pid))
                .collect();
            Some(bytes?.iter().sum::<f64>() / workers.len() as f64)
        });
        Contest {
            name: "proportional memory of an idle worker, in MiB",
            rounds: 3,
            goal: Goal::AtMost(1.0, 0.5),
            ratio: |taken| taken[0] / MEBIBYTE as f64,
            entrants: vec![Entrant::new("bytes, of 16 workers", measure)],
        }
    }

    fn turns_of(&self, microseconds: f64) -> i64 {
        (self.turns * microseconds) as i64
    }
}

fn guest(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../guest-examples/wasm/{name}.wasm"))
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a module")
}

fn pool(module: &Path) -> Builder {
    Pool::builder(module).timeout(Duration::from_secs(60))
}

fn seconds(work: impl FnOnce()) -> Option<f64> {
    let started = Instant::now();
    work();
    Some(started.elapsed().as_secs_f64())
}

fn squares(pool: &Pool, count: i64) {
    let squares: Vec<i64> = pool.map("square", 0..count).expect("squares");
    assert_eq!(squares.last(), Some(&((count - 1) * (count - 1))));
}

fn spins(pool: &Pool, numbers: &[i64]) {
    let results: Vec<i64> = pool.map("spin", numbers.iter().copied()).expect("results");
    assert_eq!(results.len(), numbers.len());
}

/// Lengths of at least 1 and at most 100, most of them short and a few long, the same each time.
fn pareto(count: usize) -> impl Iterator<Item = f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..count).map(move |_| {
        // Marsaglia's xorshift: https://doi.org/10.18637/jss.v008.i14
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        (1.0 - uniform).powf(-1.0 / 1.5).min(100.0)
    })
}
