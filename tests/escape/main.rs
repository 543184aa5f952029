//! Attacks from native code inside the confinement, and lies towards the supervisor, by a worker program that is hostile: see
//! `tests/impostor`. The tables beside this file say of every attack what refuses it, and how.

#[path = "../it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with tests that need more of it"
)]
mod support;

mod calls;
mod executable;
mod granted;
mod impostor;
mod layers;
mod peers;
mod pools;
mod startup;
mod table;
