//! Which tasks are left to run, and by which numbers: those of a job that goes on are found by what they are, not by where they
//! stand, so that its inputs may have been edited meanwhile.

use super::joblog::Past;
use super::key::Key;
use std::collections::HashSet;

/// Gives each task its number.
#[derive(Debug)]
pub(in crate::cli) enum Numbers {
    /// By its place among the inputs; this many have theirs.
    Counting(u64),
    /// A job goes on.
    Resuming(Resume),
}

/// What became of the tasks of a job so far.
#[derive(Debug)]
pub(in crate::cli) struct Resume {
    /// The tasks by key, and of equal ones by number.
    past: Vec<Past>,
    /// At the place of the first of each key: how many of them have come again.
    met: Vec<u32>,
    /// The numbers in use, in order.
    used: Vec<u64>,
    /// How many of those are below the next one that is free.
    passed: usize,
    next: u64,
    /// Whether tasks that failed run again.
    with_failed: bool,
    /// The tasks whose results are there, where results are files.
    stored: Option<HashSet<u64>>,
}

impl Numbers {
    /// The number of the next input, whose key is asked for where it matters; `None` where its task is done.
    pub(in crate::cli) fn next(&mut self, key: impl FnOnce() -> Key) -> Option<u64> {
        match self {
            Numbers::Counting(count) => {
                *count += 1;
                Some(*count)
            }
            Numbers::Resuming(resume) => resume.next(key()),
        }
    }
}

impl Resume {
    /// From the rows of a log, oldest first: of those with one number the last one counts.
    pub(in crate::cli) fn new(rows: Vec<Past>, with_failed: bool) -> Resume {
        let mut past: Vec<(usize, Past)> = rows.into_iter().enumerate().collect();
        past.sort_by_key(|(place, task)| (task.number, std::cmp::Reverse(*place)));
        past.dedup_by_key(|(_, task)| task.number);
        let used = past.iter().map(|(_, task)| task.number).collect();
        let mut past: Vec<Past> = past.into_iter().map(|(_, task)| task).collect();
        past.sort_by_key(|task| (task.key, task.number));
        Resume {
            met: vec![0; past.len()],
            past,
            used,
            passed: 0,
            next: 1,
            with_failed,
            stored: None,
        }
    }

    /// From now on a task that succeeded and whose result is not among these is not done, whoever removed it.
    pub(in crate::cli) fn require(&mut self, stored: HashSet<u64>) {
        self.stored = Some(stored);
    }

    /// The numbers in use.
    pub(in crate::cli) fn used(&self) -> &[u64] {
        &self.used
    }

    fn is_done(&self, task: &Past) -> bool {
        match task.succeeded {
            true => self
                .stored
                .as_ref()
                .is_none_or(|stored| stored.contains(&task.number)),
            false => !self.with_failed,
        }
    }

    fn next(&mut self, key: Key) -> Option<u64> {
        let first = self.past.partition_point(|task| task.key < key);
        if let Some(met) = self.met.get(first)
            && let Some(task) = self.past.get(first + *met as usize)
            && task.key == key
        {
            let again = (!self.is_done(task)).then_some(task.number);
            self.met[first] += 1;
            return again;
        }
        // For inputs that are as they were, this is each one's place among them.
        while self
            .used
            .get(self.passed)
            .is_some_and(|used| *used <= self.next)
        {
            self.next += u64::from(self.used[self.passed] == self.next);
            self.passed += 1;
        }
        self.next += 1;
        Some(self.next - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::Keys;
    use super::*;
    use wpool::Value;

    fn key(input: &str) -> Key {
        Keys::new("aa", "f", &[]).of(&[Value::String(input.into())])
    }

    fn past(number: u64, input: &str, succeeded: bool) -> Past {
        Past {
            key: key(input),
            number,
            succeeded,
        }
    }

    fn numbers(past: &[Past], with_failed: bool, inputs: &[&str]) -> Vec<Option<u64>> {
        let mut numbers = Numbers::Resuming(Resume::new(past.to_vec(), with_failed));
        inputs
            .iter()
            .map(|input| numbers.next(|| key(input)))
            .collect()
    }

    #[test]
    fn inputs_as_they_were_keep_their_places() {
        let done = [past(3, "c", true), past(1, "a", true)];
        let left = numbers(&done, false, &["a", "b", "c", "d"]);
        assert_eq!(left, [None, Some(2), None, Some(4)]);
    }

    #[test]
    fn edited_inputs_are_known_again_and_new_ones_get_numbers_that_nobody_has() {
        let done = [past(1, "a", true), past(2, "b", true), past(3, "c", true)];
        let left = numbers(&done, false, &["new", "c", "a", "another"]);
        assert_eq!(left, [Some(4), None, None, Some(5)]);
    }

    #[test]
    fn equal_inputs_are_as_many_tasks() {
        let done = [past(1, "a", true), past(2, "a", true)];
        assert_eq!(
            numbers(&done, false, &["a", "a", "a", "b", "a"]),
            [None, None, Some(3), Some(4), Some(5)]
        );
    }

    #[test]
    fn those_that_failed_run_again_under_their_numbers_where_that_was_asked_for() {
        let done = [
            past(1, "a", false),
            past(2, "b", false),
            past(2, "b", true),
            past(3, "a", false),
        ];
        let inputs = ["a", "b", "a", "c"];
        assert_eq!(
            numbers(&done, true, &inputs),
            [Some(1), None, Some(3), Some(4)]
        );
        assert_eq!(numbers(&done, false, &inputs), [None, None, None, Some(4)]);
    }

    #[test]
    fn of_several_rows_of_a_task_the_last_one_counts() {
        let done = [past(1, "a", true), past(1, "a", false)];
        assert_eq!(numbers(&done, true, &["a"]), [Some(1)]);
    }

    #[test]
    fn a_number_belongs_to_the_task_that_had_it_last() {
        let done = [past(1, "a", true), past(1, "b", true)];
        assert_eq!(numbers(&done, false, &["a", "b"]), [Some(2), None]);
    }

    #[test]
    fn a_result_that_is_not_there_is_made_again_under_its_number() {
        let done = [past(1, "a", true), past(2, "b", true), past(3, "c", false)];
        let mut resume = Resume::new(done.to_vec(), false);
        resume.require(HashSet::from([2]));
        let mut numbers = Numbers::Resuming(resume);
        let left = ["a", "b", "c", "d"].map(|input| numbers.next(|| key(input)));
        assert_eq!(left, [Some(1), None, None, Some(4)]);
    }
}
