//! The rows: each a claim that wpool makes about its speed, with who it is held against.

mod calls;
mod streams;

use crate::contest::Contest;
use crate::floors::InProcess;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wpool::{Builder, Pool};

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
        let taken = (0..5).map(|_| spins.all_fresh(&[turns], 1));
        let taken = taken.fold(f64::MAX, f64::min);
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
            self.dispatch(),
        ]
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
