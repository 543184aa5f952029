//! Settings that the builders of pools, of plugins and of processes share.

/// Gives a builder with a field `terms` a method for each setting of a plugin.
macro_rules! plugin_settings {
    ($builder:ty) => {
        impl $builder {
            /// All limits at once.
            pub fn limits(mut self, limits: $crate::plugin::Limits) -> Self {
                self.terms.limits = limits;
                self
            }

            /// Wall time of one task, host calls included; `None` for no limit. Default: 60 s.
            pub fn timeout(mut self, timeout: impl Into<Option<std::time::Duration>>) -> Self {
                self.terms.limits.timeout = timeout.into();
                self
            }

            /// Memory of one task in bytes; `None` for no limit. Default: 256 MiB.
            pub fn memory_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
                self.terms.limits.memory_bytes = bytes.into();
                self
            }

            /// How many memories the module may have, at most 64: see
            /// [`Limits::memories`](crate::Limits::memories). Default: 16.
            pub fn memories(mut self, count: u32) -> Self {
                self.terms.limits.memories = count;
                self
            }

            /// Fuel of one task; `None`, which is the default, for no limit.
            pub fn fuel(mut self, fuel: impl Into<Option<u64>>) -> Self {
                self.terms.limits.fuel = fuel.into();
                self
            }

            /// What tasks never share. Default: a fresh instance each.
            pub fn isolation(mut self, isolation: $crate::plugin::Isolation) -> Self {
                self.terms.isolation = isolation;
                self
            }

            /// A function without parameters that prepares what tasks share, as the `initializer` of `multiprocessing.Pool`: in
            /// each worker with [`Isolation::Worker`](crate::Isolation::Worker); with
            /// [`Isolation::Process`](crate::Isolation::Process) once for all, and each task starts from what it prepared, at
            /// the cost of a fork. It has ten seconds, which are no part of any task's time.
            ///
            /// With `Process` it is code of the guest that runs where all later workers come from: where it is compromised, so
            /// are they.
            pub fn initializer(mut self, function: impl Into<String>) -> Self {
                self.terms.initializer = Some(function.into());
                self
            }

            /// How many tasks a worker runs before another takes its place, at least 1, as `maxtasksperchild`; `None` for as
            /// many as come.
            pub fn recycle_after(mut self, tasks: impl Into<Option<u32>>) -> Self {
                let at_least_one =
                    |tasks| std::num::NonZeroU32::new(tasks).unwrap_or(std::num::NonZeroU32::MIN);
                self.terms.recycle_after = tasks.into().map(at_least_one);
                self
            }

            /// How many tasks travel to a worker at once, as `chunksize`; `None`, which is the default, or 0 for as many as fill
            /// about a millisecond, or up to eight while much more waits.
            pub fn chunk_size(mut self, tasks: impl Into<Option<u32>>) -> Self {
                self.terms.chunk = tasks.into().and_then(std::num::NonZeroU32::new);
                self
            }

            /// How often a task that fails as `worker-died` is run again, each time after a longer while, from 0.1 s up to 10 s.
            /// Default: 0. Where tasks have effects outside, those of a task that is run again come twice.
            pub fn retries(mut self, times: u32) -> Self {
                self.terms.retries.times = times;
                self
            }

            /// Whether those tasks are run again that fail as `timeout`, too. Default: no.
            pub fn retry_timeouts(mut self, retry: bool) -> Self {
                self.terms.retries.timeouts = retry;
                self
            }

            /// Measures the CPU time of each task, which costs two system calls a task.
            pub fn measure_cpu(mut self, measure: bool) -> Self {
                self.terms.measure_cpu = measure;
                self
            }

            /// Lets the module import functions that were not granted: a call of one is a trap. For what a toolchain imports and
            /// nobody calls.
            pub fn trap_missing_imports(mut self, trap: bool) -> Self {
                self.terms.trap_missing = trap;
                self
            }

            /// An argument that each run of a program begins with.
            pub fn arg(mut self, argument: impl Into<std::ffi::OsString>) -> Self {
                self.terms.wasi.arguments.push(argument.into());
                self
            }

            /// An environment variable for modules that import WASI. There are none by default.
            pub fn env(
                mut self,
                name: impl Into<std::ffi::OsString>,
                value: impl Into<std::ffi::OsString>,
            ) -> Self {
                self.terms
                    .wasi
                    .environment
                    .push((name.into(), value.into()));
                self
            }

            /// A directory for modules that import WASI. There are none by default, and nothing else of the file system is there.
            ///
            /// A compromised worker can do in it what was granted, to any file that its owner could: after that, trust nothing that
            /// lies in a directory that could be changed, and follow no links in it.
            pub fn dir(mut self, directory: $crate::plugin::Directory) -> Self {
                self.terms.wasi.directories.push(directory);
                self
            }

            /// Makes what a task returns depend on its input alone: clocks stand still or count how often they are looked at, random
            /// numbers come from one seed, floating point gives the same bits everywhere, and fuel is the limit, 100 billion where
            /// none was set before. The time limit becomes ten minutes unless another than the default was set.
            pub fn deterministic(mut self) -> Self {
                self.terms.make_deterministic();
                self
            }

            /// Runs a program up to where it first reads its standard input, once, and forks each task from there, with `process`
            /// isolation: an interpreter that takes a third of a second to start then serves a task in a few milliseconds, each in a
            /// process of its own. Arguments, environment and directories are those of all tasks, and so is what the program has made
            /// of random numbers by then, hash seeds for example; random numbers that it asks for later differ. It has ten seconds to
            /// get there, and one that never reads is refused.
            ///
            /// It is code of the guest that runs where all later workers come from: where it is compromised, so are they.
            pub fn warm(mut self) -> Self {
                self.terms.wasi.warm = true;
                self.terms.isolation = $crate::plugin::Isolation::Process;
                self
            }

            /// Passes the standard streams of programs on while they run, instead of capturing what they write.
            pub fn stdio(mut self, stdio: impl $crate::plugin::Stdio) -> Self {
                self.terms.wasi.streams = Some($crate::plugin::Streams::new(stdio));
                self
            }

            /// What a plugin of the world `wpool:plugin` may import: its log, its task's number, worker and progress, and values
            /// by their keys.
            pub fn plugin_host(mut self, host: impl $crate::plugin::PluginHost) -> Self {
                let functions = $crate::plugin::plugin_host_functions(host);
                self.terms.host_functions.extend(functions);
                self
            }

            /// A function of the application that the plugin may import: `name` of `module`, which for a component is an interface,
            /// with its version or for all versions without, or `""` for a function by itself.
            ///
            /// What the closure takes and returns is held against the import when the plugin is loaded. It runs on a thread of
            /// its own while the task waits, of which there are no more than twice the workers: one that never returns keeps its
            /// thread. It may use the pool on that thread; what it hands to other threads waits in line like anybody's. When the
            /// task ends early its answer is not wanted any more, but it runs to its end. A panic, or a
            /// [`HostError`](crate::HostError), fails the task that called, as `host-call`. With a
            /// [`HostCall`](crate::HostCall) as its first parameter it learns who calls.
            ///
            /// ```no_run
            /// use wpool::{HostCall, Pool};
            ///
            /// let pool = Pool::builder("rules.wasm")
            ///     .host_function("acme:rules/log", "line", |call: HostCall, line: String| {
            ///         println!("{}: {line}", call.worker());
            ///     })
            ///     .build()?;
            /// # Ok::<(), wpool::Error>(())
            /// ```
            pub fn host_function<Marker, C>(mut self, module: &str, name: &str, closure: C) -> Self
            where
                C: $crate::plugin::HostClosure<Marker>,
                C::Output: $crate::plugin::IntoAnswer,
            {
                let host = $crate::plugin::HostFunction::blocking(module, name, closure);
                self.terms.host_functions.push(host);
                self
            }

            /// As `host_function`, with a closure that returns a future. It needs no particular runtime, and none is there: what
            /// needs the timers or sockets of one is spawned on it, and its handle awaited. When the task ends early the future is
            /// dropped.
            ///
            /// ```no_run
            /// # async fn look_up(key: String) -> Option<String> { None }
            /// let pool = wpool::Pool::builder("rules.wasm")
            ///     .host_function_async("acme:rules/store", "get", |key: String| async move {
            ///         look_up(key).await
            ///     })
            ///     .build()?;
            /// # Ok::<(), wpool::Error>(())
            /// ```
            pub fn host_function_async<Marker, C>(
                mut self,
                module: &str,
                name: &str,
                closure: C,
            ) -> Self
            where
                C: $crate::plugin::HostClosure<Marker>,
                C::Output: Future<Output: $crate::plugin::IntoAnswer> + Send + 'static,
            {
                let host = $crate::plugin::HostFunction::later(module, name, closure);
                self.terms.host_functions.push(host);
                self
            }
        }
    };
}

