//! Bounds what the targets may allocate.

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What may be allocated however short the input is, in bytes: some copies of the fewest values that a budget grants.
const BASE_BYTES: usize = 32 << 20;

/// What each byte of the input may allocate, in bytes.
const BYTES_PER_BYTE: usize = 512;

/// Runs a target on an input, and holds what it had allocated at once against the length of that.
pub fn bounded<T>(input_bytes: usize, target: impl FnOnce(T), input: T) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    target(input);
    let took = HEAP.peak_usage().saturating_sub(before);
    let limit = BASE_BYTES + BYTES_PER_BYTE * input_bytes;
    assert!(took <= limit, "{took} bytes for an input of {input_bytes}");
}
