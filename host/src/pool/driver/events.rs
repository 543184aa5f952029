//! What the driver waits for: the inbox, templates and workers, by epoll.

use super::super::scheduler::{PluginId, WorkerId};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// Events of one turn, at most; more come the next.
const AT_ONCE: usize = 256;

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Inbox,
    Template(PluginId),
    Worker(WorkerId),
    /// A process that was killed.
    Unreaped,
}

impl Source {
    const TEMPLATE: u64 = 1 << 32;
    const WORKER: u64 = 2 << 32;
    const UNREAPED: u64 = 3 << 32;

    fn pack(self) -> u64 {
        match self {
            Source::Inbox => 0,
            Source::Template(PluginId(id)) => Self::TEMPLATE | u64::from(id),
            Source::Worker(WorkerId(id)) => Self::WORKER | u64::from(id),
            Source::Unreaped => Self::UNREAPED,
        }
    }

    fn unpack(data: u64) -> Source {
        let id = data as u32;
        match data & !u64::from(u32::MAX) {
            Self::TEMPLATE => Source::Template(PluginId(id)),
            Self::WORKER => Source::Worker(WorkerId(id)),
            Self::UNREAPED => Source::Unreaped,
            _ => Source::Inbox,
        }
    }
}

/// The set of descriptors that are waited for. A descriptor leaves it when it is closed.
#[derive(Debug)]
pub(super) struct Events {
    epoll: OwnedFd,
}

impl Events {
    pub(super) fn new() -> io::Result<Events> {
        Ok(Events {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        })
    }

    /// Waits for `descriptor` to become readable from now on.
    pub(super) fn add(&self, descriptor: impl AsFd, source: Source) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            descriptor,
            epoll::EventData::new_u64(source.pack()),
            epoll::EventFlags::IN,
        )?)
    }

    /// Does not wait for `descriptor` any more, though it stays open.
    pub(super) fn remove(&self, descriptor: impl AsFd) {
        // One that is not there is not waited for.
        let _ = epoll::delete(&self.epoll, descriptor);
    }

    /// Waits for each change of `descriptor` from now on: of a counter, which need not be read, or
    /// of a process, which stays readable.
    pub(super) fn add_changes(&self, descriptor: impl AsFd, source: Source) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            descriptor,
            epoll::EventData::new_u64(source.pack()),
            epoll::EventFlags::IN | epoll::EventFlags::ET,
        )?)
    }

    /// Waits for it to become writable too, or no longer.
    pub(super) fn wait_for_room(
        &self,
        descriptor: impl AsFd,
        source: Source,
        wait: bool,
    ) -> io::Result<()> {
        let flags = if wait {
            epoll::EventFlags::IN | epoll::EventFlags::OUT
        } else {
            epoll::EventFlags::IN
        };
        Ok(epoll::modify(
            &self.epoll,
            descriptor,
            epoll::EventData::new_u64(source.pack()),
            flags,
        )?)
    }

    /// The sources that are ready, at the latest after `timeout`.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> io::Result<Vec<Source>> {
        let timeout = timeout.map(|timeout| {
            Timespec::try_from(timeout).unwrap_or(Timespec {
                tv_sec: 3600,
                tv_nsec: 0,
            })
        });
        let mut room = [const { MaybeUninit::uninit() }; AT_ONCE];
        match epoll::wait(&self.epoll, &mut room, timeout.as_ref()) {
            Ok((ready, _)) => Ok(ready
                .iter()
                .map(|event| Source::unpack(event.data.u64()))
                .collect()),
            Err(Errno::INTR) => Ok(Vec::new()),
            Err(errno) => Err(errno.into()),
        }
    }
}
