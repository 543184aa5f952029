//! Length-prefixed frames, with a cap before every allocation.

use crate::value::Placed;
use std::io::{self, Read, Write};

/// Bytes of the length in front of a frame.
pub(super) const PREFIX: usize = 4;

/// How much is asked of a socket at once.
const READ_AHEAD: usize = 64 * 1024;

/// How much is asked of it first: whoever gets little touches little memory.
const FIRST_READ: usize = 2 * 1024;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other end is gone, between two frames or within one.
    #[error("the connection is closed")]
    Closed,
    /// The frame is longer than the reader accepts.
    #[error("a frame of {length} bytes exceeds the limit of {limit}")]
    TooLong {
        /// The length that was claimed.
        length: usize,
        /// The longest frame that would have been accepted.
        limit: usize,
    },
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes one frame and flushes nothing: the callers hand in sockets or memory.
///
/// # Errors
///
/// Those of the writer; a payload of 4 GiB or more is `InvalidInput`.
pub fn write_frame(to: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // One write for small frames: a frame is then one wake-up of the reader.
    if payload.len() <= READ_AHEAD {
        let mut whole = Vec::with_capacity(PREFIX + payload.len());
        whole.extend_from_slice(&length.to_le_bytes());
        whole.extend_from_slice(payload);
        return to.write_all(&whole);
    }
    to.write_all(&length.to_le_bytes())?;
    to.write_all(payload)
}

/// Reads one frame of at most `limit` bytes from a blocking reader.
///
/// # Errors
///
/// [`FrameError`]; memory grows with the bytes that arrive, not with the length that is claimed.
pub fn read_frame(from: &mut impl Read, limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut prefix = [0; PREFIX];
    read_exactly(from, &mut prefix)?;
    let length = checked_length(prefix, limit)?;
    let mut payload = Vec::new();
    from.take(length as u64).read_to_end(&mut payload)?;
    if payload.len() < length {
        Err(FrameError::Closed)
    } else {
        Ok(payload)
    }
}

fn read_exactly(from: &mut impl Read, buffer: &mut [u8]) -> Result<(), FrameError> {
    from.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Closed,
        _ => FrameError::Io(error),
    })
}

fn checked_length(prefix: [u8; PREFIX], limit: usize) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length > limit {
        Err(FrameError::TooLong { length, limit })
    } else {
        Ok(length)
    }
}

/// A buffer that grew beyond this for one frame is given back when it is empty.
const KEPT: usize = 1024 * 1024;

/// Cuts frames out of what a non-blocking reader delivers, piece by piece.
#[derive(Debug)]
pub struct FrameReader {
    buffer: Vec<u8>,
    /// The bytes that arrived and were not taken begin here.
    start: usize,
    /// How much is asked for next.
    ask: usize,
    limit: usize,
}

