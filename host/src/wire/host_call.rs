//! A call from a worker back to its supervisor, and the answer: one at a time, while the task that makes it waits.
//!
//! ```text
//! call:   3 u8 │ function u32 │ encoded arguments
//! answer: u32::MAX │ 0 u8 │ encoded result
//!         u32::MAX │ 1 u8 │ why the task fails, a text
//! ```
//! A batch begins with a sequence number, which is never `u32::MAX`: a worker tells the two apart by that, since batches can arrive
//! while it waits for an answer.

/// The first byte of a call.
pub(super) const HOST_CALL: u8 = 3;

/// The first word of an answer.
pub(super) const ANSWER: [u8; 4] = u32::MAX.to_le_bytes();

/// The frame of a call of the imported function with that number.
#[must_use]
pub fn host_call(function: u32, arguments: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(5 + arguments.len());
    frame.push(HOST_CALL);
    frame.extend_from_slice(&function.to_le_bytes());
    frame.extend_from_slice(arguments);
    frame
}

/// The frame of an answer: the encoded result, or why the task that called fails.
#[must_use]
pub fn host_answer(answer: Result<&[u8], &str>) -> Vec<u8> {
    let (failed, rest) = match answer {
        Ok(result) => (0, result),
        Err(why) => (1, why.as_bytes()),
    };
    let mut frame = Vec::with_capacity(5 + rest.len());
    frame.extend_from_slice(&ANSWER);
    frame.push(failed);
    frame.extend_from_slice(rest);
    frame
}

/// What an answer says; `None` for any other frame.
#[must_use]
pub fn parse_host_answer(frame: &[u8]) -> Option<Result<&[u8], String>> {
    let (failed, rest) = frame.strip_prefix(&ANSWER)?.split_first()?;
    match failed {
        0 => Some(Ok(rest)),
        1 => Some(Err(String::from_utf8_lossy(rest).into_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Batch, WorkerFrame};

    #[test]
    fn a_call_reads_back_as_it_was_written() {
        let frame = host_call(7, b"arguments");
        let Some(WorkerFrame::HostCall {
            function,
            arguments,
        }) = WorkerFrame::parse(&frame)
        else {
            panic!("{frame:?}")
        };
        assert_eq!((function, arguments), (7, &b"arguments"[..]));
    }

    #[test]
    fn an_answer_is_no_batch_and_a_batch_no_answer() {
        let answer = host_answer(Ok(b"12345678"));
        assert!(Batch::parse(&answer).is_none());
        assert_eq!(parse_host_answer(&answer), Some(Ok(&b"12345678"[..])));
        let failed = host_answer(Err("no"));
        assert_eq!(parse_host_answer(&failed), Some(Err("no".to_string())));
        let batch = crate::wire::BatchWriter::new(0, 0).finish();
        assert_eq!(parse_host_answer(&batch), None);
    }
}
