//! Rust tuples as the arguments of a call.

use super::{IntoValue, Mismatch};
use crate::value::{Fixed, Param, Value, ty};

/// The bytes of as many numbers as a tuple has at most.
pub(crate) const NUMBERS_BYTES: usize = 6 * 8;

/// What can be all the arguments of a call: `()`, a tuple of up to 6, or a `Vec` of [`Value`].
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/add.wasm").build()?;
/// assert_eq!(pool.apply::<i64>("add", (1, 2))?, 3);
/// assert!(pool.apply::<i64>("add", (1,)).is_err()); // it takes two
/// # Ok::<(), wpool::Error>(())
/// ```
pub trait IntoArgs {
    /// These as values of the parameters' types.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] names the first argument that is none, or says how many are wanted.
    fn into_args(self, params: &[Param]) -> Result<Vec<Value>, Mismatch>;

    /// Encodes these where all of them are numbers, if that is quicker, and returns how many bytes they take.
    #[doc(hidden)]
    fn encode_numbers(&self, _: &[Param], _: &mut [u8; NUMBERS_BYTES]) -> Option<usize> {
        None
    }
}

#[inline]
fn check_count(params: &[Param], got: usize) -> Result<(), Mismatch> {
    match params.len() == got {
        true => Ok(()),
        false => Err(Mismatch::new(ty::arguments(params), got)),
    }
}

#[inline]
fn argument(index: usize, params: &[Param], value: impl IntoValue) -> Result<Value, Mismatch> {
    let param = &params[index];
    let value = value.into_value(&param.ty);
    value.map_err(|error| error.of_argument(index, param))
}

impl IntoArgs for () {
    fn into_args(self, params: &[Param]) -> Result<Vec<Value>, Mismatch> {
        check_count(params, 0)?;
        Ok(Vec::new())
    }
}

impl IntoArgs for Vec<Value> {
    fn into_args(self, params: &[Param]) -> Result<Vec<Value>, Mismatch> {
        check_count(params, self.len())?;
        let values = self.into_iter().enumerate();
        values
            .map(|(index, value)| argument(index, params, value))
            .collect()
    }
}

macro_rules! tuples {
    ($($count:literal: $($item:ident $index:tt),+;)*) => {$(
        impl<$($item: IntoValue),+> IntoArgs for ($($item,)+) {
            fn into_args(self, params: &[Param]) -> Result<Vec<Value>, Mismatch> {
                check_count(params, $count)?;
                Ok(vec![$(argument($index, params, self.$index)?),+])
            }

            #[inline]
            fn encode_numbers(
                &self,
                params: &[Param],
                bytes: &mut [u8; NUMBERS_BYTES],
            ) -> Option<usize> {
                let params: &[Param; $count] = params.try_into().ok()?;
                let mut at = 0;
                $(
                    let number = self.$index.as_number(Fixed::of(&params[$index].ty)?)?;
                    let (width, padded) = number.padded();
                    bytes[at..at + 8].copy_from_slice(&padded);
                    at += width;
                )+
                Some(at)
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
}
