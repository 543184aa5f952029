//! A plugin that is loaded, as an application calls it.

use super::callbacks::Callbacks;
use super::callee::Callee;
use super::gate::{OpenCalls, Refused};
use super::inbox::Inbox;
use super::inputs::{self, Inputs};
use super::outcome::Failure;
use super::outcomes::Outcomes;
use super::scheduler::PluginId;
use super::stats::Stats;
use super::stream::{Order, Watch};
use crate::error::{Error, ErrorKind};
use crate::plugin::Plugin;
use crate::value::{Function, Signature, Value};
use std::sync::Arc;

/// A loaded plugin: its functions can be called, once or for many inputs, waiting or in the background. [`Pool`](crate::Pool) is one
/// of these with processes of its own; [`Plugins`](crate::Plugins) hands them out.
///
/// It is cheap to clone, and every clone may be used on any thread. Once it is unloaded or its pool was closed, calls are refused; once
/// its pool is gone, they end as cancelled.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let handle = (*pool).clone(); // for another thread, or a host function
/// let thread = std::thread::spawn(move || handle.apply::<i64>("square", (7,)));
/// assert_eq!(thread.join().unwrap()?, 49);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PluginHandle {
    pub(super) inbox: Arc<Inbox>,
    pub(super) id: PluginId,
    pub(super) plugin: Arc<Plugin>,
    pub(super) callbacks: Callbacks,
}

impl PluginHandle {
    /// The functions that the module exports.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.plugin.signature
    }

    /// The function that `name` means; without a name the only one, else the one named like the file, else `run`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Function`] names the functions that there are.
    pub fn function(&self, name: Option<&str>) -> Result<&Function, Error> {
        let signature = &self.plugin.signature;
        let chosen = signature.choose(name, self.plugin.origin.name.as_deref());
        chosen.map_err(|error| Error::new(ErrorKind::Function, error.to_string()))
    }

    /// The function that runs the module, if it is a program of WASI: a function of a list of arguments and of standard input, both
    /// bytes, which returns what it writes to standard output.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/echo.wasm").build()?;
    /// assert_eq!(pool.program().unwrap().name, "run");
    /// let said: String = pool.apply("run", (["hello", "world"], ""))?;
    /// assert_eq!(said, "hello world\n");
    /// # Ok::<(), wpool::Error>(())
    /// ```
    #[must_use]
    pub fn program(&self) -> Option<&Function> {
        self.plugin.program()
    }

    /// A pair of ends: inputs for `function` go in at one, outcomes come out at the other, from any two threads. At most
    /// 65,536 tasks or about 32 MiB are under way between them; then sending waits.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// # let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// let (mut inputs, outcomes) = pool.stream("square", wpool::Order::Completion)?;
    /// inputs.send(&[wpool::Value::S64(7)])?;
    /// drop(inputs); // no more will come
    /// for (number, outcome) in outcomes {
    ///     println!("input {number}: {:?}", outcome.result);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Function`] where there is no such function, [`ErrorKind::Terminated`] where the pool was closed.
    pub fn stream(&self, function: &str, order: Order) -> Result<(Inputs, Outcomes), Error> {
        let callee = self.callee(function)?;
        Ok(inputs::both_ends(
            Arc::clone(&self.inbox),
            callee,
            order,
            None,
        ))
    }

    /// As [`PluginHandle::stream`]; `watch` sees each result as soon as it is there, with the number of its input, also while it has to
    /// wait for its turn. It is called by the thread that runs the pool, which it must not keep waiting,
    /// or by whoever sends what cannot be run. Once something of the pool has panicked it may miss some.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// # let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// let (mut inputs, outcomes) = pool.stream_watched("square", wpool::Order::Input, |number, _| {
    ///     println!("input {number} is done");
    /// })?;
    /// inputs.send(&[wpool::Value::S64(7)])?;
    /// drop(inputs);
    /// assert_eq!(outcomes.count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`PluginHandle::stream`].
    pub fn stream_watched(
        &self,
        function: &str,
        order: Order,
        watch: impl Fn(u64, &Result<Option<Value>, Failure>) + Send + Sync + 'static,
    ) -> Result<(Inputs, Outcomes), Error> {
        let callee = self.callee(function)?;
        let watch = Some(Watch(Box::new(watch)));
        Ok(inputs::both_ends(
            Arc::clone(&self.inbox),
            callee,
            order,
            watch,
        ))
    }

    /// Where its tasks are now, and what became of those before.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// # let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// let stats = pool.stats();
    /// println!("{} wait, {} run, {} are done", stats.queued, stats.running, stats.done);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inbox.stats(self.id)
    }

    /// Lets no task begin any more: those that workers are at finish, and the others, and those that still come, are
    /// [cancelled](crate::FailureKind::Cancelled).
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// pool.halt();
    /// let outcomes = pool.map_outcomes("square", [1_i64])?;
    /// let failure = outcomes[0].result.as_ref().unwrap_err();
    /// assert_eq!(failure.kind(), wpool::FailureKind::Cancelled);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    pub fn halt(&self) {
        self.inbox.post(|mail| mail.halted.push(self.id));
    }

    /// The BLAKE3 hash of the module's bytes, in hexadecimal: what tells one version of it from another.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// assert_eq!(pool.module_hash().len(), 64);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    #[must_use]
    pub fn module_hash(&self) -> &str {
        &self.plugin.origin.hash
    }

    pub(super) fn callee(&self, function: &str) -> Result<Callee, Error> {
        let function = self.function(Some(function))?;
        let open = OpenCalls::begin(&self.inbox, self.id).map_err(|refused| {
            let message = match refused {
                Refused::Closed => "the pool was closed: it takes no more calls",
                Refused::Unloaded => "the plugin was unloaded: it takes no more calls",
            };
            Error::new(ErrorKind::Terminated, message)
        })?;
        Ok(Callee::new(self.id, &self.plugin, function, open))
    }
}
