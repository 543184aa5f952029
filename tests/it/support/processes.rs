//! Processes as `/proc` shows them to somebody outside.

use super::eventually;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::time::{Duration, Instant};

/// A process: its number, and when it started, so that another one with the same number is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    pub pid: u32,
    started: u64,
}

impl Process {
    /// The process that has this number now.
    pub fn with_pid(pid: u32) -> Option<Process> {
        Some(Process {
            pid,
            started: Stat::of(pid)?.started,
        })
    }

    fn stat(&self) -> Option<Stat> {
        Stat::of(self.pid).filter(|stat| stat.started == self.started)
    }

    /// Whether it runs, and is more than an entry that nobody has waited for.
    pub fn is_alive(&self) -> bool {
        self.stat()
            .is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
    }

    /// Whether nothing is left of it, not even an entry.
    pub fn is_reaped(&self) -> bool {
        self.stat().is_none()
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.stat().is_some_and(|stat| stat.state == 'T')
    }

    /// Whether it computes, or would if it got a CPU.
    fn wants_cpu(&self) -> bool {
        self.stat().is_some_and(|stat| stat.state == 'R')
    }

    /// The CPU time that it used, in clock ticks: hundredths of a second.
    pub fn cpu_ticks(&self) -> u64 {
        self.stat().map_or(0, |stat| stat.cpu_ticks)
    }

    /// How many page faults it had itself.
    pub fn faults(&self) -> u64 {
        self.stat().map_or(0, |stat| stat.faults)
    }

    /// How many page faults those had that it has forked and waited for.
    pub fn faults_of_children(&self) -> u64 {
        self.stat().map_or(0, |stat| stat.faults_of_children)
    }

    pub fn parent(&self) -> Option<Process> {
        Process::with_pid(self.stat()?.parent)
    }

    pub fn children(&self) -> Vec<Process> {
        assert_processes_show();
        let numbers = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let stats = numbers.filter_map(|pid: u32| Some((pid, Stat::of(pid)?)));
        let children =
            stats.filter(|(_, stat)| stat.parent == self.pid && !matches!(stat.state, 'Z' | 'X'));
        children
            .map(|(pid, stat)| Process {
                pid,
                started: stat.started,
            })
            .collect()
    }

    /// A line of its `status`.
    pub fn status(&self, field: &str) -> Option<String> {
        status_field(&fs::read_to_string(self.file("status")).ok()?, field)
    }

    /// The most memory that it has had, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let peak = self.status("VmHWM").unwrap();
        peak.trim_end_matches(" kB").parse().unwrap()
    }

    /// The path of one of its files in `/proc`.
    pub fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid)
    }

    /// Sends it a signal; it may be gone already.
    pub fn signal(&self, signal: Signal) {
        if self.stat().is_some() {
            let _ = kill_process(Pid::from_raw(self.pid.cast_signed()).unwrap(), signal);
        }
    }
}

/// The value of `field` in the text of a `status` file, its blanks made one.
/// Fails at once where the test cannot see what it looks at, instead of waiting for it.
#[track_caller]
pub fn assert_processes_show() {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let options = mounts.lines().rev().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        (fields.next()? == "/proc").then(|| fields.nth(1)).flatten()
    });
    let hides = options.is_some_and(|options| {
        let mut options = options
            .split(',')
            .filter_map(|option| option.strip_prefix("hidepid="));
        options.any(|hides| !matches!(hides, "0" | "off"))
    });
    assert!(
        super::is_root() || !hides,
        "NOT CHECKED: /proc hides the processes that this test looks at: mount it without hidepid, or run the tests as root"
    );
}

pub fn status_field(status: &str, field: &str) -> Option<String> {
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The template of a command: its child that has children.
pub fn template_of(supervisor: &Process) -> Option<Process> {
    supervisor
        .children()
        .into_iter()
        .find(|child| !child.children().is_empty())
}

/// The workers of a command: its grandchildren.
pub fn workers_of(supervisor: &Process) -> Vec<Process> {
    supervisor
        .children()
        .iter()
        .flat_map(Process::children)
        .collect()
}

/// The worker of a command that computes while all others have nothing to do.
pub fn only_busy_worker(supervisor: &Process) -> Process {
    eventually("one worker computes and the others do not", || {
        let workers: Vec<(Process, u64)> = workers_of(supervisor)
            .into_iter()
            .map(|worker| (worker, worker.cpu_ticks()))
            .collect();
        let end = Instant::now() + Duration::from_secs(1);
        let ticks = |(worker, before): &(Process, u64)| worker.cpu_ticks().saturating_sub(*before);
        while Instant::now() < end {
            if let Some(busiest) = workers.iter().find(|worker| ticks(worker) >= 10) {
                // One that would compute if it got a CPU is not idle either.
                let computes = |worker: &(Process, u64)| ticks(worker) > 0 || worker.0.wants_cpu();
                let computing = workers.iter().filter(|worker| computes(worker));
                return (computing.count() == 1).then_some(busiest.0);
            }
        }
        None
    })
}

struct Stat {
    state: char,
    parent: u32,
    faults: u64,
    faults_of_children: u64,
    cpu_ticks: u64,
    started: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Stat> {
        let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may contain anything.
        let fields: Vec<&str> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Stat {
            state: fields.first()?.chars().next()?,
            parent: number(1)? as u32,
            faults: number(7)?,
            faults_of_children: number(8)?,
            cpu_ticks: number(11)? + number(12)?,
            started: number(19)?,
        })
    }
}
