//! Functions that a module imports and the host has: a call of one is a call of the supervisor, which waits for its answer.

use super::live::TaskState;
use crate::value::{Budget, Function, Signature, Value, encode_args};
use std::fmt;

/// The imported functions, in the order in which the supervisor counts them.
pub(super) struct HostImports(Vec<Function>);

impl HostImports {
    /// What the compiler said of them.
    pub(super) fn read(encoded: &[u8]) -> wasmtime::Result<HostImports> {
        if encoded.is_empty() {
            return Ok(HostImports(Vec::new()));
        }
        let signature =
            Signature::decode(encoded).map_err(|error| wasmtime::format_err!("{error}"))?;
        Ok(HostImports(signature.functions))
    }

    /// The one with that [`crate::wire::import_name`].
    pub(super) fn find(&self, name: &str) -> Option<HostImport> {
        let index = self.0.iter().position(|function| function.name == name)?;
        Some(HostImport {
            index: index as u32,
            function: self.0[index].clone(),
        })
    }
}

/// An imported function.
pub(super) struct HostImport {
    index: u32,
    pub(super) function: Function,
}

impl HostImport {
    /// Has the host call it. The arguments are of its types.
    pub(super) fn call(
        &self,
        state: &TaskState,
        arguments: &[Value],
    ) -> wasmtime::Result<Option<Value>> {
        let Some(conversation) = &state.conversation else {
            let why = "an initializer that runs once for all tasks cannot call the host";
            return Err(HostCallFailed(why.into()).into());
        };
        let mut encoded = Vec::new();
        encode_args(arguments, &mut encoded);
        let answer = conversation.call_host(self.index, &encoded);
        let answer = answer.map_err(HostCallFailed)?;
        match &self.function.result {
            None => Ok(None),
            Some(ty) => {
                let value = Budget::for_bytes(answer.len()).decode(ty, &answer);
                let value = value.map_err(|error| HostCallFailed(error.to_string()))?;
                Ok(Some(value))
            }
        }
    }
}

/// A call of the host failed, and the task that made it with it.
#[derive(Debug)]
pub(super) struct HostCallFailed(pub(super) String);

impl fmt::Display for HostCallFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HostCallFailed {}
