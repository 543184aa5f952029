//! Lies about tasks. A worker answers honestly, `n + 1`, but for the task that is given 13.

use super::{hang, raw};
use crate::attacks;
use crate::inside::send;
use std::time::Instant;
use wpool::Value;
use wpool::testing::wire::{
    Batch, ChildHello, Cost, ResultsWriter, StatusPage, TaskFailure, TaskFailureKind, WorkerFrame,
    encode, host_call, read_frame,
};
use wpool::testing::{decode_s64, encode_value, impostor};

/// The task at which a worker lies.
const UNLUCKY: i64 = 13;

/// Lies after which a worker serves on. After the others it does nothing, so that it is clear which task it was at.
const GO_ON: &[&str] = &["a long message", "absurd cost", "the page", "twice"];

/// The longest frame that is read here.
const LONGEST: usize = 1 << 30;

/// Serves tasks, and tells `lie` once.
pub fn run(lie: &str, page: &StatusPage) {
    match lie {
        "exits before it is ready" => return,
        "garbage before it is ready" => return send(&[0xa5; 100]),
        "never ready" => hang(),
        // What is asked of a worker for one task waits for it already.
        "answers before it is ready" => {
            send(one(0, &encode_value(&Value::S64(1))).take(true));
            hang();
        }
        "answers at length before it is ready" => {
            send(one(0, &encode_value(&Value::Bytes(vec![0; 3 << 20]))).take(true));
            hang();
        }
        "calls before it is ready" => {
            send(&host_call(0, &encode_value(&Value::S64(1))));
            hang();
        }
        "ready twice" => send(&WorkerFrame::ready_frame()),
        _ => {}
    }
    send(&WorkerFrame::ready_frame());
    while let Ok(frame) = read_frame(&mut impostor::socket(), LONGEST) {
        let Some(batch) = Batch::parse(&frame) else {
            return;
        };
        let mut results = ResultsWriter::new(batch.first_seq);
        for (seq, arguments) in batch.tasks() {
            if !page.try_start(seq) {
                break;
            }
            match decode_s64(arguments) {
                Some(UNLUCKY) => {
                    tell(lie, seq, &mut results, page);
                    if !GO_ON.contains(&lie) {
                        hang();
                    }
                }
                Some(n) => push(&mut results, &encode_value(&Value::S64(n + 1))),
                None => return,
            }
        }
        send(results.take(true));
    }
}

fn push(results: &mut ResultsWriter, value: &[u8]) {
    results.push(Cost::default(), Ok(&mut |out| out.extend_from_slice(value)));
}

fn one(seq: u32, value: &[u8]) -> ResultsWriter {
    let mut results = ResultsWriter::new(seq);
    push(&mut results, value);
    results
}

fn tell(lie: &str, seq: u32, results: &mut ResultsWriter, page: &StatusPage) {
    let fourteen = encode_value(&Value::S64(14));
    // What came before is honest, and sent.
    if results.count() > 0 {
        send(results.take(false));
    }
    results.restart(seq);
    match lie {
        "garbage" => send(&[0xa5; 300]),
        "an empty frame" => send(&[]),
        "giant" => raw(&u32::MAX.to_le_bytes()),
        "half a frame" => {
            raw(&[200, 0, 0, 0, 1, 2]);
            end();
        }
        "half a frame, then nothing" => {
            raw(&[200, 0, 0, 0, 1, 2]);
            hang();
        }
        "exit" => end(),
        "never" => hang(),
        "calls another function" => send(&host_call(7, &encode_value(&Value::S64(1)))),
        "calls without arguments" => send(&host_call(0, &[])),
        "calls with other arguments" => send(&host_call(0, &[0xff; 1_000_000])),
        "calls twice at once" => {
            for _ in 0..2 {
                send(&host_call(0, &encode_value(&Value::S64(1))));
            }
        }
        "calls and answers" => {
            send(&host_call(0, &encode_value(&Value::S64(1))));
            send(one(seq, &fourteen).take(false));
        }
        "holds what does not count as data" => {
            attacks::memory::hold(700 << 20, 8 << 20, 8 << 20);
            hang();
        }
        "calls, then has not begun" => {
            send(&host_call(0, &encode_value(&Value::S64(1))));
            let _ = read_frame(&mut impostor::socket(), LONGEST);
            // The one before is the last that it says to have started.
            let _ = page.try_start(seq.wrapping_sub(1));
            hang();
        }
        "greets again" => send(&WorkerFrame::ready_frame()),
        "panics twice" => {
            for _ in 0..2 {
                send(&encode(&ChildHello::Panicked("\u{1b}[2J".into())));
            }
        }
        "unasked" => send(one(seq + 1_000_000, &fourteen).take(false)),
        "twice" => {
            send(one(seq, &fourteen).take(false));
            send(one(seq, &fourteen).take(false));
        }
        "backwards" => send(one(seq.wrapping_sub(1), &fourteen).take(false)),
        "done early" => {
            let mut nothing = ResultsWriter::new(seq);
            send(nothing.take(true));
        }
        "more than there are" => {
            let mut many = ResultsWriter::new(seq);
            (0..100_000).for_each(|_| push(&mut many, &fourteen));
            send(many.take(false));
        }
        "a count without results" => {
            let mut frame = one(seq, &fourteen).take(false).to_vec();
            frame[6..10].copy_from_slice(&u32::MAX.to_le_bytes());
            send(&frame);
        }
        "another type" | "text" => {
            send(one(seq, &encode_value(&Value::Bytes(vec![0xff; 100]))).take(false))
        }
        "another type, long" => {
            send(one(seq, &encode_value(&Value::Bytes(vec![0xff; 3 << 20]))).take(false))
        }
        "a value and more" => send(one(seq, &[fourteen, vec![0]].concat()).take(false)),
        "deep" => send(one(seq, &[0xff, 0xff, 0xff, 0xff, 0x0f].repeat(30)).take(false)),
        "wide" => send(one(seq, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x20]).take(false)),
        "an unknown failure" => {
            let mut frame = one(seq, &fourteen).take(false).to_vec();
            frame[10] = 17;
            send(&frame);
        }
        "a long message" => {
            let failure = TaskFailure {
                kind: TaskFailureKind::Trap,
                message: "\u{1b}[2J".repeat(1_000_000),
            };
            let mut failed = ResultsWriter::new(seq);
            failed.push(Cost::default(), Err(&failure));
            send(failed.take(false));
            results.restart(seq + 1);
        }
        "absurd cost" => {
            let most = Cost {
                wall_ns: u64::MAX,
                cpu_ns: u64::MAX,
                fuel: u64::MAX,
                memory_bytes: u64::MAX,
            };
            results.push(most, Ok(&mut |out| out.extend_from_slice(&fourteen)));
        }
        "a flood of nothing" => loop {
            send(ResultsWriter::new(seq).take(false));
        },
        "the page" => {
            let began = Instant::now();
            while began.elapsed().as_millis() < 50 {
                let _ = page.recall();
                let _ = page.try_start(u32::MAX);
                page.allow_all();
                let _ = page.try_start(seq.wrapping_sub(5000));
            }
            push(results, &fourteen);
        }
        other => panic!("there is no lie {other}"),
    }
}

fn end() -> ! {
    std::process::exit(0)
}
