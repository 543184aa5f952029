//! `spin`: a task of any length, for time limits, fuel and workers that are killed half-way.
#![no_std]

use core::hint::black_box;

/// Goes round `n` times and returns `n`; never returns when `n` is negative.
#[unsafe(no_mangle)]
pub extern "C" fn spin(n: i64) -> i64 {
    let mut round = 0;
    while n < 0 || round < n {
        // Opaque to the optimiser: neither the loop nor a single round of it can be left out.
        round = black_box(round).wrapping_add(1);
    }
    n
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
