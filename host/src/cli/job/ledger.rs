//! What is known of the tasks that are under way, from where they are sent to where their outcomes come out.

use super::key::Key;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A task as a person knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Entry {
    /// Counted from 1.
    pub(in crate::cli) number: u64,
    /// Its input, as it was read.
    pub(in crate::cli) input: Box<[u8]>,
    pub(in crate::cli) key: Option<Key>,
}

/// The entries, each put in before its task is sent and taken out once, with its outcome. There are as many as tasks are under way.
#[derive(Debug)]
pub(in crate::cli) struct Ledger {
    /// Nothing is kept where nobody will ask for more than numbers.
    kept: Option<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The place of the first entry.
    first: u64,
    entries: VecDeque<Option<Entry>>,
}

impl Ledger {
    /// One that keeps what is put in, or only counts.
    pub(in crate::cli) fn new(keeps: bool) -> Ledger {
        Ledger {
            kept: keeps.then(Mutex::default),
        }
    }

    /// Whether inputs and keys are wanted.
    pub(in crate::cli) fn keeps(&self) -> bool {
        self.kept.is_some()
    }

    /// The entry of the next task that is sent.
    pub(in crate::cli) fn put(&self, entry: Entry) {
        if let Some(kept) = &self.kept {
            lock(kept).entries.push_back(Some(entry));
        }
    }

    /// The number of that task, while it is under way.
    pub(in crate::cli) fn number(&self, index: u64) -> u64 {
        let number = self.kept.as_ref().and_then(|kept| {
            let kept = lock(kept);
            let place = index.checked_sub(kept.first)?;
            Some(kept.entries.get(place as usize)?.as_ref()?.number)
        });
        number.unwrap_or(index + 1)
    }

    /// The entry of the task that was sent as number `index`, counted from 0.
    pub(in crate::cli) fn take(&self, index: u64) -> Entry {
        let counted = Entry {
            number: index + 1,
            ..Entry::default()
        };
        let Some(kept) = &self.kept else {
            return counted;
        };
        let mut kept = lock(kept);
        let place = index.checked_sub(kept.first);
        let entry = place.and_then(|place| kept.entries.get_mut(place as usize)?.take());
        while kept.entries.pop_front_if(|entry| entry.is_none()).is_some() {
            kept.first += 1;
        }
        entry.unwrap_or(counted)
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Entry {
        Entry {
            number,
            ..Entry::default()
        }
    }

    #[test]
    fn entries_come_back_in_any_order_and_nothing_is_kept_of_them() {
        let ledger = Ledger::new(true);
        for number in [5, 9, 10] {
            ledger.put(entry(number));
        }
        let taken = [1, 0, 2].map(|index| ledger.take(index).number);
        assert_eq!(taken, [9, 5, 10]);
        let kept = lock(ledger.kept.as_ref().unwrap());
        assert_eq!((kept.first, kept.entries.len()), (3, 0));
    }

    #[test]
    fn one_that_only_counts_numbers_tasks_as_they_were_sent() {
        let ledger = Ledger::new(false);
        ledger.put(entry(7));
        assert_eq!(ledger.take(0), entry(1));
    }
}
