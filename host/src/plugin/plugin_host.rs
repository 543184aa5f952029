//! What an application gives to plugins of the world `wpool:plugin`, in `wit/`: lines of log, which task it is and how far, values by
//! their keys.

use super::host_function::{HostCall, HostFunction};
use crate::value::{FromValue, Mismatch, Type, Value};
use std::fmt;
use std::sync::Arc;

/// The package that the interfaces are of.
const PACKAGE: &str = "wpool:plugin";

/// How much a line of a plugin's log matters.
///
/// ```rust,standalone_crate
/// assert!(wpool::LogLevel::Warn > wpool::LogLevel::Info);
/// assert_eq!(wpool::LogLevel::Warn.name(), "warn");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For whoever looks for a mistake.
    Debug,
    /// For everybody.
    Info,
    /// Something is odd.
    Warn,
    /// Something went wrong.
    Error,
}

impl LogLevel {
    /// In the order in which the WIT has them.
    const ALL: [LogLevel; 5] = [
        LogLevel::Trace,
        LogLevel::Debug,
        LogLevel::Info,
        LogLevel::Warn,
        LogLevel::Error,
    ];

    /// As the WIT spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Trace => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromValue for LogLevel {
    fn from_value(value: Value, ty: &Type) -> Result<Self, Mismatch> {
        let case = match (&value, Self::can_take(ty)) {
            (Value::Enum(case), true) => LogLevel::ALL.get(*case as usize),
            _ => None,
        };
        case.copied()
            .ok_or_else(|| Mismatch::expected("a level of a log", &value))
    }

    fn can_take(ty: &Type) -> bool {
        let names = LogLevel::ALL.map(LogLevel::name);
        matches!(ty, Type::Enum(cases) if cases.iter().eq(&names))
    }
}

/// What plugins of the world `wpool:plugin` may import, each of them or none. What is not written does nothing, and knows nothing.
///
/// Text comes from the plugin as it is: [`printable`](crate::printable) makes it harmless to a terminal.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use wpool::{HostCall, LogLevel, PluginHost, Pool, printable};
///
/// struct Printing;
///
/// impl PluginHost for Printing {
///     fn log(&self, call: &HostCall, level: LogLevel, message: &str) {
///         println!("{} {level}: {}", call.worker(), printable(message));
///     }
/// }
///
/// let pool = Pool::builder("../guest-examples/wasm/rules.wasm").plugin_host(Printing).build()?;
/// # Ok::<(), wpool::Error>(())
/// ```
pub trait PluginHost: Send + Sync + 'static {
    /// The plugin has a line for whoever runs it.
    fn log(&self, call: &HostCall, level: LogLevel, message: &str) {
        let _ = (call, level, message);
    }

    /// The task has come so far: 0 is its beginning and 1 its end, if the plugin keeps to that.
    fn progress(&self, call: &HostCall, done: f64) {
        let _ = (call, done);
    }

    /// What is there under a key.
    fn get(&self, call: &HostCall, key: &str) -> Option<Vec<u8>> {
        let _ = (call, key);
        None
    }
}

/// The functions of the world, as `host` has them.
pub(crate) fn functions(host: impl PluginHost) -> Vec<HostFunction> {
    let host = Arc::new(host);
    let (logs, progresses, gets) = (Arc::clone(&host), Arc::clone(&host), host);
    let [log, task, key_value] =
        ["log", "task", "key-value"].map(|interface| format!("{PACKAGE}/{interface}"));
    vec![
        HostFunction::blocking(
            &log,
            "log",
            move |call: HostCall, level: LogLevel, message: String| {
                logs.log(&call, level, &message);
            },
        ),
        HostFunction::blocking(&task, "number", |call: HostCall| call.task()),
        HostFunction::blocking(&task, "worker", |call: HostCall| call.worker().to_string()),
        HostFunction::blocking(&task, "progress", move |call: HostCall, done: f64| {
            progresses.progress(&call, done);
        }),
        HostFunction::blocking(&key_value, "get", move |call: HostCall, key: String| {
            gets.get(&call, &key)
        }),
    ]
}
