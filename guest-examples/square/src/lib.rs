//! `square`: the smallest useful guest, one function and one parameter.
#![no_std]

/// `x` times `x`, modulo 2⁶⁴.
#[unsafe(no_mangle)]
pub extern "C" fn square(x: i64) -> i64 {
    x.wrapping_mul(x)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
