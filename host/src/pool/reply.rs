//! The place where the end of one task goes, exactly once.

use super::ended::Ended;
use super::outcome::{Failure, FailureKind};
use super::stream::Stream;
use std::fmt;
use std::sync::Arc;

/// Who waits for the end of a single task.
pub(crate) trait Receiver: Send + Sync + fmt::Debug {
    /// The task is on its way to a worker with that process id.
    fn begins(&self, pid: u32);

    /// Takes it. Called once, by the driver: it may not wait for anything.
    fn receive(&self, ended: Ended);

    /// Whether the task is not wanted any more.
    fn is_cancelled(&self) -> bool;
}

/// The stream of some tasks that are handed over together. Each of them counts as a reference to this and not to the stream itself:
/// that count would go back and forth between the threads that send, drive and take.
pub(crate) type StreamOfSome = Arc<Arc<Stream>>;

/// The place for the end of one task. Exactly one is put there: if the reply is dropped unused, that it was cancelled.
#[derive(Debug)]
pub(crate) struct Reply {
    to: Option<Place>,
    index: u64,
    bytes: usize,
}

#[derive(Debug)]
enum Place {
    Stream(StreamOfSome),
    Receiver(Arc<dyn Receiver>),
}

impl Reply {
    /// The place for the end of a task that belongs to no stream.
    pub(crate) fn to(receiver: Arc<dyn Receiver>) -> Reply {
        Reply {
            to: Some(Place::Receiver(receiver)),
            index: 0,
            bytes: 0,
        }
    }

    /// The place for the end of task `index` of a stream, whose arguments take so many bytes.
    pub(super) fn to_stream(stream: &StreamOfSome, index: u64, bytes: usize) -> Reply {
        Reply {
            to: Some(Place::Stream(Arc::clone(stream))),
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

    /// Puts the end of its task in its place.
    pub(crate) fn send(mut self, ended: Ended) {
        self.put(ended);
    }

    fn put(&mut self, ended: Ended) {
        match self.to.take() {
            None => {}
            Some(Place::Stream(stream)) => {
                stream.watch(self.index, &ended);
                stream.put(std::iter::once((self.index, self.bytes, ended)));
            }
            Some(Place::Receiver(receiver)) => receiver.receive(ended),
        }
    }

    /// The stream that it is of, if it is.
    fn stream(&self) -> Option<&Arc<Stream>> {
        match &self.to {
            Some(Place::Stream(stream)) => Some(stream),
            _ => None,
        }
    }

    /// Puts the ends of many tasks in their places, waking each consumer once.
    pub(crate) fn send_all(replies: &mut Vec<(Reply, Ended)>) {
        // Whoever watches may ask anything of the stream, which is not locked meanwhile.
        for (reply, ended) in &*replies {
            if let Some(stream) = reply.stream() {
                stream.watch(reply.index, ended);
            }
        }
        let mut replies = replies.drain(..).peekable();
        while let Some((mut reply, ended)) = replies.next() {
            let stream = match reply.to.take() {
                None => continue,
                Some(Place::Receiver(receiver)) => {
                    receiver.receive(ended);
                    continue;
                }
                Some(Place::Stream(stream)) => stream,
            };
            let first = (reply.index, reply.bytes, ended);
            let is_of_it = |other: &Reply| {
                other
                    .stream()
                    .is_some_and(|other| Arc::ptr_eq(other, &stream))
            };
            let others = std::iter::from_fn(|| {
                let (mut reply, ended) = replies.next_if(|(next, _)| is_of_it(next))?;
                reply.to = None;
                Some((reply.index, reply.bytes, ended))
            });
            stream.put(std::iter::once(first).chain(others));
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
            self.put(Ended::failed(failure, 0));
        }
    }
}
