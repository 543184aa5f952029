//! `wordcount`: counts lines, words and bytes, as a plugin of the world `wpool:plugin/plugin` that uses none of its imports, and so has
//! none.
#![no_std]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use runtime as _;

mod bindings {
    use super::WordCount;

    wit_bindgen::generate!({ world: "plugin", path: "../../wit" });
    export!(WordCount);
}

struct WordCount;

impl bindings::Guest for WordCount {
    fn run(input: Vec<u8>) -> Result<Vec<u8>, String> {
        let lines = input.iter().filter(|byte| **byte == b'\n').count();
        let words = input
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .count();
        Ok(format!("{lines} {words} {}", input.len()).into_bytes())
    }
}
