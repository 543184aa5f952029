//! Where the tasks of a job end: each outcome is written, reported, logged and counted, once.

use super::super::output::{Lines, Shape, closed, put};
use super::super::{complaint, exit, program, progress};
use crate::cli::interrupt::Interrupt;
use crate::cli::job::halt::{Halt, Manner};
use crate::cli::job::joblog::{Joblog, Row};
use crate::cli::job::ledger::{Entry, Ledger};
use crate::cli::job::results::Results;
use crate::cli::job::tally::Tally;
use crate::cli::progress::{Counts, Progress};
use crate::cli::report::Report;
use crate::cli::setup::Refused;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::sync::Arc;
use wpool::{Closer, Failure, FailureKind, Outcome, Outcomes, Pool};

/// Takes outcomes as they come; what is written is seen at once whenever there is nothing more to write.
pub(super) struct Gather<'a> {
    pub(super) pool: &'a Pool,
    pub(super) inputs: Vec<Closer>,
    pub(super) shape: Shape<'a>,
    pub(super) lines: Lines,
    /// Whether a line that is missing would be taken for another's.
    pub(super) is_in_order: bool,
    pub(super) output: BufWriter<StdoutLock<'static>>,
    pub(super) terminal: bool,
    pub(super) ledger: Arc<Ledger>,
    pub(super) counts: Arc<Counts>,
    pub(super) tally: Tally,
    pub(super) report: Report,
    pub(super) joblog: Option<Joblog>,
    pub(super) results: Option<Results>,
    pub(super) halt: Option<Halt>,
    pub(super) interrupt: &'a Interrupt,
    /// Until there is nothing left to show.
    pub(super) progress: Option<Progress>,
}

/// Whether to take more outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    More,
    /// No other task has a better chance than this one.
    Hopeless,
    /// Nobody reads any more.
    Unread,
}

