//! Waiting inside a call: a guest that sleeps, without a thread or a system call that its filter forbids.

use std::cell::OnceCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

/// Runs calls that may wait for a clock. Made where it is first needed, which is after the fork.
#[derive(Default)]
pub(in crate::confined) struct Runtime(OnceCell<tokio::runtime::Runtime>);

impl Runtime {
    /// Runs a call to its end, at most until `deadline` where the guest sleeps; where it computes, the engine interrupts it. Calls
    /// `idle` whenever there is nothing to do but to wait.
    pub(in crate::confined) fn run<T>(
        &self,
        deadline: Option<Instant>,
        mut idle: impl FnMut() -> wasmtime::Result<()>,
        call: impl Future<Output = wasmtime::Result<T>>,
    ) -> wasmtime::Result<T> {
        let runtime = match self.0.get() {
            Some(runtime) => runtime,
            None => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()?;
                self.0.get_or_init(|| runtime)
            }
        };
        runtime.block_on(async {
            let mut call = pin!(call);
            let call = poll_fn(|context| {
                let polled = call.as_mut().poll(context);
                match polled {
                    Poll::Pending => {
                        idle().map_or_else(|error| Poll::Ready(Err(error)), |()| Poll::Pending)
                    }
                    ready => ready,
                }
            });
            match deadline {
                None => call.await,
                Some(deadline) => tokio::time::timeout_at(deadline.into(), call)
                    .await
                    .map_err(|_| wasmtime::Error::from(Expired))?,
            }
        })
    }
}

/// The time of a task was over while it slept.
#[derive(Debug)]
pub(in crate::confined) struct Expired;

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its time was over")
    }
}

impl std::error::Error for Expired {}
