//! What a task, and the compilation of a module, may use.

use crate::wire::TaskLimits;
use std::time::Duration;

/// What a frame can carry at most, where no smaller limit is set.
const FRAME_CAP: u64 = 1 << 31;

/// Limits of a plugin. `None` is no limit, where that is possible at all.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use std::time::Duration;
/// use wpool::{Limits, Pool};
///
/// let limits = Limits {
///     timeout: Some(Duration::from_millis(100)),
///     memory_bytes: Some(1 << 20),
///     ..Limits::default()
/// };
/// let pool = Pool::builder("../guest-examples/wasm/spin.wasm").limits(limits).build()?;
/// let failure = pool.apply::<i64>("spin", (-1,)).unwrap_err(); // it never returns by itself
/// println!("{failure}");
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of one task, from its own start; its start function counts. Default 60 s.
    pub timeout: Option<Duration>,
    /// All memories and tables of one task together, in bytes. Default 256 MiB.
    pub memory_bytes: Option<u64>,
    /// How many memories a module may have, at most 64. Each is 4 GiB of address space in a worker,
    /// which native code in there, as after a bug in the engine, could fill beyond `memory_bytes`.
    /// Default 16.
    pub memories: u32,
    /// Units of fuel for one task. Default none, which costs nothing; with it code runs slower.
    pub fuel: Option<u64>,
    /// The encoded arguments of one task, in bytes. Default 64 MiB.
    pub argument_bytes: Option<u64>,
    /// The encoded result of one task, in bytes. Default 64 MiB.
    pub output_bytes: Option<u64>,
    /// How often one task may call functions of the application. Default 100,000.
    pub host_calls: Option<u64>,
    /// The encoded arguments and answers of all those calls of one task together, in bytes. Default 64 MiB.
    pub host_call_bytes: Option<u64>,
    /// Wall time of compiling the module. Default 120 s.
    pub compile_timeout: Option<Duration>,
    /// Memory of compiling the module, in bytes. Default 2 GiB.
    pub compile_memory_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            timeout: Some(Duration::from_secs(60)),
            memory_bytes: Some(256 << 20),
            memories: 16,
            fuel: None,
            argument_bytes: Some(64 << 20),
            output_bytes: Some(64 << 20),
            host_calls: Some(100_000),
            host_call_bytes: Some(64 << 20),
            compile_timeout: Some(Duration::from_secs(120)),
            compile_memory_bytes: Some(2 << 30),
        }
    }
}

impl Limits {
    /// How long instantiation may take, start function included, even if tasks may take longer.
    const START_TIMEOUT: Duration = Duration::from_secs(10);

    /// How long after a task's time limit its worker is killed, if the limit has not ended the task.
    const GRACE: Duration = Duration::from_millis(200);

    /// The longest arguments that are accepted, in bytes.
    pub(crate) fn argument_cap(&self) -> u64 {
        self.argument_bytes.unwrap_or(FRAME_CAP).min(FRAME_CAP)
    }

    /// The longest result that is accepted, in bytes.
    pub(crate) fn output_cap(&self) -> u64 {
        self.output_bytes.unwrap_or(FRAME_CAP).min(FRAME_CAP)
    }

    /// The longest arguments, or answer, of one call of the application that are accepted, in bytes.
    pub(crate) fn host_call_cap(&self) -> u64 {
        self.host_call_bytes.unwrap_or(FRAME_CAP).min(FRAME_CAP)
    }

    /// After how long at one task a worker is killed.
    pub(crate) fn kill_after(&self) -> Option<Duration> {
        self.timeout
            .and_then(|timeout| timeout.checked_add(Self::GRACE))
    }

    /// What the worker itself holds tasks to.
    pub(crate) fn of_tasks(&self) -> TaskLimits {
        TaskLimits {
            timeout: self.timeout,
            start_timeout: Self::START_TIMEOUT,
            fuel: self.fuel,
            memory_bytes: self.memory_bytes,
            output_bytes: Some(self.output_cap()),
        }
    }
}
