//! The messages of the handshake, the compiler and the template.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wpool::testing::fuzz;

fuzz_target!(|data: &[u8]| wpool_fuzz::bounded(data.len(), fuzz::messages, data));
