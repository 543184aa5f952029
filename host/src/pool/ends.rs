//! The ends of tasks that follow each other in a stream, on their way together: what is the same of all is there once.

use super::ended::{Ended, RanAt};
use std::sync::Arc;
use std::vec::IntoIter;

/// Ends of tasks, with their numbers among the inputs of their stream.
#[derive(Debug)]
pub(crate) struct Ends {
    /// The number of the first that is left.
    first: u64,
    left: IntoIter<Ended>,
    /// Where all of them ran, if they did.
    pub(super) ran: Option<Arc<RanAt>>,
    /// About how many bytes they keep beyond their fixed size.
    heap_bytes: usize,
}

impl Ends {
    /// The ends of the tasks from number `first` on, all of which ran there.
    pub(super) fn new(first: u64, ends: Vec<Ended>, ran: Option<Arc<RanAt>>) -> Ends {
        Ends {
            first,
            heap_bytes: ends.iter().map(Ended::heap_bytes).sum(),
            left: ends.into_iter(),
            ran,
        }
    }

    /// The end of one task.
    pub(super) fn one(number: u64, ended: Ended, ran: Option<Arc<RanAt>>) -> Ends {
        Ends::new(number, vec![ended], ran)
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number after the last.
    pub(super) fn until(&self) -> u64 {
        self.first + self.left.len() as u64
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    pub(super) fn ran(&self) -> Option<&RanAt> {
        self.ran.as_deref()
    }

    /// Those that are left, with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u64, &Ended)> {
        (self.first..).zip(self.left.as_slice())
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

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl ExactSizeIterator for Ends {}
