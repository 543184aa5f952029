//! The driver's side of a template: started, loaded, asked to fork, to reap and to bury. How it
//! ends is in `endings`.

use super::super::scheduler::{Death, PluginId, WorkerId};
use super::endings::Ending;
use super::pages::Pages;
use super::requests::Requests;
use super::{Driver, Source};
use crate::child::{
    Connection, Fill, GROUP_SLACK, GroupLimits, Order, Remains, StartError, Started, Starting,
    with_remedy,
};
use crate::sandbox::{Layer, Namespaces, ProcessLimits, Role};
use crate::value::printable;
use crate::wire::{
    LoadRequest, MAX_CONTROL_FRAME, SupervisorToTemplate, TemplateToSupervisor, decode, encode,
};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long a template may take to map and link its artifact.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How much is read from a template before the others get their turn.
const READS_PER_TURN: usize = 16;

/// A plugin's template.
pub(super) struct TemplateLink {
    pub(super) stage: Stage,
    pub(super) requests: Requests,
    pub(super) pages: Pages,
}

/// How far a template got.
pub(super) enum Stage {
    /// Spawned, not confined yet.
    Starting(Starting),
    /// Confined, and waits for its plugin to be compiled.
    Confined(Started),
    /// Was given its artifact, and has until then to load it.
    Loading(Started, Instant),
    /// Forks workers.
    Serving(Started),
    /// Its connection is closed, and how it ended is not known yet.
    Ending(Ending),
}

impl Stage {
    /// Ends what is left of it, and hands over what is to be waited for.
    pub(super) fn take_remains(&mut self) -> Option<Remains> {
        match self {
            Stage::Starting(starting) => starting.take_remains(),
            Stage::Confined(started) | Stage::Loading(started, _) | Stage::Serving(started) => {
                started.take_remains()
            }
            Stage::Ending(ending) => ending.before.take_remains(),
        }
    }

    /// Whether there was an out-of-memory kill in its cgroup that was not reported yet.
    fn was_short_of_memory(&mut self) -> bool {
        match self {
            Stage::Confined(started) | Stage::Loading(started, _) | Stage::Serving(started) => {
                started.was_short_of_memory()
            }
            Stage::Starting(_) | Stage::Ending(_) => false,
        }
    }
}

impl TemplateLink {
    fn new(stage: Stage) -> TemplateLink {
        TemplateLink {
            stage,
            requests: Requests::default(),
            pages: Pages::default(),
        }
    }

    /// When it must have answered.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Starting(starting) => Some(starting.deadline),
            Stage::Loading(_, deadline) => Some(*deadline),
            Stage::Ending(ending) => Some(ending.until),
            Stage::Confined(_) | Stage::Serving(_) => None,
        }
    }

    pub(super) fn started(&self) -> Option<&Started> {
        match &self.stage {
            Stage::Starting(_) | Stage::Ending(_) => None,
            Stage::Confined(started) | Stage::Loading(started, _) | Stage::Serving(started) => {
                Some(started)
            }
        }
    }

    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.stage {
            Stage::Starting(starting) => starting.connection(),
            Stage::Ending(_) => None,
            Stage::Confined(started) | Stage::Loading(started, _) | Stage::Serving(started) => {
                Some(&mut started.connection)
            }
        }
    }
}

impl Driver {
    /// The scheduler wants a template; one may be there already, or on its way.
    pub(super) fn start_template(&mut self, plugin: PluginId) {
        match self.templates.get(&plugin) {
            Some(TemplateLink {
                stage: Stage::Serving(_),
                ..
            }) => self.scheduler.template_ready(Instant::now(), plugin),
            Some(_) => self.load_if_confined(plugin),
            None => {
                if let Err(error) = self.spawn_template(plugin) {
                    self.note_trouble(plugin, error.to_string());
                    self.scheduler.template_failed(Instant::now(), plugin);
                }
            }
        }
    }

