//! The frames written by hand: batches and answers to a worker, results and calls from one.

use crate::value::{Fixed, Type, encode};
use crate::wire::{
    Batch, BatchWriter, Cost, PlainResults, ResultsWriter, TaskResult, WorkerFrame, host_answer,
    host_call, parse_host_answer,
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
    for ty in [Type::U8, Type::S16, Type::F32, Type::S64] {
        plain(bytes, count, &ty, is_whole.then_some(&results[..]));
    }
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

/// Those that are read as plain results are what they are one by one, and no others are.
fn plain(bytes: &[u8], count: u32, ty: &Type, results: Option<&[TaskResult<'_>]>) {
    let fixed = Fixed::of(ty).expect("a type of numbers");
    let is_plain = |result: &TaskResult<'_>| {
        let is_number = matches!(result.outcome, Ok(value) if value.len() == fixed.width());
        let Cost { cpu_ns, fuel, .. } = result.cost;
        is_number && (cpu_ns, fuel) == (0, 0) && result.printed.is_empty()
    };
    let results = results.filter(|results| results.iter().all(is_plain));
    let read = PlainResults::read(bytes, count, fixed);
    assert_eq!(read.is_some(), results.is_some());
    let Some((mut read, results)) = read.zip(results) else {
        return;
    };
    assert_eq!(read.len(), results.len());
    for result in results {
        let plain = read.next().expect("as many as there are");
        let Cost {
            wall_ns,
            memory_bytes,
            ..
        } = result.cost;
        assert_eq!((plain.wall_ns, plain.memory_bytes), (wall_ns, memory_bytes));
        let mut encoded = Vec::new();
        encode(&plain.value.value(), &mut encoded);
        assert_eq!(result.outcome.as_ref().ok(), Some(&&encoded[..]));
    }
    assert!(read.is_done() && read.next().is_none());
}

fn push(writer: &mut ResultsWriter, result: &TaskResult<'_>) {
    let outcome = result.outcome.as_ref();
    let outcome = outcome.map(|value| move |out: &mut Vec<u8>| out.extend_from_slice(value));
    writer.push_printed(result.cost, outcome, result.printed);
}
