//! Who kills in a storm: a thread that hits workers and templates of this process at random, more than a hundred
//! times a second.

use crate::support::{Luck, Process, eventually};
use rustix::process::Signal;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Between two kills.
const PACE: Duration = Duration::from_millis(8);

/// Where nobody is left to hit, how long until another look.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// For how long a template is stopped, at most, if it is continued.
const FROZEN: Duration = Duration::from_millis(500);

/// What was hit, and how often.
#[derive(Default)]
pub struct Hits(BTreeMap<(&'static str, &'static str), usize>);

impl Hits {
    /// How many processes were hit.
    pub fn count(&self) -> usize {
        self.0.values().sum()
    }

    /// How many that are called so.
    pub fn of(&self, what: &str) -> usize {
        self.0
            .iter()
            .filter(|((target, _), _)| *target == what)
            .map(|(_, count)| count)
            .sum()
    }

    pub fn add(&mut self, others: Hits) {
        for (what, count) in others.0 {
            *self.0.entry(what).or_default() += count;
        }
    }
}

impl fmt::Display for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self
            .0
            .iter()
            .map(|((target, signal), count)| format!("{count} {target}s by {signal}"));
        f.write_str(&each.collect::<Vec<_>>().join(", "))
    }
}

/// A killer at work.
pub struct Killer {
    thread: JoinHandle<(Hits, Luck)>,
    over: Sender<()>,
}

impl Killer {
    /// Begins. `finished` counts the tasks that are over; where `stopped_for_good`, one template is stopped and not continued.
    pub fn start(luck: Luck, finished: Arc<AtomicU64>, stopped_for_good: bool) -> Killer {
        let (over, is_over) = channel();
        let storm = Storm {
            luck,
            finished,
            stopped_for_good,
            finished_at_last_template: u64::MAX,
            hit: HashSet::new(),
            wounded: Vec::new(),
            frozen: Vec::new(),
            hits: Hits::default(),
        };
        let thread = thread::spawn(move || storm.rage(&is_over));
        Killer { thread, over }
    }

    /// Ends, and says what was hit.
    pub fn stop(self) -> (Hits, Luck) {
        drop(self.over);
        self.thread.join().unwrap()
    }
}

struct Storm {
    luck: Luck,
    finished: Arc<AtomicU64>,
    finished_at_last_template: u64,
    stopped_for_good: bool,
    /// No process is hit again until it is dead or goes on, so that there are no more deaths than hits.
    hit: HashSet<Process>,
    /// Hit by SIGSEGV, and how often. The first time, Rust's own handler only gives up its place.
    wounded: Vec<(Process, u32)>,
    /// Stopped, to be continued then, or when the storm is over.
    frozen: Vec<(Process, Option<Instant>)>,
    hits: Hits,
}

impl Storm {
    fn rage(mut self, over: &Receiver<()>) -> (Hits, Luck) {
        let mut next = Instant::now();
        loop {
            let left = next.saturating_duration_since(Instant::now());
            if over.recv_timeout(left) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            self.finish_what_was_begun(Instant::now());
            next = if self.strike() {
                // What a slow look at the processes took is caught up on, up to a point.
                (next + PACE).max(Instant::now() - 10 * PACE)
            } else {
                Instant::now() + LOOK_AGAIN
            };
        }
        self.finish();
        (self.hits, self.luck)
    }

    /// Leaves none that still runs and is about to die: it would take a task with it that comes after the storm.
    fn finish(&mut self) {
        for (process, _) in self.frozen.drain(..) {
            process.signal(Signal::CONT);
            self.hit.remove(&process);
        }
        let hit = &self.hit;
        hit.iter().for_each(|process| process.signal(Signal::KILL));
        eventually("who was hit is dead", || {
            (!hit.iter().any(Process::is_alive)).then_some(())
        });
    }

    fn finish_what_was_begun(&mut self, now: Instant) {
        self.wounded.retain_mut(|(process, times)| {
            *times += 1;
            // The first process of a pid namespace, which a template is, ignores what it has no handler for.
            process.signal(if *times > 3 {
                Signal::KILL
            } else {
                Signal::SEGV
            });
            process.is_alive()
        });
        self.frozen.retain(|(process, until)| {
            let goes_on = until.is_some_and(|until| until <= now);
            if goes_on {
                process.signal(Signal::CONT);
                self.hit.remove(process);
            }
            !goes_on
        });
    }

    /// Hits somebody; false where nobody is left to hit.
    fn strike(&mut self) -> bool {
        let templates = own_children();
        let workers: Vec<Process> = templates.iter().flat_map(children_of_one_thread).collect();
        let finished = self.finished.load(Ordering::Relaxed);
        // A plugin whose templates never live until a task is finished is given up, which is right and not the matter here.
        let progress = finished != self.finished_at_last_template;
        let is_first = self.hits.count() == 0;
        let (what, victim) = if progress && (self.luck.once_in(20) || is_first) {
            ("template", self.choose(templates))
        } else {
            ("worker", self.choose(workers))
        };
        let Some(victim) = victim else { return false };
        if what == "template" {
            self.finished_at_last_template = finished;
        }
        // One that crashes as it starts is its plugin's fault, and a plugin has three of those.
        let is_starting = what == "template" && children_of_one_thread(&victim).is_empty();
        let signal = match self.luck.number(0..20) {
            _ if is_starting => self.signal(victim, Signal::KILL, "SIGKILL"),
            0..12 => self.signal(victim, Signal::KILL, "SIGKILL"),
            12..19 => {
                self.wounded.push((victim, 1));
                self.signal(victim, Signal::SEGV, "SIGSEGV")
            }
            _ if what == "worker" => {
                // One that has nothing to do would fail a task that comes after the storm.
                self.frozen.push((victim, None));
                self.signal(victim, Signal::STOP, "SIGSTOP")
            }
            _ if std::mem::take(&mut self.stopped_for_good) => {
                self.signal(victim, Signal::STOP, "SIGSTOP")
            }
            _ => {
                let until = Instant::now() + self.luck.time(FROZEN);
                self.frozen.push((victim, Some(until)));
                self.signal(victim, Signal::STOP, "SIGSTOP and SIGCONT")
            }
        };
        self.hit.insert(victim);
        *self.hits.0.entry((what, signal)).or_default() += 1;
        true
    }

    fn choose(&mut self, from: Vec<Process>) -> Option<Process> {
        let fresh: Vec<Process> = from
            .into_iter()
            .filter(|process| !self.hit.contains(process) && process.is_alive())
            .collect();
        self.luck.pick(&fresh)
    }

    fn signal(&self, victim: Process, signal: Signal, name: &'static str) -> &'static str {
        victim.signal(signal);
        name
    }
}

/// The children of this process, dead ones that were not waited for included.
pub fn own_children() -> Vec<Process> {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|children| numbered(&children))
        .collect()
}

/// The children of a process that has one thread, dead ones included.
pub fn children_of_one_thread(parent: &Process) -> Vec<Process> {
    let file = parent.file(&format!("task/{}/children", parent.pid));
    // It may be gone.
    numbered(&fs::read_to_string(file).unwrap_or_default())
}

fn numbered(pids: &str) -> Vec<Process> {
    let pids = pids.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter_map(Process::with_pid).collect()
}
