//! The driver's side of a template: started, loaded, asked to fork and to reap.

use super::super::scheduler::{Death, PluginId, WorkerId};
use super::{Driver, Source};
use crate::child::{Connection, Exit, Fill, StartError, Started, Starting};
use crate::sandbox::{Namespaces, ProcessLimits, Role};
use crate::value::printable;
use crate::wire::{
    FrameError, MAX_CONTROL_FRAME, SupervisorToTemplate, TemplateToSupervisor, decode, encode,
};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long a template may take to map and link its artifact.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// A plugin's template, as far as it got.
pub(super) enum TemplateLink {
    /// Spawned, not confined yet.
    Starting(Starting),
    /// Confined, and waits for its plugin to be compiled.
    Confined(Started),
    /// Was given its artifact.
    Loading(Started, Instant),
    /// Forks workers.
    Serving(Started),
}

impl TemplateLink {
    /// When it must have answered.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            TemplateLink::Starting(starting) => Some(starting.deadline),
            TemplateLink::Loading(_, deadline) => Some(*deadline),
            TemplateLink::Confined(_) | TemplateLink::Serving(_) => None,
        }
    }

    pub(super) fn started(&self) -> Option<&Started> {
        match self {
            TemplateLink::Starting(_) => None,
            TemplateLink::Confined(started)
            | TemplateLink::Loading(started, _)
            | TemplateLink::Serving(started) => Some(started),
        }
    }

    fn connection(&mut self) -> Option<&mut Connection> {
        match self {
            TemplateLink::Starting(starting) => starting.connection(),
            TemplateLink::Confined(started)
            | TemplateLink::Loading(started, _)
            | TemplateLink::Serving(started) => Some(&mut started.connection),
        }
    }
}

/// Why a template ended: how, or the reason for which the supervisor gave it up.
type Gone = Result<(), String>;

impl Driver {
    /// Starts a plugin's template though the plugin is still being compiled: both take their time.
    pub(super) fn expect(&mut self, plugin: PluginId) {
        if !self.templates.contains_key(&plugin)
            && let Err(error) = self.spawn_template(plugin)
        {
            // The compiler, which starts at the same time, meets the same and says so.
            self.note_trouble(plugin, error.to_string());
        }
    }

    /// The scheduler wants a template; one may be there already, or on its way.
    pub(super) fn start_template(&mut self, plugin: PluginId) {
        match self.templates.get(&plugin) {
            Some(TemplateLink::Serving(_)) => self.scheduler.template_ready(Instant::now(), plugin),
            Some(_) => self.load_if_confined(plugin),
            None => {
                if let Err(error) = self.spawn_template(plugin) {
                    self.note_trouble(plugin, error.to_string());
                    self.scheduler.template_failed(Instant::now(), plugin);
                }
            }
        }
    }

    fn spawn_template(&mut self, plugin: PluginId) -> Result<(), StartError> {
        // The template, its workers, and as many that died and were not reaped yet.
        let processes = Some(1 + 2 * self.budget as u64);
        let limits = ProcessLimits {
            data_bytes: None,
            address_space_bytes: None,
            cpu_seconds: None,
            processes,
        };
        let mut starting = self.launcher.spawn(Role::Template, limits)?;
        if let Some(connection) = starting.connection() {
            self.events.add(&*connection, Source::Template(plugin))?;
        }
        self.templates
            .insert(plugin, TemplateLink::Starting(starting));
        Ok(())
    }

    /// Reads what a template sent.
    pub(super) fn template_event(&mut self, plugin: PluginId) {
        loop {
            let Some(connection) = self
                .templates
                .get_mut(&plugin)
                .and_then(TemplateLink::connection)
            else {
                return;
            };
            match connection.fill() {
                Ok(Fill::Data | Fill::LastData) => {}
                Ok(Fill::Nothing) => return,
                Ok(Fill::Closed) => return self.template_closed(plugin),
                Err(error) => return self.template_gone(plugin, Err(error.to_string())),
            }
            if let Err(why) = self.template_frames(plugin) {
                return self.template_gone(plugin, Err(why));
            }
        }
    }

