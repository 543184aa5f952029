//! Single calls, single commands, tasks of all lengths, and what workers keep.

use super::{
    BYTES, Bench, CALLS, COMMANDS, ECHO, MEBIBYTE, pareto, pool, seconds, spins, squares, wat,
};
use crate::command::{self, WPOOL};
use crate::contest::{Contest, Entrant, Goal, Measure};
use crate::{floors, peers};
use std::time::Instant;
use wpool::{Isolation, Limits, Pool};

impl Bench {
    pub(super) fn apply(&self) -> Contest<'_> {
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

    pub(super) fn processes(&self) -> Contest<'_> {
        const OURS: i64 = 4_000;
        const THEIRS: u64 = 400;
        let pool = pool(&self.square).isolation(Isolation::Process);
        let pool = pool.build().expect("a pool");
        Contest {
            name: "a process for each task, against maxtasksperchild=1",
            rounds: 5,
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

    pub(super) fn five<'a>(
        &'a self,
        name: &'static str,
        uncached: &'static [&'static str],
    ) -> Contest<'a> {
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

    pub(super) fn even(&self) -> Contest<'_> {
        let (numbers, workers) = (vec![self.turns_of(200.0); 2_000], self.workers);
        let (ours, endless) = (numbers.clone(), numbers.clone());
        let pool = pool(&self.spin).build().expect("a pool");
        Contest {
            name: "2,000 tasks of 0.2 ms, of a thread a core in-process",
            // One turn can differ from the next by a third, and what is asked is a hundredth.
            rounds: 75,
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

    pub(super) fn skewed(&self) -> Contest<'_> {
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

    pub(super) fn straggler(&self) -> Contest<'_> {
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

    pub(super) fn bytes(&self) -> Contest<'_> {
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

    /// The scheduler by itself, with tasks of 4 ms, of which each is a batch. Where it cannot be had by itself, nothing.
    pub(super) fn dispatch(&self) -> Contest<'_> {
        #[cfg(feature = "testing")]
        fn taken(workers: usize) -> Option<f64> {
            const TASKS: u64 = 300_000;
            let taken =
                wpool::testing::dispatch(workers, TASKS, std::time::Duration::from_millis(4));
            Some(taken.as_secs_f64() / TASKS as f64)
        }
        #[cfg(not(feature = "testing"))]
        fn taken(_: usize) -> Option<f64> {
            None
        }
        Contest {
            name: "dispatch of a task, as workers grow from 1 to 1,000",
            rounds: 15,
            goal: Goal::AtMost(1.3, 1.0),
            ratio: |taken| taken[3] / taken[0],
            entrants: vec![
                Entrant::new("1 worker", || taken(1)),
                Entrant::new("10", || taken(10)),
                Entrant::new("100", || taken(100)),
                Entrant::new("1,000", || taken(1_000)),
            ],
        }
    }

    pub(super) fn idle(&self) -> Contest<'_> {
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
}
