//! A job: many tasks of one function, and what is kept of each beyond its result, so that a person knows what became of it and the
//! job can go on after an interruption.
//!
//! ```text
//!  feed ─► Numbers: which number, or done before ─► Ledger: what it was ─► pool
//!                    ▲                                                  Watch │
//!  Joblog, Results ──┘ (of the run before)      gather ◄─ Ledger: take ◄─────┘
//! ```

pub(super) mod halt;
pub(super) mod joblog;
pub(super) mod key;
pub(super) mod ledger;
pub(super) mod results;
pub(super) mod resume;
pub(super) mod tally;
pub(super) mod watch;
