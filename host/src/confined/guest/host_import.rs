//! Functions that a module imports and the host has: a call of one is a call of the supervisor, which waits for its answer.

use super::live::TaskState;
use crate::confined::conversation::HostCallFailed;
use crate::value::{Budget, Function, Signature, Value, encode_args};

/// The imported functions that the host has, each with its number in the order in which the supervisor counts all of them.
pub(super) struct HostImports(Vec<HostImport>);

impl HostImports {
    /// What the compiler said of them, and the supervisor.
    pub(super) fn read(encoded: &[u8], bound: &[u32]) -> wasmtime::Result<HostImports> {
        if encoded.is_empty() {
            return Ok(HostImports(Vec::new()));
        }
        let signature =
            Signature::decode(encoded).map_err(|error| wasmtime::format_err!("{error}"))?;
        let numbered = (0..).zip(signature.functions);
        let imports = numbered.filter(|(index, _)| bound.contains(index));
        let imports = imports.map(|(index, function)| HostImport { index, function });
        Ok(HostImports(imports.collect()))
    }

    /// The one with that [`crate::wire::import_name`].
    pub(super) fn find(&self, name: &str) -> Option<HostImport> {
        self.0
            .iter()
            .find(|import| import.function.name == name)
            .cloned()
    }
}

/// An imported function.
#[derive(Clone)]
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
        let answer = conversation.call_host(self.index, &encoded)?;
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
