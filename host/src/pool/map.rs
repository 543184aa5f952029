//! The calls that `multiprocessing.Pool` has, with results of the caller's own types.

use super::async_result::value_of;
use super::handle::PluginHandle;
use super::inputs::Inputs;
use super::outcome::{Failure, FailureKind, Outcome};
use super::outcomes::Outcomes;
use super::stream::Order;
use crate::error::{Error, ErrorKind};
use crate::value::{
    FromValue, Function, IntoArgs, IntoValue, Mismatch, NUMBERS_BYTES, Type, Value, from_result,
};
use std::marker::PhantomData;
use std::time::Duration;

/// How many outcomes may be under way in the lazy calls before the next input is asked for only when one was taken.
const AHEAD: u64 = 65_536;

impl PluginHandle {
    /// Calls `function` with one argument for each item and returns all results in order, as `multiprocessing.Pool.map`.
    ///
    /// Every input is run, even after a failure; who wants every outcome uses [`PluginHandle::map_outcomes`].
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// let squares: Vec<i64> = pool.map("square", [1, 2, 3])?;
    /// assert_eq!(squares, [1, 4, 9]);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`MapError::Task`] is the first failure in input order, and a value that does not fit is one; [`MapError::Pool`] says that nothing
    /// was run.
    pub fn map<A: IntoValue, R: FromValue>(
        &self,
        function: &str,
        items: impl IntoIterator<Item = A>,
    ) -> Result<Vec<R>, MapError> {
        self.starmap(function, items.into_iter().map(|item| (item,)))
    }

    /// Calls `function` with several arguments for each item, as `multiprocessing.Pool.starmap`.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/add.wasm").build()?;
    /// let sums: Vec<i64> = pool.starmap("add", [(1, 2), (3, 4)])?;
    /// assert_eq!(sums, [3, 7]);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`PluginHandle::map`].
    pub fn starmap<A: IntoArgs, R: FromValue>(
        &self,
        function: &str,
        items: impl IntoIterator<Item = A>,
    ) -> Result<Vec<R>, MapError> {
        let (inputs, outcomes) = self.stream(function, Order::Input)?;
        all_values(Lazy::all(inputs, outcomes, items.into_iter()))
    }

    /// As [`PluginHandle::map`], with every outcome instead of the first failure.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/faults.wasm").build()?;
    /// let outcomes = pool.map_outcomes("recurse", [1, i32::MAX])?;
    /// assert!(outcomes[0].result.is_ok());
    /// let failure = outcomes[1].result.as_ref().unwrap_err();
    /// assert_eq!(failure.kind(), wpool::FailureKind::Trap);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`] says that nothing was run.
    pub fn map_outcomes<A: IntoValue>(
        &self,
        function: &str,
        items: impl IntoIterator<Item = A>,
    ) -> Result<Vec<Outcome>, Error> {
        let (inputs, outcomes) = self.stream(function, Order::Input)?;
        let items = items.into_iter().map(|item| (item,));
        Ok(Lazy::<_, Value>::all(inputs, outcomes, items)
            .outcomes()
            .collect())
    }

    /// Calls `function` with one argument for each item: items are taken and results come in order, lazily, as
    /// `multiprocessing.Pool.imap`.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/square.wasm").build()?;
    /// // Items are taken as results are: this one never ends.
    /// let mut squares = pool.imap::<_, i64, _>("square", 1_i64..)?;
    /// assert_eq!(squares.next().unwrap()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`] says that there is no such function.
    pub fn imap<A, R, I>(
        &self,
        function: &str,
        items: I,
    ) -> Result<impl Iterator<Item = Result<R, Failure>> + use<A, R, I>, Error>
    where
        A: IntoValue,
        R: FromValue,
        I: IntoIterator<Item = A>,
    {
        let (inputs, outcomes) = self.stream(function, Order::Input)?;
        let items = items.into_iter().map(|item| (item,));
        Ok(Lazy::new(inputs, outcomes, items))
    }

