//! The end of a stream where outcomes come out.

use super::ends::Ends;
use super::map::{misfit, typed};
use super::outcome::{Failure, Outcome};
use super::stream::{Stream, Wait};
use crate::value::{FromValue, Type};
use std::collections::VecDeque;
use std::sync::Arc;

/// The end where outcomes come out, with the number of their input, counted from 0. Dropping it drops what still comes.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
/// let (mut inputs, outcomes) = pool.stream("square", wpool::Order::Input)?;
/// inputs.send(&[wpool::Value::S64(7)])?;
/// drop(inputs); // no more will come
/// for (number, outcome) in outcomes {
///     assert_eq!((number, outcome.result), (0, Ok(Some(wpool::Value::S64(49)))));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Outcomes {
    stream: Arc<Stream>,
    taken: VecDeque<Ends>,
    /// How many outcomes those are.
    ready: usize,
    /// How it waits for the next.
    wait: Wait,
}

impl Outcomes {
    pub(super) fn of(stream: Arc<Stream>) -> Outcomes {
        Outcomes {
            stream,
            taken: VecDeque::new(),
            ready: 0,
            wait: Wait::ForOne,
        }
    }

    /// Nobody looks at one before they have all come: to be woken for each would be for nothing.
    pub(super) fn wait_for_many(&mut self) {
        self.wait = Wait::ForMany;
    }

    /// The next outcome if one is ready, without waiting.
    pub fn try_next(&mut self) -> Option<(u64, Outcome)> {
        self.fill(false).then(|| self.next())?
    }

    /// Whether there is one to take, now or, if told to wait, at all.
    #[inline]
    pub(super) fn fill(&mut self, wait: bool) -> bool {
        self.ready > 0 || self.refill(wait)
    }

    fn refill(&mut self, wait: bool) -> bool {
        if !wait && !self.stream.is_ready() {
            return false;
        }
        self.taken.clear();
        let wait = if wait { self.wait } else { Wait::No };
        let more = self.stream.take(&mut self.taken, wait);
        self.ready = self.taken.iter().map(Ends::len).sum();
        more && self.ready > 0
    }

    /// The ends of which the next is one, which is about to be taken.
    #[inline]
    fn next_ends(&mut self) -> Option<&mut Ends> {
        while self.taken.front()?.is_done() {
            self.taken.pop_front();
        }
        self.ready = self.ready.saturating_sub(1);
        self.taken.front_mut()
    }

    /// The next result, if it was [filled](Self::fill) in, of a function that returns that type.
    #[inline]
    pub(super) fn next_result<R: FromValue>(
        &mut self,
        ty: Option<&Type>,
    ) -> Option<Result<R, Failure>> {
        let ends = self.next_ends()?;
        if let Some(ty) = ty
            && let Some(number) = ends.next_number()
        {
            return Some(R::from_number(number, ty).map_err(misfit));
        }
        let (_, ended) = ends.next()?;
        Some(typed(ended.result, ty))
    }

    /// How many outcomes can be had at once, without waiting: at least one, if there is any.
    pub fn ready(&mut self) -> usize {
        self.fill(false);
        self.ready
    }
}

impl Iterator for Outcomes {
    type Item = (u64, Outcome);

    fn next(&mut self) -> Option<(u64, Outcome)> {
        if !self.fill(true) {
            return None;
        }
        let ends = self.next_ends()?;
        let (index, ended) = ends.next()?;
        Some((index, ended.into_outcome(ends.ran())))
    }
}

impl Drop for Outcomes {
    fn drop(&mut self) {
        self.stream.abandon();
    }
}
