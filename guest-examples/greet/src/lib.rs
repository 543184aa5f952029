//! `greet`: the smallest useful component, one function from text to text.
#![no_std]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use runtime as _;

mod bindings {
    use super::Greet;

    wit_bindgen::generate!("greet");
    export!(Greet);
}

struct Greet;

impl bindings::Guest for Greet {
    fn greet(name: String) -> String {
        format!("Hello, {name}!")
    }
}
