//! Waiting without sleeping.

use std::thread;
use std::time::{Duration, Instant};

/// After how long something that should happen counts as hanging. No test is about speed, so this is generous.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Looks again and again until `look` finds something.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came to be: {what}");
        thread::yield_now();
    }
}
