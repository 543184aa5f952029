//! Starts confined processes: the worker program by its descriptor, then a greeting that ends with a confined process whose
//! identity the kernel vouches for.
//!
//! ```text
//! spawn ─► hello ─► (locks itself down) ─► confined ─► Started
//!                         └─ refused ─► degrade: one step less of namespaces, or an error
//! ```

use super::cgroup::{Cgroup, GroupLimits};
use super::connection::Connection;
use super::held::Held;
use super::ids::{Ids, Lease};
use super::remains::Reaper;
use super::start_error::StartError;
use super::starting::{Started, Starting};
use crate::sandbox::{
    Confinement, GrantedDirectory, Level, Namespaces, Policy, ProcessLimits, Refusal, Role, RunAs,
};
use crate::wire::{MAX_CONTROL_FRAME, StartFrame, WIRE_VERSION, WORKER_ARGV0, encode};
use rustix::process::Pid;
use rustix::thread::CapabilitySet;
use std::fs::File;
use std::ops::RangeInclusive;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a process may take from exec to being confined.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The whole environment of a confined process: nothing of the supervisor's. It keeps the C library
/// from registering restartable sequences (rseq). The kernel writes to their page, so each fork
/// would copy it twice.
const ENVIRONMENT: (&str, &str) = ("GLIBC_TUNABLES", "glibc.pthread.rseq=0");

/// The executable that becomes confined processes.
#[derive(Clone, Debug, Default)]
pub(crate) enum WorkerProgram {
    /// The running executable, whose `main` begins with [`crate::init`].
    #[default]
    Itself,
    /// Another one, named by the application.
    Path(PathBuf),
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
    settled: Mutex<Option<Result<Confinement, StartError>>>,
    settling: Condvar,
    /// The user ids of its processes, where the supervisor is root.
    ids: OnceLock<Option<Ids>>,
    /// The range that these ids are from.
    worker_ids: RangeInclusive<u32>,
    /// The cgroup that their groups are made in, if one was given.
    cgroup: Option<Cgroup>,
    /// Reaps processes that the pool left behind.
    pub(crate) reaper: Reaper,
}

/// What process to start.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) role: Role,
    pub(crate) limits: ProcessLimits,
    /// Threads to compile with.
    pub(crate) threads: u16,
    /// The directories that it may use.
    pub(crate) directories: Vec<GrantedDirectory>,
    /// The first limits of its cgroup.
    pub(crate) group: GroupLimits,
}

impl Launcher {
    /// Opens the program once: an upgrade of the file from here on changes nothing.
    pub(crate) fn open(
        program: &WorkerProgram,
        require_full: bool,
        worker_ids: RangeInclusive<u32>,
        cgroup: Option<&Path>,
    ) -> Result<Launcher, StartError> {
        let path = match program {
            WorkerProgram::Itself => PathBuf::from("/proc/self/exe"),
            WorkerProgram::Path(path) => path.clone(),
        };
        let name = match program {
            WorkerProgram::Itself => "this program".to_string(),
            WorkerProgram::Path(path) => path.display().to_string(),
        };
        let program = File::open(&path).map_err(|error| StartError::of_program(&name, error))?;
        let first = Mutex::new(Namespaces::User);
        Ok(Launcher {
            program,
            name,
            require_full,
            namespaces: first,
            refusals: Mutex::default(),
            settled: Mutex::default(),
            settling: Condvar::new(),
            ids: OnceLock::new(),
            worker_ids,
            cgroup: cgroup.map(Cgroup::open).transpose()?,
            reaper: Reaper::default(),
        })
    }

