//! The confined end of a connection: descriptor 0, blocking, one frame at a time. Without a supervisor there is nothing left
//! to do, so a broken connection ends the process.

use super::end;
use crate::value::Placed;
use crate::wire::{FrameError, FrameReader, encode, read_frame, write_frame};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde::Serialize;
use std::io::{self, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How much is read ahead at once: some requests to fork and to bury.
const READ_AT_ONCE: usize = 128;

/// Descriptors that come with one frame, at most.
const DESCRIPTORS: usize = 2;

/// The connection to the supervisor.
pub(super) struct Link {
    socket: BorrowedFd<'static>,
}

impl Link {
    /// The connection that the process was started or forked with.
    pub(super) fn to_supervisor() -> Link {
        Link {
            socket: rustix::stdio::stdin(),
        }
    }

    #[cfg(test)]
    pub(super) fn over(socket: BorrowedFd<'static>) -> Link {
        Link { socket }
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'static> {
        self.socket
    }

    /// Sends a message.
    pub(super) fn send(&mut self, message: &impl Serialize) {
        self.send_bytes(&encode(message));
    }

    /// Sends a frame.
    pub(super) fn send_bytes(&mut self, payload: &[u8]) {
        if write_frame(self, payload).is_err() {
            end(0);
        }
    }

    /// Sends a frame that has its length in front, or the rest of one.
    pub(super) fn send_whole(&mut self, frame: &[u8]) {
        if self.write_all(frame).is_err() {
            end(0);
        }
    }

    /// The next frame, cut from what is read ahead into `reader`.
    pub(super) fn receive_ahead(&mut self, reader: &mut FrameReader) -> Vec<u8> {
        match self.try_receive_ahead(reader) {
            Ok(frame) => frame,
            Err(_) => end(0),
        }
    }

    /// The same for a frame after which little is likely to come: it keeps the memory that it was read into.
    pub(super) fn receive_last(&mut self, reader: &mut FrameReader) -> Placed {
        match self.try_receive_last(reader) {
            Ok(frame) => frame,
            Err(_) => end(0),
        }
    }

    fn try_receive_last(&mut self, reader: &mut FrameReader) -> Result<Placed, FrameError> {
        // Most come in one piece.
        if reader.is_empty() {
            self.read_more(reader.room())?;
        }
        match reader.take_last()? {
            Some(frame) => Ok(frame),
            None => Ok(self.try_receive_ahead(reader)?.into()),
        }
    }

    fn try_receive_ahead(&mut self, reader: &mut FrameReader) -> Result<Vec<u8>, FrameError> {
        loop {
            if let Some(frame) = reader.next_frame()? {
                return Ok(frame.to_vec());
            }
            if let Some((mut frame, missing)) = reader.begun()? {
                frame.reserve_exact(missing);
                let whole = frame.len() + missing;
                while frame.len() < whole {
                    self.read_more(&mut frame)?;
                }
                // There may have been more room than that.
                reader.room().extend_from_slice(&frame[whole..]);
                frame.truncate(whole);
                return Ok(frame);
            }
            self.read_more(reader.room())?;
        }
    }

    /// Reads into the room that there is.
    fn read_more(&self, bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        match rustix::io::read(self.socket, spare_capacity(bytes)) {
            Ok(0) => Err(FrameError::Closed),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    /// The next frame.
    pub(super) fn receive(&mut self, limit: usize) -> Vec<u8> {
        match read_frame(self, limit) {
            Ok(frame) => frame,
            Err(_) => end(0),
        }
    }

    /// The next frame, with the descriptors that were sent along.
    pub(super) fn receive_with_descriptors(&mut self, limit: usize) -> (Vec<u8>, Vec<OwnedFd>) {
        let mut descriptors = Vec::new();
        let mut from = WithDescriptors {
            socket: self.socket,
            descriptors: &mut descriptors,
        };
        match read_frame(&mut from, limit) {
            Ok(frame) => (frame, descriptors),
            Err(_) => end(0),
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket
    }
}

/// What comes of a connection, read ahead: frames, and the descriptors that come with some.
pub(super) struct Requests {
    socket: BorrowedFd<'static>,
    ahead: FrameReader,
    descriptors: Vec<OwnedFd>,
}

impl Requests {
    /// Those that come over a link. Once the first of them is asked for, nothing else may read from the link. The memory for them is
    /// there from the beginning.
    pub(super) fn over(link: &Link, limit: usize) -> Requests {
        Requests {
            socket: link.socket,
            ahead: FrameReader::for_short_frames(limit, 4 * READ_AT_ONCE),
            descriptors: Vec::with_capacity(2 * DESCRIPTORS),
        }
    }

    /// The next frame, read where it is.
    pub(super) fn read_next<T>(&mut self, read: impl Fn(&[u8]) -> T) -> T {
        loop {
            match self.ahead.next_frame() {
                Ok(Some(frame)) => return read(frame),
                Ok(None) => {}
                Err(_) => end(0),
            }
            let mut bytes = [0; READ_AT_ONCE];
            let mut from = WithDescriptors {
                socket: self.socket,
                descriptors: &mut self.descriptors,
            };
            match from.read(&mut bytes) {
                Ok(0) | Err(_) => end(0),
                Ok(read) => self.ahead.room().extend_from_slice(&bytes[..read]),
            }
        }
    }

    /// The two descriptors that are for the last frame, if it is one that has some: those of later ones may be there, too.
    pub(super) fn take_descriptors(&mut self) -> Option<[OwnedFd; DESCRIPTORS]> {
        let count = self.descriptors.len().min(DESCRIPTORS);
        let mut taken = self.descriptors.drain(..count);
        Some([taken.next()?, taken.next()?])
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(self.socket, buffer)?)
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.socket, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads bytes and keeps the descriptors that arrive with them.
struct WithDescriptors<'a> {
    socket: BorrowedFd<'static>,
    descriptors: &'a mut Vec<OwnedFd>,
}

impl Read for WithDescriptors<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut space =
            [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(buffer)];
        let received = loop {
            match recvmsg(
                self.socket,
                &mut parts,
                &mut ancillary,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        Ok(received.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::io::IoSlice;
    use std::os::unix::net::UnixStream;

    fn send_along(socket: &UnixStream, frame: &[u8], descriptors: &[BorrowedFd<'_>]) {
        let mut space =
            [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(descriptors)));
        let parts = [IoSlice::new(frame)];
        let sent = sendmsg(socket, &parts, &mut ancillary, SendFlags::empty()).unwrap();
        assert_eq!(sent, frame.len());
    }

    #[test]
    fn frames_that_are_read_together_keep_each_its_own_descriptors() {
        let (template, supervisor) = UnixStream::pair().unwrap();
        let template: &'static UnixStream = Box::leak(Box::new(template));
        let mut requests = Requests::over(&Link::over(template.as_fd()), 100);
        let frame = |payload: &[u8]| {
            let mut frame = Vec::new();
            write_frame(&mut frame, payload).unwrap();
            frame
        };
        let of = |sockets: [BorrowedFd<'_>; 2]| {
            sockets.map(|socket| rustix::fs::fstat(socket).unwrap().st_ino)
        };
        let (one, other) = (supervisor.as_fd(), template.as_fd());
        // The first read ends within the first of them, and the second one takes in the next as well.
        let before = READ_AT_ONCE / frame(b"bury").len() - 1;
        for _ in 0..before {
            (&supervisor).write_all(&frame(b"bury")).unwrap();
        }
        // Burials that are sent together with a fork come before it.
        let with_burials = |fork| [frame(b"bury").repeat(before), frame(fork)].concat();
        send_along(&supervisor, &frame(b"the first fork"), &[one, other]);
        send_along(&supervisor, &with_burials(b"another"), &[other, one]);
        send_along(&supervisor, &with_burials(b"the last"), &[one, one]);
        let forks = [
            (&b"the first fork"[..], [one, other]),
            (b"another", [other, one]),
            (b"the last", [one, one]),
        ];
        for (expected, sockets) in forks {
            for _ in 0..before {
                assert_eq!(requests.read_next(<[u8]>::to_vec), b"bury");
            }
            assert_eq!(requests.read_next(<[u8]>::to_vec), expected);
            let taken = requests.take_descriptors().unwrap();
            assert_eq!(of([taken[0].as_fd(), taken[1].as_fd()]), of(sockets));
        }
        assert!(requests.take_descriptors().is_none());
    }

    #[test]
    fn the_last_frame_is_received_whole_in_one_piece_or_in_many() {
        for payload in [vec![7; 3], vec![7; 100_000]] {
            let (worker, mut supervisor) = UnixStream::pair().unwrap();
            let worker: &'static UnixStream = Box::leak(Box::new(worker));
            let mut frame = Vec::new();
            write_frame(&mut frame, &payload).unwrap();
            // What is written first ends within the length, within the payload, or with it.
            for first in [2, 6, frame.len()] {
                let mut reader = FrameReader::new(payload.len());
                std::thread::scope(|scope| {
                    let mut link = Link::over(worker.as_fd());
                    let received = scope.spawn(move || link.try_receive_last(&mut reader));
                    let mut pieces = frame.chunks(first);
                    pieces
                        .try_for_each(|piece| supervisor.write_all(piece))
                        .unwrap();
                    assert!(received.join().unwrap().unwrap().bytes() == payload);
                });
            }
        }
    }
    #[test]
    fn the_last_frame_is_not_waited_for_where_it_was_read_ahead() {
        let (worker, supervisor) = UnixStream::pair().unwrap();
        let worker: &'static UnixStream = Box::leak(Box::new(worker));
        drop(supervisor);
        let mut reader = FrameReader::new(100);
        write_frame(reader.room(), b"last").unwrap();
        let mut link = Link::over(worker.as_fd());
        let received = link.try_receive_last(&mut reader).unwrap();
        assert_eq!(received.bytes(), b"last");
        assert!(
            link.try_receive_last(&mut reader).is_err(),
            "nobody is there"
        );
    }
}
