//! `--halt`: when a job ends early, and how.

use std::str::FromStr;

/// Of a percentage, so many tasks must have ended so at least.
const LEAST: u64 = 3;

/// What ends a job early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Halt {
    pub(in crate::cli) manner: Manner,
    what: What,
    many: Many,
}

/// What becomes of tasks that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Manner {
    /// They are killed.
    Now,
    /// They finish.
    Soon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Fail,
    Success,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Many {
    Count(u64),
    Percent(u64),
}

impl Halt {
    /// Whether it is time, after so many that succeeded and that failed.
    pub(in crate::cli) fn is_due(self, succeeded: u64, failed: u64) -> bool {
        let done = succeeded + failed;
        let count = match self.what {
            What::Fail => failed,
            What::Success => succeeded,
            What::Done => done,
        };
        match self.many {
            Many::Count(most) => count >= most,
            Many::Percent(percent) => count >= LEAST && count * 100 >= done * percent,
        }
    }

    /// Whether it waits for what is wanted.
    pub(in crate::cli) fn is_for_success(self) -> bool {
        self.what == What::Success
    }

    /// What it waited for, as in: 3 tasks failed.
    pub(in crate::cli) fn because(self, succeeded: u64, failed: u64) -> String {
        let (count, what) = match self.what {
            What::Fail => (failed, "failed"),
            What::Success => (succeeded, "succeeded"),
            What::Done => (succeeded + failed, "ended"),
        };
        match count {
            1 => format!("1 task {what}"),
            count => format!("{count} tasks {what}"),
        }
    }
}

impl FromStr for Halt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Halt, &'static str> {
        const HOW: &str = "write now or soon, a comma, and fail, success or done with =N or =N%, such as soon,fail=3 or now,fail=10%";
        let (manner, condition) = text.split_once(',').ok_or(HOW)?;
        let (what, many) = condition.split_once('=').ok_or(HOW)?;
        let number = |text: &str| text.parse().ok().filter(|number| *number > 0).ok_or(HOW);
        if what == "done" && many.ends_with('%') {
            return Err("of all tasks that are done all are: write done=N, a number of tasks");
        }
        Ok(Halt {
            manner: match manner {
                "now" => Manner::Now,
                "soon" => Manner::Soon,
                _ => return Err(HOW),
            },
            what: match what {
                "fail" => What::Fail,
                "success" => What::Success,
                "done" => What::Done,
                _ => return Err(HOW),
            },
            many: match many.strip_suffix('%') {
                Some(percent) => match number(percent)? {
                    percent @ 1..=100 => Many::Percent(percent),
                    _ => return Err(HOW),
                },
                None => Many::Count(number(many)?),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_due(halt: &str, succeeded: u64, failed: u64) -> bool {
        halt.parse::<Halt>().unwrap().is_due(succeeded, failed)
    }

    #[test]
    fn a_count_is_of_what_it_names() {
        assert!(is_due("now,fail=2", 9, 2) && !is_due("now,fail=2", 9, 1));
        assert!(is_due("soon,success=1", 1, 5) && !is_due("soon,success=1", 0, 5));
        assert!(is_due("soon,done=3", 2, 1) && !is_due("soon,done=3", 1, 1));
    }

    #[test]
    fn a_percentage_is_of_what_is_done_and_of_three_at_least() {
        assert!(!is_due("now,fail=50%", 0, 2));
        assert!(is_due("now,fail=50%", 3, 3) && !is_due("now,fail=50%", 4, 3));
        assert!(is_due("now,success=100%", 3, 0));
    }

    #[test]
    fn what_is_written_otherwise_is_refused() {
        for wrong in [
            "",
            "fail=1",
            "now,fail",
            "now,fail=0",
            "later,fail=1",
            "now,fails=1",
            "now,fail=101%",
            "now,fail=-1",
            "soon,done=x%",
            "soon,done=9%",
        ] {
            assert!(wrong.parse::<Halt>().is_err(), "{wrong}");
        }
    }
}
