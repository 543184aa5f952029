//! Where compiled code lies: nowhere executable in a compiler, and in a template in a private mapping of the artifact.

use rustix::mm::{MapFlags, ProtFlags};
use std::fs::File;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::OnceLock;
use wasmtime::CustomCodeMemory;

/// Bytes of the smallest page there is. The engine itself aligns code to the largest one of its platform, 64 KiB on aarch64.
const PAGE_BYTES: usize = 4096;

/// Where the code of the process's one artifact was mapped.
static PUBLISHED: OnceLock<(usize, usize)> = OnceLock::new();

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

/// A template has its code executable from the first moment, mapped from the sealed artifact: it is
/// never writable, and nothing becomes executable that was not, which `PR_SET_MDWE` and systemd's
/// `MemoryDenyWriteExecute` forbid. Its filter forbids the rest later.
///
/// The engine has loaded the same bytes to the same place before, and changes none: it refuses
/// artifacts with relocations of code.
///
/// Where instructions and data are cached apart, as on aarch64, nothing more is to be done here:
/// the kernel makes both agree when it maps pages of a file to be executed.
pub(super) struct Executable {
    /// Only while the artifact is loaded, which its owner keeps open as long.
    artifact: RawFd,
    code: Range<u64>,
}

impl Executable {
    /// The code of an artifact, of which there is one piece.
    pub(super) fn of(artifact: &File) -> wasmtime::Result<Executable> {
        Ok(Executable {
            artifact: artifact.as_raw_fd(),
            code: code_section(artifact)?,
        })
    }
}

impl CustomCodeMemory for Executable {
    fn required_alignment(&self) -> usize {
        PAGE_BYTES
    }

    fn publish_executable(&self, start: *const u8, length: usize) -> wasmtime::Result<()> {
        if length as u64 != self.code.end - self.code.start {
            wasmtime::bail!("the artifact has code in more than one place");
        }
        let protection = ProtFlags::READ | ProtFlags::EXEC;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        // SAFETY: wasmtime hands over whole pages of code that it owns and is not yet running, and
        // gets the same bytes in their place from a sealed file. The descriptor is open while the
        // artifact is loaded.
        unsafe {
            let artifact = BorrowedFd::borrow_raw(self.artifact);
            let place = start.cast_mut().cast();
            rustix::mm::mmap(place, length, protection, flags, artifact, self.code.start)?;
        }
        let _ = PUBLISHED.set((start.addr(), length));
        Ok(())
    }

    fn unpublish_executable(&self, _start: *const u8, _length: usize) -> wasmtime::Result<()> {
        // The process ends with its code; nothing is ever unloaded.
        Ok(())
    }
}

/// Has the kernel refuse every change of the code's mapping from now on, and its end: for an
/// artifact that is never unloaded. Before Linux 6.10 there is no such call, and the mapping is as
/// it was.
pub(super) fn seal() {
    if let Some((start, length)) = PUBLISHED.get() {
        // SAFETY: it forbids what nothing in this process does any more.
        unsafe { libc::syscall(libc::SYS_mseal, *start, *length, 0) };
    }
}

/// Where the code of an artifact lies: its one executable section, by the headers of ELF (`elf(5)`,
/// `Elf64_Ehdr` and `Elf64_Shdr`).
fn code_section(artifact: &File) -> wasmtime::Result<Range<u64>> {
    const EXECUTABLE: u64 = 4;
    let malformed =
        || wasmtime::format_err!("the artifact is no ELF file with one section of code");
    let mut header = [0; 64];
    artifact.read_exact_at(&mut header, 0)?;
    let (table, count) = (word(&header, 0x28)?, half(&header, 0x3c)?);
    let mut sections = 0..u64::from(count);
    let section = sections.find_map(|index| {
        let mut section = [0; 64];
        let at = table.checked_add(index * 64)?;
        artifact.read_exact_at(&mut section, at).ok()?;
        let is_code = word(&section, 0x08).ok()? & EXECUTABLE != 0;
        is_code.then_some(section)
    });
    let section = section.ok_or_else(malformed)?;
    let (start, length) = (word(&section, 0x18)?, word(&section, 0x20)?);
    Ok(start..start.checked_add(length).ok_or_else(malformed)?)
}

fn word(bytes: &[u8], at: usize) -> wasmtime::Result<u64> {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk);
    let word = word.ok_or_else(|| wasmtime::format_err!("a short header"))?;
    Ok(u64::from_ne_bytes(*word))
}

fn half(bytes: &[u8], at: usize) -> wasmtime::Result<u16> {
    let half = bytes.get(at..).and_then(<[u8]>::first_chunk);
    let half = half.ok_or_else(|| wasmtime::format_err!("a short header"))?;
    Ok(u16::from_ne_bytes(*half))
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
