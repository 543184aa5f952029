//! Time inside a worker: a timer signal advances the engine's epoch while tasks run, without a thread.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wasmtime::Engine;

/// How often running code is interrupted to look at the clock: the precision of time limits, and of how long
/// finished results wait behind a slow task.
const TICK: Duration = Duration::from_millis(5);

/// The engine whose epoch the signal advances; one per process.
static ENGINE: OnceLock<Engine> = OnceLock::new();

/// Whether something runs that is to be interrupted.
static NEEDED: AtomicBool = AtomicBool::new(false);

/// Whether the timer is set.
static TICKS: AtomicBool = AtomicBool::new(false);

extern "C" fn advance(_signal: libc::c_int) {
    // Reading an initialised OnceLock, atomics and a system call that does not fail are all safe in a signal handler.
    if !NEEDED.load(Ordering::SeqCst) {
        TICKS.store(false, Ordering::SeqCst);
        set(Duration::ZERO);
    } else if let Some(engine) = ENGINE.get() {
        engine.increment_epoch();
    }
}

/// Prepares the signal in a template; its workers inherit it. The timer starts in the worker.
pub(super) fn install(engine: &Engine) -> std::io::Result<()> {
    let _ = ENGINE.set(engine.clone());
    // SAFETY: a zeroed sigaction is valid, the handler is async-signal-safe (see there), and SA_RESTART makes system
    // calls that it interrupts go on.
    let installed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = advance as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut())
    };
    if installed == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

/// Ticks until it is dropped. A process that forks drops it first: a fork inherits no timer.
pub(super) struct Ticking(());

/// Starts the timer, or goes on with one that has not run out.
pub(super) fn start() -> Ticking {
    NEEDED.store(true, Ordering::SeqCst);
    if !TICKS.swap(true, Ordering::SeqCst) {
        set(TICK);
    }
    Ticking(())
}

impl Ticking {
    /// Ticks once more, for nothing, unless it is needed again before that: to set a timer takes as long as a small task.
    pub(super) fn run_out(self) {
        NEEDED.store(false, Ordering::SeqCst);
        std::mem::forget(self);
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        NEEDED.store(false, Ordering::SeqCst);
        TICKS.store(false, Ordering::SeqCst);
        set(Duration::ZERO);
    }
}

fn set(interval: Duration) {
    let tv = libc::timeval {
        tv_sec: 0,
        tv_usec: interval.subsec_micros().into(),
    };
    let timer = libc::itimerval {
        it_interval: tv,
        it_value: tv,
    };
    let none = std::ptr::null_mut::<libc::itimerval>();
    // SAFETY: a valid timer by reference. With a valid one the call cannot fail; a worker whose timer did not start would
    // still be ended by the supervisor's deadline. By number, since a worker has the page with that function anyhow.
    unsafe {
        libc::syscall(
            libc::SYS_setitimer,
            libc::ITIMER_REAL,
            &raw const timer,
            none,
        )
    };
}

/// CPU time of this process's one thread, in nanoseconds.
pub(super) fn cpu_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a valid place for the result; the clock exists on every Linux. libc's own call is needed: others look for the
    // vDSO by a system call that the filter forbids.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn is_set() -> bool {
        let none = libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        };
        let mut timer = libc::itimerval {
            it_interval: none,
            it_value: none,
        };
        // SAFETY: a valid place for the answer.
        unsafe { libc::getitimer(libc::ITIMER_REAL, &mut timer) };
        timer.it_interval.tv_usec > 0
    }

    #[test]
    fn the_timer_stops_at_once_or_runs_out_unless_it_is_needed_again() {
        install(&Engine::default()).unwrap();
        drop(start());
        assert!(!is_set());
        start().run_out();
        let again = start();
        assert!(is_set());
        again.run_out();
        let late = Instant::now() + Duration::from_secs(10);
        while is_set() {
            assert!(Instant::now() < late, "it ticks on");
            std::thread::yield_now();
        }
        let again = start();
        assert!(is_set(), "it ran out, and is needed again");
        drop(again);
        assert!(!is_set());
    }
}
