//! SIGINT and SIGTERM: the pool ends, what is printed stays printed, and nothing is left behind.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::Duration;
use wpool::Pool;

/// How long the command may take to end by itself once it was interrupted. It may be waiting for input or for whoever reads
/// its output.
const GRACE: Duration = Duration::from_millis(300);

/// Whether, and by what, the command was interrupted.
pub(super) struct Interrupt {
    shared: Arc<Shared>,
    /// Dropped when the command ends by itself.
    _running: mpsc::Sender<()>,
}

#[derive(Default)]
struct Shared {
    signal: AtomicI32,
    pool: Mutex<Weak<Pool>>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Interrupt, wpool::Error> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let shared = Arc::new(Shared::default());
        let (running, ended) = mpsc::channel::<()>();
        let listener = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("wpool-signals".into())
            .spawn(move || {
                let Some(signal) = signals.forever().next() else {
                    return;
                };
                listener.signal.store(signal, Ordering::SeqCst);
                let pool = listener
                    .pool
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .upgrade();
                if let Some(pool) = pool {
                    pool.terminate();
                    // The last owner waits for the processes: that is the command, not this thread.
                    drop(pool);
                    let _ = ended.recv_timeout(GRACE);
                }
                // Whatever is still running dies with this process.
                std::process::exit(128 + signal);
            })?;
        Ok(Interrupt {
            shared,
            _running: running,
        })
    }

    /// The pool to end.
    pub(super) fn watch(&self, pool: &Arc<Pool>) {
        *self
            .shared
            .pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(pool);
    }

    /// The exit code of an interrupted command.
    pub(super) fn exit_code(&self) -> Option<u8> {
        match self.shared.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some((128 + signal) as u8),
        }
    }
}
