//! Encoded arguments of tasks on their way: those of many in one piece, and those that are long where they are.

use crate::wire::Packed;
use std::sync::Arc;

/// From so many bytes on they are sent from where they are.
pub(super) const LONG: usize = 64 * 1024;

/// The arguments of tasks that are handed over together.
#[derive(Debug)]
pub(crate) enum Arguments {
    Packed(Packed),
    /// Of one task, in a memory of their own.
    Alone(Arc<Vec<u8>>),
}

impl Arguments {
    /// Those of one task, which take no more memory than they need.
    pub(super) fn alone(mut encoded: Vec<u8>) -> Arguments {
        // Longer ones that were refused may have been here before.
        if encoded.capacity() > 2 * encoded.len() + 64 {
            encoded.shrink_to_fit();
        }
        Arguments::Alone(Arc::new(encoded))
    }

    /// How many tasks they are of.
    pub(super) fn count(&self) -> usize {
        match self {
            Arguments::Packed(packed) => packed.count(),
            Arguments::Alone(_) => 1,
        }
    }

    /// How many bytes all of them take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Arguments::Packed(packed) => packed.len(),
            Arguments::Alone(bytes) => bytes.len(),
        }
    }

    /// Those of one task.
    pub(super) fn get(&self, task: usize) -> &[u8] {
        match self {
            Arguments::Packed(packed) => packed.get(task),
            Arguments::Alone(bytes) => bytes,
        }
    }

    /// Their memory, where they are too long to be copied into what is sent.
    pub(super) fn long(&self) -> Option<&Arc<Vec<u8>>> {
        match self {
            Arguments::Alone(bytes) if bytes.len() >= LONG => Some(bytes),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_no_memory_of_longer_ones_that_were_encoded_before() {
        let mut encoded = vec![7; 1 << 20];
        encoded.truncate(100);
        let Arguments::Alone(arguments) = Arguments::alone(encoded) else {
            panic!("they are of one task");
        };
        assert_eq!(arguments[..], [7; 100]);
        assert!(arguments.capacity() < 1000);
    }

    #[test]
    fn what_is_long_is_not_copied() {
        for length in [0, 1, LONG - 1, LONG] {
            let encoded = vec![7; length];
            let at = encoded.as_ptr();
            let arguments = Arguments::alone(encoded);
            assert_eq!((arguments.get(0).as_ptr(), arguments.bytes()), (at, length));
            assert_eq!(arguments.long().is_some(), length == LONG);
        }
    }
}
