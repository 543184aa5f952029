//! `faults`: a function for every way in which a core module can go wrong.
//!
//! Each function is meant to reach the trap of WebAssembly itself, so none may be guarded by a check that Rust would add.
#![no_std]

use core::arch::wasm32;
use core::ptr;
use core::sync::atomic::{AtomicI32, Ordering};

const WASM_PAGE: usize = 64 << 10;
const WASM_PAGES_PER_MIB: u32 = 16;
/// What a host commits at a time, at the least.
const HOST_PAGE: usize = 4 << 10;

/// Traps: `unreachable`.
#[unsafe(no_mangle)]
pub extern "C" fn abort() {
    wasm32::unreachable()
}

/// `a / b`. Traps: division by zero, and integer overflow for `i32::MIN / -1`.
#[unsafe(no_mangle)]
pub extern "C" fn divide(a: i32, b: i32) -> i32 {
    // SAFETY: not upheld, on purpose. It removes Rust's own checks, which would end in `unreachable`; what is left is one
    // `i32.div_s`, which is defined for every operand: it divides or it traps. Only the host calls this function, so nothing
    // else is built on the claim.
    unsafe {
        core::hint::assert_unchecked(b != 0);
        core::hint::assert_unchecked(a != i32::MIN);
    }
    a / b
}

/// The four bytes at `address`, which is unsigned. Traps: memory access out of bounds.
#[unsafe(no_mangle)]
pub extern "C" fn load(address: i32) -> i32 {
    let pointer = ptr::with_exposed_provenance::<i32>(address as u32 as usize);
    // SAFETY: a volatile read becomes one `i32.load`, which is defined for every address: aligned or not, it reads or it traps.
    unsafe { pointer.read_volatile() }
}

/// Calls itself `n` times and returns `n`. Traps: call stack exhausted, for a large `n`.
#[unsafe(no_mangle)]
pub extern "C" fn recurse(n: i32) -> i32 {
    static DEEPEST: AtomicI32 = AtomicI32::new(0);

    if n <= 0 {
        return 0;
    }
    let below = recurse(n - 1);
    // Something is left to do after the call returns, or the recursion would be compiled to a loop. None of it is kept on the
    // stack in linear memory, so it is the call stack that runs out.
    DEEPEST.fetch_max(below, Ordering::Relaxed);
    below + 1
}

/// Grows memory by `pages` of 64 KiB; the size before in pages, or -1 when that was refused.
#[unsafe(no_mangle)]
pub extern "C" fn grow(pages: i32) -> i32 {
    wasm32::memory_grow::<0>(pages as u32 as usize) as i32
}

/// Grows memory by `pages` of 64 KiB; the size before in pages. Traps: `unreachable`, when that was refused.
#[unsafe(no_mangle)]
pub extern "C" fn grow_or_trap(pages: i32) -> i32 {
    match grow(pages) {
        -1 => wasm32::unreachable(),
        before => before,
    }
}

/// Grows memory by `mib` MiB and writes to every page of it; `mib`, or -1 when the growth was refused.
#[unsafe(no_mangle)]
pub extern "C" fn fill(mib: i32) -> i32 {
    let pages = (mib as u32).saturating_mul(WASM_PAGES_PER_MIB);
    let before = grow(pages as i32);
    if before == -1 {
        return -1;
    }
    let start = before as u32 as usize * WASM_PAGE;
    let end = wasm32::memory_size::<0>() * WASM_PAGE;
    for address in (start..end).step_by(HOST_PAGE) {
        // SAFETY: memory grew to `end` above, and nothing of this guest lives in what was added.
        unsafe { ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(1) };
    }
    mib
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
