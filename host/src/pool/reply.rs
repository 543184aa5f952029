//! The place where the outcome of one task goes, exactly once.

use super::outcome::{Failure, FailureKind, Outcome};
use super::stream::Stream;
use std::fmt;
use std::sync::Arc;

/// Who waits for the outcome of a single task.
pub(crate) trait Receiver: Send + Sync + fmt::Debug {
    /// The task is on its way to a worker with that process id.
    fn begins(&self, pid: u32);

    /// Takes the outcome. Called once, by the driver: it may not wait for anything.
    fn receive(&self, outcome: Outcome);

    /// Whether the task is not wanted any more.
    fn is_cancelled(&self) -> bool;
}

/// The place for the outcome of one task. Exactly one is put there: if the reply is dropped unused, that it was cancelled.
#[derive(Debug)]
pub(crate) struct Reply {
    to: Option<Place>,
    index: u64,
    bytes: usize,
}

#[derive(Debug)]
enum Place {
    Stream(Arc<Stream>),
    Receiver(Arc<dyn Receiver>),
}

impl Reply {
    /// The place for the outcome of a task that belongs to no stream.
    pub(crate) fn to(receiver: Arc<dyn Receiver>) -> Reply {
        Reply {
            to: Some(Place::Receiver(receiver)),
            index: 0,
            bytes: 0,
        }
    }

    /// The place for the outcome of task `index` of a stream, whose arguments take so many bytes.
    pub(super) fn to_stream(stream: Arc<Stream>, index: u64, bytes: usize) -> Reply {
        Reply {
            to: Some(Place::Stream(stream)),
            index,
            bytes,
        }
    }

    /// The number of the task in its stream.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// Whether nobody wants the task any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        match &self.to {
            None => false,
            Some(Place::Stream(stream)) => stream.is_cancelled(),
            Some(Place::Receiver(receiver)) => receiver.is_cancelled(),
        }
    }

    /// The task is on its way to a worker with that process id.
    pub(crate) fn begins(&self, pid: u32) {
        if let Some(Place::Receiver(receiver)) = &self.to {
            receiver.begins(pid);
        }
    }

    /// Puts the outcome in its place.
    pub(crate) fn send(mut self, outcome: Outcome) {
        self.put(outcome);
    }

    fn put(&mut self, outcome: Outcome) {
        match self.to.take() {
            None => {}
            Some(Place::Stream(stream)) => {
                stream.deliver(std::iter::once((self.index, self.bytes, outcome)));
            }
            Some(Place::Receiver(receiver)) => receiver.receive(outcome),
        }
    }

    fn is_for(&self, stream: &Arc<Stream>) -> bool {
        matches!(&self.to, Some(Place::Stream(own)) if Arc::ptr_eq(own, stream))
    }

    /// Puts many outcomes in their places, waking each consumer once.
    pub(crate) fn send_all(replies: impl IntoIterator<Item = (Reply, Outcome)>) {
        let mut replies = replies.into_iter().peekable();
        while let Some((mut reply, outcome)) = replies.next() {
            let stream = match reply.to.take() {
                None => continue,
                Some(Place::Receiver(receiver)) => {
                    receiver.receive(outcome);
                    continue;
                }
                Some(Place::Stream(stream)) => stream,
            };
            let first = (reply.index, reply.bytes, outcome);
            let others = std::iter::from_fn(|| {
                let (mut reply, outcome) = replies.next_if(|(next, _)| next.is_for(&stream))?;
                reply.to = None;
                Some((reply.index, reply.bytes, outcome))
            });
            stream.deliver(std::iter::once(first).chain(others));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if self.to.is_some() {
            let failure = Failure::new(
                FailureKind::Cancelled,
                "the pool was terminated before it finished",
            );
            self.put(Outcome::failed(failure, 0));
        }
    }
}
