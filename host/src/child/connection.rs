//! The supervisor's end of a connection: never blocks, never trusts a length, and knows from the kernel who wrote.

use crate::wire::{FrameError, FrameReader, write_frame};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, send, sendmsg, socketpair,
    sockopt,
};
use rustix::process::Pid;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// How much is read at once as long as the kernel is asked who wrote it, in bytes.
const GREETING: usize = 4096;

/// One end of a socket pair; the other is a confined process's descriptor 0.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: OwnedFd,
    reader: FrameReader,
    /// Bytes that the socket would not take yet: `outgoing[sent..]`.
    outgoing: Vec<u8>,
    sent: usize,
    /// What is sent behind those, and how much of that is sent.
    behind: Option<(Arc<Vec<u8>>, usize)>,
    /// Who wrote the bytes that arrived last, as long as that is asked for.
    writer: Option<Pid>,
    attesting: bool,
}

/// What [`Connection::fill`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Bytes arrived, and more are there.
    Data,
    /// Bytes arrived, and they were all there was.
    LastData,
    /// Nothing to read now.
    Nothing,
    /// The other end is closed.
    Closed,
}

/// Why no frame came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// None came in time.
    #[error("no answer in time")]
    Late,
    /// The connection is closed or broken, or a frame too long.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Connection {
    /// A connection, and the end that goes to a confined process. Until [`Connection::stop_attesting`] the kernel says with
    /// every message who wrote it.
    pub(crate) fn pair(frame_limit: usize) -> io::Result<(Connection, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC;
        let (socket, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        sockopt::set_socket_passcred(&socket, true)?;
        let reader = FrameReader::new(frame_limit);
        let connection = Connection {
            socket,
            reader,
            outgoing: Vec::new(),
            sent: 0,
            behind: None,
            writer: None,
            attesting: true,
        };
        Ok((connection, theirs))
    }

    /// Changes the longest frame that is accepted.
    pub(crate) fn set_frame_limit(&mut self, limit: usize) {
        self.reader.set_limit(limit);
    }

    /// Who wrote what arrived last.
    pub(crate) fn writer(&self) -> Option<Pid> {
        self.writer
    }

    /// The writer is known: reading gets cheaper.
    pub(crate) fn stop_attesting(&mut self) -> io::Result<()> {
        self.attesting = false;
        Ok(sockopt::set_socket_passcred(&self.socket, false)?)
    }

    /// Sends a frame, or keeps what the socket does not take for [`Connection::flush`].
    pub(crate) fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.gather();
        self.outgoing.extend_from_slice(&length.to_le_bytes());
        self.outgoing.extend_from_slice(payload);
        self.flush().map(drop)
    }

    /// The same for a frame that has its length in front, and that ends with what is `behind` it. What the socket does not take at
    /// once need not be copied.
    pub(crate) fn send_whole(
        &mut self,
        frame: Vec<u8>,
        behind: Option<Arc<Vec<u8>>>,
    ) -> io::Result<()> {
        if self.wants_write() {
            self.gather();
            self.outgoing.extend_from_slice(&frame);
        } else {
            (self.outgoing, self.sent) = (frame, 0);
        }
        self.behind = behind.map(|bytes| (bytes, 0));
        self.flush().map(drop)
    }

    /// Has all that waits in one place, so that more can follow it.
    fn gather(&mut self) {
        if let Some((bytes, sent)) = self.behind.take() {
            self.outgoing.extend_from_slice(&bytes[sent..]);
        }
    }

    /// Sends frames, in one piece, with descriptors; at once, as far as the socket takes it, or not at all.
    pub(crate) fn send_with_descriptors(
        &mut self,
        payloads: &[&[u8]],
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        if self.wants_write() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut frames = Vec::new();
        for payload in payloads {
            write_frame(&mut frames, payload)?;
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let parts = [IoSlice::new(&frames)];
        let sent = sendmsg(&self.socket, &parts, &mut ancillary, SendFlags::NOSIGNAL)?;
        // The descriptors went with the first byte; the rest follows like any other frame.
        (self.outgoing, self.sent) = (frames, sent);
        self.flush().map(drop)
    }

    /// Sends what is left; true when nothing is.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        if !send_all(&self.socket, &self.outgoing, &mut self.sent)? {
            return Ok(false);
        }
        if let Some((bytes, sent)) = &mut self.behind
            && !send_all(&self.socket, bytes, sent)?
        {
            return Ok(false);
        }
        self.outgoing.clear();
        self.outgoing.shrink_to(1024 * 1024);
        (self.sent, self.behind) = (0, None);
        Ok(true)
    }

    /// Whether bytes wait for the socket to take them.
    pub(crate) fn wants_write(&self) -> bool {
        self.sent < self.outgoing.len() || self.behind.is_some()
    }

    /// Reads once from the socket.
    pub(crate) fn fill(&mut self) -> io::Result<Fill> {
        let received = if self.attesting {
            self.fill_attested()
        } else {
            let buffer = self.reader.room();
            let received = rustix::io::read(&self.socket, spare_capacity(buffer));
            received.map(|count| (count, buffer.len() == buffer.capacity()))
        };
        match received {
            Ok((0, _)) => Ok(Fill::Closed),
            Ok((_, true)) => Ok(Fill::Data),
            Ok((_, false)) => Ok(Fill::LastData),
            Err(Errno::AGAIN | Errno::INTR) => Ok(Fill::Nothing),
            Err(Errno::CONNRESET | Errno::PIPE) => Ok(Fill::Closed),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The same, with the word of the kernel on who wrote. How many bytes came, and whether as many as there was room for.
    fn fill_attested(&mut self) -> rustix::io::Result<(usize, bool)> {
        let mut bytes = [0; GREETING];
        // Room for credentials and nothing else: descriptors that are sent along are closed by the kernel.
        let mut control = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut control);
        let received = recvmsg(
            &self.socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        );
        self.writer = None;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmCredentials(credentials) = message {
                self.writer = Some(credentials.pid);
            }
        }
        let count = received?.bytes;
        self.reader.room().extend_from_slice(&bytes[..count]);
        Ok((count, count == GREETING))
    }

    /// What arrived, for whoever takes frames from it while the rest changes; to be given back.
    pub(crate) fn lend_reader(&mut self) -> FrameReader {
        std::mem::replace(&mut self.reader, FrameReader::new(0))
    }

    /// Gives back what was lent.
    pub(crate) fn return_reader(&mut self, reader: FrameReader) {
        self.reader = reader;
    }

    /// The next whole frame that arrived.
    pub(crate) fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        self.reader.next_frame()
    }

    /// Waits for a frame until `deadline`.
    pub(crate) fn receive(&mut self, deadline: Option<Instant>) -> Result<Vec<u8>, ReceiveError> {
        loop {
            if let Some(frame) = self.next_frame()? {
                return Ok(frame.to_vec());
            }
            // Looked at here too: one who sends a little all the time is late all the same.
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(ReceiveError::Late);
            }
            self.wait(PollFlags::IN, deadline)?;
            if self.fill().map_err(FrameError::Io)? == Fill::Closed {
                return Err(FrameError::Closed.into());
            }
        }
    }

    /// Sends what is left until `deadline`.
    pub(crate) fn flush_until(&mut self, deadline: Option<Instant>) -> Result<(), ReceiveError> {
        while !self.flush().map_err(FrameError::Io)? {
            self.wait(PollFlags::OUT, deadline)?;
        }
        Ok(())
    }

    fn wait(&self, flags: PollFlags, deadline: Option<Instant>) -> Result<(), ReceiveError> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| {
            Timespec::try_from(left).unwrap_or(Timespec {
                tv_sec: i64::MAX,
                tv_nsec: 0,
            })
        });
        let mut sockets = [PollFd::new(&self.socket, flags)];
        match poll(&mut sockets, timeout.as_ref()) {
            Ok(0) => Err(ReceiveError::Late),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(FrameError::Io(errno.into()).into()),
        }
    }
}

