//! Clocks: those of the host, and such as tell every run the same.

use super::super::guest::TaskState;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as _;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder, WasiView, async_trait};

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

/// A clock that counts how often it was looked at, and jumps over what somebody waits for: in no time.
#[derive(Clone, Default)]
pub(in crate::confined) struct Steps(Arc<Counted>);

#[derive(Default)]
struct Counted {
    nanoseconds: AtomicU64,
    /// The times that are waited for, and who waits.
    awaited: Mutex<Vec<(u64, Waker)>>,
}

impl Steps {
    /// Goes on by so much.
    pub(super) fn jump(&self, time: Duration) {
        let time = time.as_nanos() as u64;
        self.0.nanoseconds.fetch_add(time, Ordering::Relaxed);
    }

    /// Goes on to the first time that is waited for, when there is nothing else to do.
    pub(in crate::confined) fn go_on(&self) {
        let mut awaited = self.awaited();
        let Some(first) = awaited.iter().map(|(time, _)| *time).min() else {
            return;
        };
        self.0.nanoseconds.fetch_max(first, Ordering::Relaxed);
        for (_, waker) in awaited.extract_if(.., |(time, _)| *time <= first) {
            waker.wake();
        }
    }

    fn awaited(&self) -> MutexGuard<'_, Vec<(u64, Waker)>> {
        let awaited = self.0.awaited.lock();
        awaited.unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> u64 {
        self.0.nanoseconds.load(Ordering::Relaxed)
    }
}

/// Gives clocks that depend on nothing but what the guest does.
pub(super) fn stop(builder: &mut WasiCtxBuilder) -> Steps {
    let steps = Steps::default();
    builder
        .wall_clock(Stopped(steps.clone()))
        .monotonic_clock(steps.clone());
    steps
}

struct Stopped(Steps);

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(STEP)
    }

    fn now(&self) -> Duration {
        NOW + Duration::from_nanos(self.0.seen())
    }
}

impl HostMonotonicClock for Steps {
    fn resolution(&self) -> u64 {
        STEP
    }

    fn now(&self) -> u64 {
        self.0.nanoseconds.fetch_add(STEP, Ordering::Relaxed)
    }
}

/// The interface by which components wait, in the version of the library.
const MONOTONIC: &str = "wasi:clocks/monotonic-clock@0.2.12";

/// Lets components that wait for a clock that counts wait in no time.
pub(super) fn link(linker: &mut Linker<TaskState>) -> wasmtime::Result<()> {
    let mut clock = linker.instance(MONOTONIC)?;
    clock.func_wrap(
        "subscribe-instant",
        |mut store: StoreContextMut<'_, TaskState>, (instant,): (u64,)| {
            let state = store.data_mut();
            let Some(steps) = state.wasi().steps.clone() else {
                return Ok((state.clocks().subscribe_instant(instant)?,));
            };
            let time = Duration::from_nanos(instant.saturating_sub(steps.seen()));
            Ok((awaited(state, steps, time)?,))
        },
    )?;
    clock.func_wrap(
        "subscribe-duration",
        |mut store: StoreContextMut<'_, TaskState>, (time,): (u64,)| {
            let state = store.data_mut();
            match state.wasi().steps.clone() {
                None => Ok((state.clocks().subscribe_duration(time)?,)),
                Some(steps) => Ok((awaited(state, steps, Duration::from_nanos(time))?,)),
            }
        },
    )
}

fn awaited(
    state: &mut TaskState,
    steps: Steps,
    time: Duration,
) -> wasmtime::Result<Resource<DynPollable>> {
    let table = state.ctx().table;
    let until = steps.seen().saturating_add(time.as_nanos() as u64);
    let jump = table.push(Jump { steps, until })?;
    subscribe(table, jump)
}

/// A time that is waited for.
struct Jump {
    steps: Steps,
    until: u64,
}

#[async_trait]
impl Pollable for Jump {
    async fn ready(&mut self) {
        poll_fn(|context| {
            if self.steps.seen() >= self.until {
                return Poll::Ready(());
            }
            let waker = context.waker().clone();
            self.steps.awaited().push((self.until, waker));
            Poll::Pending
        })
        .await;
    }
}
