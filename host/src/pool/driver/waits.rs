//! How the driver waits: asleep, and before that awake for a moment where that pays.

use super::Driver;
use super::events::Source;
use super::template::TemplateLink;
use std::io;
use std::time::{Duration, Instant};

/// How long it stays awake, and how soon the last event came if the next is expected to come that soon.
///
/// A caller that calls one small function after the other waits for the driver twice a call, and to wake a thread takes longer than
/// such a task.
const MOMENT: Duration = Duration::from_micros(50);

/// Whether it pays to stay awake.
#[derive(Debug)]
pub(super) struct Patience {
    cpus: usize,
    came_soon: bool,
}

impl Patience {
    pub(super) fn new(cpus: usize) -> Patience {
        Patience {
            cpus,
            came_soon: false,
        }
    }

    /// Whether the next event is expected soon, and the CPU is not taken from who works: a caller and so many workers.
    fn pays(&self, busy_workers: impl FnOnce() -> usize) -> bool {
        self.came_soon && self.cpus > 1 && busy_workers() < self.cpus
    }

    /// An event came, or was waited for in vain, after so long.
    fn waited(&mut self, time: Duration) {
        self.came_soon = time < MOMENT;
    }
}

impl Driver {
    /// Waits for events or mail, or until something is due.
    pub(super) fn wait(&mut self) -> io::Result<Vec<Source>> {
        let began = Instant::now();
        if self.patience.pays(|| self.scheduler.busy_workers()) {
            while began.elapsed() < MOMENT {
                let sources = self.events.wait(Some(Duration::ZERO))?;
                if !sources.is_empty() || self.inbox.has_mail() {
                    return Ok(sources);
                }
                // Whoever else wants the CPU has it.
                std::thread::yield_now();
            }
        }
        let sources = self.events.wait(self.timeout());
        self.patience.waited(began.elapsed());
        sources
    }

    /// How long to wait for events: not at all if there is mail, else until the next thing is due.
    fn timeout(&self) -> Option<Duration> {
        if !self.inbox.driver_may_sleep() {
            return Some(Duration::ZERO);
        }
        let templates = self.templates.values();
        let burials = templates.filter_map(|template| template.requests.burials.due());
        let deadlines = self.templates.values().filter_map(TemplateLink::deadline);
        let unreaped = self.unreaped.due(Instant::now());
        let deadlines = deadlines.chain(burials).chain(self.deadlines.next());
        let deadlines = deadlines.chain(unreaped).chain(self.resident_due());
        let due = deadlines.chain(self.scheduler.next_timer()).min();
        due.map(|due| due.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_awake_only_after_an_event_that_came_soon() {
        let mut patience = Patience::new(2);
        assert!(!patience.pays(|| 0));
        patience.waited(MOMENT / 2);
        assert!(patience.pays(|| 0));
        patience.waited(MOMENT);
        assert!(!patience.pays(|| 0));
    }

    #[test]
    fn it_takes_no_cpu_from_a_caller_or_from_workers() {
        let pays = |cpus, busy| {
            let mut patience = Patience::new(cpus);
            patience.waited(Duration::ZERO);
            patience.pays(|| busy)
        };
        assert!(pays(2, 1) && !pays(2, 2));
        assert!(pays(64, 63) && !pays(64, 64));
        assert!(!pays(1, 0));
    }
}
