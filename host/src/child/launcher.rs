//! Starts confined processes: the worker program by its descriptor, then a greeting that ends with a confined process whose
//! identity the kernel vouches for.
//!
//! ```text
//! spawn ─► hello ─► (locks itself down) ─► confined ─► Started
//!                         └─ refused ─► degrade: one step less of namespaces, or an error
//! ```

use super::connection::{Connection, ReceiveError};
use super::process::Process;
use crate::error::Error;
use crate::sandbox::{Confinement, Level, Namespaces, Policy, ProcessLimits, Refusal, Role};
use crate::wire::{
    ChildHello, FrameError, MAX_CONTROL_FRAME, StartFrame, WIRE_VERSION, WORKER_ARGV0, decode,
    encode,
};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a process may take from exec to being confined.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest last words of a process that are kept, in bytes.
const LAST_WORDS: u64 = 4096;

/// The executable that becomes confined processes.
#[derive(Clone, Debug, Default)]
pub(crate) enum WorkerProgram {
    /// The running executable, whose `main` begins with [`crate::init`].
    #[default]
    Itself,
    /// Another one, named by the application.
    Path(PathBuf),
}

/// Why no confined process could be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The program could not be opened or executed.
    #[error("the worker program {0} cannot be started: {1}")]
    Program(String, io::Error),
    /// What was started does not greet.
    #[error(
        "{0} is not a worker program: it did not greet. Call wpool::init() first in its main, or name another program"
    )]
    NotAWorkerProgram(String),
    /// It greets with another version.
    #[error(
        "the worker program is {theirs}, this is {WIRE_VERSION}: build both from the same version"
    )]
    Version {
        /// The version it said it has.
        theirs: String,
    },
    /// A layer that may not be missing was refused.
    #[error("confinement is not available: {refusal}. {}", super::advice(.refusal))]
    Refused {
        /// What was refused, and how.
        refusal: Refusal,
    },
    /// What was achieved is less than what is required.
    #[error("confinement is not sufficient: {0}")]
    NotEnough(String),
    /// It did not answer in time.
    #[error("a confined process took longer than {START_TIMEOUT:?} to start")]
    Late,
    /// It panicked.
    #[error("a confined process failed to start: {0}")]
    Panicked(String),
    /// Descriptors or processes are exhausted, or a socket failed.
    #[error("a confined process cannot be started: {0}")]
    Io(#[from] io::Error),
}

/// Starts confined processes of one pool, all confined alike.
#[derive(Debug)]
pub(crate) struct Launcher {
    program: File,
    name: String,
    require_full: bool,
    namespaces: Mutex<Namespaces>,
    /// The refusals that led to fewer namespaces.
    refusals: Mutex<Vec<Refusal>>,
    /// What the first process achieved, which all later ones must achieve; or why there is none.
    settled: Mutex<Option<Result<Confinement, Error>>>,
    settling: Condvar,
}

/// What process to start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) role: Role,
    pub(crate) limits: ProcessLimits,
    /// Threads to compile with.
    pub(crate) threads: u16,
}

/// A process that has been spawned and not yet been confined.
#[derive(Debug)]
pub(crate) struct Starting {
    spawned: Child,
    /// The process that the spawned one has become, in a new pid namespace.
    born: Option<Process>,
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

impl Launcher {
    /// Opens the program once: an upgrade of the file from here on changes nothing.
    pub(crate) fn open(
        program: &WorkerProgram,
        require_full: bool,
    ) -> Result<Launcher, StartError> {
        let path = match program {
            WorkerProgram::Itself => PathBuf::from("/proc/self/exe"),
            WorkerProgram::Path(path) => path.clone(),
        };
        let name = match program {
            WorkerProgram::Itself => "this program".to_string(),
            WorkerProgram::Path(path) => path.display().to_string(),
        };
        let program =
            File::open(&path).map_err(|error| StartError::Program(name.clone(), error))?;
        let first = Mutex::new(Namespaces::User);
        Ok(Launcher {
            program,
            name,
            require_full,
            namespaces: first,
            refusals: Mutex::default(),
            settled: Mutex::default(),
            settling: Condvar::new(),
        })
    }