    fn template_frames(&mut self, plugin: PluginId) -> Result<(), String> {
        loop {
            let Some(link) = self.templates.get_mut(&plugin) else {
                return Ok(());
            };
            let Some(connection) = link.connection() else {
                return Ok(());
            };
            let frame = match connection.next_frame() {
                Ok(None) => return Ok(()),
                Ok(Some(frame)) => frame.to_vec(),
                Err(error) => return Err(error.to_string()),
            };
            match link {
                TemplateLink::Starting(starting) => match starting.handle(&frame) {
                    Ok(None) => {}
                    Ok(Some(started)) => self.template_confined(plugin, started)?,
                    Err(StartError::Refused { refusal }) => {
                        let from = starting.namespaces();
                        return self.restart_degraded(plugin, from, refusal);
                    }
                    Err(error) => return Err(error.to_string()),
                },
                _ => self.template_message(
                    plugin,
                    decode(&frame).ok_or("it sent a malformed message")?,
                )?,
            }
        }
    }

    /// Starts the template again with fewer namespaces, where that is allowed.
    fn restart_degraded(
        &mut self,
        plugin: PluginId,
        from: Namespaces,
        refusal: crate::sandbox::Refusal,
    ) -> Result<(), String> {
        self.launcher
            .degrade(from, refusal)
            .map_err(|error| error.to_string())?;
        self.templates.remove(&plugin);
        self.spawn_template(plugin)
            .map_err(|error| error.to_string())
    }

    fn template_confined(&mut self, plugin: PluginId, started: Started) -> Result<(), String> {
        let started = self
            .launcher
            .accept(started)
            .map_err(|error| error.to_string())?;
        self.templates
            .insert(plugin, TemplateLink::Confined(started));
        self.load_if_confined(plugin);
        Ok(())
    }

    /// Gives a confined template its artifact, if the plugin is there.
    pub(super) fn load_if_confined(&mut self, plugin: PluginId) {
        let Some(loaded) = self.plugins.get(&plugin) else {
            return;
        };
        let compiled = &loaded.plugin;
        match self.templates.remove(&plugin) {
            Some(TemplateLink::Confined(mut started)) => {
                let limits = compiled.process_limits();
                let request = SupervisorToTemplate::Load {
                    profile: compiled.profile,
                    facts: compiled.facts.clone(),
                    limits: compiled.limits.of_tasks(),
                    data_bytes: limits.data_bytes,
                    address_space_bytes: limits.address_space_bytes,
                    measure_cpu: self.measure_cpu,
                };
                let sent = started
                    .connection
                    .send_with_descriptors(&encode(&request), &[compiled.artifact.as_fd()]);
                // Read before the result of sending is looked at: a template that is gone says so there.
                let link = TemplateLink::Loading(started, Instant::now() + LOAD_TIMEOUT);
                self.templates.insert(plugin, link);
                match sent {
                    Ok(()) => self.flush_template(plugin),
                    Err(error) => self.template_gone(plugin, Err(error.to_string())),
                }
            }
            Some(link) => drop(self.templates.insert(plugin, link)),
            None => {}
        }
    }

    /// Sends what a template did not take yet; a signature can be longer than its socket's buffer.
    fn flush_template(&mut self, plugin: PluginId) {
        let Some(link) = self.templates.get_mut(&plugin) else {
            return;
        };
        let deadline = link.deadline();
        let Some(connection) = link.connection() else {
            return;
        };
        if connection.wants_write()
            && let Err(error) = connection.flush_until(deadline)
        {
            self.template_gone(plugin, Err(error.to_string()));
        }
    }

