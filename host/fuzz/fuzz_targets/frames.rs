//! The frame decoder.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wpool::testing::fuzz;

fuzz_target!(|data: &[u8]| wpool_fuzz::bounded(data.len(), fuzz::frames, data));