    /// Spawns a process. The calling thread must live as long as the process is needed: with it, the kernel ends the process.
    pub(crate) fn spawn(&self, order: Order) -> Result<Starting, StartError> {
        let namespaces = *lock(&self.namespaces);
        let (mut connection, theirs) = Connection::pair(MAX_CONTROL_FRAME)?;
        let Order {
            role,
            limits,
            threads,
        } = order;
        let last_words = if role == Role::Compiler {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let spawned = Command::new(format!("/proc/self/fd/{}", self.program.as_raw_fd()))
            .arg0(WORKER_ARGV0)
            .env_clear()
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(last_words)
            .spawn()
            .map_err(|error| StartError::Program(self.name.clone(), error))?;
        let policy = Policy {
            role,
            namespaces,
            limits,
            threads,
        };
        let start = encode(&StartFrame {
            version: WIRE_VERSION.into(),
            policy,
        });
        let deadline = Instant::now() + START_TIMEOUT;
        // A process that is gone already is noticed when nothing can be read from it.
        let _ = connection.send(&start);
        let program = self.name.clone();
        Ok(Starting {
            spawned,
            born: None,
            connection: Some(connection),
            namespaces,
            greeted: false,
            program,
            deadline,
        })
    }

    /// Starts a process and waits until it is confined, with fewer namespaces where the kernel refuses them and that is
    /// allowed.
    pub(crate) fn start(&self, order: Order) -> Result<Started, StartError> {
        loop {
            let mut starting = self.spawn(order)?;
            match starting.finish() {
                Ok(started) => return self.accept(started),
                Err(StartError::Refused { refusal }) => {
                    self.degrade(starting.namespaces, refusal)?
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether what a process achieved is enough.
    pub(crate) fn accept(&self, started: Started) -> Result<Started, StartError> {
        let missing: Vec<_> = started
            .confinement
            .missing()
            .map(|layer| layer.name())
            .collect();
        let missing = missing.join(", ");
        let why = self.refusals().into_iter().last();
        let why = why
            .map(|refusal| format!(" ({refusal}. {})", super::advice(&refusal)))
            .unwrap_or_default();
        let level = started.confinement.level();
        match level {
            Level::Full | Level::Reduced if level == Level::Full || !self.require_full => {
                self.settle(Ok(started.confinement.clone()));
                Ok(started)
            }
            Level::Full | Level::Reduced => Err(StartError::NotEnough(format!(
                "full confinement is required, missing: {missing}{why}"
            ))),
            Level::Insufficient => Err(StartError::NotEnough(format!("missing: {missing}{why}"))),
        }
    }

    /// The first process could not be had.
    pub(crate) fn fail(&self, error: Error) {
        self.settle(Err(error));
    }

    fn settle(&self, first: Result<Confinement, Error>) {
        lock(&self.settled).get_or_insert(first);
        self.settling.notify_all();
    }

    /// What holds the processes: waits for the first of them to say.
    pub(crate) fn confinement(&self) -> Result<Confinement, Error> {
        let settled = lock(&self.settled);
        let (mut settled, _) = self
            .settling
            .wait_timeout_while(settled, 2 * START_TIMEOUT, |settled| settled.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        match &*settled {
            Some(Ok(confinement)) => Ok(confinement.clone()),
            _ => Err(settled
                .take()
                .and_then(Result::err)
                .unwrap_or_else(|| StartError::Late.into())),
        }
    }

    /// From now on starts with fewer namespaces than `from`, if a refusal of that kind allows it.
    pub(crate) fn degrade(&self, from: Namespaces, refusal: Refusal) -> Result<(), StartError> {
        let less = match from {
            Namespaces::User if rustix::process::geteuid().is_root() => Namespaces::Privileged,
            Namespaces::User | Namespaces::Privileged => Namespaces::None,
            Namespaces::None => return Err(StartError::Refused { refusal }),
        };
        // A pool whose processes were confined once does not get weaker because the machine is short of something later.
        if !refusal.is_about_namespaces() || matches!(*lock(&self.settled), Some(Ok(_))) {
            return Err(StartError::Refused { refusal });
        }
        let mut namespaces = lock(&self.namespaces);
        // Another start may have found the same out already.
        if *namespaces == from {
            *namespaces = less;
            lock(&self.refusals).push(refusal);
        }
        Ok(())
    }

    /// What tells the opened program from every other build: where it lies, its length and when it changed.
    pub(crate) fn program_identity(&self) -> Vec<u8> {
        use std::os::unix::fs::MetadataExt;
        // A program that cannot be looked at is like none that was seen before.
        let Ok(file) = self.program.metadata() else {
            return Vec::new();
        };
        let numbers = [
            file.dev(),
            file.ino(),
            file.size(),
            file.mtime() as u64,
            file.mtime_nsec() as u64,
            file.ctime() as u64,
            file.ctime_nsec() as u64,
        ];
        numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect()
    }

    /// What the kernel refused on the way to the confinement in force.
    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        lock(&self.refusals).clone()
    }
}

impl Starting {
    /// The connection, for whoever waits for it to become readable.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// The namespaces it was asked to enter.
    pub(crate) fn namespaces(&self) -> Namespaces {
        self.namespaces
    }

    /// Waits until the process is confined.
    fn finish(&mut self) -> Result<Started, StartError> {
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
                self.born = Some(self.writer()?);
                self.end_spawned();
                Ok(None)
            }
            ChildHello::Confined(confinement) if self.greeted => {
                self.confined(confinement).map(Some)
            }
            ChildHello::Refused(refusal) if self.greeted => Err(StartError::Refused { refusal }),
            ChildHello::Panicked(message) => Err(StartError::Panicked(
                message.chars().flat_map(char::escape_debug).collect(),
            )),
            _ => Err(unexpected()),
        }
    }

    fn confined(&mut self, confinement: Confinement) -> Result<Started, StartError> {
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

    /// The spawned process has handed over, or is not wanted any more.
    fn end_spawned(&mut self) {
        let _ = self.spawned.kill();
        let _ = self.spawned.wait();
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // If it became the confined process itself, that one's owner kills and reaps it.
        if self.connection.is_some() {
            self.end_spawned();
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
