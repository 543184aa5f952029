//! Feeds a scheduler events, and compares all that it asks for, and nothing else.

use super::super::{
    Action, Death, Finished, PluginConfig, PluginId, Scheduler, Task, TaskId, Violation, WorkerId,
};
use std::ops::Range;
use std::time::{Duration, Instant};

pub(super) const A: PluginId = PluginId(0);
pub(super) const B: PluginId = PluginId(1);
pub(super) const KILLED: Death = Death::Signal(libc::SIGKILL);
pub(super) const CRASHED: Death = Death::Signal(libc::SIGSEGV);

pub(super) fn us(count: u64) -> Duration {
    Duration::from_micros(count)
}

pub(super) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A task of function 0 with short arguments.
pub(super) fn task(id: u64) -> Task {
    Task {
        id: TaskId(id),
        function: 0,
        bytes: 10,
        nested: false,
    }
}

/// The same, and a host function waits for it.
pub(super) fn nested(id: u64) -> Task {
    Task {
        nested: true,
        ..task(id)
    }
}

pub(super) struct Env {
    pub(super) scheduler: Scheduler,
    pub(super) now: Instant,
    started: Instant,
}

impl Env {
    /// A pool with plugin A.
    pub(super) fn new(budget: usize) -> Env {
        let now = Instant::now();
        let mut env = Env {
            scheduler: Scheduler::new(budget),
            now,
            started: now,
        };
        env.add_plugin(A, None);
        env
    }

    /// A pool whose plugin A has `workers` idle workers and known costs: each of `workers` tasks, from number 1000 on, took
    /// `cost`.
    pub(super) fn warm(budget: usize, workers: u32, cost: Duration) -> Env {
        let mut env = Env::new(budget);
        env.warm_up(A, 0, workers, cost);
        env
    }

    pub(super) fn warm_up(
        &mut self,
        plugin: PluginId,
        first_worker: u32,
        workers: u32,
        cost: Duration,
    ) {
        self.submit(plugin, (1000..1000 + u64::from(workers)).map(task));
        self.take();
        self.scheduler.template_ready(self.now, plugin);
        self.take();
        for worker in first_worker..first_worker + workers {
            self.scheduler.worker_ready(self.now, WorkerId(worker));
        }
        self.take();
        self.pass(cost);
        for worker in first_worker..first_worker + workers {
            self.scheduler
                .results(self.now, WorkerId(worker), 0, 1, true)
                .unwrap();
        }
        self.then(&[]);
    }

    pub(super) fn add_plugin(&mut self, plugin: PluginId, kill_after: Option<Duration>) {
        let config = PluginConfig {
            kill_after,
            ..PluginConfig::default()
        };
        self.scheduler.add_plugin(plugin, config);
    }

