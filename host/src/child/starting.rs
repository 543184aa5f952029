//! A process from its spawn until it is confined, and then: greeted, and known by the kernel's word.

use super::connection::{Connection, ReceiveError};
use super::process::{Exit, Process, ending};
use super::start_error::StartError;
use crate::sandbox::{Confinement, Namespaces, Refusal};
use crate::value::printable;
use crate::wire::{ChildHello, FrameError, WIRE_VERSION, decode};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};
use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr};
use std::time::{Duration, Instant};

/// How long a process that is not wanted any more may take to show itself.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long a process whose connection is closed may take to end.
const LAST_BREATH: Duration = Duration::from_millis(100);

/// The longest last words of a process that are kept, in bytes.
const LAST_WORDS: u64 = 4096;

/// A process that has been spawned and not yet been confined.
#[derive(Debug)]
pub(crate) struct Starting {
    spawned: Child,
    /// The process that the spawned one has become, in a new pid namespace.
    born: Option<Process>,
    /// Who said so.
    born_number: Option<Pid>,
    connection: Option<Connection>,
    namespaces: Namespaces,
    greeted: bool,
    program: String,
    /// When it must be confined.
    pub(crate) deadline: Instant,
}

/// A confined process. Dropping it kills and reaps it.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) process: Process,
    pub(crate) connection: Connection,
    pub(crate) confinement: Confinement,
    last_words: Option<ChildStderr>,
}

impl Starting {
    /// A spawned process that has not said anything.
    pub(super) fn new(
        spawned: Child,
        connection: Connection,
        namespaces: Namespaces,
        program: String,
        deadline: Instant,
    ) -> Starting {
        let connection = Some(connection);
        Starting {
            spawned,
            born: None,
            born_number: None,
            connection,
            namespaces,
            greeted: false,
            program,
            deadline,
        }
    }

    /// The connection, for whoever waits for it to become readable.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// The namespaces it was asked to enter.
    pub(crate) fn namespaces(&self) -> Namespaces {
        self.namespaces
    }

    /// Waits until the process is confined.
    pub(super) fn finish(&mut self) -> Result<Started, StartError> {
        loop {
            let Some(connection) = &mut self.connection else {
                return Err(StartError::Late);
            };
            let frame = connection
                .receive(Some(self.deadline))
                .map_err(|error| self.broken(error))?;
            if let Some(started) = self.handle(&frame)? {
                return Ok(started);
            }
        }
    }

    /// The error that a broken connection means at this point.
    pub(crate) fn broken(&self, error: impl Into<ReceiveError>) -> StartError {
        match error.into() {
            ReceiveError::Late if self.greeted => StartError::Late,
            ReceiveError::Frame(FrameError::Closed) if self.greeted => {
                StartError::Panicked("it ended before it was confined".into())
            }
            ReceiveError::Frame(FrameError::Io(error)) => StartError::Io(error),
            _ => StartError::NotAWorkerProgram(self.program.clone()),
        }
    }

    /// Takes a frame of the greeting; with the last one the process is confined.
    pub(crate) fn handle(&mut self, frame: &[u8]) -> Result<Option<Started>, StartError> {
        let unexpected = || StartError::NotAWorkerProgram(self.program.clone());
        match decode(frame).ok_or_else(unexpected)? {
            ChildHello::Hello(version) if !self.greeted => {
                if version != WIRE_VERSION {
                    let theirs = version
                        .chars()
                        .take(80)
                        .flat_map(char::escape_debug)
                        .collect();
                    return Err(StartError::Version { theirs });
                }
                self.greeted = true;
                Ok(None)
            }
            ChildHello::Born if self.greeted && self.born.is_none() => {
                self.born_number = self.connection.as_ref().and_then(Connection::writer);
                self.born = Some(self.writer()?);
                self.end_spawned();
                Ok(None)
            }
            ChildHello::Confined(confinement) if self.greeted => {
                self.confined(confinement).map(Some)
            }
            ChildHello::Refused(refusal) if self.greeted => {
                Err(StartError::of_refusal(shown(refusal)))
            }
            ChildHello::NotGranted(refusal) if self.greeted => Err(StartError::NotGranted(refusal)),
            ChildHello::Panicked(message) => Err(StartError::Panicked(printable(&message))),
            _ => Err(unexpected()),
        }
    }

