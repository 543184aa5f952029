//! What both ends of a stream may rely on.

use super::*;
use crate::pool::arguments::Arguments;
use crate::pool::block::Block;
use crate::pool::ended::Ended;
use crate::pool::ends::Results;
use crate::pool::outcome::FailureKind;
use crate::pool::reply::{Deliveries, Delivery, ReplyTo};
use crate::pool::scheduler::PluginId;
use crate::wire::Packed;
use std::time::{Duration, Instant};

fn ok(number: i64) -> Ended {
    Ended {
        result: Ok(Some(Value::S64(number))),
        wall_ns: 0,
        memory_bytes: 0,
        attempts: 1,
        more: None,
    }
}

/// The place of a task, and how many bytes its arguments take.
struct Reserved {
    stream: Arc<Stream>,
    place: u64,
    bytes: usize,
}

impl Reserved {
    fn send(self, ended: Ended) {
        let delivery = Delivery {
            to: ReplyTo::Stream(self.stream),
            ends: Ends::one(self.place, ended, None),
            freed: self.bytes,
        };
        Deliveries::from(delivery).send();
    }
}

fn reserve(stream: &Arc<Stream>, bytes: usize, wait: bool) -> Result<Reserved, Refused> {
    let place = stream.places(1, wait)?.start;
    stream.settle(0, bytes);
    Ok(Reserved {
        stream: Arc::clone(stream),
        place,
        bytes,
    })
}

fn taken(stream: &Stream) -> Vec<(u64, Ended)> {
    let mut taken = VecDeque::new();
    stream.take(&mut taken, Wait::No);
    taken.into_iter().flatten().collect()
}

fn drain(stream: &Stream) -> Vec<u64> {
    let taken = taken(stream).into_iter();
    taken.map(|(index, _)| index).collect()
}

/// Tasks without arguments, from a place on.
fn block(stream: &Arc<Stream>, first: u64, count: usize) -> Block {
    let mut packed = Packed::default();
    (0..count).for_each(|_| packed.push(0, |_| ()));
    let (arguments, to) = (
        Arguments::Packed(packed),
        ReplyTo::Stream(Arc::clone(stream)),
    );
    Block::new((PluginId(0), 0), arguments, to, first, false)
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
fn what_comes_together_is_taken_in_order_however_it_comes() {
    let stream = Stream::new(Order::Input);
    assert_eq!(stream.places(9, false), Ok(0..9));
    let put = |some: Range<u64>| {
        let ends = some.clone().map(|number| ok(number as i64)).collect();
        let ends = Ends::new(some.start, Results::each(ends), None);
        stream.put(std::iter::once((ends, 0)));
    };
    put(5..8);
    put(2..5);
    assert!(drain(&stream).is_empty());
    put(0..2);
    assert_eq!(drain(&stream), [0, 1, 2, 3, 4, 5, 6, 7]);
    put(8..9);
    assert_eq!(drain(&stream), [8]);
}

#[test]
fn tasks_that_are_dropped_are_cancelled_but_for_those_that_have_ended() {
    let stream = Stream::new(Order::Input);
    assert_eq!(stream.places(4, false), Ok(0..4));
    let mut block = block(&stream, 0, 4);
    stream.settle(0, block.arguments.bytes());
    for task in [0, 2] {
        assert_eq!((block.end(task, 1), block.end(task, 1)), (1, 0), "once");
        let ended = Ends::one(task as u64, ok(7), None);
        stream.put(std::iter::once((ended, 0)));
    }
    drop(block);
    let kinds = taken(&stream).into_iter().map(|(number, ended)| {
        let kind = ended.result.err().map(|failure| failure.kind());
        (number, kind)
    });
    let cancelled = Some(FailureKind::Cancelled);
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [(0, None), (1, cancelled), (2, None), (3, cancelled)]
    );
    assert_eq!(stream.state().bytes, 0, "their arguments are not kept");
}

#[test]
fn what_waits_to_be_delivered_is_delivered_even_if_that_is_dropped() {
    let stream = Stream::new(Order::Input);
    assert_eq!(stream.places(3, false), Ok(0..3));
    let mut waiting = Deliveries::default();
    for number in 0..3 {
        waiting.add(Delivery {
            to: ReplyTo::Stream(Arc::clone(&stream)),
            ends: Ends::one(number, ok(7), None),
            freed: 0,
        });
    }
    drop(waiting);
    assert_eq!(drain(&stream), [0, 1, 2]);
}

#[test]
fn whoever_watches_and_panics_costs_no_outcome() {
    let watch = Watch(Box::new(|number, _| assert_ne!(number, 1, "on purpose")));
    let stream = Stream::watched(Order::Input, Some(watch));
    assert_eq!(stream.places(2, false), Ok(0..2));
    let to = ReplyTo::Stream(Arc::clone(&stream));
    let send = move || {
        let mut waiting = Deliveries::default();
        let both = [0, 1].map(|number| Delivery {
            to: to.clone(),
            ends: Ends::one(number, ok(7), None),
            freed: 0,
        });
        waiting.extend(both);
        waiting.send();
    };
    assert!(std::thread::spawn(send).join().is_err());
    assert_eq!(drain(&stream), [0, 1]);
}