    /// As [`PluginHandle::imap`], with results as they finish.
    ///
    /// # Errors
    ///
    /// As [`PluginHandle::imap`].
    pub fn imap_unordered<A, R, I>(
        &self,
        function: &str,
        items: I,
    ) -> Result<impl Iterator<Item = Result<R, Failure>> + use<A, R, I>, Error>
    where
        A: IntoValue,
        R: FromValue,
        I: IntoIterator<Item = A>,
    {
        let (inputs, outcomes) = self.stream(function, Order::Completion)?;
        let items = items.into_iter().map(|item| (item,));
        Ok(Lazy::new(inputs, outcomes, items))
    }

    /// Calls `function` once and waits, as `multiprocessing.Pool.apply`.
    ///
    /// ```rust,standalone_crate
    /// # wpool::init();
    /// let pool = wpool::Pool::builder("../guest-examples/wasm/add.wasm").build()?;
    /// let sum: i64 = pool.apply("add", (1, 2))?;
    /// assert_eq!(sum, 3);
    /// # Ok::<(), wpool::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The task's failure, or [`Error`] where it was not run.
    pub fn apply<R: FromValue>(
        &self,
        function: &str,
        arguments: impl IntoArgs,
    ) -> Result<R, MapError> {
        // The value is made here, so that it may be of a type that stays on this thread.
        let keep = |outcome, ty: Option<&Type>| Ok((outcome, ty.cloned()));
        let (outcome, ty) = self.call(function, arguments, keep)?.get()?;
        value_of(outcome, ty.as_ref())
    }
}

/// Runs everything, and returns all values or the first failure.
pub(super) fn all_values<R>(
    results: impl Iterator<Item = Result<R, Failure>>,
) -> Result<Vec<R>, MapError> {
    let mut values = Vec::new();
    // Of what there will never be room for, nothing is kept yet.
    let _ = values.try_reserve(results.size_hint().0);
    let mut first_failure = None;
    for (index, result) in (0..).zip(results) {
        match result {
            Ok(value) if first_failure.is_none() => values.push(value),
            Ok(_) => {}
            Err(failure) => {
                first_failure.get_or_insert(MapError::Task { index, failure });
            }
        }
    }
    first_failure.map_or(Ok(values), Err)
}

/// Why [`PluginHandle::map`] or [`PluginHandle::apply`] returns no values.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/faults.wasm").build()?;
/// match pool.starmap::<_, i32>("divide", [(6, 3), (1, 0)]) {
///     Err(wpool::MapError::Task { index, failure }) => {
///         assert_eq!((index, failure.kind()), (1, wpool::FailureKind::Trap));
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// Nothing was run.
    #[error(transparent)]
    Pool(#[from] Error),
    /// A task failed.
    #[error("task {index} failed: {failure}")]
    Task {
        /// The number of its input, counted from 0.
        index: u64,
        /// How.
        failure: Failure,
    },
    /// It was not finished in the time that was given; it goes on.
    #[error("it was not finished within {0:?}")]
    Unfinished(Duration),
}

impl From<MapError> for Error {
    fn from(error: MapError) -> Error {
        match error {
            MapError::Pool(error) => error,
            MapError::Task { .. } | MapError::Unfinished(_) => {
                Error::new(ErrorKind::Task, error.to_string())
            }
        }
    }
}

/// Inputs that are taken as outcomes are asked for.
pub(super) struct Lazy<I, R> {
    inputs: Option<Inputs>,
    function: Function,
    outcomes: Outcomes,
    items: I,
    sent: u64,
    taken: u64,
    result: PhantomData<fn() -> R>,
}

impl<A: IntoArgs, I: Iterator<Item = A>, R> Lazy<I, R> {
    pub(super) fn new(inputs: Inputs, outcomes: Outcomes, items: I) -> Self {
        let function = inputs.function().clone();
        Lazy {
            inputs: Some(inputs),
            function,
            outcomes,
            items,
            sent: 0,
            taken: 0,
            result: PhantomData,
        }
    }