    /// Spawns a process. The calling thread must live as long as the process is needed: with it, the kernel ends the process.
    pub(crate) fn spawn(&self, order: &Order) -> Result<Starting, StartError> {
        let namespaces = *lock(&self.namespaces);
        let (connection, theirs) = Connection::pair(MAX_CONTROL_FRAME)?;
        let role = order.role;
        let last_words = if role == Role::Compiler {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let mut command = Command::new(format!("/proc/self/fd/{}", self.program.as_raw_fd()));
        if namespaces != Namespaces::None {
            // What it becomes is in its group until it has said who it is, and can be found there if it never does.
            command.process_group(0);
        }
        let group = match &self.cgroup {
            Some(cgroup) => Some(cgroup.group(&order.group)?),
            None => None,
        };
        let spawned = command
            .arg0(WORKER_ARGV0)
            .env_clear()
            .envs([ENVIRONMENT])
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(last_words)
            .spawn()
            .map_err(|error| StartError::of_program(&self.name, error))?;
        let is_root = rustix::process::geteuid().is_root();
        // Finding free ids takes a while. Meanwhile the first process loads the worker program.
        let ids = self.ids.get_or_init(|| {
            let asked = self.worker_ids.clone();
            is_root.then(|| Ids::on_this_machine(asked)).flatten()
        });
        let held = Held {
            id: ids.as_ref().map(Ids::lease),
            group,
        };
        let policy = Policy {
            role,
            namespaces,
            run_as: is_root.then(|| held.id.as_ref().map_or(RunAs::Itself, Lease::run_as)),
            limits: order.limits,
            threads: order.threads,
            directories: order.directories.clone(),
        };
        let start = encode(&StartFrame {
            version: WIRE_VERSION.into(),
            policy,
        });
        let deadline = Instant::now() + START_TIMEOUT;
        let child = Pid::from_child(&spawned);
        let mut starting = Starting::new(
            spawned,
            held,
            self.reaper.clone(),
            connection,
            namespaces,
            self.name.clone(),
            deadline,
        );
        let added = starting.group().map_or(Ok(()), |group| group.add(child));
        if let (Err(error), Some(cgroup)) = (added, &self.cgroup) {
            if let Some(remains) = starting.take_remains() {
                // The driver spawns, and must not wait.
                self.reaper.leave(remains);
            }
            return Err(cgroup.not_entered(&error).into());
        }
        // The policy is sent once the process is in its group. If the process is gone already, the
        // next read says so.
        if let Some(connection) = starting.connection() {
            let _ = connection.send(&start);
        }
        Ok(starting)
    }

    /// Starts a process and waits until it is confined, with fewer namespaces where the kernel refuses them and that is
    /// allowed.
    pub(crate) fn start(&self, order: Order) -> Result<Started, StartError> {
        loop {
            let mut starting = self.spawn(&order)?;
            match starting.finish() {
                Ok(started) => return self.accept(&started).map(|()| started),
                Err(StartError::Refused { refusal }) => {
                    self.degrade(starting.namespaces(), refusal)?
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether what a process achieved is enough.
    pub(crate) fn accept(&self, started: &Started) -> Result<(), StartError> {
        let missing: Vec<_> = started
            .confinement
            .missing()
            .map(|layer| layer.name())
            .collect();
        let missing = missing.join(", ");
        let why = self.why(&started.confinement);
        let level = started.confinement.level();
        match level {
            Level::Full | Level::Reduced if level == Level::Full || !self.require_full => {
                self.settle(Ok(started.confinement.clone()));
                Ok(())
            }
            Level::Full | Level::Reduced => Err(StartError::NotEnough(format!(
                "full confinement is required, missing: {missing}{why}"
            ))),
            Level::Insufficient => Err(StartError::NotEnough(format!("missing: {missing}{why}"))),
        }
    }

    /// What was refused last of the namespaces, and of Landlock, each with what to do about it.
    fn why(&self, achieved: &Confinement) -> String {
        let namespaces = self.refusals().into_iter().last();
        let refusals = namespaces.iter().chain(&achieved.landlock_refusal);
        let reasons = refusals.map(|refusal| format!("{refusal}. {}", super::advice(refusal)));
        match reasons.collect::<Vec<_>>().join(". ") {
            none if none.is_empty() => none,
            reasons => format!(" ({reasons})"),
        }
    }

    /// The first process could not be had.
    pub(crate) fn fail(&self, error: StartError) {
        self.settle(Err(error));
    }

    fn settle(&self, first: Result<Confinement, StartError>) {
        lock(&self.settled).get_or_insert(first);
        self.settling.notify_all();
    }

    /// What holds the processes: waits for the first of them to say.
    pub(crate) fn confinement(&self) -> Result<Confinement, StartError> {
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
                .unwrap_or(StartError::Late)),
        }
    }

    /// From now on starts with fewer namespaces than `from`, if a refusal of that kind allows it.
    pub(crate) fn degrade(&self, from: Namespaces, refusal: Refusal) -> Result<(), StartError> {
        let mut namespaces = lock(&self.namespaces);
        if *namespaces != from {
            // Another start has found the same out already.
            return Ok(());
        }
        let less = match from {
            Namespaces::User if may_make_namespaces() => Namespaces::Privileged,
            Namespaces::User | Namespaces::Privileged => Namespaces::None,
            Namespaces::None => return Err(StartError::Refused { refusal }),
        };
        // A pool whose processes were confined once does not get weaker because the machine is short of something later.
        if !refusal.is_about_namespaces() || matches!(*lock(&self.settled), Some(Ok(_))) {
            return Err(StartError::Refused { refusal });
        }
        *namespaces = less;
        lock(&self.refusals).push(refusal);
        Ok(())
    }

    /// Where the opened program lies.
    pub(crate) fn program_path(&self) -> Option<PathBuf> {
        std::fs::read_link(format!("/proc/self/fd/{}", self.program.as_raw_fd())).ok()
    }

    /// The length of the opened program.
    pub(crate) fn program_bytes(&self) -> u64 {
        self.program.metadata().map_or(0, |file| file.len())
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

/// Whether this process may have namespaces without a user namespace of its own.
fn may_make_namespaces() -> bool {
    let held = rustix::thread::capabilities(None);
    held.is_ok_and(|held| held.effective.contains(CapabilitySet::SYS_ADMIN))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
