//! What the tasks of a storm are given, and what they must return.

use super::modules::all_rounds;
use wpool::Value;

/// How long bytes are that are not copied on their way.
const LONG: usize = 150_000;

/// The tasks of a storm, by number.
pub struct Work {
    pub function: &'static str,
    pub argument: fn(u64) -> Value,
    pub result: Box<dyn Fn(u64) -> Value>,
    /// How many are run where nobody is killed: enough for each worker to have some.
    pub in_calm: u64,
    /// What the private memory may grow by from the storm half-way to the last, in KiB. By then the buffers have been as full as
    /// they get, and a leak for each task or death is far more.
    pub memory_slack: u64,
}

/// Numbers are mixed, which takes a fraction of a millisecond.
pub fn mixing() -> Work {
    let expected = all_rounds();
    Work {
        function: "mix",
        argument: |number| Value::S64(number.cast_signed()),
        result: Box::new(move |number| Value::S64(expected(number).cast_signed())),
        in_calm: 1000,
        memory_slack: 16 * 1024,
    }
}

/// Long bytes come back as they were.
pub fn echoing() -> Work {
    let bytes = |number: u64| {
        let mut bytes = vec![number as u8; LONG];
        // What is moved by a few bytes, or is another's, is told from it at both ends.
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[LONG - 8..].copy_from_slice(&number.to_be_bytes());
        Value::Bytes(bytes)
    };
    Work {
        function: "echo",
        argument: bytes,
        result: Box::new(bytes),
        in_calm: 200,
        // The allocator keeps some of what was under way, which is up to 32 MiB of arguments and as many of results; the bytes of the
        // tasks of two storms are more than twice this.
        memory_slack: 64 * 1024,
    }
}
