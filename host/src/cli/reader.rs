//! Whoever reads the output: once nobody does, as when it was piped to `head`, the job ends, whatever it is at.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use wpool::{Closer, Pool};

/// Whether nobody reads any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader {
    is_gone: Arc<AtomicBool>,
}

impl Reader {
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    /// Ends the job once nobody reads its output, where that is a pipe or a socket.
    pub(super) fn watch(&self, inputs: Vec<Closer>, pool: &Arc<Pool>) -> io::Result<()> {
        let found = rustix::fs::fstat(io::stdout())?;
        let file_type = FileType::from_raw_mode(found.st_mode);
        if !matches!(file_type, FileType::Fifo | FileType::Socket) {
            return Ok(());
        }
        let (is_gone, pool) = (Arc::clone(&self.is_gone), Arc::downgrade(pool));
        std::thread::Builder::new()
            .name("wpool-reader".into())
            .spawn(move || {
                if wait_until_gone().is_ok() {
                    is_gone.store(true, Ordering::SeqCst);
                    end(&inputs, &pool);
                }
            })?;
        Ok(())
    }
}

fn wait_until_gone() -> Result<(), Errno> {
    let output = io::stdout();
    loop {
        // Errors and hang-ups are told without being asked for.
        let mut output = [PollFd::new(&output, PollFlags::empty())];
        match poll(&mut output, None) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
            Ok(_) => {
                let events = output[0].revents();
                if events.intersects(PollFlags::ERR | PollFlags::HUP) {
                    return Ok(());
                }
                if events.contains(PollFlags::NVAL) {
                    return Err(Errno::BADF);
                }
            }
        }
    }
}

fn end(inputs: &[Closer], pool: &Weak<Pool>) {
    inputs.iter().for_each(Closer::close);
    if let Some(pool) = pool.upgrade() {
        pool.terminate();
    }
}
