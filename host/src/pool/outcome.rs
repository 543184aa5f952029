//! What becomes of a task: a value, or a failure of one kind. Never an error of the pool.

use crate::value::{ShortDebug, Value, printable};
use crate::wire::{TaskFailure, TaskFailureKind};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The ways in which a task fails; the same names in reports, messages and documentation.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/faults.wasm").build()?;
/// let outcomes = pool.map_outcomes("load", [-1])?; // far out of its memory
/// let failure = outcomes[0].result.as_ref().unwrap_err();
/// assert_eq!(failure.kind(), wpool::FailureKind::Trap);
/// assert_eq!(failure.kind().name(), "trap");
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The function returned `err`.
    Error,
    /// The code trapped.
    Trap,
    /// It ran past its time limit.
    Timeout,
    /// It used up its fuel.
    Fuel,
    /// A growth of memory was refused and the code trapped.
    Memory,
    /// It is a program, and ended with a status other than 0.
    Exit,
    /// Its result, or what it wrote, is longer than the limit.
    OutputLimit,
    /// Its arguments do not fit the function.
    BadArgument,
    /// It could not be instantiated, or its processes do not start.
    Init,
    /// A function of the application that it called failed.
    HostCall,
    /// Its worker died, other than by the reasons that have a name.
    WorkerDied,
    /// Its worker made a system call that its filter forbids.
    SandboxViolation,
    /// Its worker answered something that it was not asked.
    Protocol,
    /// It was cancelled, or its pool was terminated, before it finished.
    Cancelled,
}

impl FailureKind {
    /// The name in reports and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Error => "error",
            FailureKind::Trap => "trap",
            FailureKind::Timeout => "timeout",
            FailureKind::Fuel => "fuel",
            FailureKind::Memory => "memory",
            FailureKind::Exit => "exit",
            FailureKind::OutputLimit => "output-limit",
            FailureKind::BadArgument => "bad-argument",
            FailureKind::Init => "init",
            FailureKind::HostCall => "host-call",
            FailureKind::WorkerDied => "worker-died",
            FailureKind::SandboxViolation => "sandbox-violation",
            FailureKind::Protocol => "protocol",
            FailureKind::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a task failed. `{:?}` shows about 4 KiB of its value and of its arguments, at most.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/faults.wasm").build()?;
/// let outcomes = pool.map_outcomes("recurse", [i32::MAX])?;
/// let failure = outcomes[0].result.as_ref().unwrap_err();
/// assert_eq!(failure.kind(), wpool::FailureKind::Trap);
/// assert_eq!(failure.arguments(), [wpool::Value::S32(i32::MAX)]);
/// println!("{failure}");
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Failure {
    // Most tasks succeed: their outcomes are not to be as large as a failure.
    what: Box<What>,
}

#[derive(Clone, PartialEq)]
struct What {
    kind: FailureKind,
    message: String,
    value: Option<Value>,
    arguments: Box<[Value]>,
    signal: Option<i32>,
    exit_code: Option<i32>,
    backtrace: Box<[String]>,
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        f.debug_struct("Failure")
            .field("kind", &what.kind)
            .field("message", &what.message)
            // They may be long, and panics show them.
            .field("value", &ShortDebug(&what.value))
            .field("arguments", &ShortDebug(&what.arguments))
            .field("signal", &what.signal)
            .field("exit_code", &what.exit_code)
            .field("backtrace", &what.backtrace)
            .finish()
    }
}

