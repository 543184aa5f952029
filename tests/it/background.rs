//! Calls that go on in the background, and their results.

use crate::support::{DEADLINE, pool};
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;
use wpool::{FailureKind, MapError, Pool};

/// A pool whose function `spin` never returns for a negative number.
fn spinning() -> Pool {
    pool("spin").timeout(None).build().unwrap()
}

/// Runs a future to its end on this thread, as the smallest of runtimes.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(DEADLINE),
        }
    }
}

#[test]
fn apply_async_returns_at_once_and_get_waits_for_the_value() {
    let pool = pool("square").build().unwrap();
    let results: Vec<_> = (0..100_i64)
        .map(|number| pool.apply_async::<i64>("square", (number,)).unwrap())
        .collect();
    for (number, result) in (0..).zip(results) {
        assert_eq!(result.get().unwrap(), number * number);
    }
}

#[test]
fn a_result_that_is_not_there_in_time_can_be_asked_for_again() {
    let pool = spinning();
    let mut never = pool.apply_async::<i64>("spin", (-1,)).unwrap();
    let asked = never.get_timeout(Duration::from_millis(20));
    assert!(matches!(asked, Err(MapError::Unfinished(_))), "{asked:?}");
    assert!(!never.wait_timeout(Duration::from_millis(1)));
    assert_eq!((never.ready(), never.successful()), (false, None));
    // It holds up nobody else.
    let mut soon = pool.apply_async::<i64>("spin", (5,)).unwrap();
    soon.wait();
    assert_eq!((soon.ready(), soon.successful()), (true, Some(true)));
    soon.get_timeout(Duration::ZERO).unwrap();
    let again = soon.get_timeout(Duration::ZERO).unwrap_err();
    assert!(again.to_string().contains("taken already"), "{again}");
    pool.terminate();
    let MapError::Task { failure, .. } = never.get().unwrap_err() else {
        panic!("it was not cancelled")
    };
    assert_eq!(failure.kind(), FailureKind::Cancelled);
}

#[test]
fn map_async_and_starmap_async_have_all_values_or_the_first_failure() {
    let squares = pool("square").build().unwrap();
    let result = squares.map_async::<_, i64, _>("square", 1..=100_000_i64);
    let sum: i64 = result.unwrap().get().unwrap().iter().sum();
    assert_eq!(
        sum,
        (1..=100_000_i64).map(|number| number * number).sum::<i64>()
    );
    let sums = pool("add").build().unwrap();
    let result = sums.starmap_async::<_, i64, _>("add", [(1_i64, 2_i64), (3, 4)]);
    assert_eq!(result.unwrap().get().unwrap(), [3, 7]);
    let divisions = pool("faults").build().unwrap();
    let result = divisions.starmap_async::<_, i32, _>("divide", [(6, 3), (1, 0), (2, 0)]);
    let result = result.unwrap();
    result.wait();
    assert_eq!(result.successful(), Some(false));
    let failed = result.get().unwrap_err();
    assert!(
        matches!(failed, MapError::Task { index: 1, .. }),
        "{failed}"
    );
}

