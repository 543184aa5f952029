//! What a function is called with.

use super::{Guest, Linked};
use crate::value::{Budget, Value, decode_args_into};
use crate::wire::{TaskFailure, TaskFailureKind};

/// The arguments of a call.
pub(in crate::confined) enum Arguments<'a> {
    /// Those of a function over numbers, as they came.
    Numbers(&'a [u8]),
    Values(Vec<Value>),
}

impl Guest {
    /// Reads the arguments of a function, in memory that there is already if there has to be some.
    #[inline]
    pub(in crate::confined) fn read<'a>(
        &self,
        index: u32,
        encoded: &'a [u8],
        memory: &mut Vec<Value>,
    ) -> Result<Arguments<'a>, TaskFailure> {
        if let Linked::Core(linked) = &self.linked
            && linked.takes(index, encoded)
        {
            return Ok(Arguments::Numbers(encoded));
        }
        self.read_values(index, encoded, memory)
    }

    /// As [`Guest::read`], of any function: what does not fit one over numbers is told here.
    fn read_values(
        &self,
        index: u32,
        encoded: &[u8],
        memory: &mut Vec<Value>,
    ) -> Result<Arguments<'static>, TaskFailure> {
        let mut values = std::mem::take(memory);
        let params = self.function(index);
        let params = params.map_or(&[][..], |function| &function.params);
        let budget = Budget::for_bytes(encoded.len());
        match decode_args_into(&mut values, params, encoded, budget) {
            Ok(()) => Ok(Arguments::Values(values)),
            Err(error) => Err(TaskFailure {
                kind: TaskFailureKind::Init,
                message: format!("the arguments do not fit the function: {error}"),
            }),
        }
    }
}