    pub(super) fn spawn_template(&mut self, plugin: PluginId) -> Result<(), StartError> {
        // Less once it is known what the plugin needs.
        let processes = Some(1 + 4 * self.settings.workers as u64);
        let limits = ProcessLimits {
            data_bytes: None,
            address_space_bytes: None,
            cpu_seconds: None,
            processes,
        };
        let mut starting = self.launcher.spawn(&Order {
            role: Role::Template,
            limits,
            threads: 1,
            directories: self.directories_of(plugin),
            group: GroupLimits {
                memory_bytes: None,
                // The spawned process is in the group until it has become the template.
                processes: processes.map(|processes| processes + 1),
                ..GroupLimits::default()
            },
        })?;
        if let Some(connection) = starting.connection()
            && let Err(error) = self.events.add(&*connection, Source::Template(plugin))
        {
            if let Some(remains) = starting.take_remains() {
                self.unreaped.add(plugin, remains, &self.events);
            }
            return Err(error.into());
        }
        self.templates
            .insert(plugin, TemplateLink::new(Stage::Starting(starting)));
        Ok(())
    }

    /// Reads what a template sent, and sends what it has room for.
    pub(super) fn template_event(&mut self, plugin: PluginId) {
        for _ in 0..READS_PER_TURN {
            let Some(link) = self.templates.get_mut(&plugin) else {
                return;
            };
            let Some(connection) = link.connection() else {
                return self.template_ends(plugin);
            };
            let filled = match connection.fill() {
                Ok(Fill::Nothing) => break,
                Ok(Fill::Closed) => return self.template_closed(plugin),
                Ok(filled) => filled,
                Err(error) => return self.template_gone(plugin, error.to_string()),
            };
            if let Err(why) = self.template_frames(plugin) {
                return self.template_gone(plugin, why);
            }
            if filled == Fill::LastData {
                break;
            }
        }
        self.send_requests(plugin);
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
            match &mut link.stage {
                Stage::Starting(starting) => match starting.handle(&frame) {
                    Ok(None) => {}
                    Ok(Some(started)) => self.template_confined(plugin, started)?,
                    Err(StartError::Refused { refusal }) => {
                        let from = starting.namespaces();
                        return self.restart_degraded(plugin, from, refusal);
                    }
                    Err(error) => return Err(self.start_failed(error)),
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
        if let Err(error) = self.launcher.degrade(from, refusal) {
            return Err(self.start_failed(error));
        }
        if let Some(link) = self.templates.remove(&plugin) {
            self.end_processes(plugin, link);
        }
        self.spawn_template(plugin)
            .map_err(|error| self.start_failed(error))
    }

    /// Tells whoever waits for the first process of the pool why there is none.
    pub(super) fn start_failed(&self, error: StartError) -> String {
        let why = error.to_string();
        self.launcher.fail(error);
        why
    }

    fn template_confined(&mut self, plugin: PluginId, mut started: Started) -> Result<(), String> {
        let is_enough = self.launcher.accept(&started);
        if let Some(launcher) = started.take_launcher() {
            self.unreaped.add(plugin, launcher, &self.events);
        }
        self.templates
            .insert(plugin, TemplateLink::new(Stage::Confined(started)));
        is_enough.map_err(|error| self.start_failed(error))?;
        self.load_if_confined(plugin);
        Ok(())
    }

    /// Gives a confined template its artifact, if the plugin is there.
    pub(super) fn load_if_confined(&mut self, plugin: PluginId) {
        let Some(loaded) = self.plugins.get(&plugin) else {
            return;
        };
        let compiled = &loaded.plugin;
        let Some(link) = self.templates.remove(&plugin) else {
            return;
        };
        let Stage::Confined(mut started) = link.stage else {
            self.templates.insert(plugin, link);
            return;
        };
        // The template, its workers, and as many that have done their last task or died and are not gone yet: `send_requests` sees to
        // that, and has it wait for others before it forks. Where they count alone, and there are no more of them than that, since
        // none waits in a host call.
        let counted = started.confinement.counts_processes && !compiled.has_effects();
        let limits = ProcessLimits {
            processes: counted.then_some(1 + 2 * self.settings.workers as u64),
            ..compiled.process_limits(self.launcher.program_bytes())
        };
        // Workers that are ending count, and so do those that wait for a host function.
        let workers = self.settings.workers as u64 * if compiled.has_effects() { 4 } else { 2 };
        let group = GroupLimits {
            memory_bytes: limits.data_bytes.map(|bytes| {
                let each = bytes.saturating_add(GROUP_SLACK);
                each.saturating_mul(1 + workers)
            }),
            // The template, and the process that was spawned and has become it.
            processes: Some(2 + workers),
            ..GroupLimits::default()
        };
        let limited = started.limit_group(&group);
        let request = SupervisorToTemplate::Load(Box::new(LoadRequest {
            profile: compiled.profile,
            facts: compiled.facts.clone(),
            bound: compiled.bound(),
            trap_missing: compiled.traps_missing(),
            terms: compiled.task_terms(),
            wasi: compiled.wasi_terms(started.confinement.has(Layer::MountNamespace)),
            limits,
        }));
        let artifact = compiled.artifact.as_fd();
        let sent = started
            .connection
            .send_with_descriptors(&[&encode(&request)], &[artifact]);
        let stage = Stage::Loading(started, Instant::now() + LOAD_TIMEOUT);
        self.templates
            .insert(plugin, TemplateLink { stage, ..link });
        match limited.and(sent) {
            // A signature can be longer than what the socket takes at once.
            Ok(()) => self.send_requests(plugin),
            Err(error) => self.template_gone(plugin, error.to_string()),
        }
    }

    fn template_message(
        &mut self,
        plugin: PluginId,
        message: TemplateToSupervisor,
    ) -> Result<(), String> {
        let Some(link) = self.templates.get_mut(&plugin) else {
            return Ok(());
        };
        let requests = &mut link.requests;
        match message {
            TemplateToSupervisor::Loaded if matches!(link.stage, Stage::Loading(..)) => {
                self.template_loaded(plugin)
            }
            TemplateToSupervisor::ForkFailed { worker, errno }
                if requests.forking.remove(&WorkerId(worker))
                    || requests.reaping_unborn.remove(&WorkerId(worker)) =>
            {
                let error = std::io::Error::from_raw_os_error(errno);
                let why = format!("fork: {}", with_remedy(&error));
                self.worker_not_forked(plugin, WorkerId(worker), &why);
            }
            TemplateToSupervisor::Reaped {
                worker,
                signal,
                exit_status,
            } if requests.reaping.remove(&WorkerId(worker)) => {
                requests.reaping_unborn.remove(&WorkerId(worker));
                let death = match (signal, exit_status) {
                    (Some(libc::SIGKILL), _) if link.stage.was_short_of_memory() => {
                        Death::OutOfMemory
                    }
                    (Some(signal), _) => Death::Signal(signal),
                    (_, Some(status)) => Death::Exit(status),
                    _ => Death::Unknown,
                };
                self.worker_reaped(WorkerId(worker), death);
            }
            TemplateToSupervisor::LoadFailed(why) => {
                return Err(format!("its artifact was refused: {}", printable(&why)));
            }
            TemplateToSupervisor::NotPrepared(why) => {
                self.scheduler.last_chance(plugin);
                return Err(printable(&why));
            }
            TemplateToSupervisor::Panicked(why) => {
                return Err(format!("its template failed: {}", printable(&why)));
            }
            _ => return Err("its template sent what it was not asked".into()),
        }
        Ok(())
    }

    fn template_loaded(&mut self, plugin: PluginId) {
        let Some(link) = self.templates.remove(&plugin) else {
            return;
        };
        let Stage::Loading(mut started, _) = link.stage else {
            return;
        };
        started.connection.set_frame_limit(MAX_CONTROL_FRAME);
        let stage = Stage::Serving(started);
        self.templates
            .insert(plugin, TemplateLink { stage, ..link });
        self.scheduler.template_ready(Instant::now(), plugin);
    }

    pub(super) fn note_trouble(&mut self, plugin: PluginId, trouble: String) {
        if let Some(loaded) = self.plugins.get_mut(&plugin) {
            loaded.trouble = Some(trouble);
        }
    }
}
