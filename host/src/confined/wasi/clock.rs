//! Clocks: those of the host, and such as tell every run the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

/// What the wall clock shows: the beginning of 2020, after which certificates and libraries that look at the year are content.
const NOW: Duration = Duration::from_secs(1_577_836_800);

/// How much the other clock goes on with each look at it, in nanoseconds: code that waits for it to change ends.
const STEP: u64 = 1000;

/// What every clock says that it can tell apart, in nanoseconds: to ask the kernel is a call that no filter lets through.
const RESOLUTION: u64 = 1;

/// Gives the clocks of the host.
pub(super) fn go(builder: &mut WasiCtxBuilder) {
    builder
        .wall_clock(Wall)
        .monotonic_clock(Since(Instant::now()));
}

struct Wall;

impl HostWallClock for Wall {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(RESOLUTION)
    }

    fn now(&self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }
}

struct Since(Instant);

impl HostMonotonicClock for Since {
    fn resolution(&self) -> u64 {
        RESOLUTION
    }

    fn now(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// Gives clocks that depend on nothing but how often they are looked at.
pub(super) fn stop(builder: &mut WasiCtxBuilder) {
    builder
        .wall_clock(Stopped)
        .monotonic_clock(Counting(AtomicU64::new(0)));
}

struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(STEP)
    }

    fn now(&self) -> Duration {
        NOW
    }
}

struct Counting(AtomicU64);

impl HostMonotonicClock for Counting {
    fn resolution(&self) -> u64 {
        STEP
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(STEP, Ordering::Relaxed)
    }
}
