//! Batches of tasks on their way to a worker: the hot path, so written by hand and parsed without allocating.
//!
//! ```text
//! first_seq u32 │ function u32 │ count u32 │ count × { length u32 │ encoded arguments }
//! ```
//! All numbers are little endian. Sequence numbers count the tasks of one worker, and stay below `u32::MAX`.

use super::bytes::{Bytes, put_block};
use super::frame::PREFIX;
use super::host_call::ANSWER;
use super::packed::Packed;
use std::ops::Range;

/// Tasks for one worker, all of one function.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The sequence number of the first task; the others follow.
    pub first_seq: u32,
    /// Which function of the signature.
    pub function: u32,
    count: u32,
    tasks: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Reads the head of a batch.
    #[must_use]
    pub fn parse(frame: &'a [u8]) -> Option<Batch<'a>> {
        if frame.starts_with(&ANSWER) {
            return None;
        }
        let mut bytes = Bytes(frame);
        let (first_seq, function, count) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
        Some(Batch {
            first_seq,
            function,
            count,
            tasks: bytes.0,
        })
    }

    /// How many tasks there are said to be.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The sequence number and the encoded arguments of each task; ends early where the frame is malformed.
    pub fn tasks(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut bytes = Bytes(self.tasks);
        let first = self.first_seq;
        (0..self.count).map_while(move |index| Some((first.wrapping_add(index), bytes.block()?)))
    }
}

/// Builds a batch frame.
#[derive(Debug)]
pub struct BatchWriter {
    /// The frame, behind the place of its length.
    frame: Vec<u8>,
    count: u32,
    /// How many of its bytes are not in here, but sent behind it.
    behind: usize,
}

impl BatchWriter {
    const HEAD: usize = PREFIX + 12;

    /// An empty batch.
    #[must_use]
    pub fn new(first_seq: u32, function: u32) -> BatchWriter {
        let mut frame = Vec::with_capacity(256);
        frame.extend_from_slice(&[0; PREFIX]);
        frame.extend_from_slice(&first_seq.to_le_bytes());
        frame.extend_from_slice(&function.to_le_bytes());
        frame.extend_from_slice(&[0; 4]);
        BatchWriter {
            frame,
            count: 0,
            behind: 0,
        }
    }

    /// Makes room for so many more tasks, whose arguments take so many bytes.
    pub fn reserve(&mut self, tasks: usize, bytes: usize) {
        self.frame.reserve(4 * tasks + bytes);
    }

    /// Adds some tasks of those whose arguments were packed.
    pub fn push_packed(&mut self, packed: &Packed, tasks: Range<usize>) {
        self.frame.extend_from_slice(packed.some(tasks.clone()));
        self.count += tasks.len() as u32;
    }

    /// Adds a task by its encoded arguments.
    pub fn push(&mut self, arguments: &[u8]) {
        put_block(&mut self.frame, arguments);
        self.count += 1;
    }

    /// Adds the last task by the length of its encoded arguments, which whoever sends the frame sends behind it.
    pub fn push_last(&mut self, length: usize) {
        self.frame.extend_from_slice(&(length as u32).to_le_bytes());
        self.count += 1;
        self.behind = length;
    }

    /// The frame, with its length in front.
    #[must_use]
    pub fn finish_whole(mut self) -> Vec<u8> {
        let length = (self.frame.len() - PREFIX + self.behind) as u32;
        self.frame[..PREFIX].copy_from_slice(&length.to_le_bytes());
        self.frame[Self::HEAD - 4..Self::HEAD].copy_from_slice(&self.count.to_le_bytes());
        self.frame
    }

    /// The frame's payload.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.finish_whole().split_off(PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_arguments_may_be_sent_behind_the_rest() {
        let mut batch = BatchWriter::new(7, 2);
        batch.push(b"one");
        batch.push_last(4);
        let mut sent = batch.finish_whole();
        sent.extend_from_slice(b"last");
        let frame = crate::wire::read_frame(&mut &sent[..], 100).unwrap();
        let tasks = Batch::parse(&frame).unwrap().tasks();
        assert_eq!(tasks.collect::<Vec<_>>(), [(7, &b"one"[..]), (8, b"last")]);
    }

    #[test]
    fn a_batch_reads_back_as_it_was_written() {
        let mut batch = BatchWriter::new(7, 2);
        batch.push(b"one");
        batch.push(b"");
        let frame = batch.finish();
        let batch = Batch::parse(&frame).unwrap();
        assert_eq!((batch.first_seq, batch.function), (7, 2));
        assert_eq!(
            batch.tasks().collect::<Vec<_>>(),
            [(7, &b"one"[..]), (8, &b""[..])]
        );
    }
}
