//! Where compiled code lies: nowhere executable in a compiler, and in a template in a private mapping of the artifact.

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use std::os::fd::AsFd;
use std::ptr::NonNull;
use wasmtime::CustomCodeMemory;

/// Bytes of the smallest page there is. The engine itself aligns code to the largest one of its platform, 64 KiB on aarch64.
const PAGE_BYTES: usize = 4096;

/// A compiler looks at what it made, and runs none of it: its filter forbids executable memory.
pub(super) struct NeverExecutable;

impl CustomCodeMemory for NeverExecutable {
    fn required_alignment(&self) -> usize {
        PAGE_BYTES
    }

    fn publish_executable(&self, _start: *const u8, _length: usize) -> wasmtime::Result<()> {
        Ok(())
    }

    fn unpublish_executable(&self, _start: *const u8, _length: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// A template makes code executable while it loads, before its filter forbids that.
///
/// Where instructions and data are cached apart, as on aarch64, nothing more is to be done here: the kernel makes both agree when
/// pages become executable, which these do once, after the last write to them and before any other thread or process has them.
pub(super) struct Executable;

impl CustomCodeMemory for Executable {
    fn required_alignment(&self) -> usize {
        PAGE_BYTES
    }

    fn publish_executable(&self, start: *const u8, length: usize) -> wasmtime::Result<()> {
        protect(start, length, MprotectFlags::READ | MprotectFlags::EXEC)
    }

    fn unpublish_executable(&self, _start: *const u8, _length: usize) -> wasmtime::Result<()> {
        // The process ends with its code; nothing is ever unloaded.
        Ok(())
    }
}

fn protect(start: *const u8, length: usize, flags: MprotectFlags) -> wasmtime::Result<()> {
    // SAFETY: wasmtime hands over whole pages of code that it owns and is not yet running.
    unsafe { rustix::mm::mprotect(start.cast_mut().cast(), length, flags)? };
    Ok(())
}

/// A private mapping of an artifact, for the life of the process: its code is shared between processes, and its pages are
/// copied when they are written.
pub(super) fn map(artifact: impl AsFd) -> wasmtime::Result<NonNull<[u8]>> {
    let length = usize::try_from(rustix::fs::fstat(&artifact)?.st_size)?;
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address the kernel chooses, of a sealed file that cannot change under it.
    let address = unsafe {
        rustix::mm::mmap(
            std::ptr::null_mut(),
            length,
            protection,
            MapFlags::PRIVATE,
            artifact,
            0,
        )?
    };
    let address =
        NonNull::new(address.cast::<u8>()).ok_or_else(|| wasmtime::format_err!("no mapping"))?;
    Ok(NonNull::slice_from_raw_parts(address, length))
}