impl FrameReader {
    /// A reader that refuses frames of more than `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> FrameReader {
        FrameReader {
            buffer: Vec::new(),
            start: 0,
            ask: FIRST_READ,
            limit,
        }
    }

    /// The same for frames that are so short that many fit into `bytes`, which are there from the beginning, and of which a quarter is
    /// read at once.
    #[must_use]
    pub fn for_short_frames(limit: usize, bytes: usize) -> FrameReader {
        FrameReader {
            buffer: Vec::with_capacity(bytes),
            ask: bytes / 4,
            ..FrameReader::new(limit)
        }
    }

    /// Changes the cap, for the frames that were not yet taken.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The buffer, with room behind what is in it: for a read that appends.
    #[inline]
    pub fn room(&mut self) -> &mut Vec<u8> {
        if self.buffer.len() == self.buffer.capacity() && !self.buffer.is_empty() {
            // As much came as was asked for.
            self.ask = READ_AHEAD;
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        if self.buffer.capacity() - self.buffer.len() < self.ask {
            self.buffer.reserve(self.ask);
        }
        &mut self.buffer
    }

    /// Whether nothing arrived that was not taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// The beginning of a frame that is longer than what is read at once, and how many bytes are missing: whoever can wait for
    /// them reads them into their place.
    ///
    /// # Errors
    ///
    /// As [`FrameReader::next_frame`].
    pub fn begun(&mut self) -> Result<Option<(Vec<u8>, usize)>, FrameError> {
        let pending = &self.buffer[self.start..];
        let Some(prefix) = pending.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = checked_length(*prefix, self.limit)?;
        let begun = &pending[PREFIX..];
        if length <= READ_AHEAD || begun.len() >= length {
            return Ok(None);
        }
        let (begun, missing) = (begun.to_vec(), length - begun.len());
        self.start = self.buffer.len();
        Ok(Some((begun, missing)))
    }

    /// The next whole frame where it is long and nothing has come after it: it is handed over with its memory.
    ///
    /// # Errors
    ///
    /// As [`FrameReader::next_frame`].
    pub fn take_long(&mut self) -> Result<Option<Placed>, FrameError> {
        self.take(KEPT)
    }

    /// The same however long it is, which costs new memory for what comes later.
    ///
    /// # Errors
    ///
    /// As [`FrameReader::next_frame`].
    pub fn take_last(&mut self) -> Result<Option<Placed>, FrameError> {
        self.take(0)
    }

    fn take(&mut self, least: usize) -> Result<Option<Placed>, FrameError> {
        let pending = &self.buffer[self.start..];
        let Some(prefix) = pending.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = checked_length(*prefix, self.limit)?;
        if length < least || pending.len() != PREFIX + length {
            return Ok(None);
        }
        let at = self.start + PREFIX..self.buffer.len();
        self.start = 0;
        let memory = std::mem::take(&mut self.buffer);
        Ok(Some(Placed { memory, at }))
    }

    /// The next whole frame, or `None` until more bytes arrive.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLong`], as soon as the length is known.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let pending = &self.buffer[self.start..];
        let Some(prefix) = pending.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = checked_length(*prefix, self.limit)?;
        if pending.len() < PREFIX + length {
            return Ok(None);
        }
        let payload = self.start + PREFIX..self.start + PREFIX + length;
        self.start = payload.end;
        Ok(Some(&self.buffer[payload]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(reader: &mut FrameReader, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let buffer = reader.room();
            let room = buffer.capacity() - buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            buffer.extend_from_slice(now);
            bytes = later;
        }
    }

    #[test]
    fn a_little_takes_little_memory_and_much_is_asked_for_at_once() {
        let mut reader = FrameReader::new(16);
        feed(&mut reader, &[0; FIRST_READ / 2]);
        assert!(reader.buffer.capacity() <= 2 * FIRST_READ);
        feed(&mut reader, &[0; 4 * FIRST_READ]);
        let buffer = reader.room();
        assert!(buffer.capacity() - buffer.len() >= READ_AHEAD);
    }

    #[test]
    fn a_frame_survives_being_delivered_byte_by_byte() {
        let mut wire = Vec::new();
        write_frame(&mut wire, b"first").unwrap();
        write_frame(&mut wire, b"").unwrap();
        let mut reader = FrameReader::new(16);
        let mut frames = Vec::new();
        for byte in wire {
            feed(&mut reader, &[byte]);
            while let Some(frame) = reader.next_frame().unwrap() {
                frames.push(frame.to_vec());
            }
        }
        assert_eq!(frames, [b"first".to_vec(), Vec::new()]);
    }

    #[test]
    fn a_long_frame_is_read_on_from_where_it_has_begun() {
        let payload = vec![7; 3 * READ_AHEAD];
        let mut wire = Vec::new();
        write_frame(&mut wire, b"short").unwrap();
        write_frame(&mut wire, &payload).unwrap();
        let mut reader = FrameReader::new(payload.len());
        feed(&mut reader, &wire[..READ_AHEAD]);
        assert!(reader.begun().unwrap().is_none(), "a short one is whole");
        assert_eq!(reader.next_frame().unwrap(), Some(&b"short"[..]));
        let (begun, missing) = reader.begun().unwrap().unwrap();
        assert_eq!(
            (begun.len(), missing),
            (READ_AHEAD - 13, payload.len() - READ_AHEAD + 13)
        );
        assert!(
            reader.next_frame().unwrap().is_none(),
            "nothing is left of it"
        );
    }

    #[test]
    fn a_long_frame_is_handed_over_with_its_memory_unless_something_follows_it() {
        let payload = vec![7; KEPT];
        let mut wire = Vec::new();
        write_frame(&mut wire, &payload).unwrap();
        let mut reader = FrameReader::new(payload.len());
        feed(&mut reader, &wire[..KEPT]);
        assert!(reader.take_long().unwrap().is_none(), "it is not whole");
        feed(&mut reader, &wire[KEPT..]);
        let frame = reader.take_long().unwrap().unwrap();
        assert!(frame.bytes() == payload);
        assert!(reader.next_frame().unwrap().is_none());
        feed(&mut reader, &wire);
        feed(&mut reader, &[1]);
        assert!(reader.take_long().unwrap().is_none(), "something follows");
        assert!(reader.next_frame().unwrap() == Some(&payload[..]));
    }

    #[test]
    fn the_last_frame_is_handed_over_with_its_memory_however_short_it_is() {
        let mut wire = Vec::new();
        write_frame(&mut wire, b"first").unwrap();
        write_frame(&mut wire, b"last").unwrap();
        let (begun, rest) = wire.split_at(wire.len() - 1);
        let mut reader = FrameReader::new(16);
        feed(&mut reader, begun);
        assert!(reader.take_last().unwrap().is_none(), "something follows");
        assert_eq!(reader.next_frame().unwrap(), Some(&b"first"[..]));
        assert!(reader.take_last().unwrap().is_none(), "it is not whole");
        feed(&mut reader, rest);
        let last = reader.take_last().unwrap().unwrap();
        assert_eq!(last.bytes(), b"last");
        feed(&mut reader, &17_u32.to_le_bytes());
        assert!(reader.take_last().is_err(), "it is too long");
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_its_bytes_arrive() {
        let mut reader = FrameReader::new(16);
        feed(&mut reader, &17_u32.to_le_bytes());
        assert!(matches!(
            reader.next_frame(),
            Err(FrameError::TooLong {
                length: 17,
                limit: 16
            })
        ));
        let error = read_frame(&mut &u32::MAX.to_le_bytes()[..], 16).unwrap_err();
        assert!(matches!(error, FrameError::TooLong { .. }));
    }

    #[test]
    fn a_claimed_length_allocates_only_what_arrives() {
        let mut wire = 0x4000_0000_u32.to_le_bytes().to_vec();
        wire.extend_from_slice(b"short");
        assert!(matches!(
            read_frame(&mut &wire[..], usize::MAX),
            Err(FrameError::Closed)
        ));
    }

    #[test]
    fn a_large_frame_arrives_whole() {
        let payload = vec![7; 3 * READ_AHEAD + 1];
        let mut wire = Vec::new();
        write_frame(&mut wire, &payload).unwrap();
        assert_eq!(read_frame(&mut &wire[..], payload.len()).unwrap(), payload);
    }
}
