//! Signals. SIGINT of `map`: nothing more begins, and what runs may finish for a moment; a second one, SIGTERM and SIGHUP end it at
//! once. What is printed stays printed, and nothing is left behind. SIGUSR1 says what is running.

use super::complaint;
use super::job::ledger::Ledger;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::time::Duration;
use wpool::{Closer, Pool};

/// How long the command may take to end by itself once its pool was terminated. It may be waiting for input or for whoever reads
/// its output.
const GRACE: Duration = Duration::from_millis(300);

/// How long tasks may take to finish after the first SIGINT.
const MOMENT: Duration = Duration::from_secs(2);

/// Whether, and by what, the command was interrupted.
pub(super) struct Interrupt {
    shared: Arc<Shared>,
    /// Told when the command ends by itself.
    ending: mpsc::Sender<Ending>,
}

/// What the end of an interrupted command waits for.
enum Ending {
    /// It ended by itself.
    Over,
    /// It is to end at once.
    AtOnce,
}

#[derive(Default)]
struct Shared {
    signal: AtomicI32,
    pool: Mutex<Weak<Pool>>,
    /// The many tasks of a job, where there is one.
    job: Mutex<Option<Job>>,
}

/// What ends gently.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) inputs: Vec<Closer>,
    pub(super) ledger: Arc<Ledger>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Interrupt, wpool::Error> {
        // Whoever is to outlive its terminal or an interrupt, as under nohup or in the background of a script, ignores it.
        let ignored = ignored_signals();
        let ends = [SIGINT, SIGTERM, SIGHUP].into_iter();
        let ends = ends.filter(|signal| ignored >> (signal - 1) & 1 == 0);
        // Where a file may grow no more, writing to it is an error, and not the end of the process.
        let listened: Vec<i32> = ends.chain([SIGUSR1, SIGXFSZ]).collect();
        let mut signals = Signals::new(listened)?;
        let shared = Arc::new(Shared::default());
        let (ending, ended) = mpsc::channel();
        let interrupt = Interrupt {
            shared: Arc::clone(&shared),
            ending: ending.clone(),
        };
        let mut ended = Some(ended);
        std::thread::Builder::new()
            .name("wpool-signals".into())
            .spawn(move || {
                for signal in signals.forever() {
                    match signal {
                        SIGXFSZ => continue,
                        SIGUSR1 => {
                            shared.show_running();
                            continue;
                        }
                        _ => {}
                    }
                    let first = shared.signal.compare_exchange(
                        0,
                        signal,
                        Ordering::SeqCst,
                        Ordering::SeqCst,
                    );
                    let gently = signal == SIGINT && first.is_ok() && shared.halt();
                    if let Some(ended) = ended.take() {
                        let shared = Arc::clone(&shared);
                        let end = move || shared.end(&ended, gently);
                        // Without a thread for it there is nobody to wait: it ends.
                        if std::thread::Builder::new().spawn(end).is_err() {
                            std::process::exit(128 + signal);
                        }
                    } else {
                        let _ = ending.send(Ending::AtOnce);
                    }
                }
            })?;
        Ok(interrupt)
    }

    /// The pool to end.
    pub(super) fn watch(&self, pool: &Arc<Pool>) {
        *lock(&self.shared.pool) = Arc::downgrade(pool);
    }

    /// The job of that pool, which ends gently.
    pub(super) fn watch_job(&self, job: Job) {
        *lock(&self.shared.job) = Some(job);
    }

    /// The exit code of an interrupted command.
    pub(super) fn exit_code(&self) -> Option<u8> {
        match self.shared.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some((128 + signal) as u8),
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        let _ = self.ending.send(Ending::Over);
    }
}

impl Shared {
    /// Lets nothing more begin, where there is a job.
    fn halt(&self) -> bool {
        let Some(job) = lock(&self.job).clone() else {
            return false;
        };
        let Some(pool) = lock(&self.pool).upgrade() else {
            return false;
        };
        job.inputs.iter().for_each(Closer::close);
        pool.halt();
        if std::io::stderr().is_terminal() {
            complaint::line("interrupted: what runs may finish; once more kills it");
        }
        true
    }

    /// Waits for the command to end by itself, and ends it when that takes too long.
    fn end(&self, ended: &mpsc::Receiver<Ending>, gently: bool) {
        if gently && matches!(ended.recv_timeout(MOMENT), Ok(Ending::Over)) {
            return;
        }
        if let Some(pool) = lock(&self.pool).upgrade() {
            pool.terminate();
            // The last owner waits for the processes: that is the command, not this thread.
            drop(pool);
            if matches!(ended.recv_timeout(GRACE), Ok(Ending::Over)) {
                return;
            }
        }
        // Whatever is still running dies with this process.
        std::process::exit(128 + self.signal.load(Ordering::SeqCst));
    }

    /// Says what each worker is at.
    fn show_running(&self) {
        let Some(pool) = lock(&self.pool).upgrade() else {
            return complaint::line("nothing is running: the module is being read or compiled");
        };
        let stats = pool.stats();
        let (done, failed) = (stats.done, stats.failures());
        complaint::line(&format!(
            "{done} done, {failed} failed, {} waiting",
            stats.queued
        ));
        let ledger = lock(&self.job).as_ref().map(|job| Arc::clone(&job.ledger));
        for worker in stats.workers {
            let Some(task) = worker.task else { continue };
            let number = ledger
                .as_ref()
                .map_or(task.index + 1, |ledger| ledger.number(task.index));
            let function = pool.function(Some(&task.function)).ok();
            let input = function
                .map(|function| complaint::shown_values(&pool, function, &task.arguments))
                .unwrap_or_default();
            complaint::line(&format!(
                "task {number}{input}: running for {:.1} s in {} (process {})",
                task.running.as_secs_f64(),
                worker.name,
                worker.pid
            ));
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The signals that this process was started with ignored, signal 1 in the lowest bit. None, where that cannot be found out.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0)
}
