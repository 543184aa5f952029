//! `hello`: speaks through the functions that its host gives it, and asks it where it runs.
#![no_std]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use runtime as _;

mod bindings {
    use super::Hello;

    wit_bindgen::generate!({ world: "wpool:hello/hello", path: ["../../wit", "wit"], generate_all });
    export!(Hello);
}

use bindings::wpool::plugin::log::{Level, log};
use bindings::wpool::plugin::task;

struct Hello;

impl bindings::Guest for Hello {
    fn hello(name: String) {
        log(Level::Info, &format!("Hello, {name}!"));
    }

    fn show(number: i64) {
        log(Level::Info, &format!("{number}"));
    }

    fn whoami() -> String {
        task::worker()
    }
}
