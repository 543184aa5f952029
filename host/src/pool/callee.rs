//! A function of a plugin, as tasks call it.

use super::arguments::Arguments;
use super::block::Block;
use super::gate::OpenCalls;
use super::outcome::{Failure, FailureKind};
use super::reply::ReplyTo;
use super::scheduler::PluginId;
use crate::plugin::Plugin;
use crate::value::{
    Function, Param, Value, conforms, encode_args, encode_in_place, encoded_len, fits_one,
    printable,
};
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

    /// How many bytes arguments take that have no memory of their own, if they are of the function's types.
    #[inline]
    pub(super) fn check_small(&self, arguments: &[Value]) -> Result<usize, Failure> {
        self.check_types(arguments)?;
        let length = arguments.iter().map(encoded_len).sum();
        self.check_length(arguments, length)?;
        Ok(length)
    }

    /// The arguments as they travel, in the place of what was in `encoded`, if they are of the function's types and not too long.
    #[inline]
    pub(super) fn encode_in(
        &self,
        encoded: &mut Vec<u8>,
        arguments: &[Value],
    ) -> Result<(), Failure> {
        self.check_types(arguments)?;
        encoded.clear();
        encode_args(arguments, encoded);
        self.check_length(arguments, encoded.len())
    }

    /// The same, of arguments that nobody else needs: what is long stays in its memory.
    pub(super) fn encode_owned(&self, mut arguments: Vec<Value>) -> Result<Vec<u8>, Failure> {
        self.check_types(&arguments)?;
        let in_place = match &mut arguments[..] {
            [value] if encoded_len(value) <= self.longest() => encode_in_place(value),
            _ => None,
        };
        if let Some(encoded) = in_place {
            return Ok(encoded);
        }
        let mut encoded = Vec::new();
        self.encode_in(&mut encoded, &arguments)?;
        Ok(encoded)
    }

    fn check_types(&self, arguments: &[Value]) -> Result<(), Failure> {
        let params = &self.function().params;
        let fits = |(param, value): (&Param, &Value)| conforms(value, &param.ty);
        if params.len() == arguments.len() && params.iter().zip(arguments).all(fits) {
            return Ok(());
        }
        let function = printable(&self.function().to_string());
        bad(format!("the arguments do not fit {function}"))
    }

    /// How many bytes arguments may take.
    fn longest(&self) -> usize {
        usize::try_from(self.plugin.terms.limits.argument_cap()).unwrap_or(usize::MAX)
    }

    fn check_length(&self, arguments: &[Value], bytes: usize) -> Result<(), Failure> {
        self.check_bytes(bytes)?;
        fits_one(arguments, bytes).or_else(|(count, most)| {
            bad(format!(
                "its arguments are made of {count} values, and the limit is {most}"
            ))
        })
    }

    /// Whether arguments may take so many bytes.
    #[inline]
    pub(super) fn check_bytes(&self, bytes: usize) -> Result<(), Failure> {
        let limit = self.longest();
        if bytes <= limit {
            return Ok(());
        }
        bad(format!(
            "its arguments of {bytes} bytes are longer than the limit of {limit}"
        ))
    }

    /// Tasks with these arguments, the first of which is input number `first` of its stream.
    pub(super) fn block(
        &self,
        arguments: Arguments,
        to: ReplyTo,
        first: u64,
        nested: bool,
    ) -> Block {
        Block::new((self.id, self.function), arguments, to, first, nested)
    }
}

fn bad(message: String) -> Result<(), Failure> {
    Err(Failure::new(FailureKind::BadArgument, message))
}
