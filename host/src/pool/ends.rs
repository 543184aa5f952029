//! The ends of tasks that follow each other in a stream, on their way together: what is the same of all is there once.

use super::ended::{Ended, RanAt};
use crate::value::Number;
use crate::wire::{Plain, PlainResults};
use std::sync::Arc;
use std::vec::IntoIter;

/// How some tasks ended, one after the other.
#[derive(Debug)]
pub(super) enum Results {
    Each(IntoIter<Ended>),
    /// As they came: they are not looked at again until somebody takes them.
    Plain(PlainResults),
}

/// Ends of tasks, with their numbers among the inputs of their stream.
#[derive(Debug)]
pub(crate) struct Ends {
    /// The number of the first that is left.
    first: u64,
    left: Results,
    /// Where all of them ran, if they did.
    pub(super) ran: Option<Arc<RanAt>>,
    /// About how many bytes they keep beyond their fixed size.
    heap_bytes: usize,
}

impl Results {
    pub(super) fn each(ended: Vec<Ended>) -> Results {
        Results::Each(ended.into_iter())
    }

    /// Takes the first `count` out. All that are left keep their memory.
    pub(super) fn take_front(&mut self, count: usize) -> Results {
        match self {
            Results::Plain(plain) => Results::Plain(plain.take_front(count)),
            Results::Each(each) if count == each.len() => Results::Each(std::mem::take(each)),
            Results::Each(each) => Results::each(each.by_ref().take(count).collect()),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Results::Plain(_) => 0,
            Results::Each(each) => each.as_slice().iter().map(Ended::heap_bytes).sum(),
        }
    }
}

impl Iterator for Results {
    type Item = Ended;

    #[inline]
    fn next(&mut self) -> Option<Ended> {
        match self {
            Results::Plain(plain) => plain.next().map(Ended::from),
            Results::Each(each) => each.next(),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Results::Plain(plain) => plain.size_hint(),
            Results::Each(each) => each.size_hint(),
        }
    }
}

impl ExactSizeIterator for Results {}

impl From<Plain> for Ended {
    #[inline]
    fn from(plain: Plain) -> Ended {
        Ended {
            result: Ok(Some(plain.value.value())),
            wall_ns: plain.wall_ns,
            memory_bytes: plain.memory_bytes,
            attempts: 1,
            more: None,
        }
    }
}

impl Ends {
    /// The ends of the tasks from number `first` on, all of which ran there.
    pub(super) fn new(first: u64, left: Results, ran: Option<Arc<RanAt>>) -> Ends {
        Ends {
            first,
            heap_bytes: left.heap_bytes(),
            left,
            ran,
        }
    }

    /// The end of one task.
    pub(super) fn one(number: u64, ended: Ended, ran: Option<Arc<RanAt>>) -> Ends {
        Ends::new(number, Results::each(vec![ended]), ran)
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number after the last.
    pub(super) fn until(&self) -> u64 {
        self.first + self.left.len() as u64
    }

    /// Whether none is left.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        match &self.left {
            Results::Plain(plain) => plain.is_done(),
            Results::Each(each) => each.as_slice().is_empty(),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    pub(super) fn ran(&self) -> Option<&RanAt> {
        self.ran.as_deref()
    }

    /// The next one, if it is a number as it came.
    #[inline]
    pub(super) fn next_number(&mut self) -> Option<Number> {
        let Results::Plain(plain) = &mut self.left else {
            return None;
        };
        let number = plain.next()?.value;
        self.first += 1;
        Some(number)
    }

    /// Shows those that are left, with their numbers.
    pub(super) fn show(&self, mut see: impl FnMut(u64, &Ended)) {
        match &self.left {
            Results::Each(each) => {
                let numbered = (self.first..).zip(each.as_slice());
                numbered.for_each(|(number, ended)| see(number, ended));
            }
            Results::Plain(plain) => {
                let each = (0..plain.len()).filter_map(|after| plain.get(after));
                let numbered = (self.first..).zip(each);
                numbered.for_each(|(number, plain)| see(number, &plain.into()));
            }
        }
    }
}

impl Iterator for Ends {
    type Item = (u64, Ended);

    #[inline]
    fn next(&mut self) -> Option<(u64, Ended)> {
        let ended = self.left.next()?;
        let number = self.first;
        self.first += 1;
        Some((number, ended))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl ExactSizeIterator for Ends {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::outcome::{Failure, FailureKind};
    use crate::value::{Fixed, Value, encode};
    use crate::wire::{Cost, ResultsWriter, WorkerFrame};

    /// The numbers up to `count`, as they come from a worker.
    fn plain(count: i64) -> Results {
        let mut writer = ResultsWriter::new(0);
        for number in 0..count {
            let write = |out: &mut Vec<u8>| encode(&Value::S64(number), out);
            let cost = Cost {
                wall_ns: number as u64 + 1,
                memory_bytes: 7,
                ..Cost::default()
            };
            writer.push(cost, Ok(&mut { write }));
        }
        let Some(WorkerFrame::Results { bytes, count, .. }) = WorkerFrame::parse(writer.take(true))
        else {
            panic!("not the results");
        };
        Results::Plain(PlainResults::read(bytes, count, Fixed::S64).unwrap())
    }

    /// The same, each by itself.
    fn each(count: i64) -> Results {
        Results::each(plain(count).collect())
    }

    fn numbers(ends: impl IntoIterator<Item = Ended>) -> Vec<Value> {
        let ends = ends.into_iter();
        ends.filter_map(|ended| ended.result.unwrap()).collect()
    }

    #[test]
    fn results_are_taken_apart_without_losing_one() {
        for mut left in [plain(5), each(5)] {
            let mut taken = numbers(left.take_front(2));
            assert_eq!(taken.len(), 2);
            taken.extend(left.next().and_then(|ended| ended.result.unwrap()));
            taken.extend(numbers(left.take_front(2)));
            assert_eq!(taken, (0..5).map(Value::S64).collect::<Vec<_>>());
            assert_eq!(left.len(), 0);
        }
    }

    #[test]
    fn each_end_has_its_number_and_what_it_used() {
        for left in [plain(3), each(3)] {
            let mut ends = Ends::new(40, left, None);
            assert_eq!((ends.first(), ends.until(), ends.heap_bytes()), (40, 43, 0));
            ends.next();
            let mut shown = Vec::new();
            ends.show(|number, ended| shown.push((number, ended.wall_ns, ended.memory_bytes)));
            assert_eq!(shown, [(41, 2, 7), (42, 3, 7)]);
            let taken = ends.by_ref().map(|(number, ended)| (number, ended.wall_ns));
            assert_eq!(taken.collect::<Vec<_>>(), [(41, 2), (42, 3)]);
            assert!(ends.is_done());
        }
    }

    #[test]
    fn numbers_are_taken_as_they_came_where_that_is_all_there_is() {
        let mut ends = Ends::new(0, plain(2), None);
        let first = ends.next_number().map(Number::value);
        assert_eq!((first, ends.first()), (Some(Value::S64(0)), 1));
        let mut ends = Ends::new(0, each(2), None);
        assert_eq!((ends.next_number(), ends.len()), (None, 2));
    }

    #[test]
    fn what_ends_keep_is_counted() {
        let failure = Failure::new(FailureKind::Trap, "17 bytes of text.");
        let ended = Ended::failed(failure, 1);
        assert_eq!(Ends::one(0, ended, None).heap_bytes(), 17);
    }
}
