//! `floats`: results whose digits have to be printed well, and one function over all four core types.
#![no_std]

/// `x` divided by two.
#[unsafe(no_mangle)]
pub extern "C" fn half(x: f64) -> f64 {
    x / 2.0
}

/// `x` divided by three, in single precision.
#[unsafe(no_mangle)]
pub extern "C" fn third(x: f32) -> f32 {
    x / 3.0
}

/// The product of all four, each taken to double precision first.
#[unsafe(no_mangle)]
pub extern "C" fn scale(a: i32, b: i64, c: f32, d: f64) -> f64 {
    f64::from(a) * b as f64 * f64::from(c) * d
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
