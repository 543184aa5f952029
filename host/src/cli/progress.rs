//! The line that says how far a job is: on a terminal it stays at the bottom and everything else is written above it; elsewhere it is
//! a line each second, where that was asked for.

use super::complaint;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long nothing is said: what ends sooner needs no line.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the line on a terminal is renewed.
const RENEWED: Duration = Duration::from_millis(200);

/// The line that is on the terminal now.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// How far a job is.
#[derive(Debug, Default)]
pub(super) struct Counts {
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// All that there will be; 0 while nobody knows.
    total: AtomicU64,
    /// Whether that is a guess.
    guessed: AtomicBool,
}

impl Counts {
    /// Counts one more; gives back how many succeeded and how many failed.
    pub(super) fn ended(&self, succeeded: bool) -> (u64, u64) {
        let count = match succeeded {
            true => &self.succeeded,
            false => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        (self.succeeded.load(Ordering::Relaxed), self.failed())
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    pub(super) fn expect(&self, total: u64) {
        self.guessed.store(false, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    pub(super) fn guess(&self, total: u64) {
        self.guessed.store(true, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    fn line(&self, elapsed: Duration) -> String {
        let failed = self.failed.load(Ordering::Relaxed);
        let done = self.succeeded.load(Ordering::Relaxed) + failed;
        let total = self.total.load(Ordering::Relaxed);
        let mut line = HumanCount(done).to_string();
        if total > 0 {
            let about = if self.guessed.load(Ordering::Relaxed) {
                "about "
            } else {
                ""
            };
            line += &format!(" of {about}{}", HumanCount(total));
        }
        line += " done";
        if failed > 0 {
            line += &format!(", {} failed", HumanCount(failed));
        }
        let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
        line += &match rate {
            ..10.0 => format!(", {rate:.1}/s"),
            _ => format!(", {}/s", HumanCount(rate as u64)),
        };
        if done > 0 && total > done {
            let left = Duration::from_secs_f64((total - done) as f64 / rate);
            line += &format!(", {:#} left", HumanDuration(left));
        }
        line
    }
}

/// Shows the line until it is dropped.
pub(super) struct Progress {
    /// Dropped to end it.
    done: Option<mpsc::Sender<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows it where somebody sees it, unless something else was `asked` for.
    pub(super) fn show(counts: &Arc<Counts>, asked: Option<bool>) -> Progress {
        let on_terminal = stderr().is_terminal();
        let (mut done, mut writer) = (None, None);
        if asked.unwrap_or(on_terminal) {
            let (sender, waiting) = mpsc::channel();
            let counts = Arc::clone(counts);
            let write = move || match on_terminal {
                true => on_the_terminal(&counts, &waiting),
                false => each_second(&counts, &waiting),
            };
            let thread = std::thread::Builder::new().name("wpool-progress".into());
            // Without it, nothing is shown.
            writer = thread.spawn(write).ok();
            done = Some(sender);
        }
        Progress { done, writer }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn is_over(waiting: &mpsc::Receiver<()>, after: Duration) -> bool {
    waiting.recv_timeout(after) != Err(RecvTimeoutError::Timeout)
}

fn on_the_terminal(counts: &Counts, waiting: &mpsc::Receiver<()>) {
    let began = Instant::now();
    if is_over(waiting, PATIENCE) {
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
    loop {
        bar.set_message(format!("wpool: {}", counts.line(began.elapsed())));
        if is_over(waiting, RENEWED) {
            break;
        }
    }
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take();
    bar.finish_and_clear();
}

fn each_second(counts: &Counts, waiting: &mpsc::Receiver<()>) {
    let began = Instant::now();
    while !is_over(waiting, PATIENCE) {
        complaint::line(&counts.line(began.elapsed()));
    }
}

/// Writes something to the terminal, above the line if it is there.
pub(super) fn above<T>(write: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match &*shown {
        Some(bar) => bar.suspend(write),
        None => {
            drop(shown);
            write()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_done_and_what_is_left() {
        let counts = Counts::default();
        let line = |seconds| counts.line(Duration::from_secs(seconds));
        assert_eq!(line(2), "0 done, 0.0/s");
        counts.succeeded.store(1997, Ordering::Relaxed);
        assert_eq!(line(2), "1,997 done, 998/s");
        counts.guess(5000);
        counts.failed.store(3, Ordering::Relaxed);
        assert_eq!(
            line(2),
            "2,000 of about 5,000 done, 3 failed, 1,000/s, 3s left"
        );
        counts.expect(2000);
        assert_eq!(line(400), "2,000 of 2,000 done, 3 failed, 5.0/s");
    }
}
