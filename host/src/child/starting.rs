//! A process from its spawn until it is confined, and then: greeted, and known by the kernel's word.

use super::cgroup::{Group, GroupLimits};
use super::connection::{Connection, Fill, ReceiveError};
use super::held::Held;
use super::process::{Exit, Process, ending};
use super::remains::{Reaper, Remains};
use super::start_error::StartError;
use crate::sandbox::{Confinement, Layer, Namespaces, Refusal};
use crate::value::printable;
use crate::wire::{ChildHello, FrameError, IdsMapped, WIRE_VERSION, decode, encode};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ChildStderr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many reads drain the last frames of an unwanted process. A greeting has fewer frames.
const LAST_READS: usize = 16;

/// The longest last words of a process that are kept, in bytes.
const LAST_WORDS: u64 = 4096;

/// A process that has been spawned and not yet been confined.
#[derive(Debug)]
pub(crate) struct Starting {
    spawned: Option<Child>,
    /// The process that the spawned one has become, in a new pid namespace.
    born: Option<Process>,
    /// Who said so.
    born_number: Option<Pid>,
    held: Held,
    has_ids: bool,
    reaper: Reaper,
    connection: Option<Connection>,
    namespaces: Namespaces,
    greeted: bool,
    program: String,
    /// When it must be confined.
    pub(crate) deadline: Instant,
}

/// A confined process. Dropping it kills it and waits up to a second. The driver must not wait: it
/// calls `take_remains` before.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) process: Arc<Process>,
    pub(crate) connection: Connection,
    pub(crate) confinement: Confinement,
    last_words: Option<ChildStderr>,
    held: Held,
    /// The process that was spawned and has become this one, if it has not ended yet.
    launcher: Option<Remains>,
    /// Its remains were taken, and are waited for elsewhere.
    is_handed_over: bool,
    reaper: Reaper,
}