impl Gather<'_> {
    /// Takes all of them, or as many as somebody reads. Returns the exit code.
    pub(super) fn run(mut self, mut outcomes: Outcomes) -> Result<u8, Refused> {
        // Of an interrupted job, nothing is written behind a task that was cancelled.
        let mut stopped = false;
        let mut line = Vec::new();
        loop {
            let next = match outcomes.try_next() {
                Some(next) => Some(next),
                None => {
                    if self.flush()? == Next::Unread {
                        return self.leave();
                    }
                    outcomes.next()
                }
            };
            let Some((index, outcome)) = next else {
                break;
            };
            let entry = self.ledger.take(index);
            self.report.add(entry.number, &outcome)?;
            if self.is_called_off(&outcome) {
                self.tally.cancelled += 1;
                stopped |= self.is_in_order;
                continue;
            }
            if stopped {
                continue;
            }
            line.clear();
            let next = self.write(&entry, &outcome, &mut line)?;
            if next == Next::Unread {
                return self.leave();
            }
            self.count(&entry, &outcome);
            self.log(entry, &outcome, line.len())?;
            if next == Next::Hopeless {
                self.flush()?;
                break;
            }
        }
        Ok(self.end())
    }

    /// Nobody reads any more: there is nothing to say, and what nobody has seen is not logged.
    fn leave(mut self) -> Result<u8, Refused> {
        self.report.finish()?;
        Ok(match self.tally.failed {
            0 => exit::SUCCESS,
            _ => exit::FAILED,
        })
    }

    /// Whether a task did not run because the job ends early.
    fn is_called_off(&self, outcome: &Outcome) -> bool {
        let is_cancelled = outcome
            .result
            .as_ref()
            .is_err_and(|failure| failure.kind() == FailureKind::Cancelled);
        is_cancelled && (self.interrupt.exit_code().is_some() || self.tally.halted.is_some())
    }

    /// Writes the outcome, and complains of a failure.
    fn write(
        &mut self,
        entry: &Entry,
        outcome: &Outcome,
        line: &mut Vec<u8>,
    ) -> Result<Next, Refused> {
        let (number, shape) = (entry.number, self.shape);
        self.lines.of(shape, number, &entry.input, outcome, line);
        if !(outcome.stdout.is_empty() && outcome.stderr.is_empty()) && self.results.is_none() {
            let _ = self.output.flush();
            program::show_written(number, shape, outcome);
        }
        if let Err(failure) = &outcome.result {
            // In order with what is on standard output, where both go to one terminal.
            let _ = self.output.flush();
            complaint::failed(number, shape, failure);
        }
        if let Some(results) = &self.results {
            let has_result = outcome.result.is_ok() || !line.is_empty();
            results.store(number, has_result.then_some(line), &besides(outcome))?;
        } else if closed(self.put(line))? {
            return Ok(Next::Unread);
        }
        let is_init = |failure: &Failure| failure.kind() == FailureKind::Init;
        Ok(match &outcome.result {
            // The run that all tasks would be forks of failed.
            Err(failure) if shape.is_warm && is_init(failure) => Next::Hopeless,
            _ => Next::More,
        })
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        if !self.terminal {
            return put(&mut self.output, false, line);
        }
        progress::above(|| {
            put(&mut self.output, true, line)?;
            self.output.flush()
        })
    }

    fn count(&mut self, entry: &Entry, outcome: &Outcome) {
        self.counts.ended(outcome.result.is_ok());
        match &outcome.result {
            Ok(_) => self.tally.succeeded += 1,
            Err(failure) => {
                let name = || complaint::task(entry.number, self.shape, failure);
                self.tally.fail(failure.kind(), name);
            }
        }
        let (succeeded, failed) = (self.tally.succeeded, self.tally.failed);
        let is_due = |halt: &Halt| halt.is_due(succeeded, failed);
        if self.tally.halted.is_none()
            && let Some(halt) = self.halt.filter(is_due)
        {
            self.tally.halted = Some(halt.because(succeeded, failed));
            self.inputs.iter().for_each(Closer::close);
            match halt.manner {
                Manner::Now => self.pool.terminate(),
                Manner::Soon => self.pool.halt(),
            }
        }
    }

    fn log(&mut self, entry: Entry, outcome: &Outcome, received: usize) -> Result<(), Refused> {
        let (Some(joblog), Some(key)) = (&mut self.joblog, entry.key) else {
            return Ok(());
        };
        let failure = outcome.result.as_ref().err();
        joblog.add(&Row {
            number: entry.number,
            input: &entry.input,
            key,
            took: outcome.usage.wall,
            received,
            exit_code: failure.map_or(exit::SUCCESS, exit::of_failure),
            signal: failure.and_then(Failure::signal).unwrap_or(0),
        });
        if joblog.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    /// Lets everybody see what was written; what is seen is then logged.
    fn flush(&mut self) -> Result<Next, Refused> {
        self.report.finish()?;
        if closed(self.output.flush())? {
            return Ok(Next::Unread);
        }
        if let Some(joblog) = &mut self.joblog {
            joblog.flush()?;
        }
        Ok(Next::More)
    }

    /// Says what failed, and what did not run.
    fn end(mut self) -> u8 {
        drop(self.progress.take());
        let Tally {
            failed,
            cancelled,
            ref halted,
            ..
        } = self.tally;
        self.tally.summarise();
        let go_on = match self.joblog {
            Some(_) => "; --resume goes on",
            None => "",
        };
        let ended = match halted {
            Some(because) => Some(format!("halted: {because}")),
            None if self.interrupt.exit_code().is_some() => {
                self.joblog.as_ref().map(|_| "interrupted".into())
            }
            None => None,
        };
        if let Some(ended) = ended {
            complaint::line(&format!(
                "{ended}; {cancelled} tasks that were read did not run{go_on}"
            ));
        }
        match failed {
            0 => exit::SUCCESS,
            _ if self.halt.is_some_and(Halt::is_for_success) && halted.is_some() => exit::SUCCESS,
            _ => exit::FAILED,
        }
    }
}

/// What a task wrote besides its result, and how it failed.
fn besides(outcome: &Outcome) -> Vec<u8> {
    let mut bytes = outcome.stderr.clone();
    if let Err(failure) = &outcome.result {
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(format!("wpool: {failure}\n").as_bytes());
    }
    bytes
}
