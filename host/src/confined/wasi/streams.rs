//! Standard streams: what a task is given and what it writes, in memory; or the host's, a call of the host for each piece.

use super::super::conversation::Conversation;
use super::super::warm::Gate;
use crate::wire::{Stream, WasiTerms, stream_functions};
use bytes::Bytes;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// How much may be written or read at once, in bytes.
const PIECE: usize = 64 * 1024;

/// How long the host waits for standard input while a component waits for other things too, which are looked at in between.
const MOMENT: Duration = Duration::from_millis(10);

/// What a task wrote.
#[derive(Default)]
pub(in crate::confined) struct Written {
    pub(in crate::confined) stdout: Vec<u8>,
    pub(in crate::confined) stderr: Vec<u8>,
}

/// A task wrote more than its limit.
#[derive(Debug)]
pub(in crate::confined) struct TooMuchOutput;

impl fmt::Display for TooMuchOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it wrote too much")
    }
}

impl std::error::Error for TooMuchOutput {}

/// What a task writes, as long as both streams together are not longer than the limit.
#[derive(Clone)]
pub(super) struct Captured {
    written: Arc<Mutex<Written>>,
    limit: u64,
}

impl Captured {
    pub(super) fn new(limit: Option<u64>) -> Captured {
        Captured {
            written: Arc::default(),
            limit: limit.unwrap_or(u64::MAX),
        }
    }

    pub(super) fn take(&self) -> Written {
        std::mem::take(&mut self.lock())
    }

    pub(super) fn stream(&self, stream: Stream) -> CapturedStream {
        CapturedStream {
            captured: self.clone(),
            stream,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
pub(super) struct CapturedStream {
    captured: Captured,
    stream: Stream,
}

impl OutputStream for CapturedStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut written = self.captured.lock();
        let length = written.stdout.len() + written.stderr.len() + bytes.len();
        if length as u64 > self.captured.limit {
            return Err(StreamError::Trap(TooMuchOutput.into()));
        }
        let buffer = match self.stream {
            Stream::Stderr => &mut written.stderr,
            _ => &mut written.stdout,
        };
        buffer.extend_from_slice(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PIECE)
    }
}

/// A standard input that is all there.
#[derive(Clone)]
pub(super) struct Given(Arc<Mutex<Bytes>>);

impl Given {
    pub(super) fn new(bytes: Bytes) -> Given {
        Given(Arc::new(Mutex::new(bytes)))
    }
}

impl InputStream for Given {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rest.is_empty() {
            return Err(StreamError::Closed);
        }
        let length = size.min(rest.len());
        Ok(rest.split_to(length))
    }
}

/// The standard input of a warm program.
#[derive(Clone)]
pub(super) struct Gated(pub(super) Gate);

impl InputStream for Gated {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match size {
            0 => Ok(Bytes::new()),
            size => self.0.read(size),
        }
    }
}

/// The host's standard input, as something that is waited for.
#[derive(Clone)]
pub(super) struct HostInput {
    conversation: Conversation,
    /// The number of the host function that waits.
    function: u32,
}

impl HostInput {
    /// `None` where it never makes a program wait: it is not the host's, or every run is to be the same.
    pub(super) fn new(conversation: &Conversation, terms: &WasiTerms) -> Option<HostInput> {
        let first = terms.streams.filter(|_| !terms.deterministic)?;
        Some(HostInput {
            conversation: conversation.clone(),
            function: first + stream_functions().len() as u32 - 1,
        })
    }

    /// Waits until it can be read, at most that long; whether it can.
    pub(super) fn wait(&self, time: Duration) -> wasmtime::Result<bool> {
        self.conversation.wait_for_stream(self.function, time)
    }
}

/// A stream of the host's. Reading and writing wait for it, and the task with them.
#[derive(Clone)]
pub(super) struct Relayed {
    conversation: Conversation,
    /// The number of the host function that moves its bytes.
    function: u32,
    /// By which it is waited for, if that can last.
    input: Option<HostInput>,
    is_terminal: bool,
}

impl Relayed {
    pub(super) fn new(
        conversation: &Conversation,
        first: u32,
        terms: &WasiTerms,
        stream: Stream,
    ) -> Relayed {
        let input = HostInput::new(conversation, terms);
        Relayed {
            conversation: conversation.clone(),
            function: first + stream as u32,
            input: input.filter(|_| stream == Stream::Stdin),
            is_terminal: terms.terminals[stream as usize],
        }
    }
}

#[wasmtime_wasi::async_trait]
impl InputStream for Relayed {
    // Waits in one call of the host instead of many.
    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.read(size)
    }

    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let most = size.min(PIECE);
        let read = self.conversation.read_stream(self.function, most as u32);
        match read.map_err(StreamError::Trap)? {
            bytes if bytes.is_empty() => Err(StreamError::Closed),
            bytes => Ok(bytes.into()),
        }
    }
}

impl OutputStream for Relayed {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let written = self.conversation.write_stream(self.function, &bytes);
        match written.map_err(StreamError::Trap)? {
            true => Ok(()),
            // What wrote to a pipe that nobody reads is told so.
            false => Err(StreamError::LastOperationFailed(
                std::io::Error::from(std::io::ErrorKind::BrokenPipe).into(),
            )),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PIECE)
    }
}

macro_rules! always_ready {
    ($($stream:ty)*) => {$(
        #[wasmtime_wasi::async_trait]
        impl wasmtime_wasi::p2::Pollable for $stream {
            async fn ready(&mut self) {}
        }
    )*};
}

pub(super) use always_ready;

always_ready!(CapturedStream Gated Given);

#[wasmtime_wasi::async_trait]
impl Pollable for Relayed {
    async fn ready(&mut self) {
        // At first it is only looked at: many ask whether it is ready and go on. A failure is met again by whoever reads.
        let mut time = Duration::ZERO;
        while let Some(input) = &self.input
            && let Ok(false) = input.wait(time)
        {
            tokio::task::yield_now().await;
            time = MOMENT;
        }
    }
}

macro_rules! standard_input {
    ($($stream:ty, $is_terminal:expr;)*) => {$(
        impl IsTerminal for $stream {
            fn is_terminal(&self) -> bool {
                let is_terminal: fn(&$stream) -> bool = $is_terminal;
                is_terminal(self)
            }
        }

        impl StdinStream for $stream {
            fn p2_stream(&self) -> Box<dyn InputStream> {
                Box::new(self.clone())
            }

            // Only asked for by a later WASI, which is not linked.
            fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
                Box::new(tokio::io::empty())
            }
        }
    )*};
}

macro_rules! standard_output {
    ($($stream:ty;)*) => {$(
        impl StdoutStream for $stream {
            fn p2_stream(&self) -> Box<dyn OutputStream> {
                Box::new(self.clone())
            }

            // As for standard input.
            fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
                Box::new(tokio::io::empty())
            }
        }
    )*};
}

standard_input!(Gated, |_| false; Given, |_| false; Relayed, |relayed| relayed.is_terminal;);
standard_output!(CapturedStream; Relayed;);

impl IsTerminal for CapturedStream {
    fn is_terminal(&self) -> bool {
        false
    }
}
