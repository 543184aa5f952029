//! Encoded arguments: those of most functions of numbers need no memory of their own, and others are not copied on their way.

use std::ops::Deref;
use std::sync::Arc;

/// So many bytes are short: with them a task is no larger than with a pointer to more.
const SHORT: usize = 22;

/// From so many bytes on they are sent from where they are.
const SHARED: usize = 64 * 1024;

/// The arguments of one task.
#[derive(Debug)]
pub(crate) enum Arguments {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Arc<Vec<u8>>),
}

impl Arguments {
    /// What was encoded, for as long as the task is under way: with no more memory than that needs.
    #[inline]
    pub(super) fn take(encoded: &mut Vec<u8>) -> Arguments {
        if encoded.len() <= SHORT {
            let mut bytes = [0; SHORT];
            bytes[..encoded.len()].copy_from_slice(encoded);
            let len = encoded.len() as u8;
            return Arguments::Short { len, bytes };
        }
        let mut arguments = std::mem::take(encoded);
        // Longer ones that were refused may have been here before.
        if arguments.capacity() > 2 * arguments.len() + 64 {
            arguments.shrink_to_fit();
        }
        Arguments::Long(Arc::new(arguments))
    }

    /// Their memory, where they are too long to be copied into what is sent.
    pub(super) fn shared(&self) -> Option<&Arc<Vec<u8>>> {
        match self {
            Arguments::Long(bytes) if bytes.len() >= SHARED => Some(bytes),
            _ => None,
        }
    }
}

impl Deref for Arguments {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Arguments::Short { len, bytes } => &bytes[..usize::from(*len)],
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
        encoded.truncate(100);
        let Arguments::Long(arguments) = Arguments::take(&mut encoded) else {
            panic!("100 bytes are short");
        };
        assert_eq!(arguments[..], [7; 100]);
        assert!(arguments.capacity() < 1000 && encoded.capacity() == 0);
    }

    #[test]
    fn short_ones_are_in_place_and_long_ones_are_not_copied() {
        assert!(size_of::<Arguments>() <= 24);
        for length in [0, 1, SHORT] {
            let arguments = Arguments::take(&mut vec![7; length]);
            assert!(matches!(arguments, Arguments::Short { .. }));
            assert_eq!(arguments[..], vec![7; length]);
        }
        for length in [SHORT + 1, SHARED - 1, SHARED] {
            let mut encoded = vec![7; length];
            let at = encoded.as_ptr();
            let arguments = Arguments::take(&mut encoded);
            assert_eq!((arguments.as_ptr(), arguments.len()), (at, length));
            assert_eq!(arguments.shared().is_some(), length == SHARED);
        }
    }
}
