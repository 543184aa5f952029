//! Signatures, as a compiler sends them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wpool::testing::fuzz;

fuzz_target!(|data: &[u8]| wpool_fuzz::bounded(data.len(), fuzz::signature, data));