    fn template_message(
        &mut self,
        plugin: PluginId,
        message: TemplateToSupervisor,
    ) -> Result<(), String> {
        let now = Instant::now();
        match (message, self.templates.remove(&plugin)) {
            (TemplateToSupervisor::Loaded, Some(TemplateLink::Loading(mut started, _))) => {
                started.connection.set_frame_limit(MAX_CONTROL_FRAME);
                self.templates
                    .insert(plugin, TemplateLink::Serving(started));
                self.scheduler.template_ready(now, plugin);
                Ok(())
            }
            (
                TemplateToSupervisor::ForkFailed { worker, errno },
                Some(link @ TemplateLink::Serving(_)),
            ) => {
                self.templates.insert(plugin, link);
                let error = std::io::Error::from_raw_os_error(errno);
                self.worker_not_forked(plugin, WorkerId(worker), &format!("fork: {error}"))
            }
            (
                TemplateToSupervisor::Reaped {
                    worker,
                    signal,
                    exit_status,
                },
                Some(link @ TemplateLink::Serving(_)),
            ) => {
                self.templates.insert(plugin, link);
                let death = match (signal, exit_status) {
                    (Some(signal), _) => Death::Signal(signal),
                    (_, Some(status)) => Death::Exit(status),
                    _ => Death::Unknown,
                };
                self.worker_reaped(plugin, WorkerId(worker), death);
                Ok(())
            }
            (TemplateToSupervisor::LoadFailed(why), Some(link)) => {
                self.templates.insert(plugin, link);
                Err(format!("its artifact was refused: {}", printable(&why)))
            }
            (TemplateToSupervisor::Panicked(why), Some(link)) => {
                self.templates.insert(plugin, link);
                Err(format!("its template failed: {}", printable(&why)))
            }
            (_, link) => {
                self.templates.extend(link.map(|link| (plugin, link)));
                Err("its template sent what it was not asked".into())
            }
        }
    }

    /// Asks a template for a worker. A template that does not take the request is stuck.
    pub(super) fn ask_template(
        &mut self,
        plugin: PluginId,
        request: &SupervisorToTemplate,
        descriptors: &[std::os::fd::BorrowedFd<'_>],
    ) -> bool {
        let Some(TemplateLink::Serving(started)) = self.templates.get_mut(&plugin) else {
            return false;
        };
        let frame = encode(request);
        let sent = match descriptors {
            [] => started.connection.send(&frame),
            _ => started
                .connection
                .send_with_descriptors(&frame, descriptors),
        };
        let sent = sent.and_then(|()| started.connection.flush());
        match sent {
            Ok(true) => true,
            Ok(false) => {
                self.template_gone(plugin, Err("it does not read its requests".into()));
                false
            }
            Err(_) => {
                self.template_closed(plugin);
                false
            }
        }
    }

    /// The connection to a template is closed: it died, or never became one.
    fn template_closed(&mut self, plugin: PluginId) {
        let gone = match self.templates.get(&plugin) {
            Some(TemplateLink::Starting(starting)) => {
                Err(starting.broken(FrameError::Closed).to_string())
            }
            _ => Ok(()),
        };
        self.template_gone(plugin, gone);
    }

    /// Ends a template, and settles what its workers left.
    pub(super) fn template_gone(&mut self, plugin: PluginId, why: Gone) {
        let Some(link) = self.templates.remove(&plugin) else {
            return;
        };
        let was_serving = matches!(link, TemplateLink::Serving(_));
        let exit = link.started().map(|started| {
            // It closed its connection: that it is dying is certain, how is not.
            started
                .process
                .kill_if_alive_after(Duration::from_millis(100));
            started.process.wait()
        });
        drop(link);
        let killed = why.is_ok() && exit == Some(Exit::Signal(libc::SIGKILL));
        let trouble = match (why, exit) {
            (Err(why), _) => why,
            (Ok(()), Some(Exit::Signal(signal))) => {
                format!("its template was ended by signal {signal}")
            }
            (Ok(()), Some(Exit::Status(status))) => {
                format!("its template ended with status {status}")
            }
            (Ok(()), _) => "its template ended".into(),
        };
        self.note_trouble(plugin, trouble);
        let workers: Vec<WorkerId> = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.plugin == plugin)
            .map(|(id, _)| *id)
            .collect();
        for worker in workers {
            self.settle_worker(worker, Death::Template);
        }
        let now = Instant::now();
        if was_serving {
            self.scheduler.template_died(now, plugin, killed);
        } else {
            self.scheduler.template_failed(now, plugin);
        }
    }

    fn note_trouble(&mut self, plugin: PluginId, trouble: String) {
        if let Some(loaded) = self.plugins.get_mut(&plugin) {
            loaded.trouble = Some(trouble);
        }
    }
}
