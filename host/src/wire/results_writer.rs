//! A worker's results on their way into a frame.

use super::bytes::put_block;
use super::failure::TaskFailure;
use super::frame::PREFIX;
use super::results::{Cost, FUELED, PRINTED, Printed, RESULTS, TIMED};

/// Appends an encoded value to a frame.
pub(super) type WriteValue<'a> = &'a mut dyn FnMut(&mut Vec<u8>);

/// Builds the result frames of a worker.
#[derive(Debug)]
pub struct ResultsWriter {
    /// The frame, behind the place of its length.
    frame: Vec<u8>,
    /// How many of its bytes are not in here, but sent behind it.
    behind: usize,
    count: u32,
    first_seq: u32,
}

impl ResultsWriter {
    const HEAD: usize = PREFIX + 10;

    /// No results yet, the next of which is that of task `first_seq`.
    #[must_use]
    pub fn new(first_seq: u32) -> ResultsWriter {
        let mut frame = Vec::with_capacity(512);
        frame.resize(Self::HEAD, 0);
        ResultsWriter {
            frame,
            behind: 0,
            count: 0,
            first_seq,
        }
    }

    /// How many results wait to be sent.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many bytes wait to be sent.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.frame.len() - PREFIX
    }

    /// Adds a result of a task that wrote nothing.
    #[cfg(any(test, feature = "testing"))]
    pub fn push(&mut self, cost: Cost, outcome: Result<WriteValue<'_>, &TaskFailure>) {
        self.push_printed(cost, outcome, Printed::default());
    }

    /// Adds the last result of a frame, of a task that wrote nothing: what is `begun` of the value, of which whoever sends the frame
    /// sends as many bytes more behind it.
    pub fn push_last(&mut self, cost: Cost, begun: &[u8], behind: usize) {
        let write: WriteValue<'_> = &mut |out| out.extend_from_slice(begun);
        self.push_printed(cost, Ok(write), Printed::default());
        let at = self.frame.len() - begun.len() - 4;
        let length = (begun.len() + behind) as u32;
        self.frame[at..at + 4].copy_from_slice(&length.to_le_bytes());
        self.behind = behind;
    }

    /// Adds a result, and what the task wrote; the value is appended to the frame by a closure.
    #[inline]
    pub fn push_printed<W: FnOnce(&mut Vec<u8>)>(
        &mut self,
        cost: Cost,
        outcome: Result<W, &TaskFailure>,
        printed: Printed<'_>,
    ) {
        let kind = match &outcome {
            Ok(_) => 0,
            Err(failure) => failure.kind as u8,
        };
        let flag = |flag: u8, is_set: bool| if is_set { flag } else { 0 };
        let printed_flag = flag(PRINTED, !printed.is_empty());
        let cost_flags = flag(TIMED, cost.cpu_ns > 0) | flag(FUELED, cost.fuel > 0);
        let mut head = [0; 1 + 8 + 8];
        head[0] = kind | printed_flag | cost_flags;
        head[1..9].copy_from_slice(&cost.wall_ns.to_le_bytes());
        head[9..].copy_from_slice(&cost.memory_bytes.to_le_bytes());
        self.frame.extend_from_slice(&head);
        for measured in [cost.cpu_ns, cost.fuel] {
            if measured > 0 {
                self.frame.extend_from_slice(&measured.to_le_bytes());
            }
        }
        match outcome {
            Ok(write) => {
                let at = self.frame.len();
                self.frame.extend_from_slice(&[0; 4]);
                write(&mut self.frame);
                let length = (self.frame.len() - at - 4) as u32;
                self.frame[at..at + 4].copy_from_slice(&length.to_le_bytes());
            }
            Err(failure) => put_block(&mut self.frame, failure.message.as_bytes()),
        }
        if !printed.is_empty() {
            put_block(&mut self.frame, printed.stdout);
            put_block(&mut self.frame, printed.stderr);
        }
        self.count += 1;
    }

    /// A frame with all results so far, and its length in front, as it is sent; `batch_done` ends the batch.
    #[inline]
    pub fn take_whole(&mut self, batch_done: bool) -> &[u8] {
        let length = (self.frame.len() - PREFIX + self.behind) as u32;
        let (prefix, payload) = self.frame.split_at_mut(PREFIX);
        prefix.copy_from_slice(&length.to_le_bytes());
        payload[0] = RESULTS;
        payload[1..5].copy_from_slice(&self.first_seq.to_le_bytes());
        payload[5] = u8::from(batch_done);
        payload[6..10].copy_from_slice(&self.count.to_le_bytes());
        &self.frame
    }

    /// The payload of that frame.
    #[cfg(any(test, feature = "testing"))]
    pub fn take(&mut self, batch_done: bool) -> &[u8] {
        &self.take_whole(batch_done)[PREFIX..]
    }

    /// Starts the next frame after [`ResultsWriter::take_whole`], at task `first_seq`.
    pub fn restart(&mut self, first_seq: u32) {
        self.frame.truncate(Self::HEAD);
        self.frame.shrink_to(1024 * 1024);
        self.behind = 0;
        self.count = 0;
        self.first_seq = first_seq;
    }

    /// The sequence number after the last result.
    #[must_use]
    pub fn next_seq(&self) -> u32 {
        self.first_seq.wrapping_add(self.count)
    }
}
