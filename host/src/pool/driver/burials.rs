//! Workers that were killed when they had done all they were for, and that their template has not
//! waited for.
//!
//! These workers are zombies until their template is told of them: with its next fork, for which it
//! is woken anyhow, or after 10 ms. It is told of those that have ended, for which it need not
//! wait. Only where more would be left than there may be workers it waits for the oldest. What the
//! kernel does not end goes to [`Unreaped`](super::unreaped::Unreaped): a template must not wait
//! for that.

use super::super::scheduler::{Death, PluginId, WorkerId};
use super::Driver;
use super::unreaped::SOON;
use crate::child::Process;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a worker that has ended may stay a zombie, about.
const UNBURIED: Duration = Duration::from_millis(10);

/// A worker that was killed at that time.
struct Waiting {
    worker: WorkerId,
    process: Arc<Process>,
    since: Instant,
}

/// Those of one template, the oldest first.
#[derive(Default)]
pub(super) struct Burials {
    waiting: VecDeque<Waiting>,
    /// When the template is told, if it is not asked for a fork before.
    due: Option<Instant>,
}

impl Burials {
    fn add(&mut self, now: Instant, worker: WorkerId, process: Arc<Process>) {
        self.waiting.push_back(Waiting {
            worker,
            process,
            since: now,
        });
        self.due.get_or_insert(now + UNBURIED);
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.len()
    }

    /// When the template is to be told.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Who the template may be told of: those that have ended, and the oldest others if more than `most` would be left, which it
    /// then waits for.
    pub(super) fn to_tell(&self, most: usize) -> Vec<WorkerId> {
        let waiting = self.waiting.iter();
        let (ending, mut ended): (Vec<_>, Vec<_>) =
            waiting.partition(|waiting| waiting.process.is_alive());
        let too_many = ending.len().saturating_sub(most);
        ended.extend(&ending[..too_many]);
        ended.into_iter().map(|waiting| waiting.worker).collect()
    }

    /// Takes out workers that should have ended long ago.
    fn take_overdue(&mut self, now: Instant) -> Vec<Waiting> {
        let is_overdue =
            |waiting: &Waiting| waiting.since + SOON <= now && waiting.process.is_alive();
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (overdue, others): (VecDeque<_>, VecDeque<_>) = waiting.partition(is_overdue);
        self.waiting = others;
        overdue.into()
    }

    /// The template was told of these.
    pub(super) fn told(&mut self, now: Instant, workers: &[WorkerId]) {
        self.waiting
            .retain(|waiting| !workers.contains(&waiting.worker));
        self.due = (!self.waiting.is_empty()).then_some(now + UNBURIED);
    }
}

impl Driver {
    /// Settles a worker that was killed when it had done all it was for: its connection need not say that it is gone.
    pub(super) fn bury(&mut self, worker: WorkerId) {
        let Some(link) = self.workers.get(&worker) else {
            return;
        };
        if let (Some(template), Some(process)) =
            (self.templates.get_mut(&link.plugin), &link.process)
        {
            let burials = &mut template.requests.burials;
            burials.add(Instant::now(), worker, Arc::clone(process));
        }
        self.settle_worker(worker, Death::Retired);
    }

    /// Tells templates of those that they were not told of with a fork.
    pub(super) fn request_burials(&mut self, now: Instant) {
        let templates = self.templates.iter_mut();
        let due = templates.filter_map(|(plugin, link)| {
            let burials = &mut link.requests.burials;
            burials.due().filter(|due| *due <= now)?;
            for overdue in burials.take_overdue(now) {
                let Waiting {
                    worker,
                    process,
                    since,
                } = overdue;
                self.unreaped.add_worker(*plugin, worker, process, since);
            }
            let workers = burials.to_tell(usize::MAX);
            burials.told(now, &workers);
            Some((*plugin, workers))
        });
        for (plugin, workers) in due.collect::<Vec<(PluginId, _)>>() {
            for worker in workers {
                self.request_burial(plugin, worker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::process::Pid;
    use std::process::{Child, Command, Stdio};

    fn process(worker: u32) -> (Child, WorkerId, Arc<Process>) {
        let child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let process = Process::own_child(Pid::from_child(&child));
        let process = process.unwrap().unwrap();
        (child, WorkerId(worker), Arc::new(process))
    }

    #[test]
    fn a_template_is_told_of_who_has_ended_and_waits_for_the_oldest_where_there_are_too_many() {
        let processes = [1, 2, 3].map(process);
        let mut burials = Burials::default();
        for (_, worker, process) in &processes {
            burials.add(Instant::now(), *worker, Arc::clone(process));
        }
        let (_, second, ended) = &processes[1];
        assert_eq!(burials.to_tell(3), []);
        ended.kill();
        poll(&mut [PollFd::new(ended, PollFlags::IN)], None).unwrap();
        assert_eq!(burials.to_tell(2), [*second]);
        assert_eq!(burials.to_tell(1), [*second, WorkerId(1)]);
        assert_eq!(burials.to_tell(0), [2, 1, 3].map(WorkerId));
        burials.told(Instant::now(), &[*second]);
        assert_eq!(burials.to_tell(2), []);
    }

    #[test]
    fn what_does_not_end_is_not_for_the_template_to_wait_for() {
        let begun = Instant::now();
        let (_child, worker, ending) = process(1);
        let (_other, _, ended) = process(2);
        let mut burials = Burials::default();
        burials.add(begun, worker, Arc::clone(&ending));
        burials.add(begun, WorkerId(2), Arc::clone(&ended));
        ended.kill();
        poll(&mut [PollFd::new(&ended, PollFlags::IN)], None).unwrap();
        assert!(burials.take_overdue(begun).is_empty());
        let overdue = burials.take_overdue(begun + SOON);
        assert_eq!(
            overdue.iter().map(|it| it.worker).collect::<Vec<_>>(),
            [worker]
        );
        assert_eq!(burials.to_tell(0), [WorkerId(2)]);
    }

    #[test]
    fn it_is_told_soon_and_again_as_long_as_somebody_is_left() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let (_child, worker, process) = process(1);
        let mut burials = Burials::default();
        assert_eq!(burials.due(), None);
        burials.add(begun, worker, Arc::clone(&process));
        burials.add(at(5), WorkerId(2), process);
        assert_eq!(burials.due(), Some(at(10)));
        burials.told(at(12), &[worker]);
        assert_eq!(burials.due(), Some(at(22)));
        burials.told(at(22), &[WorkerId(2)]);
        assert_eq!(burials.due(), None);
    }
}
