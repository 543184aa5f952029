//! Frames, cut out of a stream that arrives in arbitrary pieces.

use crate::wire::{FrameError, FrameReader, read_frame, write_frame};
use arbitrary::{Result, Unstructured};

/// However a stream is cut into pieces, both readers find the same frames in it, none is longer than the limit, and written again
/// they are the stream.
pub fn frames(data: &[u8]) {
    // Too few bytes for the head of the input are no input.
    let _ = check(Unstructured::new(data));
}

fn check(mut input: Unstructured<'_>) -> Result<()> {
    let limit = usize::from(input.arbitrary::<u16>()?);
    let pieces: [u8; 4] = input.arbitrary()?;
    let stream = input.take_rest();

    let (whole, whole_too_long) = blocking(stream, limit);
    let (pieced, pieced_too_long) = in_pieces(stream, limit, pieces);
    assert_eq!(whole, pieced);
    assert_eq!(whole_too_long, pieced_too_long);

    assert!(whole.iter().all(|frame| frame.len() <= limit));
    let mut again = Vec::new();
    for frame in &whole {
        write_frame(&mut again, frame).expect("memory takes every frame");
    }
    let rest = stream.strip_prefix(&again[..]).expect("the same bytes");
    let claimed = rest.first_chunk().map(|length| u32::from_le_bytes(*length));
    assert_eq!(
        whole_too_long,
        claimed.is_some_and(|length| length as usize > limit),
        "a frame is refused for its length, and for nothing else"
    );
    assert!(
        whole_too_long || claimed.is_none_or(|length| rest.len() < 4 + length as usize),
        "a whole frame is left over"
    );
    Ok(())
}

/// What a blocking reader finds, and whether it ended at a frame above the limit.
fn blocking(mut stream: &[u8], limit: usize) -> (Vec<Vec<u8>>, bool) {
    let mut frames = Vec::new();
    loop {
        match read_frame(&mut stream, limit) {
            Ok(frame) => frames.push(frame),
            Err(FrameError::Closed) => return (frames, false),
            Err(FrameError::TooLong { .. }) => return (frames, true),
            Err(FrameError::Io(error)) => panic!("memory does not fail: {error}"),
        }
    }
}

/// The same of a reader that gets pieces of these lengths, in turn.
fn in_pieces(stream: &[u8], limit: usize, pieces: [u8; 4]) -> (Vec<Vec<u8>>, bool) {
    let mut reader = FrameReader::new(limit);
    let mut frames = Vec::new();
    let mut lengths = pieces.iter().cycle();
    let mut left = stream;
    while !left.is_empty() {
        let length = lengths.next().map_or(1, |length| usize::from(*length) + 1);
        let (piece, rest) = left.split_at(length.min(left.len()));
        reader.room().extend_from_slice(piece);
        left = rest;
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}
