//! The scheduler, by operations.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wpool::testing::fuzz::{self, Operation};

fuzz_target!(|input: (u8, Vec<Operation>)| {
    let bytes = size_of::<Operation>() * input.1.len();
    wpool_fuzz::bounded(bytes, fuzz::scheduler, input);
});
