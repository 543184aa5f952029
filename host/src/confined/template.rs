//! Has one plugin mapped and linked, and forks workers from that state on request. It runs no code of the guest, but for an
//! initializer or a warm program that was asked for.

use super::conversation::Conversation;
use super::guest::{Called, Guest, Live};
use super::link::{Link, Requests};
use super::{code_memory, end, ticker, warm, worker};
use crate::sandbox::{self, Files, Filter};
use crate::wire::{
    Isolation, LoadRequest, MAX_FACTS_FRAME, StatusPage, SupervisorToTemplate,
    TemplateToSupervisor, decode,
};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, WaitOptions, waitpid};
use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

/// What a list of processes shows of a worker, as a C string.
const WORKER_NAME: [u64; 2] = [
    u64::from_ne_bytes(*b"wpool-wo"),
    u64::from_ne_bytes(*b"rker\0\0\0\0"),
];

/// A fork that is confined as a worker.
pub(super) struct Child {
    pub(super) conversation: Conversation,
    pub(super) page: StatusPage,
}

/// Loads what it is told to, then serves forks until the supervisor closes the connection.
pub(super) fn serve(link: &mut Link, files: Files, memory: WorkingSet) {
    let Some(loaded) = load_as_told(link, files, memory) else {
        return;
    };
    if !loaded.guest.is_warm() {
        if let Some(child) = loaded.serve(link) {
            loaded.work(child);
        }
        return;
    }
    let Loaded { guest, forks, .. } = loaded;
    if let Err(message) = warm::serve(guest, forks) {
        link.send(&TemplateToSupervisor::NotPrepared(message));
    }
}

/// Obeys the first request, to load an artifact. `None` if there is nothing more to do.
pub(super) fn load_as_told(link: &mut Link, files: Files, memory: WorkingSet) -> Option<Loaded> {
    let (frame, mut descriptors) = link.receive_with_descriptors(MAX_FACTS_FRAME);
    let (request, artifact) = (decode(&frame)?, descriptors.pop()?);
    // Only the socket is open before it, so it gets the number at which workers keep it.
    if artifact.as_raw_fd() != sandbox::ARTIFACT {
        return None;
    }
    let SupervisorToTemplate::Load(request) = request else {
        return None;
    };
    let refused = match load(*request, File::from(artifact), files, memory) {
        Ok(mut loaded) => match prepare(loaded.guest) {
            Ok(prepared) => {
                loaded.prepared = Cell::new(prepared);
                return Some(loaded);
            }
            Err(message) => TemplateToSupervisor::NotPrepared(message),
        },
        Err(message) => TemplateToSupervisor::LoadFailed(message),
    };
    link.send(&refused);
    None
}

/// What every fork starts from.
pub(super) struct Loaded {
    pub(super) guest: &'static Guest,
    /// The instance that each worker starts from, where there is one.
    prepared: Cell<Option<Live>>,
    forks: Forks,
}

impl Loaded {
    /// Forks and reaps workers, until the supervisor closes the connection. Returns only in a worker.
    pub(super) fn serve(&self, link: &mut Link) -> Option<Child> {
        self.forks.serve(link)
    }

    /// What an honest worker does.
    pub(super) fn work(&self, child: Child) -> ! {
        let (conversation, prepared) = (child.conversation, self.prepared.take());
        worker::serve(conversation, &child.page, self.guest, prepared)
    }
}

/// How workers are made.
pub(super) struct Forks {
    /// Built once, since every worker's is the same: what it adds to the filter of the template.
    worker_filter: Filter,
    /// What each worker talks through, once its own connection is where the template's was.
    conversation: Conversation,
    /// Taken when serving begins.
    work: Cell<Option<Work>>,
}

/// What the template writes to between two forks.
struct Work {
    requests: Requests,
    workers: HashMap<u32, Pid>,
}

/// What a template and its forks write to: each page of it is copied when one of them does.
pub(super) struct WorkingSet {
    work: Work,
    conversation: Conversation,
}

