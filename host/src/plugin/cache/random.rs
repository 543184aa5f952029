//! Random bytes of the kernel.

use rustix::rand::{GetRandomFlags, getrandom};
use std::io;

pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = rustix::io::retry_on_intr(|| getrandom(&mut bytes[..], GetRandomFlags::empty()))?;
    if filled < N {
        return Err(io::Error::other("the kernel gave too few random bytes"));
    }
    Ok(bytes)
}
