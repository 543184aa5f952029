//! A function of a plugin, as tasks call it.

use super::gate::OpenCalls;
use super::inbox::{Arguments, NewTask};
use super::outcome::{Failure, FailureKind};
use super::reply::Reply;
use super::scheduler::PluginId;
use crate::plugin::Plugin;
use crate::value::{Function, Param, Value, conforms, encode_args, fits_one, printable};
use std::sync::Arc;

/// The function that tasks call.
#[derive(Debug)]
pub(super) struct Callee {
    id: PluginId,
    plugin: Arc<Plugin>,
    function: u32,
    /// The call has begun, and brings tasks until this is dropped.
    _open: OpenCalls,
}

impl Callee {
    /// One of the plugin's functions.
    pub(super) fn new(
        id: PluginId,
        plugin: &Arc<Plugin>,
        function: &Function,
        open: OpenCalls,
    ) -> Callee {
        let functions = &plugin.signature.functions;
        let index = functions
            .iter()
            .position(|other| other.name == function.name);
        Callee {
            id,
            plugin: Arc::clone(plugin),
            function: index.unwrap_or_default() as u32,
            _open: open,
        }
    }

    pub(super) fn function(&self) -> &Function {
        &self.plugin.signature.functions[self.function as usize]
    }

    /// The arguments as they travel, if they are of the function's types and not too long.
    pub(super) fn encode(&self, arguments: &[Value]) -> Result<Arguments, Failure> {
        self.encode_in(&mut Vec::new(), arguments)
    }

    /// The same, by way of memory that there is already.
    pub(super) fn encode_in(
        &self,
        encoded: &mut Vec<u8>,
        arguments: &[Value],
    ) -> Result<Arguments, Failure> {
        let bad =
            |message: String| Err::<Arguments, _>(Failure::new(FailureKind::BadArgument, message));
        let params = &self.function().params;
        let fits = |(param, value): (&Param, &Value)| conforms(value, &param.ty);
        if params.len() != arguments.len() || !params.iter().zip(arguments).all(fits) {
            let function = printable(&self.function().to_string());
            return bad(format!("the arguments do not fit {function}"));
        }
        encoded.clear();
        encode_args(arguments, encoded);
        let limit = self.plugin.terms.limits.argument_cap();
        if encoded.len() as u64 > limit {
            return bad(format!(
                "its arguments of {} bytes are longer than the limit of {limit}",
                encoded.len()
            ));
        }
        fits_one(arguments, encoded.len()).or_else(|(count, most)| {
            bad(format!(
                "its arguments are made of {count} values, and the limit is {most}"
            ))
            .map(drop)
        })?;
        Ok(taken(encoded))
    }

    /// A task with these arguments.
    pub(super) fn task(&self, arguments: Arguments, reply: Reply, nested: bool) -> NewTask {
        NewTask {
            plugin: self.id,
            function: self.function,
            arguments,
            reply,
            nested,
            number: 0,
            retries: 0,
        }
    }
}

/// What was encoded, for as long as the task is under way: with no more memory than that needs.
fn taken(encoded: &mut Vec<u8>) -> Arguments {
    if encoded.len() <= Arguments::new().inline_size() {
        return Arguments::from_slice(encoded);
    }
    let mut arguments = std::mem::take(encoded);
    // Longer ones that were refused may have been here before.
    if arguments.capacity() > 2 * arguments.len() + 64 {
        arguments.shrink_to_fit();
    }
    Arguments::from_vec(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_no_memory_of_longer_ones_that_were_encoded_before() {
        let mut encoded = vec![7; 1 << 20];
        encoded.truncate(20);
        let arguments = taken(&mut encoded);
        assert_eq!(arguments[..], [7; 20]);
        assert!(arguments.capacity() < 1000 && encoded.is_empty());
    }
}
