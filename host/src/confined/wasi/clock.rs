//! Clocks that tell every run the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

/// What the wall clock shows: the beginning of 2020, after which certificates and libraries that look at the year are content.
const NOW: Duration = Duration::from_secs(1_577_836_800);

/// How much the other clock goes on with each look at it, in nanoseconds: code that waits for it to change ends.
const STEP: u64 = 1000;

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
