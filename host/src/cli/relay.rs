//! Standard streams of running programs, passed on: as they are where there is one, by whole lines where there are several.

use super::terminal::harmless;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wpool::{HostCall, Stdio, Stream};

/// How long a line may be before it is written though it has not ended, in bytes.
const LONGEST_LINE: usize = 1 << 20;

/// Longer than anybody waits.
const LONG: Timespec = Timespec {
    tv_sec: i64::MAX,
    tv_nsec: 0,
};

/// What is done with what programs write.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Whole lines, and no standard input: several programs write.
    pub(super) by_lines: bool,
    /// Each line begins with the number of its program.
    pub(super) tagged: bool,
}

/// The standard streams of this process, for programs.
#[derive(Clone)]
pub(super) struct Relay {
    manner: Manner,
    begun: Arc<Mutex<Begun>>,
}

/// What a task has written to a stream, standard error or not, and not ended with a line break.
type Begun = BTreeMap<(u64, bool), Vec<u8>>;

impl Relay {
    pub(super) fn new(manner: Manner) -> Relay {
        Relay {
            manner,
            begun: Arc::default(),
        }
    }

    /// Writes what a program ended without ending its line.
    pub(super) fn finish(&self, task: u64) -> io::Result<()> {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = self.begun().remove(&(task, stream == Stream::Stderr));
            if let Some(mut rest) = rest.filter(|rest| !rest.is_empty()) {
                rest.push(b'\n');
                self.put_lines(task, stream, &rest)?;
            }
        }
        Ok(())
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to what a program has begun, and writes the lines that are whole.
    fn write_by_lines(&self, task: u64, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let mut begun = self.begun();
        let line = begun.entry((task, stream == Stream::Stderr)).or_default();
        line.extend_from_slice(bytes);
        let whole = match line.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => line.drain(..=at).collect::<Vec<u8>>(),
            None if line.len() > LONGEST_LINE => std::mem::take(line),
            None => return Ok(()),
        };
        drop(begun);
        self.put_lines(task, stream, &whole)
    }

    fn put_lines(&self, task: u64, stream: Stream, lines: &[u8]) -> io::Result<()> {
        if !self.manner.tagged {
            return put(stream, lines);
        }
        let mut tagged = Vec::with_capacity(lines.len() + 64);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            tagged.extend_from_slice(format!("{task}\t").as_bytes());
            tagged.extend_from_slice(line);
        }
        put(stream, &tagged)
    }
}

impl Stdio for Relay {
    fn read(&self, _: &HostCall, most: usize) -> io::Result<Vec<u8>> {
        if self.manner.by_lines {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; most];
        // Not by a buffer, whose bytes nobody would wait for in vain.
        let read =
            rustix::io::retry_on_intr(|| rustix::io::read(rustix::stdio::stdin(), &mut bytes))?;
        bytes.truncate(read);
        Ok(bytes)
    }

    fn wait(&self, _: &HostCall, time: Duration) -> io::Result<bool> {
        if self.manner.by_lines {
            return Ok(true);
        }
        let begun = Instant::now();
        loop {
            let left = time.saturating_sub(begun.elapsed());
            let left = Timespec::try_from(left).unwrap_or(LONG);
            let stdin = rustix::stdio::stdin();
            let mut awaited = [PollFd::new(&stdin, PollFlags::IN)];
            match rustix::event::poll(&mut awaited, Some(&left)) {
                Err(Errno::INTR) => {}
                ready => return Ok(ready? > 0),
            }
        }
    }

    fn write(&self, call: &HostCall, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        if self.manner.by_lines || self.manner.tagged {
            return self.write_by_lines(call.task(), stream, bytes);
        }
        put(stream, bytes)
    }

    fn is_terminal(&self, stream: Stream) -> bool {
        !self.manner.by_lines
            && !self.manner.tagged
            && match stream {
                Stream::Stdin => io::stdin().is_terminal(),
                Stream::Stdout => io::stdout().is_terminal(),
                Stream::Stderr => io::stderr().is_terminal(),
            }
    }
}

/// Writes all of it at once, escaped for a terminal.
fn put(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    if stream == Stream::Stderr {
        let mut stderr = io::stderr().lock();
        return match stderr.is_terminal() {
            true => stderr.write_all(&harmless(bytes)),
            false => stderr.write_all(bytes),
        };
    }
    let mut stdout = io::stdout().lock();
    match stdout.is_terminal() {
        true => stdout.write_all(&harmless(bytes))?,
        false => stdout.write_all(bytes)?,
    }
    stdout.flush()
}
