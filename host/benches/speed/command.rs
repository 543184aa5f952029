//! The command, as a person runs it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The command that was built with this benchmark.
pub const WPOOL: &str = env!("CARGO_BIN_EXE_wpool");

/// What a run of it over many lines took, in seconds, and the most memory that the supervisor had, in bytes.
pub struct Streamed {
    pub seconds: f64,
    pub peak_bytes: f64,
}

/// Squares of the numbers up to `count`, a line each, in and out.
pub fn stream(module: &Path, count: u64) -> Streamed {
    let started = Instant::now();
    let mut numbers = Command::new("seq")
        .args(["1", &count.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("seq(1)");
    let lines = numbers.stdout.take().expect("its output");
    let results = tempfile::tempfile().expect("a file");
    let mut wpool = Command::new(WPOOL)
        .arg("map")
        .arg(module)
        .args(["--isolation", "worker"])
        .stdin(lines)
        .stdout(results.try_clone().expect("a file"))
        .spawn()
        .expect("wpool");
    let mut peak_bytes = 0.0;
    while wpool.try_wait().expect("wpool").is_none() {
        peak_bytes = peak(wpool.id()).unwrap_or(peak_bytes);
        std::thread::sleep(Duration::from_millis(10));
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!(numbers.wait().expect("seq(1)").success());
    check(&results, count);
    Streamed {
        seconds,
        peak_bytes,
    }
}

/// The most memory that a process had at once, in bytes.
fn peak(pid: u32) -> Option<f64> {
    kibibytes(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// The memory of a process, what it shares divided among those that share it, in bytes.
pub fn proportional(pid: u32) -> Option<f64> {
    kibibytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

fn kibibytes(file: &str, field: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let number: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024.0)
}

fn check(results: &File, count: u64) {
    let length = results.metadata().expect("a file").len();
    let digits = |number: u64| u64::from((number * number).ilog10()) + 2;
    assert_eq!(length, (1..=count).map(digits).sum::<u64>());
}