    /// A pool whose plugin A is treated so, and whose first workers are ready.
    pub(super) fn configured(budget: usize, config: PluginConfig, workers: u32) -> Env {
        let mut env = Env::new(budget);
        env.scheduler = Scheduler::new(budget);
        env.scheduler.add_plugin(A, config);
        let tasks: Vec<Task> = (1000..1000 + u64::from(workers)).map(task).collect();
        env.scheduler.submit(env.now, A, &tasks);
        env.scheduler.template_ready(env.now, A);
        env.take();
        for worker in 0..workers {
            env.scheduler.worker_ready(env.now, WorkerId(worker));
        }
        env.take();
        env
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// An event. What the one before asked for must have been looked at.
    fn event<T>(&mut self, event: impl FnOnce(&mut Scheduler, Instant) -> T) -> T {
        self.then(&[]);
        let answer = event(&mut self.scheduler, self.now);
        self.scheduler.sanity_check();
        answer
    }

    pub(super) fn submit(&mut self, plugin: PluginId, tasks: impl IntoIterator<Item = Task>) {
        let tasks: Vec<Task> = tasks.into_iter().collect();
        self.event(|s, now| s.submit(now, plugin, &tasks));
    }

    /// Submits plain tasks to plugin A.
    pub(super) fn tasks(&mut self, ids: Range<u64>) {
        self.submit(A, ids.map(task));
    }

    pub(super) fn template_ready(&mut self, plugin: PluginId) {
        self.event(|s, now| s.template_ready(now, plugin));
    }

    pub(super) fn template_failed(&mut self, plugin: PluginId) {
        self.event(|s, now| s.template_failed(now, plugin));
    }

    pub(super) fn template_closing(&mut self, plugin: PluginId) {
        self.event(|s, _| s.template_closing(plugin));
    }

    pub(super) fn template_died(&mut self, plugin: PluginId, killed: bool) {
        self.event(|s, now| s.template_died(now, plugin, killed));
    }

    pub(super) fn ready(&mut self, worker: u32) {
        self.event(|s, now| s.worker_ready(now, WorkerId(worker)));
    }

    pub(super) fn failed(&mut self, worker: u32) {
        self.event(|s, now| s.worker_failed(now, WorkerId(worker)));
    }

    pub(super) fn killed(&mut self, worker: u32) {
        self.event(|s, now| s.worker_killed(now, WorkerId(worker)));
    }

    pub(super) fn died(&mut self, worker: u32, started: u32, death: Death) {
        self.event(|s, now| s.worker_died(now, WorkerId(worker), started, death));
    }

    pub(super) fn recalled(&mut self, worker: u32, started: u32) {
        self.event(|s, now| s.recalled(now, WorkerId(worker), started));
    }

    pub(super) fn cancel(&mut self, tasks: impl IntoIterator<Item = u64>) {
        let tasks = tasks.into_iter().map(TaskId).collect();
        self.event(|s, now| s.cancel(now, &tasks));
    }

    pub(super) fn calls_host(&mut self, worker: u32) {
        self.event(|s, now| s.host_call_begins(now, WorkerId(worker)));
    }

    pub(super) fn host_answers(&mut self, worker: u32) {
        self.event(|s, now| s.host_call_ends(now, WorkerId(worker)));
    }

    /// Has a plain task of plugin A that is over run again.
    pub(super) fn retry(&mut self, id: u64, attempts: u32, after: Duration) {
        self.event(|s, now| s.retry(A, task(id), attempts, now + after));
    }

    pub(super) fn halt(&mut self, plugin: PluginId) {
        self.event(|s, now| s.halt(now, plugin));
    }

    pub(super) fn unreaped(&mut self, count: usize) {
        self.event(|s, now| s.set_unreaped(now, count));
    }

    pub(super) fn unload(&mut self, plugin: PluginId) {
        self.event(|s, now| s.remove_plugin(now, plugin));
    }

    pub(super) fn timer(&mut self) {
        self.event(|s, now| s.timer(now));
    }

    pub(super) fn results(
        &mut self,
        worker: u32,
        seqs: Range<u32>,
        done: bool,
    ) -> Result<Vec<Finished>, Violation> {
        self.event(|s, now| s.results(now, WorkerId(worker), seqs.start, seqs.len() as u32, done))
    }

    /// Results that are for these tasks, each started once.
    pub(super) fn finish(
        &mut self,
        worker: u32,
        seqs: Range<u32>,
        done: bool,
        tasks: impl IntoIterator<Item = u64>,
    ) {
        let finished = tasks.into_iter().map(|id| Finished {
            task: TaskId(id),
            attempts: 1,
        });
        assert_eq!(self.results(worker, seqs, done), Ok(finished.collect()));
    }

    /// All that is asked for, a line each.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.scheduler.poll_action())
            .map(|action| show(&action))
            .collect()
    }

    /// That is asked for, and nothing else.
    #[track_caller]
    pub(super) fn then(&mut self, actions: &[&str]) {
        assert_eq!(self.take(), actions);
    }

    /// When the timer is to be called next, counted from now.
    pub(super) fn timer_in(&self) -> Option<Duration> {
        self.scheduler
            .next_timer()
            .map(|at| at.saturating_duration_since(self.now))
    }

    /// Time since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.started
    }
}

impl Drop for Env {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.then(&[]);
        }
    }
}

/// An action as a short line.
fn show(action: &Action) -> String {
    match action {
        Action::StartTemplate(plugin) => format!("template p{}", plugin.0),
        Action::StartWorker { plugin, worker } => format!("start w{} of p{}", worker.0, plugin.0),
        Action::Send {
            worker,
            first_seq,
            tasks,
            after_recall,
        } => {
            let again = if *after_recall { " after recall" } else { "" };
            format!(
                "send w{} @{first_seq}: {}{again}",
                worker.0,
                show_tasks(tasks)
            )
        }
        Action::Park(plugin) => format!("park p{}", plugin.0),
        Action::Forget(plugin) => format!("forget p{}", plugin.0),
        Action::Recall(worker) => format!("recall w{}", worker.0),
        Action::Kill(worker, death) => format!("kill w{} {death:?}", worker.0),
        Action::Fail {
            task,
            attempts,
            loss,
            ..
        } => format!("fail {} x{attempts} {loss:?}", task.0),
    }
}

/// Numbers in a row as `first-last`.
fn show_tasks(tasks: &[Task]) -> String {
    let rows = tasks.chunk_by(|a, b| a.id.0 + 1 == b.id.0);
    let rows = rows.map(|row| match row {
        [one] => one.id.0.to_string(),
        row => format!("{}-{}", row[0].id.0, row[row.len() - 1].id.0),
    });
    rows.collect::<Vec<_>>().join(" ")
}