/// Sends what is not `sent`; false when the socket takes no more.
fn send_all(socket: &OwnedFd, bytes: &[u8], sent: &mut usize) -> io::Result<bool> {
    while *sent < bytes.len() {
        match send(socket, &bytes[*sent..], SendFlags::NOSIGNAL) {
            Ok(count) => *sent += count,
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(true)
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::Duration;

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_secs(10))
    }

    #[test]
    fn the_kernel_says_who_wrote() {
        let (mut ours, theirs) = Connection::pair(64).unwrap();
        write_frame(&mut File::from(theirs), b"hello").unwrap();
        assert_eq!(ours.receive(soon()).unwrap(), b"hello");
        assert_eq!(ours.writer(), Some(rustix::process::getpid()));
    }

    #[test]
    fn descriptors_that_a_child_sends_are_not_kept() {
        let (mut ours, theirs) = Connection::pair(64).unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [theirs.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        let parts = [IoSlice::new(&[1, 0, 0, 0, 7])];
        sendmsg(&theirs, &parts, &mut ancillary, SendFlags::empty()).unwrap();
        drop(theirs);
        // The other end is only closed when no copy of it is left: one kept here would make this wait for ever.
        assert_eq!(ours.receive(soon()).unwrap(), [7]);
        assert!(matches!(
            ours.receive(soon()),
            Err(ReceiveError::Frame(FrameError::Closed))
        ));
    }

    #[test]
    fn what_a_full_socket_does_not_take_is_sent_later() {
        let (mut ours, theirs) = Connection::pair(64).unwrap();
        let payload = vec![1; 4 * 1024 * 1024];
        ours.send(&payload).unwrap();
        assert!(ours.wants_write());
        let reader = std::thread::spawn(move || {
            crate::wire::read_frame(&mut File::from(theirs), usize::MAX)
        });
        ours.flush_until(soon()).unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), payload);
    }

    #[test]
    fn what_is_behind_a_frame_is_sent_before_what_comes_later() {
        let (mut ours, theirs) = Connection::pair(64).unwrap();
        let long = Arc::new(vec![2; 4 * 1024 * 1024]);
        let length = (3 + long.len() as u32).to_le_bytes();
        let frame = [&length[..], b"one"].concat();
        ours.send_whole(frame.clone(), Some(Arc::clone(&long)))
            .unwrap();
        assert!(ours.wants_write());
        ours.send(b"two").unwrap();
        ours.send_whole(frame, Some(Arc::clone(&long))).unwrap();
        let reader = std::thread::spawn(move || {
            let mut from = File::from(theirs);
            [(); 3].map(|()| crate::wire::read_frame(&mut from, usize::MAX).unwrap())
        });
        ours.flush_until(soon()).unwrap();
        assert!(!ours.wants_write());
        let whole = [b"one", &long[..]].concat();
        assert!(reader.join().unwrap() == [whole.clone(), b"two".to_vec(), whole]);
    }

    #[test]
    fn frames_that_are_sent_with_descriptors_come_one_after_the_other() {
        let (mut ours, theirs) = Connection::pair(64).unwrap();
        let long = vec![2; 4 * 1024 * 1024];
        ours.send_with_descriptors(&[b"one", &long, b"three"], &[theirs.as_fd()])
            .unwrap();
        let again = ours.send_with_descriptors(&[b"four"], &[theirs.as_fd()]);
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let reader = std::thread::spawn(move || {
            let mut from = File::from(theirs);
            [(); 3].map(|()| crate::wire::read_frame(&mut from, usize::MAX).unwrap())
        });
        ours.flush_until(soon()).unwrap();
        // Whoever waits for more than that is to see the end.
        drop(ours);
        assert!(reader.join().unwrap() == [b"one".to_vec(), long, b"three".to_vec()]);
    }

    #[test]
    fn a_silent_child_is_late() {
        let (mut ours, _theirs) = Connection::pair(64).unwrap();
        assert!(matches!(
            ours.receive(Some(Instant::now())),
            Err(ReceiveError::Late)
        ));
    }
}