    fn confined(&mut self, mut confinement: Confinement) -> Result<Started, StartError> {
        confinement.landlock_refusal = confinement.landlock_refusal.map(shown);
        let process = match self.born.take() {
            Some(process) => process,
            None => self.writer()?,
        };
        let lost = || StartError::NotAWorkerProgram(self.program.clone());
        let mut connection = self.connection.take().ok_or_else(lost)?;
        if connection.writer() != Some(process.pid()) {
            return Err(lost());
        }
        connection.stop_attesting()?;
        Ok(Started {
            process,
            connection,
            confinement,
            last_words: self.spawned.stderr.take(),
        })
    }

    /// Who wrote the last frame: a child of this process. Only such a one can be waited for, and until it is, its number is its
    /// own.
    fn writer(&self) -> Result<Process, StartError> {
        let lost = || StartError::NotAWorkerProgram(self.program.clone());
        let writer = self
            .connection
            .as_ref()
            .and_then(Connection::writer)
            .ok_or_else(lost)?;
        Process::own_child(writer)?.ok_or_else(lost)
    }

    /// Whether it ended by SIGKILL, which it never does by itself. It may still be about to end.
    pub(crate) fn was_killed(&self) -> bool {
        let exit = match &self.born {
            Some(process) => ending(process.as_fd(), LAST_BREATH),
            None => pidfd_open(Pid::from_child(&self.spawned), PidfdFlags::empty())
                .ok()
                .and_then(|spawned| ending(spawned.as_fd(), LAST_BREATH)),
        };
        exit == Some(Exit::Signal(Signal::KILL.as_raw()))
    }

    /// The spawned process has handed over, or is not wanted any more.
    fn end_spawned(&mut self) {
        let _ = self.spawned.kill();
        let _ = self.spawned.wait();
    }

    /// Ends the spawned process and what it became, where that has not said who it is. Until it has said so, both are in the
    /// group that the spawned process leads; and as long as that was not waited for, its number is its own.
    fn end_group(&mut self) {
        let group = Pid::from_child(&self.spawned);
        let _ = kill_process_group(group, Signal::KILL);
        self.end_spawned();
        // A process that had left the group has said who it is. With all others dead, this ends.
        let deadline = Some(Instant::now() + FAREWELL);
        while self.born.is_none()
            && let Some(connection) = &mut self.connection
            && let Ok(frame) = connection.receive(deadline)
            && self.handle(&frame).is_ok()
        {}
        // Where descriptors are exhausted, one that has said who it is cannot be held as long as its connection is open.
        self.connection = None;
        if let Some(number) = self.born_number
            && self.born.is_none()
            && number != group
        {
            drop(Process::own_child(number));
        }
        // Only own children can be waited for, and only those of this group are.
        let rest = WaitId::Pgid(Some(group));
        while matches!(
            waitid(rest.clone(), WaitIdOptions::EXITED),
            Ok(_) | Err(Errno::INTR)
        ) {}
    }
}

/// A refusal in words that a person may be shown.
fn shown(refusal: Refusal) -> Refusal {
    Refusal {
        step: printable(&refusal.step),
        ..refusal
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // If it became the confined process itself, that one's owner kills and reaps it.
        if self.connection.is_some() && self.born.is_none() {
            self.end_group();
        }
    }
}

impl Started {
    /// What the runtime of a dead compiler wrote before it aborted.
    pub(crate) fn last_words(&mut self) -> String {
        let mut words = Vec::new();
        if let Some(pipe) = &mut self.last_words {
            // The process is dead, so this ends. What is there is enough if it fails.
            let _ = pipe.take(LAST_WORDS).read_to_end(&mut words);
        }
        String::from_utf8_lossy(&words).into_owned()
    }
}
