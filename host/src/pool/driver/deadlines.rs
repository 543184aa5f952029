//! By when workers must have answered, of which an answer is awaited: most work, and none is.

use super::super::scheduler::WorkerId;
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

/// A worker is in both or in neither.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    of: HashMap<WorkerId, Instant>,
    by_time: BTreeSet<(Instant, WorkerId)>,
}

impl Deadlines {
    /// It must answer by then; any other time that was set is forgotten.
    pub(super) fn set(&mut self, worker: WorkerId, at: Instant) {
        self.clear(worker);
        self.of.insert(worker, at);
        self.by_time.insert((at, worker));
    }

    /// Nothing is awaited of it.
    pub(super) fn clear(&mut self, worker: WorkerId) {
        if let Some(at) = self.of.remove(&worker) {
            self.by_time.remove(&(at, worker));
        }
    }

    /// When the first of them must answer.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Those that should have answered.
    pub(super) fn late(&self, now: Instant) -> Vec<WorkerId> {
        let late = self.by_time.iter().take_while(|(at, _)| *at <= now);
        late.map(|(_, worker)| *worker).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn who_is_late_is_known_until_it_answers_or_gets_another_time() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::default();
        deadlines.set(WorkerId(1), at(1));
        deadlines.set(WorkerId(2), at(2));
        deadlines.set(WorkerId(3), at(3));
        assert_eq!(deadlines.next(), Some(at(1)));
        assert_eq!(deadlines.late(now), []);
        assert_eq!(deadlines.late(at(2)), [WorkerId(1), WorkerId(2)]);
        deadlines.set(WorkerId(1), at(4));
        deadlines.clear(WorkerId(2));
        assert_eq!(deadlines.late(at(3)), [WorkerId(3)]);
        deadlines.clear(WorkerId(3));
        deadlines.clear(WorkerId(1));
        assert_eq!(deadlines.next(), None);
    }
}