impl Failure {
    /// A failure of `kind`; the message is one line for a person.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Failure {
        Failure {
            what: Box::new(What {
                kind,
                message: message.into(),
                value: None,
                arguments: Box::default(),
                signal: None,
                exit_code: None,
                backtrace: Box::default(),
            }),
        }
    }

    /// The same failure, with the signal that ended its worker.
    pub(super) fn with_signal(self, signal: Option<i32>) -> Failure {
        self.with(|what| what.signal = signal)
    }

    /// The same failure, with a change.
    fn with(mut self, change: impl FnOnce(&mut What)) -> Failure {
        change(&mut self.what);
        self
    }

    /// Which kind.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.what.kind
    }

    /// What happened, on one line, escaped where it comes from a guest, at most 4 KiB or a little more.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.what.message
    }

    /// The whole value that the function returned, where it is a `result` that is `err`.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        self.what.value.as_ref()
    }

    /// The signal that ended its worker, where one did.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.what.signal
    }

    /// The status that a program ended with, where that is how it failed.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        self.what.exit_code
    }

    /// The functions that were being called when code trapped, the innermost first, as far as the module names them; escaped.
    #[must_use]
    pub fn backtrace(&self) -> &[String] {
        &self.what.backtrace
    }

    /// The arguments that the task was called with; none where it has none, or they were not understood.
    #[must_use]
    pub fn arguments(&self) -> &[Value] {
        &self.what.arguments
    }

    /// The same failure, of a task with these arguments.
    pub(super) fn of(self, arguments: Vec<Value>) -> Failure {
        self.with(|what| what.arguments = arguments.into())
    }

    /// The function returned `err`: a value, and a failure all the same.
    pub(super) fn returned_err(value: Value, shown: &str) -> Failure {
        let message = if shown.is_empty() {
            "it returned an error".into()
        } else {
            printable(shown)
        };
        Failure::new(FailureKind::Error, message).with(|what| what.value = Some(value))
    }

    /// What a worker reported. It can only claim what concerns its own task.
    pub(super) fn reported(failure: &TaskFailure) -> Failure {
        let kind = match failure.kind {
            TaskFailureKind::Trap => FailureKind::Trap,
            TaskFailureKind::Timeout => FailureKind::Timeout,
            TaskFailureKind::Fuel => FailureKind::Fuel,
            TaskFailureKind::Memory => FailureKind::Memory,
            TaskFailureKind::OutputLimit => FailureKind::OutputLimit,
            TaskFailureKind::Init => FailureKind::Init,
            TaskFailureKind::BadArgument => FailureKind::BadArgument,
            TaskFailureKind::HostCall => FailureKind::HostCall,
            TaskFailureKind::Exit => return Failure::exited(&failure.message),
        };
        // Only code that trapped says where.
        let (message, rest) = match failure.message.split_once('\n') {
            Some(parts) if kind == FailureKind::Trap => parts,
            _ => (&*failure.message, ""),
        };
        Failure::new(kind, printable(message))
            .with(|what| what.backtrace = rest.lines().map(printable).collect())
    }

    /// A program ended with a status that its worker reported.
    fn exited(status: &str) -> Failure {
        let Ok(status) = status.parse::<i32>() else {
            let message = "its worker reported a status that is no number";
            return Failure::new(FailureKind::Protocol, message);
        };
        Failure::new(FailureKind::Exit, format!("it exited with status {status}"))
            .with(|what| what.exit_code = Some(status))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind(), self.message())
    }
}

impl std::error::Error for Failure {}

/// What a task used, and where it ran. Numbers that a worker reports are its claim.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/spin.wasm").fuel(1_000_000).measure_cpu(true).build()?;
/// let usage = &pool.map_outcomes("spin", [1000_i64])?[0].usage;
/// assert!(usage.fuel.unwrap() > 1000 && usage.attempts == 1);
/// println!("{:?} of {:?} on a CPU, in {:?}", usage.cpu, usage.wall, usage.worker_name);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Wall time in the worker, host calls included, and instantiation unless that was done before the task came.
    pub wall: Duration,
    /// How much of it went by in host calls, by the supervisor's clock.
    pub host: Duration,
    /// How many host calls it made.
    pub host_calls: u64,
    /// CPU time, where [`Builder::measure_cpu`](crate::Builder::measure_cpu) was asked for.
    pub cpu: Option<Duration>,
    /// Fuel consumed, where a limit is set.
    pub fuel: Option<u64>,
    /// The largest sum of memories and tables, in bytes.
    pub memory_bytes: u64,
    /// How often it was started; more than once if a worker died with its result.
    pub attempts: u32,
    /// The number of the worker that ran it, counted from 1.
    pub worker: Option<u32>,
    /// The name of that worker.
    pub worker_name: Option<Arc<str>>,
    /// That worker's process id.
    pub pid: Option<u32>,
}

/// The end of a task.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// for outcome in pool.map_outcomes("square", [3_i64])? {
///     let usage = &outcome.usage;
///     println!("{:?} in {:?} and {} bytes", outcome.result, usage.wall, usage.memory_bytes);
///     println!("by {:?}, process {:?}", usage.worker_name, usage.pid);
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The value, if the function returns one, or how it failed.
    pub result: Result<Option<Value>, Failure>,
    /// What it used.
    pub usage: Usage,
    /// What it wrote to standard output, where that is not its result, as it is of a program that succeeds.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error. Both are as they are: [`printable`](crate::printable) makes them harmless to a terminal.
    pub stderr: Vec<u8>,
}
