//! Where the tasks of a job end: each outcome is written, reported, logged and counted, once.

use crate::cli::interrupt::Interrupt;
use crate::cli::job::joblog::{Joblog, Row};
use crate::cli::job::ledger::{Entry, Ledger};
use crate::cli::job::results::Results;
use crate::cli::job::tally::Tally;
use crate::cli::job::watch::Watch;
use crate::cli::output::{Lines, Shape, closed, put};
use crate::cli::progress::Progress;
use crate::cli::reader::Reader;
use crate::cli::report::Report;
use crate::cli::setup::Refused;
use crate::cli::{complaint, exit, program, progress};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::sync::Arc;
use std::time::SystemTime;
use wpool::{Failure, FailureKind, Outcome, Outcomes, printable};

/// Takes outcomes as they come; what is written is seen at once whenever there is nothing more to write.
pub(super) struct Gather<'a> {
    pub(super) shape: Shape<'a>,
    pub(super) lines: Lines,
    /// Whether a line that is missing would be taken for another's.
    pub(super) is_in_order: bool,
    pub(super) output: BufWriter<StdoutLock<'static>>,
    pub(super) terminal: bool,
    pub(super) ledger: Arc<Ledger>,
    pub(super) watch: Arc<Watch>,
    pub(super) reader: Reader,
    pub(super) interrupt: &'a Interrupt,
    pub(super) tally: Tally,
    pub(super) report: Report,
    pub(super) joblog: Option<Joblog>,
    pub(super) results: Option<Results>,
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
        // Of a job that ends early, no result is printed behind a task that has none.
        let mut has_gap = false;
        let mut line = Vec::new();
        loop {
            if outcomes.ready() == 0 && self.flush()? == Next::Unread {
                return self.leave();
            }
            let Some((index, outcome)) = outcomes.next() else {
                break;
            };
            if self.reader.is_gone() {
                return self.leave();
            }
            let entry = self.ledger.take(index);
            self.report.add(entry.number, &outcome)?;
            if self.is_called_off(&outcome) {
                self.tally.undone += 1;
                has_gap |= self.is_in_order;
                continue;
            }
            if has_gap && outcome.result.is_ok() {
                self.tally.unprinted += 1;
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
        match self.reader.is_gone() {
            true => self.leave(),
            false => Ok(self.end()),
        }
    }

    /// Nobody reads any more: there is nothing to say, and what nobody has seen is not logged.
    fn leave(mut self) -> Result<u8, Refused> {
        self.report.finish()?;
        Ok(match self.tally.failed {
            0 => exit::SUCCESS,
            _ => exit::FAILED,
        })
    }

    /// Whether a task has no result because the job ends early.
    fn is_called_off(&self, outcome: &Outcome) -> bool {
        let failure = outcome.result.as_ref().err().map(Failure::kind);
        let ends_early = self.interrupt.exit_code().is_some() || self.watch.halted().is_some();
        failure == Some(FailureKind::Cancelled) && ends_early
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
        let Err(failure) = &outcome.result else {
            self.tally.succeeded += 1;
            return;
        };
        let name = || {
            let name = complaint::task(entry.number, self.shape, failure);
            match failure.kind() {
                // It has no arguments that could be shown.
                FailureKind::BadArgument if !self.shape.is_program => {
                    let input = String::from_utf8_lossy(&entry.input);
                    name + &complaint::parenthesised(&printable(&input))
                }
                _ => name,
            }
        };
        self.tally.fail(failure.kind(), name);
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
            ended: entry.ended.unwrap_or_else(SystemTime::now),
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
        self.tally.summarise();
        let go_on = match self.joblog {
            Some(_) => "; --resume goes on",
            None => "",
        };
        let is_interrupted = self.interrupt.exit_code().is_some() && self.joblog.is_some();
        let ended = match self.watch.halted() {
            Some(because) => Some(format!("halted: {because}")),
            None => is_interrupted.then(|| "interrupted".into()),
        };
        if let Some(ended) = ended {
            complaint::line(&format!("{ended}; {}{go_on}", self.tally.left()));
        }
        match self.tally.failed {
            0 => exit::SUCCESS,
            _ if self.watch.has_enough() => exit::SUCCESS,
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
