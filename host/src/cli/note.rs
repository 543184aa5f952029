//! A note on the terminal while a module takes long to compile.

use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;
use wpool::printable;

/// How long nothing is said.
const PATIENCE: Duration = Duration::from_secs(1);

/// The note, which goes away when it is dropped.
pub(super) struct Note {
    /// Dropped to end it.
    done: Option<mpsc::Sender<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Note {
    /// Says after a second that the module is being compiled, where somebody sees it.
    pub(super) fn after_a_second(module: &Path) -> Note {
        if !stderr().is_terminal() {
            return Note {
                done: None,
                writer: None,
            };
        }
        let text = format!(
            "wpool: compiling {} …",
            printable(&module.to_string_lossy())
        );
        let (done, waiting) = mpsc::channel();
        let write = move || {
            if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // What cannot be written is not missed.
                let _ = write!(stderr(), "{text}");
                let _ = waiting.recv();
                let _ = write!(stderr(), "\r\x1b[K");
            }
        };
        let writer = std::thread::Builder::new()
            .name("wpool-note".into())
            .spawn(write)
            .ok();
        Note {
            done: Some(done),
            writer,
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