    /// The same for whoever wants them all, and looks at none before.
    pub(super) fn all(inputs: Inputs, mut outcomes: Outcomes, items: I) -> Self {
        outcomes.wait_for_many();
        Lazy::new(inputs, outcomes, items)
    }

    /// Sends inputs, as far as there is room, until there is an outcome to take; false if there will be none.
    fn feed(&mut self) -> bool {
        loop {
            if self.outcomes.fill(false) {
                self.taken += 1;
                return true;
            }
            let is_ahead = self.sent - self.taken >= AHEAD;
            // Whoever waited for room here would take no outcomes, and wait for ever.
            let has_room = |inputs: &mut Inputs| !is_ahead && inputs.has_room();
            if !self.inputs.as_mut().is_some_and(has_room) {
                self.inputs.iter_mut().for_each(Inputs::flush);
                if !self.outcomes.fill(true) {
                    return false;
                }
                continue;
            }
            match self.items.next() {
                // Dropping the inputs says that no more will come.
                None => drop(self.inputs.take()),
                Some(item) => self.send(item),
            }
        }
    }

    fn send(&mut self, item: A) {
        let Some(inputs) = &mut self.inputs else {
            return;
        };
        let params = &self.function.params;
        let mut bytes = [0; NUMBERS_BYTES];
        let sent = match item.encode_numbers(params, &mut bytes) {
            Some(length) => inputs.send_numbers(&bytes[..length]),
            None => match item.into_args(params) {
                Ok(arguments) => inputs.send_owned(arguments),
                Err(mismatch) => {
                    inputs.fail(Failure::new(FailureKind::BadArgument, mismatch.to_string()))
                }
            },
        };
        // The outcomes are held here, so they are wanted.
        debug_assert_eq!(sent, Ok(()));
        self.sent += 1;
    }

    fn outcomes(mut self) -> impl Iterator<Item = Outcome> {
        std::iter::from_fn(move || {
            let (_, outcome) = self.feed().then(|| self.outcomes.next())??;
            Some(outcome)
        })
    }
}

impl<A: IntoArgs, I: Iterator<Item = A>, R: FromValue> Iterator for Lazy<I, R> {
    type Item = Result<R, Failure>;

    fn next(&mut self) -> Option<Result<R, Failure>> {
        self.feed()
            .then(|| self.outcomes.next_result(self.function.result.as_ref()))?
    }

    /// Each item has one result.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let under_way = (self.sent - self.taken) as usize;
        let (least, most) = match self.inputs {
            Some(_) => self.items.size_hint(),
            None => (0, Some(0)),
        };
        let most = most.and_then(|most| most.checked_add(under_way));
        (least.saturating_add(under_way), most)
    }
}

pub(super) fn typed<R: FromValue>(
    result: Result<Option<Value>, Failure>,
    ty: Option<&Type>,
) -> Result<R, Failure> {
    let value = result?;
    // An `err` is a failure already: of a `result`, what is in `ok` is left, if that is what the caller wants.
    let (value, ty) = match (value, ty) {
        (Some(Value::Result(Ok(payload))), Some(result @ Type::Result { ok, .. }))
            if !R::can_take(result) =>
        {
            (payload.map(|value| *value), ok.as_deref())
        }
        other => other,
    };
    from_result(value, ty).map_err(misfit)
}

/// The failure of a task whose result is not of the Rust type that was asked for.
pub(super) fn misfit(mismatch: Mismatch) -> Failure {
    let message = format!("its result does not fit the type that was asked for: {mismatch}");
    Failure::new(FailureKind::BadArgument, message)
}

pub(super) fn bad_argument(mismatch: &Mismatch) -> Error {
    Error::new(ErrorKind::Argument, mismatch.to_string())
}
