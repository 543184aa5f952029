//! Encoded arguments: those of most functions of numbers need no memory of their own, and long ones are not copied on their way.

use smallvec::SmallVec;
use std::ops::Deref;
use std::sync::Arc;

/// From so many bytes on, the task and the socket that takes them share them.
const LONG: usize = 64 * 1024;

/// The arguments of one task.
#[derive(Debug)]
pub(crate) enum Arguments {
    Short(SmallVec<[u8; 16]>),
    Long(Arc<Vec<u8>>),
}

impl Arguments {
    /// What was encoded, for as long as the task is under way: with no more memory than that needs.
    pub(super) fn take(encoded: &mut Vec<u8>) -> Arguments {
        if encoded.len() <= SmallVec::<[u8; 16]>::new().inline_size() {
            return Arguments::Short(SmallVec::from_slice(encoded));
        }
        let mut arguments = std::mem::take(encoded);
        // Longer ones that were refused may have been here before.
        if arguments.capacity() > 2 * arguments.len() + 64 {
            arguments.shrink_to_fit();
        }
        match arguments.len() {
            LONG.. => Arguments::Long(Arc::new(arguments)),
            _ => Arguments::Short(SmallVec::from_vec(arguments)),
        }
    }

    /// The memory, where it is shared.
    pub(super) fn shared(&self) -> Option<&Arc<Vec<u8>>> {
        match self {
            Arguments::Short(_) => None,
            Arguments::Long(bytes) => Some(bytes),
        }
    }
}

impl Deref for Arguments {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Arguments::Short(bytes) => bytes,
            Arguments::Long(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_no_memory_of_longer_ones_that_were_encoded_before() {
        let mut encoded = vec![7; 1 << 20];
        encoded.truncate(20);
        let Arguments::Short(arguments) = Arguments::take(&mut encoded) else {
            panic!("20 bytes are shared");
        };
        assert_eq!(arguments[..], [7; 20]);
        assert!(arguments.capacity() < 1000 && encoded.is_empty());
    }

    #[test]
    fn long_ones_are_shared_and_none_is_copied() {
        let mut encoded = vec![7; LONG];
        let at = encoded.as_ptr();
        let arguments = Arguments::take(&mut encoded);
        assert_eq!(arguments.len(), LONG);
        assert_eq!(arguments.shared().map(|bytes| bytes.as_ptr()), Some(at));
    }
}