#[test]
fn a_callback_sees_the_value_before_anybody_gets_it_and_may_use_the_pool() {
    let pool = Arc::new(pool("square").build().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (inner, log) = (Arc::clone(&pool), Arc::clone(&seen));
    let result = pool.apply_async::<i64>("square", (3,)).unwrap();
    let result = result.on_success(move |nine| {
        let more: i64 = inner.apply("square", (*nine,)).unwrap();
        log.lock().unwrap().extend([*nine, more]);
    });
    let result = result.on_failure(|_| unreachable!("it succeeds"));
    assert_eq!(result.get().unwrap(), 9);
    assert_eq!(*seen.lock().unwrap(), [9, 81]);
}

#[test]
fn a_callback_that_comes_late_is_called_too() {
    let pool = pool("square").build().unwrap();
    let result = pool.apply_async::<i64>("square", (4,)).unwrap();
    result.wait();
    let (send, seen) = mpsc::channel();
    let result = result.on_success(move |value| send.send(*value).unwrap());
    assert_eq!(seen.recv_timeout(DEADLINE).unwrap(), 16);
    assert_eq!(result.get().unwrap(), 16);
}

#[test]
fn a_failure_has_its_own_callback_and_a_dropped_result_is_called_back_for_all_the_same() {
    let pool = pool("faults").build().unwrap();
    let (send, seen) = mpsc::channel();
    let result = pool.apply_async::<i32>("divide", (1, 0)).unwrap();
    drop(result.on_failure(move |failure| send.send(failure.to_string()).unwrap()));
    let message = seen.recv_timeout(DEADLINE).unwrap();
    assert!(message.contains("divide by zero"), "{message}");
}

#[test]
fn a_callback_that_panics_costs_neither_its_result_nor_the_next_callback() {
    let pool = pool("square").build().unwrap();
    let panics = pool.apply_async::<i64>("square", (5,)).unwrap();
    let panics = panics.on_success(|_| panic!("on purpose"));
    assert_eq!(panics.get().unwrap(), 25);
    let (send, seen) = mpsc::channel();
    let next = pool.apply_async::<i64>("square", (6,)).unwrap();
    drop(next.on_success(move |value| send.send(*value).unwrap()));
    assert_eq!(seen.recv_timeout(DEADLINE).unwrap(), 36);
}

#[test]
fn items_that_panic_as_they_are_taken_fail_the_call_alone() {
    let pool = pool("square").build().unwrap();
    let items = (0..10_i64).inspect(|item| assert!(*item < 5, "on purpose"));
    let failed = pool.map_async::<_, i64, _>("square", items).unwrap().get();
    assert!(failed.unwrap_err().to_string().contains("panicked"));
    assert_eq!(pool.apply::<i64>("square", (7,)).unwrap(), 49);
}

#[test]
fn a_result_is_a_future_that_needs_no_runtime() {
    let pool = pool("square").build().unwrap();
    let sum = block_on(async {
        let first = pool.apply_async::<i64>("square", (3,)).unwrap();
        let second = pool.map_async::<_, i64, _>("square", 1..=3_i64).unwrap();
        first.await.unwrap() + second.await.unwrap().iter().sum::<i64>()
    });
    assert_eq!(sum, 9 + 14);
}

#[test]
fn arguments_that_do_not_fit_are_told_at_once() {
    let pool = pool("square").build().unwrap();
    assert!(pool.apply_async::<i64>("square", ("text",)).is_err());
    assert!(pool.apply_async::<i64>("cube", (1,)).is_err());
    assert!(pool.map_async::<_, i64, _>("cube", [1_i64]).is_err());
}

#[track_caller]
fn assert_cancelled<T: std::fmt::Debug>(result: Result<T, MapError>) {
    match result {
        Err(MapError::Task { failure, .. }) if failure.kind() == FailureKind::Cancelled => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_that_runs_for_ever_can_be_cancelled_and_its_worker_is_replaced() {
    let pool = pool("spin").timeout(None).workers(1).build().unwrap();
    let endless = pool.apply_async::<i64>("spin", (-1,)).unwrap();
    let waiting = pool.apply_async::<i64>("spin", (3,)).unwrap();
    let unwanted = pool.apply_async::<i64>("spin", (4,)).unwrap();
    unwanted.cancel();
    assert_cancelled(unwanted.get());
    assert!(!waiting.ready());
    endless.cancel();
    assert_cancelled(endless.get());
    assert!(waiting.get().is_ok());
}

#[test]
fn a_call_that_is_done_is_not_changed_by_being_cancelled() {
    let pool = pool("square").build().unwrap();
    let done = pool.apply_async::<i64>("square", (3,)).unwrap();
    done.wait();
    done.cancel();
    assert_eq!(done.get().unwrap(), 9);
    assert_eq!(pool.apply::<i64>("square", (4,)).unwrap(), 16);
}

#[test]
fn a_map_over_endless_items_can_be_cancelled() {
    let pool = pool("square").build().unwrap();
    let endless = pool.map_async::<_, i64, _>("square", 0_i64..).unwrap();
    assert!(!endless.wait_timeout(Duration::from_millis(20)));
    endless.cancel();
    assert_cancelled(endless.get());
    assert_eq!(pool.apply::<i64>("square", (4,)).unwrap(), 16);
}

#[test]
fn what_is_sent_after_a_call_was_cancelled_is_not_run() {
    let pool = pool("spin").timeout(None).workers(1).build().unwrap();
    let (cancelled, wait) = mpsc::channel();
    // The second item comes once the call is cancelled; each runs for ever.
    let items = [-1_i64, -2].into_iter().inspect(move |item| {
        if *item == -2 {
            wait.recv().unwrap();
        }
    });
    let endless = pool.map_async::<_, i64, _>("spin", items).unwrap();
    endless.cancel();
    // Where its thread comes to the first item only now, it takes none and waits for nothing.
    let _ = cancelled.send(());
    assert_cancelled(endless.get());
    assert!(pool.apply::<i64>("spin", (3,)).is_ok());
}

#[test]
fn join_waits_for_callbacks() {
    let pool = pool("square").build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for number in 0..50_i64 {
        let seen = Arc::clone(&seen);
        let result = pool.apply_async::<i64>("square", (number,)).unwrap();
        drop(result.on_success(move |square| seen.lock().unwrap().push(*square)));
    }
    pool.close();
    pool.join().unwrap();
    assert_eq!(seen.lock().unwrap().len(), 50);
}

#[test]
fn a_callback_may_wait_for_a_result_that_has_a_callback_itself() {
    let pool = Arc::new(pool("square").build().unwrap());
    let (inner, seen) = mpsc::channel();
    let own = Arc::clone(&pool);
    let result = pool.apply_async::<i64>("square", (3,)).unwrap();
    let result = result.on_success(move |square| {
        let again = own.apply_async::<i64>("square", (*square,)).unwrap();
        let again = again.on_success(|_| {});
        inner.send(again.get().unwrap()).unwrap();
    });
    assert_eq!(seen.recv_timeout(DEADLINE).unwrap(), 81);
    assert_eq!(result.get().unwrap(), 9);
}
