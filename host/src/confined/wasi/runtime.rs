//! Waiting inside a call: a guest that sleeps, without a thread or a system call that its filter forbids.

use std::cell::OnceCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;
use tokio::time::{Sleep, sleep_until};

/// Runs calls that may wait for a clock. Made where it is first needed, which is after the fork.
#[derive(Default)]
pub(in crate::confined) struct Runtime(OnceCell<tokio::runtime::Runtime>);

impl Runtime {
    /// Runs a call to its end, at most until `deadline` where the guest sleeps; where it computes, the engine interrupts it. Calls
    /// `idle` whenever there is nothing to do but to wait. The deadline is asked for each time, since it may have become another.
    pub(in crate::confined) fn run<T>(
        &self,
        deadline: impl Fn() -> Option<Instant>,
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
            let mut alarm: Option<(Instant, Pin<Box<Sleep>>)> = None;
            poll_fn(|context| {
                if let Poll::Ready(result) = call.as_mut().poll(context) {
                    return Poll::Ready(result);
                }
                if let Err(error) = idle() {
                    return Poll::Ready(Err(error));
                }
                let set_for = alarm.as_ref().map(|(instant, _)| *instant);
                let due = deadline();
                if set_for != due {
                    alarm = due.map(|due| (due, Box::pin(sleep_until(due.into()))));
                }
                let rings = |(_, alarm): &mut (Instant, Pin<Box<Sleep>>)| {
                    alarm.as_mut().poll(context).is_ready()
                };
                match alarm.as_mut().is_some_and(rings) {
                    true => Poll::Ready(Err(Expired.into())),
                    false => Poll::Pending,
                }
            })
            .await
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
