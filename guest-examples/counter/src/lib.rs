//! `counter`: shows whether state leaks from task to task. With a fresh instance per task it always answers 1.
#![no_std]

use core::sync::atomic::{AtomicI64, Ordering};

static CALLS: AtomicI64 = AtomicI64::new(0);

/// How many times this instance was called, this time included.
#[unsafe(no_mangle)]
pub extern "C" fn next() -> i64 {
    CALLS.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
