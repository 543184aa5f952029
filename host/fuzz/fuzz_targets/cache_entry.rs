//! Entries of the artifact cache.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wpool::testing::fuzz;

fuzz_target!(|data: &[u8]| wpool_fuzz::bounded(data.len(), fuzz::cache_entry, data));