impl Starting {
    /// A spawned process that has not said anything.
    pub(super) fn new(
        spawned: Child,
        held: Held,
        reaper: Reaper,
        connection: Connection,
        namespaces: Namespaces,
        program: String,
        deadline: Instant,
    ) -> Starting {
        let connection = Some(connection);
        Starting {
            spawned: Some(spawned),
            born: None,
            born_number: None,
            held,
            has_ids: false,
            reaper,
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

    /// Its cgroup, if it has one.
    pub(super) fn group(&self) -> Option<&Group> {
        self.held.group.as_ref()
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
            ChildHello::NeedsIds if self.greeted && self.born.is_none() && !self.has_ids => {
                self.has_ids = true;
                self.give_ids()?;
                Ok(None)
            }
            ChildHello::Born if self.greeted && self.born.is_none() => {
                self.born_number = self.connection.as_ref().and_then(Connection::writer);
                self.born = Some(self.writer()?);
                if let Some(spawned) = &mut self.spawned {
                    let _ = spawned.kill();
                }
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
        confinement.user = self.held.user();
        confinement.has_cgroup = self.held.group.is_some();
        let is_other = self.born.is_some();
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
        let mut spawned = self.spawned.take();
        let last_words = spawned.as_mut().and_then(|spawned| spawned.stderr.take());
        // Where the process became another one it has ended by now, or soon will.
        let launcher = spawned.filter(|_| is_other);
        let launcher = launcher.and_then(|mut spawned| match spawned.try_wait() {
            Ok(None) => Some(Remains::new(Held::default()).with_leader(spawned, false)),
            _ => None,
        });
        Ok(Started {
            process: Arc::new(process),
            connection,
            confinement,
            last_words,
            held: std::mem::take(&mut self.held),
            launcher,
            is_handed_over: false,
            reaper: self.reaper.clone(),
        })
    }

    /// Maps the process's id into its user namespace, and tells the process the result. The process
    /// reports a failure itself: if it failed in another step meanwhile, that report comes first.
    fn give_ids(&mut self) -> Result<(), StartError> {
        let lost = || StartError::NotAWorkerProgram(self.program.clone());
        let spawned = self.spawned.as_ref().map(Pid::from_child);
        let connection = self.connection.as_mut().ok_or_else(lost)?;
        let (Some(id), Some(child)) = (&self.held.id, spawned) else {
            return Err(lost());
        };
        if self.namespaces != Namespaces::User || connection.writer() != Some(child) {
            return Err(lost());
        }
        let mapped = id.map_into(child).map_err(|(path, error)| {
            let step = format!("writing {path} from outside");
            Refusal::new(Layer::UserNamespace, &step, error)
        });
        // Where the process is gone, its last frame is read next.
        let _ = connection.send(&encode(&IdsMapped(mapped)));
        Ok(())
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

    /// How it ended, if it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        ending(self.pidfd()?.as_fd(), Duration::ZERO)
    }

    /// What becomes readable when it ends.
    pub(crate) fn pidfd(&self) -> Option<OwnedFd> {
        match &self.born {
            Some(process) => process.as_fd().try_clone_to_owned().ok(),
            None => self.spawned.as_ref().and_then(pidfd_of),
        }
    }

    /// Ends it, and hands over what is to be waited for. Nothing if it has become a confined
    /// process, or was handed over.
    pub(crate) fn take_remains(&mut self) -> Option<Remains> {
        let mut spawned = self.spawned.take()?;
        let group = Pid::from_child(&spawned);
        // Until `Born` arrives, the child is in the group that the spawned process leads. The
        // group's number stays valid until the leader is reaped.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = spawned.kill();
        self.notice_birth();
        self.connection = None;
        let remains = Remains::new(std::mem::take(&mut self.held)).with_leader(spawned, true);
        Some(match (self.born.take(), self.born_number) {
            (Some(process), _) => remains.with_process(Arc::new(process)),
            // Where descriptors are exhausted it could not be held.
            (None, Some(number)) if number != group => remains.with_number(number),
            (None, _) => remains,
        })
    }

    /// Reads whether the child has said `Born`. It does so before it leaves the group.
    fn notice_birth(&mut self) {
        for _ in 0..LAST_READS {
            let Some(connection) = &mut self.connection else {
                return;
            };
            if self.born_number.is_some() {
                return;
            }
            match connection.next_frame().map(|frame| frame.map(decode)) {
                Ok(Some(Some(ChildHello::Born))) => self.born_number = connection.writer(),
                Ok(Some(_)) => {}
                Ok(None) if matches!(connection.fill(), Ok(Fill::Data | Fill::LastData)) => {}
                _ => return,
            }
        }
    }
}

pub(super) fn pidfd_of(child: &Child) -> Option<OwnedFd> {
    pidfd_open(Pid::from_child(child), PidfdFlags::empty()).ok()
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
        if let Some(remains) = self.take_remains() {
            self.reaper.end(remains);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(remains) = self.take_remains() {
            self.reaper.end(remains);
        }
    }
}

impl Started {
    /// Ends it, and hands over what is to be waited for, once.
    pub(crate) fn take_remains(&mut self) -> Option<Remains> {
        if std::mem::replace(&mut self.is_handed_over, true) {
            return None;
        }
        let launcher = self.launcher.take();
        let remains =
            Remains::new(std::mem::take(&mut self.held)).with_process(Arc::clone(&self.process));
        Some(match launcher {
            Some(launcher) => remains.with_leader_of(launcher),
            None => remains,
        })
    }

    /// The process that was spawned, where it has still to be waited for.
    pub(crate) fn take_launcher(&mut self) -> Option<Remains> {
        self.launcher.take()
    }

    /// Sets the limits of its cgroup, if it has one.
    pub(crate) fn limit_group(&self, limits: &GroupLimits) -> std::io::Result<()> {
        match &self.held.group {
            Some(group) => group.limit(limits),
            None => Ok(()),
        }
    }

    /// Whether there was an out-of-memory kill in its cgroup that was not reported yet.
    pub(crate) fn was_short_of_memory(&mut self) -> bool {
        let group = self.held.group.as_mut();
        group.is_some_and(Group::was_short_of_memory)
    }

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
