//! What happens in a simulated world, and the chance in it.

/// A xorshift generator: the same seed, the same world.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end.max(1)
    }

    pub(super) fn once_in(&mut self, times: u64) -> bool {
        times > 0 && self.below(times) == 0
    }
}

/// How often things go wrong: once in so many; 0 is never.
#[derive(Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) task_crashes: u64,
    /// Only tasks that have a time limit.
    pub(super) task_hangs: u64,
    pub(super) worker_start_fails: u64,
    pub(super) template_start_fails: u64,
    pub(super) worker_lies: u64,
    /// Microseconds from one kill of some worker to the next.
    pub(super) worker_killed_every: u64,
    pub(super) template_killed_every: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) budget: usize,
    pub(super) plugins: u32,
    pub(super) tasks: u64,
    pub(super) faults: Faults,
    /// How late the timer may be; 0 looks at it, and at the sanity of all, at every step.
    pub(super) coarse_us: u64,
}
