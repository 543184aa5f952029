//! The thread that callbacks run on, so that they may take their time, and use the pool, without holding up the driver.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};

/// A callback that is due, and does not panic.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Starts its thread with the first callback; it ends when nobody can ask for one any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Callbacks(Arc<OnceLock<Sender<Job>>>);

impl Callbacks {
    /// Runs `job` on the thread, after those that came before it; or here, where no thread can be had.
    pub(super) fn run(&self, job: Job) {
        let jobs = self.0.get_or_init(|| {
            let (jobs, due) = channel::<Job>();
            let serve = move || {
                for job in due {
                    job();
                }
            };
            // Without a thread the channel is closed at once.
            let _ = std::thread::Builder::new()
                .name("wpool-callbacks".into())
                .spawn(serve);
            jobs
        });
        if let Err(refused) = jobs.send(job) {
            refused.0();
        }
    }
}