#[test]
fn a_cancelled_stream_says_so_of_tasks_that_are_under_way_and_of_those_to_come() {
    let stream = Stream::new(Order::Input);
    assert_eq!(stream.places(1, false), Ok(0..1));
    let block = |first| block(&stream, first, 1);
    let mut before = block(0);
    assert!(!before.to.is_cancelled());
    stream.cancelled().store(true, Ordering::Relaxed);
    let after = block(1);
    assert!(before.to.is_cancelled() && after.to.is_cancelled());
    assert!(before.end(0, 9) == 1 && before.is_done());
}

#[test]
fn an_ended_stream_says_so_after_its_last_outcome() {
    let stream = Stream::new(Order::Input);
    let task = reserve(&stream, 0, false).unwrap();
    stream.end();
    task.send(ok(1));
    let mut taken = VecDeque::new();
    assert!(stream.take(&mut taken, Wait::ForOne));
    assert!(!stream.take(&mut taken, Wait::ForOne));
    assert_eq!(taken.len(), 1);
}

#[test]
fn an_ended_stream_takes_nothing_and_lets_nobody_wait_for_room() {
    let stream = Stream::new(Order::Input);
    let task = reserve(&stream, WINDOW_BYTES + 1, false).unwrap();
    let waiting = Arc::clone(&stream);
    let waiting = std::thread::spawn(move || reserve(&waiting, 1, true).err());
    stream.end();
    assert_eq!(waiting.join().unwrap(), Some(Refused::Abandoned));
    task.send(ok(1));
    assert_eq!(drain(&stream), [0]);
}

/// How many outcomes whoever wants them all is woken for, while they come one by one.
fn woken_for(places: u64, ended: bool) -> usize {
    let stream = Stream::new(Order::Input);
    assert_eq!(stream.places(places, false), Ok(0..places));
    if ended {
        stream.end();
    }
    let all = Arc::clone(&stream);
    let all = std::thread::spawn(move || {
        let mut taken = VecDeque::new();
        all.take(&mut taken, Wait::ForMany);
        taken.iter().map(Ends::len).sum()
    });
    let late = Instant::now() + Duration::from_secs(60);
    for place in 0..places {
        while stream.state().awaited.is_none() && !all.is_finished() {
            assert!(Instant::now() < late, "nobody waits");
            std::thread::yield_now();
        }
        if all.is_finished() {
            break;
        }
        let end = Ends::one(place, ok(1), None);
        stream.put(std::iter::once((end, 0)));
    }
    while !all.is_finished() {
        assert!(Instant::now() < late, "it was not woken");
        std::thread::yield_now();
    }
    all.join().unwrap()
}

#[test]
fn whoever_wants_them_all_is_woken_for_many_or_for_as_many_as_will_come() {
    assert_eq!(woken_for(8, true), 8);
    assert_eq!(woken_for(MANY + 8, true) as u64, MANY);
}

#[test]
fn whoever_wants_them_all_is_woken_for_one_where_workers_could_wait_for_what_is_sent_then() {
    assert_eq!(woken_for(8, false), 1);
    assert_eq!(woken_for(4 * MANY, false) as u64, MANY);
}

#[test]
fn whoever_waits_for_many_is_woken_when_no_more_will_come() {
    let stream = Stream::new(Order::Input);
    assert_eq!(stream.places(4 * MANY, false), Ok(0..4 * MANY));
    let all = Arc::clone(&stream);
    let all = std::thread::spawn(move || all.take(&mut VecDeque::new(), Wait::ForMany));
    let late = Instant::now() + Duration::from_secs(60);
    while stream.state().awaited.is_none() {
        assert!(Instant::now() < late, "nobody waits");
        std::thread::yield_now();
    }
    stream.put(std::iter::once((Ends::one(0, ok(1), None), 0)));
    stream.settle(4 * MANY - 1, 0);
    stream.end();
    while !all.is_finished() {
        assert!(Instant::now() < late, "it was not woken");
        std::thread::yield_now();
    }
    assert!(all.join().unwrap());
}

#[test]
fn whoever_wants_them_all_waits_for_no_second_large_one() {
    let stream = Stream::new(Order::Input);
    let _tasks = [0; 8].map(|_| reserve(&stream, WINDOW_BYTES / 8, false).unwrap());
    stream.end();
    assert_eq!(stream.state().enough(Wait::ForMany), 1);
}

#[test]
fn an_abandoned_stream_takes_nothing_and_keeps_nothing() {
    let stream = Stream::new(Order::Input);
    let task = reserve(&stream, 0, false).unwrap();
    stream.abandon();
    task.send(ok(1));
    assert_eq!(reserve(&stream, 0, true).err(), Some(Refused::Abandoned));
    let state = stream.state();
    assert!(state.ready.is_empty() && state.early.is_empty());
}

#[test]
fn places_that_are_not_used_are_given_back() {
    for order in [Order::Input, Order::Completion] {
        let stream = Stream::new(order);
        let places = stream.places(8, false).unwrap();
        assert_eq!(places, 0..8);
        stream.settle(7, 0);
        stream.end();
        let first = Ends::one(places.start, ok(1), None);
        stream.put(std::iter::once((first, 0)));
        assert_eq!(drain(&stream), [0]);
        let mut more = VecDeque::new();
        assert!(
            !stream.take(&mut more, Wait::ForOne),
            "nothing else is waited for"
        );
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
