//! How old a file is, on clocks that are sometimes wrong.

use std::time::{Duration, SystemTime};

/// How long ago `then` was, or how far ahead it is. An entry of next year, written before the clock was set back, must not
/// stay until then, and one of the next second, by the clock of a file server, is new.
pub(super) fn age(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then)
        .unwrap_or_else(|ahead| ahead.duration())
}
