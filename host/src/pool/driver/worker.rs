//! The driver's side of a worker: forked, verified, fed, read, killed and settled.

use super::super::scheduler::{Death, PluginId, Task, Violation, WorkerId};
use super::host_calls::HostCalls;
use super::loaded::Loaded;
use super::pages::Page;
use super::requests::Fork;
use super::results::Reported;
use super::unreaped::SOON;
use super::{Driver, Source};
use crate::child::{Connection, Fill, Kinship, Process, with_remedy};
use crate::value::printable;
use crate::wire::{BatchWriter, ChildHello, FrameReader, WorkerFrame, decode as decode_message};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a worker may take from fork to ready, and a template to say how a worker died.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What a frame of results may hold beyond one result of the largest size.
const FRAME_SLACK: u64 = 256 * 1024;

/// Up to so many workers at once, those that come get the pages of those that ended.
const MOST_WITH_PAGES: usize = 64;

/// How much is read from a worker that is gone: more than its socket can hold.
pub(super) const LAST_READS: usize = 64;

/// How much is read from one worker before the others get their turn.
const READS_PER_TURN: usize = 16;

/// A worker, from the request to fork it until it is settled.
pub(super) struct WorkerLink {
    pub(super) plugin: PluginId,
    /// What people call it.
    pub(super) name: Arc<str>,
    pub(super) page: Page,
    pub(super) calls: HostCalls,
    /// Tasks that it finished.
    pub(super) finished: u64,
    pub(super) connection: Connection,
    /// Known once it is ready.
    pub(super) process: Option<Arc<Process>>,
    /// Why it was killed, if it was.
    pub(super) killed: Option<Death>,
    /// The sequence number of the task whose result broke the protocol.
    pub(super) culprit: Option<u32>,
    /// It greeted, and was gone before the kernel could say who it was: nothing that it sent is believed.
    unknown: bool,
    /// It said that it panicked, and is about to end.
    panicked: bool,
    /// Nothing more is read from it: its connection is closed, and its template was asked how it died, or it had done all it was for.
    pub(super) closed: bool,
    /// It has ended, and its template was asked how or told so.
    pub(super) asked: bool,
    /// The socket is watched for room too.
    waits_for_room: bool,
}

impl Driver {
    /// Has the plugin's template fork a worker.
    pub(super) fn fork_worker(&mut self, plugin: PluginId, worker: WorkerId) {
        let limit = self.plugins.get(&plugin).map_or(0, Loaded::longest_answer);
        let Some(template) = self.templates.get_mut(&plugin) else {
            // Its death is told by nobody else.
            return self
                .scheduler
                .worker_died(Instant::now(), worker, 0, Death::Template);
        };
        let loaded = self.plugins.get(&plugin);
        // A descriptor more for each of them, which many workers need for themselves.
        let is_one_of_many = loaded.is_some_and(|it| it.plugin.terms.tasks_per_worker().is_some())
            && self.settings.workers <= MOST_WITH_PAGES;
        let made = Connection::pair((limit + FRAME_SLACK) as usize)
            .and_then(|pair| Ok((pair, template.pages.take()?)))
            .and_then(|made| {
                self.events.add(&made.0.0, Source::Worker(worker))?;
                Ok(made)
            });
        let made = made.and_then(|(pair, mut page)| {
            let memory = page.hand_out(is_one_of_many);
            Ok((pair, page, memory.ok_or(std::io::ErrorKind::NotFound)?))
        });
        let ((connection, socket), page, memory) = match made {
            Ok(made) => made,
            // Out of descriptors, most likely.
            Err(error) => return self.worker_not_forked(plugin, worker, &with_remedy(&error)),
        };
        let link = WorkerLink {
            plugin,
            name: self.worker_name(worker),
            page,
            calls: HostCalls::default(),
            finished: 0,
            connection,
            process: None,
            killed: None,
            culprit: None,
            unknown: false,
            panicked: false,
            closed: false,
            asked: false,
            waits_for_room: false,
        };
        self.workers.insert(worker, link);
        self.deadlines.set(worker, Instant::now() + ANSWER_TIMEOUT);
        let fork = Fork {
            worker,
            socket,
            page: memory,
        };
        if !self.request_fork(plugin, fork) {
            self.settle_worker(worker, Death::Template);
        }
    }

    /// A worker does not come to be.
    pub(super) fn worker_not_forked(&mut self, plugin: PluginId, worker: WorkerId, why: &str) {
        self.workers.remove(&worker);
        self.deadlines.clear(worker);
        self.fork_answered(plugin, worker);
        self.note_trouble(plugin, why.to_string());
        self.scheduler.worker_failed(Instant::now(), worker);
    }

