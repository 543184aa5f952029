//! `twins`: two interfaces with a function of the same short name.
#![no_std]

extern crate alloc;

use alloc::string::String;
use bindings::exports::wpool::twins::{left, right};
use runtime as _;

mod bindings {
    use super::Twins;

    wit_bindgen::generate!("twins");
    export!(Twins);
}

struct Twins;

impl left::Guest for Twins {
    fn side() -> String {
        "left".into()
    }

    fn only_left(x: u32) -> u32 {
        x
    }
}

impl right::Guest for Twins {
    fn side() -> String {
        "right".into()
    }
}