impl WorkingSet {
    /// All of it. Where it is made before there are holes in the heap, it lies on a page or two.
    pub(super) fn new() -> WorkingSet {
        WorkingSet {
            work: Work {
                workers: HashMap::with_capacity(16),
                requests: Requests::over(&Link::to_supervisor(), MAX_FACTS_FRAME),
            },
            conversation: Conversation::new(Link::to_supervisor()),
        }
    }
}

impl Forks {
    /// As [`Forks::serve`], on the connection that the process was started with.
    pub(super) fn serve_once(&self) -> Child {
        match self.serve(&mut Link::to_supervisor()) {
            Some(child) => child,
            None => end(0),
        }
    }

    fn serve(&self, link: &mut Link) -> Option<Child> {
        link.send(&TemplateToSupervisor::Loaded);
        let first_free = first_free_descriptor();
        let mut work = self.work.take()?;
        loop {
            match work.requests.read_next(decode) {
                Some(SupervisorToTemplate::Fork { worker: number }) => {
                    match self.fork(work.requests.take_descriptors(), first_free) {
                        Ok(Forked::Worker(child)) => {
                            // To give this back would write to memory that a fork shares until then.
                            std::mem::forget(work);
                            return Some(child);
                        }
                        Ok(Forked::Template(pid)) => drop(work.workers.insert(number, pid)),
                        Err(errno) => link.send(&TemplateToSupervisor::ForkFailed {
                            worker: number,
                            errno,
                        }),
                    }
                }
                Some(SupervisorToTemplate::Reap { worker }) => {
                    link.send(&reap(worker, work.workers.remove(&worker)))
                }
                Some(SupervisorToTemplate::Bury { worker }) => {
                    reap(worker, work.workers.remove(&worker));
                }
                Some(SupervisorToTemplate::Load(_)) | None => return None,
            }
        }
    }

    /// Forks a worker that talks through the first descriptor and shares the page behind the second.
    fn fork(&self, descriptors: Option<[OwnedFd; 2]>, first_free: u32) -> Result<Forked, i32> {
        let [socket, page] = descriptors.ok_or(libc::EPROTO)?;
        // SAFETY: this process has one thread, so the child inherits a consistent copy of everything. What the C library's own fork
        // does besides is for other threads and for locks that nobody holds, and writes to four pages, which are copied for that.
        match unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } {
            -1 => Err(std::io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or_default()),
            0 => Ok(Forked::Worker(self.become_worker(socket, page, first_free))),
            pid => {
                let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
                pid.map(Forked::Template).ok_or(libc::ESRCH)
            }
        }
    }

    fn become_worker(&self, socket: OwnedFd, page: OwnedFd, first_free: u32) -> Child {
        let Ok(mapped) = StatusPage::map(&page) else {
            end(1)
        };
        // Descriptor 0 is the template's connection, which this process must not have; the link to it is not used here again.
        if rustix::stdio::dup2_stdin(&socket).is_err() {
            end(1);
        }
        for descriptor in [socket, page] {
            // What is beyond all others is closed with one call below; what got a number that was free in between, by itself.
            if descriptor.as_raw_fd().unsigned_abs() >= first_free {
                std::mem::forget(descriptor);
            }
        }
        show_name();
        let confined = sandbox::close_from(first_free)
            // Fork clears the parent-death signal.
            .and_then(|()| sandbox::die_with_supervisor(rustix::stdio::stdin()))
            .and_then(|()| self.worker_filter.install());
        if confined.is_err() {
            end(1);
        }
        Child {
            conversation: self.conversation.clone(),
            page: mapped,
        }
    }
}

/// Sets the name that `ps` shows. It is for people, who can do without.
fn show_name() {
    // Numbers that are part of the code: each fork would have to map the page of a constant.
    let name = WORKER_NAME.map(std::hint::black_box);
    // SAFETY: it reads a C string that lies on the stack.
    unsafe { libc::syscall(libc::SYS_prctl, libc::PR_SET_NAME, name.as_ptr()) };
}