/// Gives a builder with fields `start` and `cache` the settings of processes and of what is compiled.
macro_rules! process_settings {
    ($builder:ty) => {
        impl $builder {
            /// Refuses to run with less than full confinement, instead of with [`reduced`](crate::Level::Reduced).
            pub fn require_full(mut self, require: bool) -> Self {
                self.start.require_full = require;
                self
            }

            /// The user ids that compilers and templates get where this process is root: one each,
            /// at random, with the group id of the same number. Ids that are not mapped here are
            /// left out, and so are those of accounts and those that `/etc/subuid` and
            /// `/etc/subgid` give to users; directory services are not asked. Where none is left,
            /// the processes run as `nobody`, and [`Confinement::user`](crate::Confinement::user)
            /// says so. Default: 2,100,000,000 to 2,147,000,000.
            pub fn worker_ids(mut self, ids: std::ops::RangeInclusive<u32>) -> Self {
                self.start.worker_ids = super::runner::WorkerIds(ids);
                self
            }

            /// The directory of a cgroup (version 2), such as
            /// `/sys/fs/cgroup/system.slice/my.service`. Each template with its workers gets a
            /// group below it, and so does each compiler. The group bounds their memory and number,
            /// and shares the CPUs equally between plugins.
            ///
            /// The cgroup must be delegated to this user and have no processes. The application
            /// itself is not moved; that of an ordinary user must be in a cgroup below. A group that
            /// cannot be made is an error. Default: none.
            /// [`delegated_cgroup`](crate::delegated_cgroup) finds a cgroup.
            pub fn cgroup(mut self, directory: impl Into<std::path::PathBuf>) -> Self {
                self.start.cgroup = Some(directory.into());
                self
            }

            /// The executable that becomes the confined processes: its `main` must begin with [`crate::init`]. Default: the
            /// running program itself.
            pub fn worker_program(mut self, path: impl Into<std::path::PathBuf>) -> Self {
                self.start.program = $crate::child::WorkerProgram::Path(path.into());
                self
            }

            /// Keeps compiled artifacts, so that the same module is not compiled again. Default: none are kept.
            pub fn cache(mut self, cache: $crate::plugin::ArtifactCache) -> Self {
                self.cache = Some(cache);
                self
            }
        }
    };
}

pub(super) use plugin_settings;
pub(super) use process_settings;
