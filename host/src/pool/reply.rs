//! Where the ends of tasks go.

use super::ended::{Ended, RanAt};
use super::ends::Ends;
use super::stream::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Who waits for the end of a single task.
pub(crate) trait Receiver: Send + Sync + fmt::Debug {
    /// The task is on its way to a worker with that process id.
    fn begins(&self, pid: u32);

    /// Takes it, with where it ran. Called once, by the driver or whoever sends what cannot be run: it may not wait for anything.
    fn receive(&self, ended: Ended, ran: Option<&RanAt>);

    /// Whether the task is not wanted any more.
    fn is_cancelled(&self) -> bool;
}

/// Where the ends of some tasks go.
#[derive(Clone, Debug)]
pub(crate) enum ReplyTo {
    Stream(Arc<Stream>),
    /// There is one task.
    Receiver(Arc<dyn Receiver>),
}

impl ReplyTo {
    /// Whether nobody wants the tasks any more.
    pub(super) fn is_cancelled(&self) -> bool {
        match self {
            ReplyTo::Stream(stream) => stream.is_cancelled(),
            ReplyTo::Receiver(receiver) => receiver.is_cancelled(),
        }
    }

    /// The tasks are on their way to a worker with that process id.
    pub(super) fn begins(&self, pid: u32) {
        if let ReplyTo::Receiver(receiver) = self {
            receiver.begins(pid);
        }
    }

    /// Whether both are the same stream.
    pub(super) fn is_same_stream(&self, other: &ReplyTo) -> bool {
        match (self, other) {
            (ReplyTo::Stream(one), ReplyTo::Stream(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// Ends of tasks, and where they go.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(super) to: ReplyTo,
    pub(super) ends: Ends,
    /// How many bytes of arguments are not kept any more.
    pub(super) freed: usize,
}

/// Ends that are about to be handed over, together. Whatever happens, they are.
#[derive(Debug, Default)]
pub(super) struct Deliveries(VecDeque<Delivery>);

impl Deliveries {
    pub(super) fn add(&mut self, delivery: Delivery) {
        self.0.push_back(delivery);
    }

    /// Hands all of them over, each consumer being woken once.
    pub(super) fn send(&mut self) {
        // What panicked may have been who watches.
        if !std::thread::panicking() {
            self.show();
        }
        while let Some(Delivery { to, ends, freed }) = self.0.pop_front() {
            match &to {
                ReplyTo::Receiver(receiver) => {
                    let ran = ends.ran.clone();
                    for (_, ended) in ends {
                        receiver.receive(ended, ran.as_deref());
                    }
                }
                ReplyTo::Stream(stream) => {
                    let others = std::iter::from_fn(|| {
                        let next = self.0.pop_front_if(|next| next.to.is_same_stream(&to))?;
                        Some((next.ends, next.freed))
                    });
                    stream.put(std::iter::once((ends, freed)).chain(others));
                }
            }
        }
    }

    /// Shows them to those who watch, who may ask anything of the stream: it is not locked meanwhile.
    fn show(&self) {
        for delivery in &self.0 {
            if let ReplyTo::Stream(stream) = &delivery.to {
                stream.watch(&delivery.ends);
            }
        }
    }
}

impl From<Delivery> for Deliveries {
    fn from(delivery: Delivery) -> Deliveries {
        Deliveries(VecDeque::from([delivery]))
    }
}

impl Extend<Delivery> for Deliveries {
    fn extend<T: IntoIterator<Item = Delivery>>(&mut self, deliveries: T) {
        self.0.extend(deliveries);
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.send();
    }
}