/// On which side of a fork this is.
enum Forked {
    Template(Pid),
    Worker(Child),
}

fn load(
    request: LoadRequest,
    artifact: File,
    files: Files,
    WorkingSet { work, conversation }: WorkingSet,
) -> Result<Loaded, String> {
    sandbox::tighten(&request.limits).map_err(|refusal| refusal.to_string())?;
    // Images of memories are parts of the artifact.
    let artifact_bytes = artifact
        .metadata()
        .map_err(|error| error.to_string())?
        .len();
    sandbox::limit_files(artifact_bytes.max(sandbox::file_bytes_of(files)))
        .map_err(|refusal| refusal.to_string())?;
    let guest = Guest::load(artifact, request).map_err(|error| format!("{error:#}"))?;
    // It is never unloaded: the process ends with it.
    let guest: &'static Guest = Box::leak(Box::new(guest));
    code_memory::seal();
    // What a first call would set up, without a call: the signal stack and the thread's data.
    wasmtime::Engine::tls_eager_initialize();
    ticker::install(guest.engine()).map_err(|error| error.to_string())?;
    let worker_filter = sandbox::limit_files(sandbox::file_bytes_of(files))
        .and_then(|()| {
            // What is in force from loading still is.
            let serving = Filter::serving(files)?.beyond(&Filter::common(files)?);
            let of_forks = Filter::of_forks(files)?;
            serving.install()?;
            Ok(of_forks)
        })
        .map_err(|refusal| refusal.to_string())?;
    Ok(Loaded {
        guest,
        prepared: Cell::default(),
        forks: Forks {
            worker_filter,
            conversation,
            work: Cell::new(Some(work)),
        },
    })
}

/// Makes the instance that all tasks start from, where each has a process of its own: if no code of the guest runs then, or an
/// initializer was asked for, under the final filter.
fn prepare(guest: &Guest) -> Result<Option<Live>, String> {
    let terms = guest.terms();
    if terms.isolation != Isolation::Process {
        return Ok(None);
    }
    let has_initializer = terms.initializer.is_some();
    if !has_initializer && !guest.is_inert_at_first() {
        return Ok(None);
    }
    let ticking = ticker::start();
    let prepared = guest.prepare(None);
    drop(ticking);
    let failure = |called: Called| called.outcome.err().map(|failure| failure.message);
    match prepared {
        Ok(live) => Ok(Some(live)),
        Err(called) if has_initializer => Err(failure(called).unwrap_or_default()),
        // Each task finds that out for itself, and fails.
        Err(_) => Ok(None),
    }
}

/// The first descriptor beyond all that are open: what comes later is for one fork.
fn first_free_descriptor() -> u32 {
    let numbers = 0..sandbox::TEMPLATE_DESCRIPTORS as i32;
    let asked = numbers.map(|fd| libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    });
    let mut asked: Vec<libc::pollfd> = asked.collect();
    // SAFETY: the numbers are only asked about, whether or not they are descriptors, and there are as many as it says.
    let answer = unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, 0) };
    let is_open = |asked: &libc::pollfd| match answer {
        0.. => asked.revents & libc::POLLNVAL == 0,
        // Where fewer may be open, so many cannot be asked about at once.
        // SAFETY: as above.
        _ => unsafe { libc::fcntl(asked.fd, libc::F_GETFD) >= 0 },
    };
    let last = asked.iter().rposition(is_open);
    last.map_or(0, |last| last as u32 + 1)
}

/// Waits for a worker that the supervisor saw die, or has killed.
fn reap(worker: u32, pid: Option<Pid>) -> TemplateToSupervisor {
    // A signal from outside may have a handler: the runtime has one for a few.
    let wait = |pid| retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()));
    let status = pid.and_then(|pid| wait(pid).ok().flatten());
    let status = status.map(|(_, status)| status);
    TemplateToSupervisor::Reaped {
        worker,
        signal: status.and_then(|status| status.terminating_signal()),
        exit_status: status.and_then(|status| status.exit_status()),
    }
}