    /// Sends a batch.
    pub(super) fn send_batch(
        &mut self,
        worker: WorkerId,
        first_seq: u32,
        tasks: &[Task],
        after_recall: bool,
    ) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        if after_recall {
            link.page.mapped.allow_all();
        }
        let function = tasks.first().map_or(0, |task| task.function);
        let mut batch = BatchWriter::new(first_seq, function);
        let last = tasks.last().and_then(|task| self.tasks.get(task.id));
        // What is long is not copied.
        let behind = last.and_then(|task| task.long_arguments()).cloned();
        let copied = &tasks[..tasks.len() - usize::from(behind.is_some())];
        let bytes = copied.iter().map(|task| task.bytes as usize);
        batch.reserve(copied.len(), bytes.sum());
        // Of one that is on its way it is known when it is there.
        let pid = link.process.as_deref().map(Process::number);
        let ids = copied.iter().map(|task| task.id);
        for some in self.tasks.by_block(ids) {
            pid.inspect(|pid| some.begin(*pid));
            some.push_to(&mut batch);
        }
        if let Some((bytes, last)) = behind.as_ref().zip(last) {
            pid.inspect(|pid| last.begins(*pid));
            batch.push_last(bytes.len());
        }
        // A broken connection is met again when it is read.
        let _ = link.connection.send_whole(batch.finish_whole(), behind);
        self.watch_room(worker);
    }

    /// Keeps the watch for room in step with what waits to be sent.
    pub(super) fn watch_room(&mut self, worker: WorkerId) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        let wants = link.connection.wants_write();
        if wants != link.waits_for_room {
            link.waits_for_room = wants;
            let _ = self
                .events
                .wait_for_room(&link.connection, Source::Worker(worker), wants);
        }
    }

    /// Kills a worker for a reason that its death will have.
    pub(super) fn kill_worker(&mut self, worker: WorkerId, death: Death) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        link.killed.get_or_insert(death);
        if let Some(process) = &link.process {
            process.kill();
            if death == Death::Retired && !link.closed && self.scheduler.has_left(worker) {
                link.closed = true;
                self.to_settle.push(worker);
                return;
            }
        }
        let answer_in = match link.process {
            Some(_) => SOON,
            // It is on its way still, and killed when it is there.
            None => ANSWER_TIMEOUT,
        };
        self.deadlines.set(worker, Instant::now() + answer_in);
    }

    /// Reads what a worker sent, and sends what it has room for.
    pub(super) fn worker_event(&mut self, worker: WorkerId) {
        for _ in 0..READS_PER_TURN {
            let Some(link) = self.workers.get_mut(&worker) else {
                return;
            };
            if link.closed {
                if link.process.as_deref().is_some_and(|it| !it.is_alive()) {
                    self.worker_ended(worker);
                }
                return;
            }
            match link.connection.fill() {
                Ok(Fill::Data) => self.worker_frames(worker),
                Ok(Fill::LastData) => {
                    self.worker_frames(worker);
                    break;
                }
                Ok(Fill::Nothing) => break,
                Ok(Fill::Closed) | Err(_) => return self.worker_closed(worker),
            }
        }
        if let Some(link) = self.workers.get_mut(&worker)
            && link.connection.wants_write()
        {
            let _ = link.connection.flush();
            self.watch_room(worker);
        }
    }

    pub(super) fn worker_frames(&mut self, worker: WorkerId) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        // Frames are read from it while the driver changes.
        let mut reader = link.connection.lend_reader();
        let handled = self.handle_frames(worker, &mut reader);
        if let Some(link) = self.workers.get_mut(&worker) {
            link.connection.return_reader(reader);
        }
        if let Err(violation) = handled {
            self.violation(worker, violation);
        }
    }

    fn handle_frames(
        &mut self,
        worker: WorkerId,
        reader: &mut FrameReader,
    ) -> Result<(), Violation> {
        while self.workers.contains_key(&worker) {
            let too_long = |_| Violation("a frame that is too long");
            if let Some(frame) = reader.take_long().map_err(too_long)? {
                self.handle_long(worker, frame)?;
                continue;
            }
            let Some(frame) = reader.next_frame().map_err(too_long)? else {
                return Ok(());
            };
            self.handle_frame(worker, frame)?;
        }
        Ok(())
    }

    pub(super) fn handle_frame(&mut self, worker: WorkerId, frame: &[u8]) -> Result<(), Violation> {
        match WorkerFrame::parse(frame) {
            Some(WorkerFrame::Ready) => self.worker_ready(worker),
            Some(WorkerFrame::Panicked) => self.worker_panicked(worker, frame),
            Some(WorkerFrame::Results { .. } | WorkerFrame::HostCall { .. })
                if !self.is_believed(worker)? =>
            {
                Ok(())
            }
            Some(WorkerFrame::Results {
                first_seq,
                batch_done,
                count,
                bytes,
            }) => self.worker_results(worker, (first_seq, count, batch_done), Reported::In(bytes)),
            Some(WorkerFrame::HostCall {
                function,
                arguments,
            }) => match self.scheduler.is_dying(worker) {
                false => self.worker_calls(worker, function, arguments),
                // Nobody wants its task any more, or it is over.
                true => Ok(()),
            },
            None => Err(Violation("a malformed frame")),
        }
    }

    /// Whether it is known whose frames these are. Those of one that is gone before that are nobody's.
    pub(super) fn is_believed(&self, worker: WorkerId) -> Result<bool, Violation> {
        match self.workers.get(&worker) {
            Some(link) if link.process.is_some() => Ok(true),
            Some(link) if !link.unknown => Err(Violation("a frame before it greeted")),
            _ => Ok(false),
        }
    }

    /// The first frame: the kernel says who wrote it, and that must be a child of the template.
    fn worker_ready(&mut self, worker: WorkerId) -> Result<(), Violation> {
        let Some(link) = self.workers.get_mut(&worker) else {
            return Ok(());
        };
        if link.process.is_some() {
            return Err(Violation("a second greeting"));
        }
        if link.unknown {
            return Ok(());
        }
        let parent = self
            .templates
            .get(&link.plugin)
            .and_then(|template| template.started());
        let verified = match (parent, link.connection.writer()) {
            (Some(parent), Some(pid)) => Process::child_of(pid, &parent.process),
            // Its template is gone, and so will it be.
            (None, _) => Ok(Kinship::Dead),
            (_, None) => Ok(Kinship::Stranger),
        };
        let process = match verified {
            Ok(Kinship::Child(process)) => process,
            // Killed since it greeted: its connection says so next.
            Ok(Kinship::Dead) => {
                link.unknown = true;
                return Ok(());
            }
            Ok(Kinship::Stranger) => {
                return Err(Violation(
                    "a greeting from a process that is not its template's child",
                ));
            }
            Err(error) => {
                self.worker_unknown(worker, &error);
                return Ok(());
            }
        };
        link.connection
            .stop_attesting()
            .map_err(|_| Violation("a greeting over a broken connection"))?;
        if link.killed.is_some() {
            process.kill();
        } else {
            self.deadlines.clear(worker);
        }
        let pid = process.number();
        link.process = Some(Arc::new(process));
        let plugin = link.plugin;
        self.fork_answered(plugin, worker);
        // It may have been given a task on its way.
        let given = self.scheduler.running(worker);
        if let Some(task) = given.and_then(|(task, _)| self.tasks.get(task)) {
            task.begins(pid);
        }
        self.scheduler.worker_ready(Instant::now(), worker);
        Ok(())
    }

    /// Nobody can say who a worker is: not its fault, but without that it cannot be used. It ends when its connection does; if it has
    /// begun what was given to it on its way, now, with its template, since it cannot be signalled.
    fn worker_unknown(&mut self, worker: WorkerId, error: &std::io::Error) {
        let Some(link) = self.workers.get_mut(&worker) else {
            return;
        };
        let (plugin, has_begun) = (link.plugin, link.page.mapped.recall() > 0);
        link.unknown = true;
        let why = format!(
            "a worker cannot be identified: {} (or /proc is not mounted or hides processes)",
            with_remedy(error)
        );
        if has_begun {
            return self.template_gone(plugin, why);
        }
        self.worker_not_forked(plugin, worker, &why);
        self.request_reap(plugin, worker);
    }

    /// A worker that panicked ends by itself; that it says so, once, is kept for a person.
    fn worker_panicked(&mut self, worker: WorkerId, frame: &[u8]) -> Result<(), Violation> {
        let Some(link) = self.workers.get_mut(&worker) else {
            return Ok(());
        };
        if std::mem::replace(&mut link.panicked, true) {
            return Err(Violation("a second panic"));
        }
        let plugin = link.plugin;
        if let Some(ChildHello::Panicked(message)) = decode_message(frame) {
            self.note_trouble(plugin, format!("a worker failed: {}", printable(&message)));
        }
        Ok(())
    }
}
