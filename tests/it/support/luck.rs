//! Random choices that can be made again: they follow from a seed, which is printed.

use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

/// A sequence of choices (splitmix64).
pub struct Luck(u64);

impl Luck {
    /// The choices of `WPOOL_STORM_SEED`, else new ones.
    pub fn new() -> Luck {
        let seed = match std::env::var("WPOOL_STORM_SEED") {
            Ok(seed) => seed.parse().expect("WPOOL_STORM_SEED is a number"),
            Err(_) => nanoseconds_now() ^ u64::from(std::process::id()),
        };
        println!("WPOOL_STORM_SEED={seed}");
        Luck(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the numbers; there is at least one.
    pub fn number(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// Whether something happens that does so once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.number(0..times) == 0
    }

    /// One of them, if there are any.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let index = self.number(0..from.len().max(1) as u64) as usize;
        from.get(index).copied()
    }

    /// A time up to `longest`.
    pub fn time(&mut self, longest: Duration) -> Duration {
        Duration::from_nanos(self.number(0..longest.as_nanos().max(1) as u64))
    }
}

fn nanoseconds_now() -> u64 {
    UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos() as u64)
}
