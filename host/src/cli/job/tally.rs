//! How many tasks ended how, and a summary of those that failed.

use super::super::{complaint, hint};
use std::collections::BTreeMap;
use wpool::FailureKind;

/// How many inputs of each kind of failure the summary names.
const NAMED: usize = 3;

/// What became of the tasks so far.
#[derive(Debug, Default)]
pub(in crate::cli) struct Tally {
    pub(in crate::cli) succeeded: u64,
    pub(in crate::cli) failed: u64,
    /// Of a job that ended early: tasks without a result, and those whose results are behind such a gap.
    pub(in crate::cli) undone: u64,
    pub(in crate::cli) unprinted: u64,
    kinds: BTreeMap<FailureKind, Kind>,
}

#[derive(Debug, Default)]
struct Kind {
    count: u64,
    /// The first of them.
    named: Vec<String>,
}

impl Tally {
    /// A task failed; `name` says which it was, with its input.
    pub(in crate::cli) fn fail(&mut self, kind: FailureKind, name: impl FnOnce() -> String) {
        self.failed += 1;
        let seen = self.kinds.entry(kind).or_default();
        seen.count += 1;
        if seen.named.len() < NAMED {
            seen.named.push(name());
        }
    }

    /// What became of the tasks that have no result, of a job that ended early.
    pub(in crate::cli) fn left(&self) -> String {
        let counts = [
            (self.undone, "not done"),
            (self.unprinted, "done and not printed, behind those"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        match counts.is_empty() {
            true => "no task that was read is left".into(),
            false => format!("of the tasks that were read {}", counts.join(", ")),
        }
    }

    /// Says what failed, where that was more than one task, and what to do about it.
    pub(in crate::cli) fn summarise(&self) {
        if self.failed > 1 {
            self.lines().iter().for_each(|line| complaint::line(line));
        }
        self.kinds.keys().copied().for_each(hint::about_failure);
    }

    fn lines(&self) -> Vec<String> {
        let all = self.succeeded + self.failed;
        let head = format!("summary: {} of {all} tasks failed", self.failed);
        let kinds = self.kinds.iter().map(|(kind, seen)| {
            let more = if seen.count > seen.named.len() as u64 {
                ", …"
            } else {
                ""
            };
            format!(
                "summary: {kind} {}: {}{more}",
                seen.count,
                seen.named.join(", ")
            )
        });
        std::iter::once(head).chain(kinds).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_summarised_by_kind_with_the_first_of_each() {
        let mut tally = Tally {
            succeeded: 4,
            ..Tally::default()
        };
        for number in [2, 3, 5, 8] {
            tally.fail(FailureKind::Trap, || format!("task {number} ({number}, 0)"));
        }
        tally.fail(FailureKind::Error, || "task 9".into());
        assert_eq!(
            tally.lines(),
            [
                "summary: 5 of 9 tasks failed",
                "summary: error 1: task 9",
                "summary: trap 4: task 2 (2, 0), task 3 (3, 0), task 5 (5, 0), …",
            ]
        );
    }
}
