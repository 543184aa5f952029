//! Results of small tasks: numbers, of each of which only what every result has is reported. They stay as they came until somebody
//! takes them.

use super::bytes::Bytes;
use crate::value::{Fixed, Number};

/// Before the value: that it is one, the time, the memory, its length.
const HEAD: usize = 21;

/// Such results, one behind the other.
#[derive(Debug)]
pub struct PlainResults {
    ty: Fixed,
    bytes: Vec<u8>,
    /// Where the next one begins.
    at: usize,
    left: usize,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The number.
    pub value: Number,
    /// Wall time in nanoseconds.
    pub wall_ns: u64,
    /// The largest sum of memories and tables, in bytes.
    pub memory_bytes: u64,
}

impl PlainResults {
    /// The results in a frame, if there are exactly `count`, all of them plain, and numbers of that type.
    #[must_use]
    pub fn read(bytes: &[u8], count: u32, ty: Fixed) -> Option<PlainResults> {
        let size = HEAD + ty.width();
        if bytes.len() != size.checked_mul(count as usize)? {
            return None;
        }
        let length = (ty.width() as u32).to_le_bytes();
        let is_plain = |result: &[u8]| result[0] == 0 && result[HEAD - 4..HEAD] == length;
        let are_plain = bytes.chunks_exact(size).all(is_plain);
        are_plain.then(|| PlainResults {
            ty,
            bytes: bytes.to_vec(),
            at: 0,
            left: count as usize,
        })
    }

    /// The first `count` that are left, which then are not here any more.
    #[must_use]
    pub fn take_front(&mut self, count: usize) -> PlainResults {
        let (from, count) = (self.at, count.min(self.left));
        self.at += count * self.size();
        self.left -= count;
        let bytes = match from == 0 && self.left == 0 {
            true => std::mem::take(&mut self.bytes),
            false => self.bytes[from..self.at].to_vec(),
        };
        PlainResults {
            ty: self.ty,
            bytes,
            at: 0,
            left: count,
        }
    }

    /// The result that comes after so many, without taking it.
    #[must_use]
    pub fn get(&self, after: usize) -> Option<Plain> {
        let at = after.checked_mul(self.size())?.checked_add(self.at)?;
        self.read_at(at)
    }

    /// Whether none is left.
    #[inline]
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.left == 0
    }

    fn size(&self) -> usize {
        HEAD + self.ty.width()
    }

    #[inline]
    fn read_at(&self, at: usize) -> Option<Plain> {
        let mut bytes = Bytes(self.bytes.get(at..)?);
        bytes.u8()?;
        let (wall_ns, memory_bytes) = (bytes.u64()?, bytes.u64()?);
        Some(Plain {
            value: Number::read(self.ty, bytes.block()?)?,
            wall_ns,
            memory_bytes,
        })
    }
}

impl Iterator for PlainResults {
    type Item = Plain;

    #[inline]
    fn next(&mut self) -> Option<Plain> {
        let plain = self.read_at(self.at)?;
        self.at += self.size();
        self.left -= 1;
        Some(plain)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for PlainResults {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Value, encode};
    use crate::wire::{Cost, Printed, ResultsWriter, TaskFailure, TaskFailureKind, WorkerFrame};

    const COST: Cost = Cost {
        wall_ns: 1,
        cpu_ns: 0,
        fuel: 0,
        memory_bytes: 4,
    };

    /// The results in a frame.
    fn written(write: impl FnOnce(&mut ResultsWriter)) -> (Vec<u8>, u32) {
        let mut writer = ResultsWriter::new(0);
        write(&mut writer);
        let frame = writer.take(true);
        let Some(WorkerFrame::Results { bytes, count, .. }) = WorkerFrame::parse(frame) else {
            panic!("not the results");
        };
        (bytes.to_vec(), count)
    }

    fn push(writer: &mut ResultsWriter, cost: Cost, value: &Value) {
        writer.push(cost, Ok(&mut |out: &mut Vec<u8>| encode(value, out)));
    }

    fn numbers(count: i64) -> PlainResults {
        let (bytes, count) = written(|writer| {
            (0..count).for_each(|number| push(writer, COST, &Value::S64(number)));
        });
        PlainResults::read(&bytes, count, Fixed::S64).unwrap()
    }

    fn values(results: PlainResults) -> Vec<Value> {
        results.map(|plain| plain.value.value()).collect()
    }

    #[test]
    fn numbers_read_back_as_they_were_written() {
        let mut read = numbers(3);
        let first = Plain {
            value: Number::read(Fixed::S64, &[0; 8]).unwrap(),
            wall_ns: 1,
            memory_bytes: 4,
        };
        assert_eq!((read.get(0), read.len()), (Some(first), 3));
        assert!(!read.is_done());
        read.next();
        assert_eq!(
            read.get(1).map(|plain| plain.value.value()),
            Some(Value::S64(2))
        );
        assert_eq!((read.get(2), read.get(usize::MAX)), (None, None));
        assert_eq!(values(read), [Value::S64(1), Value::S64(2)]);
    }

    #[test]
    fn they_are_taken_apart_without_losing_one() {
        for parts in [&[5][..], &[2, 3], &[1, 1, 3], &[4, 9]] {
            let mut left = numbers(5);
            let mut taken = Vec::new();
            for count in parts {
                taken.extend(values(left.take_front(*count)));
            }
            assert_eq!(taken, (0..5).map(Value::S64).collect::<Vec<_>>());
            assert_eq!((left.len(), left.is_done(), left.next()), (0, true, None));
        }
    }

    #[test]
    fn whatever_says_more_than_a_number_is_not_plain() {
        let number = |writer: &mut ResultsWriter| push(writer, COST, &Value::S64(7));
        let with = |write: &dyn Fn(&mut ResultsWriter)| {
            let (bytes, count) = written(|writer| {
                number(writer);
                write(writer);
            });
            PlainResults::read(&bytes, count, Fixed::S64)
        };
        assert_eq!(with(&number).map(values), Some(vec![Value::S64(7); 2]));
        let timed = Cost { cpu_ns: 1, ..COST };
        assert!(with(&|writer| push(writer, timed, &Value::S64(7))).is_none());
        let fueled = Cost { fuel: 1, ..COST };
        assert!(with(&|writer| push(writer, fueled, &Value::S64(7))).is_none());
        assert!(with(&|writer| push(writer, COST, &Value::S32(7))).is_none());
        let failure = TaskFailure {
            kind: TaskFailureKind::Trap,
            message: "8 bytes.".into(),
        };
        assert!(with(&|writer| writer.push(COST, Err(&failure))).is_none());
        let printed = Printed {
            stdout: b"",
            stderr: b"x",
        };
        let prints = |writer: &mut ResultsWriter| {
            let write: &mut dyn FnMut(&mut Vec<u8>) = &mut |out| encode(&Value::S64(7), out);
            writer.push_printed(COST, Ok(write), printed);
        };
        assert!(with(&prints).is_none());
    }

    #[test]
    fn another_count_than_there_are_is_not_plain() {
        let (bytes, count) = written(|writer| push(writer, COST, &Value::S64(7)));
        for wrong in [0, count + 1, u32::MAX] {
            assert!(PlainResults::read(&bytes, wrong, Fixed::S64).is_none());
        }
        assert!(PlainResults::read(&bytes[1..], count, Fixed::S64).is_none());
        assert!(PlainResults::read(&[], 0, Fixed::S64).is_some());
    }
}
