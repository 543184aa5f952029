//! What wpool's own tests need of its inside: the probe that attacks from within a confined process, the peer that lies to the
//! supervisor, the fuzz targets, and a scheduler by itself for the benchmark. Behind the feature `testing`, without any promise of stability.

mod dispatch;
pub mod fuzz;

pub use dispatch::dispatch;

/// Frames and messages, as a confined process speaks them.
pub mod wire {
    pub use crate::wire::*;
}

/// The parts of an honest worker program.
pub use crate::confined::impostor;
pub use crate::sandbox::{Policy, Role};

/// The bytes of a signature.
pub fn encode_signature(signature: &crate::value::Signature) -> Vec<u8> {
    let mut bytes = Vec::new();
    signature.encode(&mut bytes);
    bytes
}

/// The bytes of a value.
pub fn encode_value(value: &crate::value::Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::value::encode(value, &mut bytes);
    bytes
}

/// The argument of a function of one `s64`.
pub fn decode_s64(arguments: &[u8]) -> Option<i64> {
    let params = [crate::value::Param {
        name: String::new(),
        ty: crate::value::Type::S64,
    }];
    let budget = crate::value::Budget::for_bytes(arguments.len());
    match crate::value::decode_args(&params, arguments, budget).as_deref() {
        Ok([crate::value::Value::S64(number)]) => Some(*number),
        _ => None,
    }
}

/// The sealed memory that holds an artifact.
///
/// # Errors
///
/// When the kernel has none.
pub fn sealed(artifact: &[u8]) -> std::io::Result<std::os::fd::OwnedFd> {
    crate::plugin::sealed_copy(artifact)
}
