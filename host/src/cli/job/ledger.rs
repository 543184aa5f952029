//! What is known of the tasks that are under way, from where they are sent to where their outcomes come out.

use super::key::Key;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A task as a person knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Entry {
    /// Counted from 1.
    pub(in crate::cli) number: u64,
    /// Its input, as it was read.
    pub(in crate::cli) input: Box<[u8]>,
    pub(in crate::cli) key: Option<Key>,
    /// When it was over, where it was.
    pub(in crate::cli) ended: Option<SystemTime>,
}

/// The entries by the place at which their tasks are sent, counted from 0: each put in before that and taken out once, with its outcome.
/// There are as many as tasks are under way.
#[derive(Debug, Default)]
pub(in crate::cli) struct Ledger {
    /// Whether all of them are wanted, and not only those of which more is to be told than their number.
    keeps_all: bool,
    entries: Mutex<HashMap<u64, Entry>>,
}

impl Ledger {
    pub(in crate::cli) fn new(keeps_all: bool) -> Ledger {
        Ledger {
            keeps_all,
            ..Ledger::default()
        }
    }

    pub(in crate::cli) fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// The entry of the task that is sent next, at place `index`.
    pub(in crate::cli) fn put(&self, index: u64, entry: Entry) {
        self.entries().insert(index, entry);
    }

    /// That task is over.
    pub(in crate::cli) fn ended(&self, index: u64) {
        if let Some(entry) = self.entries().get_mut(&index) {
            entry.ended = Some(SystemTime::now());
        }
    }

    /// The number of that task, while it is under way.
    pub(in crate::cli) fn number(&self, index: u64) -> u64 {
        let entries = self.entries();
        entries.get(&index).map_or(index + 1, |entry| entry.number)
    }

    /// Its entry.
    pub(in crate::cli) fn take(&self, index: u64) -> Entry {
        let counted = Entry {
            number: index + 1,
            ..Entry::default()
        };
        let mut entries = self.entries();
        // Mostly nothing is kept of any.
        let kept = if entries.is_empty() {
            None
        } else {
            entries.remove(&index)
        };
        kept.unwrap_or(counted)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_in_any_order_and_nothing_is_kept_of_them() {
        let ledger = Ledger::new(true);
        for (index, number) in [(0, 5), (1, 9), (2, 10)] {
            let entry = Entry {
                number,
                ..Entry::default()
            };
            ledger.put(index, entry);
        }
        ledger.ended(1);
        assert_eq!(ledger.number(2), 10);
        let taken = [1, 0, 2].map(|index| ledger.take(index));
        assert_eq!(taken.each_ref().map(|entry| entry.number), [9, 5, 10]);
        assert!(taken[0].ended.is_some() && taken[1].ended.is_none());
        assert!(ledger.entries().is_empty());
    }

    #[test]
    fn what_was_not_put_in_is_numbered_as_it_was_sent() {
        let ledger = Ledger::new(false);
        assert_eq!((ledger.number(6), ledger.take(6).number), (7, 7));
    }
}
