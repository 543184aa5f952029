//! What the targets in `host/fuzz` hold against wpool's readers of hostile input: one function a target. Each gets arbitrary bytes
//! and panics where a property does not hold; that nothing else panics is the least of them.
//!
//! They stand here because they need the inside of the library. How they are built, run and bounded in memory is `host/fuzz`'s.

mod cache_entry;
mod frames;
mod messages;
mod scheduler;
mod signature;
mod typed;
mod value_bytes;
mod value_text;
mod worker_frames;

pub use cache_entry::cache_entry;
pub use frames::frames;
pub use messages::messages;
pub use scheduler::{Operation, scheduler};
pub use signature::signature;
pub use value_bytes::value_bytes;
pub use value_text::value_text;
pub use worker_frames::worker_frames;
