//! Arguments of many tasks in one piece, as they are in a batch.

use std::ops::Range;

/// Encoded arguments, one behind the other, each with its length in front.
#[derive(Debug, Default)]
pub struct Packed {
    bytes: Vec<u8>,
    /// Where those of each task end.
    ends: Vec<u32>,
}

impl Packed {
    /// None, with room for as many as another has.
    #[must_use]
    pub fn with_room_for(other: &Packed) -> Packed {
        Packed {
            bytes: Vec::with_capacity(other.bytes.len()),
            ends: Vec::with_capacity(other.ends.len()),
        }
    }

    /// How many tasks they are of.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they take.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds those of one more task, of which `write` appends `length` bytes. All together are shorter than 4 GiB.
    #[inline]
    pub fn push(&mut self, length: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.extend_from_slice(&(length as u32).to_le_bytes());
        let before = self.bytes.len();
        write(&mut self.bytes);
        debug_assert_eq!(self.bytes.len() - before, length);
        self.ends.push(self.bytes.len() as u32);
    }

    /// Those of one task; of one that is not there, none.
    #[must_use]
    pub fn get(&self, task: usize) -> &[u8] {
        self.some(task..task + 1).get(4..).unwrap_or_default()
    }

    /// Those of some tasks, lengths included.
    pub(super) fn some(&self, tasks: Range<usize>) -> &[u8] {
        let start = |task: usize| match task.checked_sub(1) {
            None => Some(0),
            Some(before) => self.ends.get(before).map(|end| *end as usize),
        };
        let range = start(tasks.start).zip(start(tasks.end));
        let some = range.and_then(|(from, to)| self.bytes.get(from..to));
        some.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Batch, BatchWriter};

    fn packed() -> Packed {
        let mut packed = Packed::default();
        [&b"one"[..], b"", b"three"]
            .into_iter()
            .for_each(|it| packed.push(it.len(), |bytes| bytes.extend_from_slice(it)));
        packed
    }

    #[test]
    fn each_task_finds_its_arguments() {
        let packed = packed();
        let each: Vec<&[u8]> = (0..packed.count()).map(|task| packed.get(task)).collect();
        assert_eq!(each, [&b"one"[..], b"", b"three"]);
        assert_eq!(packed.get(3), b"");
        assert_eq!(packed.len(), 3 * 4 + 8);
    }

    #[test]
    fn a_part_of_them_reads_back_from_a_batch() {
        let packed = packed();
        for (from, to) in [(0, 3), (0, 1), (1, 3), (2, 3), (1, 1)] {
            let mut batch = BatchWriter::new(7, 2);
            batch.push_packed(&packed, from..to);
            let frame = batch.finish();
            let batch = Batch::parse(&frame).unwrap();
            let read: Vec<&[u8]> = batch.tasks().map(|(_, arguments)| arguments).collect();
            let each: Vec<&[u8]> = (from..to).map(|task| packed.get(task)).collect();
            assert_eq!(read, each);
        }
    }
}
