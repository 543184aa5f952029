//! What both ends of a stream may rely on.

use super::*;
use crate::pool::outcome::FailureKind;
use crate::pool::reply::Reply;

fn ok(number: i64) -> Ended {
    Ended {
        result: Ok(Some(Value::S64(number))),
        wall_ns: 0,
        memory_bytes: 0,
        attempts: 1,
        ran: None,
        more: None,
    }
}

/// The place of one task, whose arguments take so many bytes.
fn reserve(stream: &Arc<Stream>, bytes: usize, wait: bool) -> Result<Reply, Refused> {
    let place = stream.places(1, wait)?.start;
    stream.settle(0, bytes);
    Ok(Reply::to_stream(
        &Arc::new(Arc::clone(stream)),
        place,
        bytes,
    ))
}

fn drain(stream: &Stream) -> Vec<u64> {
    let mut taken = VecDeque::new();
    stream.take(&mut taken, false);
    taken.into_iter().map(|(index, _)| index).collect()
}

#[test]
fn in_input_order_an_early_outcome_waits_for_its_turn() {
    let stream = Stream::new(Order::Input);
    let [first, second] = [0, 0].map(|bytes| reserve(&stream, bytes, false).unwrap());
    second.send(ok(2));
    assert!(drain(&stream).is_empty());
    first.send(ok(1));
    assert_eq!(drain(&stream), [0, 1]);
}

#[test]
fn in_completion_order_nothing_waits() {
    let stream = Stream::new(Order::Completion);
    let [_first, second] = [0, 0].map(|bytes| reserve(&stream, bytes, false).unwrap());
    second.send(ok(2));
    assert_eq!(drain(&stream), [1]);
}

#[test]
fn a_full_window_takes_nothing_until_an_outcome_is_taken() {
    let stream = Stream::new(Order::Input);
    let first = reserve(&stream, 0, false).unwrap();
    for _ in 1..WINDOW_TASKS {
        reserve(&stream, 0, false).unwrap().send(ok(0));
    }
    assert_eq!(reserve(&stream, 0, false).err(), Some(Refused::Full));
    first.send(ok(0));
    assert_eq!(
        reserve(&stream, 0, false).err(),
        Some(Refused::Full),
        "none was taken yet"
    );
    assert_eq!(drain(&stream).len() as u64, WINDOW_TASKS);
    assert!(reserve(&stream, 0, false).is_ok());
}

#[test]
fn large_arguments_fill_the_window_but_one_is_always_taken() {
    let stream = Stream::new(Order::Input);
    let first = reserve(&stream, WINDOW_BYTES + 1, false).unwrap();
    assert_eq!(reserve(&stream, 1, false).err(), Some(Refused::Full));
    first.send(ok(0));
    drain(&stream);
    assert!(reserve(&stream, WINDOW_BYTES + 1, false).is_ok());
}

#[test]
fn a_dropped_reply_is_a_cancelled_task() {
    let stream = Stream::new(Order::Input);
    drop(reserve(&stream, 0, false).unwrap());
    let mut taken = VecDeque::new();
    assert!(stream.take(&mut taken, true));
    let (_, ended) = taken.pop_front().unwrap();
    assert_eq!(ended.result.unwrap_err().kind(), FailureKind::Cancelled);
}

#[test]
fn a_cancelled_stream_says_so_of_tasks_that_are_under_way_and_of_those_to_come() {
    let stream = Stream::new(Order::Input);
    let before = reserve(&stream, 0, false).unwrap();
    assert!(!before.is_cancelled());
    stream.cancelled().store(true, Ordering::Relaxed);
    let after = reserve(&stream, 0, false).unwrap();
    assert!(before.is_cancelled() && after.is_cancelled());
}

#[test]
fn an_ended_stream_says_so_after_its_last_outcome() {
    let stream = Stream::new(Order::Input);
    let reply = reserve(&stream, 0, false).unwrap();
    stream.end();
    reply.send(ok(1));
    let mut taken = VecDeque::new();
    assert!(stream.take(&mut taken, true));
    assert!(!stream.take(&mut taken, true));
    assert_eq!(taken.len(), 1);
}

#[test]
fn an_ended_stream_takes_nothing_and_lets_nobody_wait_for_room() {
    let stream = Stream::new(Order::Input);
    let reply = reserve(&stream, WINDOW_BYTES + 1, false).unwrap();
    let waiting = Arc::clone(&stream);
    let waiting = std::thread::spawn(move || reserve(&waiting, 1, true).err());
    stream.end();
    assert_eq!(waiting.join().unwrap(), Some(Refused::Abandoned));
    reply.send(ok(1));
    assert_eq!(drain(&stream), [0]);
}

#[test]
fn an_abandoned_stream_takes_nothing_and_keeps_nothing() {
    let stream = Stream::new(Order::Input);
    let reply = reserve(&stream, 0, false).unwrap();
    stream.abandon();
    reply.send(ok(1));
    assert_eq!(reserve(&stream, 0, true).err(), Some(Refused::Abandoned));
    assert!(stream.state().waiting.is_empty());
}

#[test]
fn places_that_are_not_used_are_given_back() {
    for order in [Order::Input, Order::Completion] {
        let stream = Stream::new(order);
        let places = stream.places(8, false).unwrap();
        assert_eq!(places, 0..8);
        stream.settle(7, 0);
        stream.end();
        let of_some = Arc::new(Arc::clone(&stream));
        Reply::to_stream(&of_some, places.start, 0).send(ok(1));
        assert_eq!(drain(&stream), [0]);
        let mut more = VecDeque::new();
        assert!(!stream.take(&mut more, true), "nothing else is waited for");
    }
}

#[test]
fn no_more_places_are_given_than_there_is_room_for() {
    let stream = Stream::new(Order::Input);
    assert_eq!(
        stream.places(WINDOW_TASKS - 1, false),
        Ok(0..WINDOW_TASKS - 1)
    );
    assert_eq!(stream.places(8, false), Ok(WINDOW_TASKS - 1..WINDOW_TASKS));
    assert_eq!(stream.places(8, false), Err(Refused::Full));
}
