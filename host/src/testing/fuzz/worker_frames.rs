//! The frames written by hand: batches and answers to a worker, results and calls from one.

use crate::wire::{
    Batch, BatchWriter, ResultsWriter, TaskResult, WorkerFrame, host_answer, host_call,
    parse_host_answer,
};

/// What can be read of a batch or of results lies within the frame, is no more than it claims, and written again is the same.
pub fn worker_frames(data: &[u8]) {
    batch(data);
    answer(data);
    results(data);
    call(data);
}

fn batch(frame: &[u8]) {
    let Some(batch) = Batch::parse(frame) else {
        let is_an_answers = frame.starts_with(&u32::MAX.to_le_bytes());
        assert!(
            frame.len() < 12 || is_an_answers,
            "only the head can be missing"
        );
        return;
    };
    assert_eq!(parse_host_answer(frame), None, "a batch is no answer");
    let tasks: Vec<_> = batch.tasks().collect();
    let claimed = frame[8..]
        .first_chunk()
        .map(|count| u32::from_le_bytes(*count));
    assert!(tasks.len() as u64 <= claimed.map_or(0, u64::from));
    let seqs = (0..).map(|index| batch.first_seq.wrapping_add(index));
    assert!(tasks.iter().map(|(seq, _)| *seq).eq(seqs.take(tasks.len())));

    let mut writer = BatchWriter::new(batch.first_seq, batch.function);
    tasks
        .iter()
        .for_each(|(_, arguments)| writer.push(arguments));
    let written = writer.finish();
    assert_eq!(written[..8], frame[..8]);
    assert!(frame[12..].starts_with(&written[12..]));
}

fn answer(frame: &[u8]) {
    match parse_host_answer(frame) {
        None => {}
        Some(Ok(result)) => assert_eq!(host_answer(Ok(result)), frame),
        // What was no text has been repaired to be some.
        Some(Err(why)) => {
            let written = host_answer(Err(&why));
            assert_eq!(parse_host_answer(&written), Some(Err(why)));
        }
    }
}

fn call(frame: &[u8]) {
    if let Some(WorkerFrame::HostCall {
        function,
        arguments,
    }) = WorkerFrame::parse(frame)
    {
        assert_eq!(host_call(function, arguments), frame);
    }
}

fn results(frame: &[u8]) {
    let Some(WorkerFrame::Results {
        first_seq,
        batch_done,
        count,
        bytes,
    }) = WorkerFrame::parse(frame)
    else {
        return;
    };
    let mut results = Vec::new();
    let is_whole = WorkerFrame::parse_results(bytes, count, |result| results.push(result));
    assert!(results.len() <= count as usize);
    if !is_whole {
        return;
    }
    assert_eq!(results.len(), count as usize);

    let mut writer = ResultsWriter::new(first_seq);
    results.iter().for_each(|result| push(&mut writer, result));
    assert_eq!(writer.next_seq(), first_seq.wrapping_add(count));
    let written = writer.take(batch_done);
    if results.iter().all(|result| result.outcome.is_ok()) {
        assert_eq!(written, frame);
    }
    // A message may have been cut, or repaired to be text: what is left of it stays.
    let Some(WorkerFrame::Results { bytes, .. }) = WorkerFrame::parse(written) else {
        panic!("results are results")
    };
    let mut again = Vec::new();
    assert!(WorkerFrame::parse_results(bytes, count, |result| again.push(result)));
    for (before, after) in results.iter().zip(&again) {
        assert_eq!(before.cost, after.cost);
        assert_eq!(before.printed, after.printed);
        match (&before.outcome, &after.outcome) {
            (Ok(before), Ok(after)) => assert_eq!(before, after),
            (Err(before), Err(after)) => {
                assert_eq!(before.kind, after.kind);
                assert!(before.message.len() <= 3 * 4096, "a message is bounded");
                assert!(before.message.len() > 4096 || before.message == after.message);
            }
            _ => panic!("a failure is not a value"),
        }
    }
}

fn push(writer: &mut ResultsWriter, result: &TaskResult<'_>) {
    let outcome = result.outcome.as_ref();
    let outcome = outcome.map(|value| move |out: &mut Vec<u8>| out.extend_from_slice(value));
    writer.push_printed(result.cost, outcome, result.printed);
}
