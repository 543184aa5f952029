//! Many small tasks, by the library and by the command.

use super::{Bench, FRESH, KEPT, MEBIBYTE, pool, seconds, squares};
use crate::command::{self, WPOOL};
use crate::contest::{Contest, Entrant, Goal};
use crate::peers;
use std::path::Path;
use wpool::Isolation;

impl Bench {
    pub(super) fn fresh(&self) -> Contest<'_> {
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

    pub(super) fn fresh_elsewhere(&self) -> Contest<'_> {
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

    pub(super) fn kept(&self) -> Contest<'_> {
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
                    Some(self.squares.all_kept(KEPT, 1))
                }),
                Entrant::new("in-process, a thread a core, an instance each", || {
                    Some(self.squares.all_kept(KEPT, self.workers))
                }),
            ],
        }
    }

    pub(super) fn text(&self) -> Contest<'_> {
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

    pub(super) fn memory(&self) -> Contest<'_> {
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

    pub(super) fn commands_for_each_line(&self) -> Contest<'_> {
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
}
