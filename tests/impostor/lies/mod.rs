//! What a hostile process says to the supervisor. Which lie is told stands in the name of the function that the module exports,
//! which travels with the facts; before there are any, in the name of the program's file.

mod compiler;
mod template;
mod worker;

use std::io::Write;
use wpool::testing::impostor;
use wpool::testing::wire::{ChildHello, MAX_CONTROL_FRAME, WIRE_VERSION, encode, read_frame};

use crate::inside::send;
pub use compiler::as_compiler;
pub use template::as_template;

/// Lies in the place of a greeting, if the program's file has the name of such a lie.
pub fn before_confinement() -> bool {
    let program = std::env::current_exe().unwrap_or_default();
    let name = program.file_name().and_then(|name| name.to_str());
    let Some(lie) = name.and_then(|name| name.strip_prefix("hello-")) else {
        return false;
    };
    match lie {
        "garbage" => send(&[0xa5; 300]),
        "giant" => raw(&u32::MAX.to_le_bytes()),
        "half" => raw(&[20, 0, 0, 0, 1, 2]),
        "exit" => {}
        "silent" => wait_for_the_end(),
        "version" => send(&encode(&ChildHello::Hello("wpool 0".into()))),
        "panic" => send(&encode(&ChildHello::Panicked("\u{1b}[2J".repeat(2000)))),
        "twice" => {
            for _ in 0..2 {
                send(&encode(&ChildHello::Hello(WIRE_VERSION.into())));
            }
            wait_for_the_end();
        }
        "unconfined" => {
            send(&encode(&ChildHello::Hello(WIRE_VERSION.into())));
            let refusal = wpool::Refusal {
                layer: wpool::Layer::Landlock,
                step: "\u{1b}[2J".repeat(2000),
                errno: 0,
            };
            let mut achieved = wpool::Confinement::default();
            achieved.landlock_refusal = Some(refusal);
            send(&encode(&ChildHello::Confined(achieved)));
            wait_for_the_end();
        }
        other => panic!("there is no lie {other}"),
    }
    true
}

/// Writes bytes that are no whole frame.
fn raw(bytes: &[u8]) {
    // Nobody is there to be told of an error.
    let _ = impostor::socket().write_all(bytes);
}

/// Takes whatever comes, and never answers.
fn wait_for_the_end() {
    while read_frame(&mut impostor::socket(), MAX_CONTROL_FRAME).is_ok() {}
}

/// Computes for ever.
fn hang() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
