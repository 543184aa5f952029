//! Which tasks end together, and that each does once.

use super::*;
use crate::pool::stream::{Order, Stream};
use crate::wire::{Batch, Packed};

fn stream() -> ReplyTo {
    ReplyTo::Stream(Stream::new(Order::Input))
}

/// Tasks from input `first` on, each with its input's number as its argument.
fn block(to: &ReplyTo, first: u64, count: u64) -> Block {
    let mut packed = Packed::default();
    for number in first..first + count {
        packed.push(1, |bytes| bytes.push(number as u8));
    }
    let arguments = Arguments::Packed(packed);
    Block::new((PluginId(0), 0), arguments, to.clone(), first, false)
}

fn finished(tasks: impl IntoIterator<Item = TaskId>) -> Vec<Finished> {
    let tasks = tasks.into_iter();
    tasks.map(|task| Finished { task, attempts: 1 }).collect()
}

/// Ends the first run of some tasks: how many it was of, its first input, and the bytes that were freed.
fn end(blocks: &mut Blocks, tasks: &[Finished]) -> (usize, Option<(u64, usize)>) {
    let (count, run) = blocks.end_run(tasks);
    (count, run.map(|run| (run.first, run.freed)))
}

fn ids(blocks: &Blocks, place: Place) -> Vec<TaskId> {
    let mut listed = Vec::new();
    blocks.list(place, &mut listed);
    listed.into_iter().map(|task| task.id).collect()
}

#[test]
fn a_run_goes_on_through_the_blocks_that_follow_in_its_stream() {
    let (mut blocks, to) = (Blocks::default(), stream());
    let places = [0, 3].map(|first| blocks.insert(block(&to, first, 3)));
    let all = places.map(|place| ids(&blocks, place)).concat();
    let all = finished(all);
    let bytes_of_one = 3 * 5;
    assert_eq!(
        end(&mut blocks, &all[1..5]),
        (4, Some((1, 0))),
        "none of them is done"
    );
    assert_eq!(end(&mut blocks, &all[..1]), (1, Some((0, bytes_of_one))));
    assert_eq!(end(&mut blocks, &all[5..]), (1, Some((5, bytes_of_one))));
    assert!(blocks.is_empty());
}

#[test]
fn a_run_ends_before_a_gap_and_before_another_stream() {
    let (mut blocks, to, other) = (Blocks::default(), stream(), stream());
    let of = |blocks: &mut Blocks, to, first| {
        let place = blocks.insert(block(to, first, 2));
        ids(blocks, place)
    };
    let first = of(&mut blocks, &to, 0);
    let behind_a_gap = of(&mut blocks, &to, 3);
    let elsewhere = of(&mut blocks, &other, 5);
    let all = finished([first, behind_a_gap, elsewhere].concat());
    assert_eq!(end(&mut blocks, &all).0, 2);
    assert_eq!(end(&mut blocks, &all[2..]).0, 2);
    assert_eq!(end(&mut blocks, &all[4..]).0, 2);
    assert!(blocks.is_empty());
}

#[test]
fn no_task_ends_twice() {
    let (mut blocks, to) = (Blocks::default(), stream());
    let place = blocks.insert(block(&to, 0, 4));
    let all = finished(ids(&blocks, place));
    assert_eq!(blocks.end(all[2].task).map(|run| run.first), Some(2));
    assert!(blocks.get(all[2].task).is_none() && blocks.end(all[2].task).is_none());
    assert_eq!(
        end(&mut blocks, &all),
        (2, Some((0, 0))),
        "up to the one that has ended"
    );
    assert_eq!(end(&mut blocks, &all[2..]), (1, None));
    assert!(blocks.end(all[3].task).is_some_and(|run| run.freed > 0));
    assert_eq!(end(&mut blocks, &all[3..]), (1, None), "its block is gone");
}

#[test]
fn tasks_are_found_by_what_the_scheduler_knows_of_them() {
    let (mut blocks, to) = (Blocks::default(), stream());
    blocks.insert(block(&to, 0, 1));
    let mut second = block(&to, 7, 2);
    second.number = 100;
    let place = blocks.insert(second);
    let mut listed = Vec::new();
    blocks.list(place, &mut listed);
    let [_, second] = listed[..] else {
        panic!("there are two");
    };
    assert_eq!(
        (second.function, second.bytes, second.nested),
        (0, 1, false)
    );
    let task = blocks.get(second.id).unwrap();
    assert_eq!((task.arguments(), task.index()), (&[8][..], 8));
    assert_eq!((task.number(), task.retries()), (101, 0));
    blocks.retry(second.id);
    assert_eq!(blocks.get(second.id).unwrap().retries(), 1);
}

#[test]
fn what_is_sent_is_in_its_order_whatever_block_it_is_of() {
    let (mut blocks, to) = (Blocks::default(), stream());
    let first = blocks.insert(block(&to, 10, 4));
    let first = ids(&blocks, first);
    let alone = Arguments::alone(vec![7]);
    let alone = Block::new((PluginId(0), 0), alone, to.clone(), 14, false);
    let alone = blocks.insert(alone);
    let alone = ids(&blocks, alone)[0];
    let mut batch = BatchWriter::new(0, 0);
    for some in blocks.by_block([first[2], first[3], alone, first[0]].into_iter()) {
        some.push_to(&mut batch);
    }
    let frame = batch.finish();
    let tasks = Batch::parse(&frame).unwrap().tasks();
    let sent: Vec<&[u8]> = tasks.map(|(_, arguments)| arguments).collect();
    assert_eq!(sent, [[12], [13], [7], [10]]);
}

#[test]
fn what_nobody_wants_is_what_has_not_ended_of_a_cancelled_stream() {
    let (mut blocks, wanted) = (Blocks::default(), stream());
    let cancelled = Stream::new(Order::Input);
    let to = ReplyTo::Stream(cancelled.clone());
    let place = blocks.insert(block(&to, 0, 3));
    blocks.insert(block(&wanted, 0, 3));
    let tasks = ids(&blocks, place);
    blocks.end(tasks[1]);
    assert!(blocks.unwanted().is_empty());
    let is_cancelled = cancelled.cancelled();
    is_cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(blocks.unwanted(), HashSet::from([tasks[0], tasks[2]]));
}
