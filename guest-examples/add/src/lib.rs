//! `add`: one function and two parameters, so that an input is a list.
#![no_std]

/// `a` plus `b`, modulo 2⁶⁴.
#[unsafe(no_mangle)]
pub extern "C" fn add(a: i64, b: i64) -> i64 {
    a.wrapping_add(b)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
