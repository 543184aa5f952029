//! One page that a worker and the supervisor share: which task the worker started last, and which it may still start.
//!
//! It lets the supervisor name the task a dead worker was running, and take unstarted tasks back from a busy one without
//! asking it. Its contents are hints: the worker can write anything here, so the supervisor bounds what it reads by what it
//! sent, and keeps its own clock. Nothing in the page is parsed in place.

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};
use std::ffi::c_void;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// The size of the shared memory, in bytes: one page, and where pages are larger still the length that filters know.
const STATUS_PAGE_BYTES: usize = 4096;

/// The pair packed into one word, so that both sides change it as one: the number of tasks started in the low half, the
/// first sequence number that may not start in the high half.
#[derive(Clone, Copy)]
struct Pair {
    started: u32,
    limit: u32,
}

impl Pair {
    fn unpack(word: u64) -> Pair {
        Pair {
            started: word as u32,
            limit: (word >> 32) as u32,
        }
    }

    fn pack(self) -> u64 {
        u64::from(self.limit) << 32 | u64::from(self.started)
    }
}

/// A mapping of the page, unmapped when dropped.
#[derive(Debug)]
pub struct StatusPage {
    word: NonNull<AtomicU64>,
}

// SAFETY: the page is reached through one atomic only, and unmapped by its single owner.
unsafe impl Send for StatusPage {}

impl StatusPage {
    /// Makes a page that lets everything start, and the descriptor with which a worker maps the same one. It is sealed: it
    /// cannot be shrunk under the supervisor's feet.
    ///
    /// # Errors
    ///
    /// The kernel's, when descriptors or memory are exhausted.
    pub fn create() -> io::Result<(StatusPage, OwnedFd)> {
        let memory = rustix::fs::memfd_create(
            "wpool-status",
            MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
        )?;
        rustix::fs::ftruncate(&memory, STATUS_PAGE_BYTES as u64)?;
        rustix::fs::fcntl_add_seals(
            &memory,
            SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
        )?;
        let page = StatusPage::map(&memory)?;
        page.allow_all();
        Ok((page, memory))
    }

    /// Maps the page behind a descriptor that [`StatusPage::create`] returned.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn map(memory: impl AsFd) -> io::Result<StatusPage> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address the kernel chooses; page alignment suffices for the atomic.
        let address = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                STATUS_PAGE_BYTES,
                protection,
                MapFlags::SHARED,
                memory,
                0,
            )?
        };
        let word = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(StatusPage { word })
    }

    /// Makes it as new for another worker: nothing of what the one before left there can be read. That one must have ended.
    pub fn renew(&mut self) {
        // What is mapped is whole pages, however little was asked for.
        let bytes = STATUS_PAGE_BYTES.next_multiple_of(rustix::param::page_size());
        // SAFETY: as many bytes are mapped for the life of self, and nothing here refers to them now. Another process that had the
        // page after all could see it change, as ever.
        unsafe { std::ptr::write_bytes(self.word.as_ptr().cast::<u8>(), 0, bytes) };
        self.allow_all();
    }

    fn word(&self) -> &AtomicU64 {
        // SAFETY: mapped for the life of self, sealed against shrinking, and only ever accessed atomically.
        unsafe { self.word.as_ref() }
    }

    /// The worker is about to start task `seq`: whether it may.
    #[must_use]
    pub fn try_start(&self, seq: u32) -> bool {
        self.change(|pair| {
            (seq < pair.limit).then_some(Pair {
                started: seq.wrapping_add(1),
                ..pair
            })
        })
        .is_some()
    }

    /// Forbids everything that has not started, and returns the first sequence number that will not.
    #[must_use]
    pub fn recall(&self) -> u32 {
        self.change(|pair| {
            Some(Pair {
                limit: pair.started,
                ..pair
            })
        })
        .map_or(0, |pair| pair.started)
    }

    /// Lets everything start again.
    pub fn allow_all(&self) {
        self.change(|pair| {
            Some(Pair {
                limit: u32::MAX,
                ..pair
            })
        });
    }

    /// One more than the sequence number of the task that was started last; 0 if none was.
    #[must_use]
    pub fn started(&self) -> u32 {
        Pair::unpack(self.word().load(Ordering::Acquire)).started
    }

    /// Applies `next` until nobody else changed the pair in between, at most a bounded number of times: a hostile worker may
    /// write to the page for ever.
    fn change(&self, next: impl Fn(Pair) -> Option<Pair>) -> Option<Pair> {
        let mut current = self.word().load(Ordering::Acquire);
        for _ in 0..1000 {
            let pair = next(Pair::unpack(current))?;
            match self.word().compare_exchange_weak(
                current,
                pair.pack(),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(pair),
                Err(other) => current = other,
            }
        }
        None
    }
}

impl Drop for StatusPage {
    fn drop(&mut self) {
        let address: *mut c_void = self.word.as_ptr().cast();
        // SAFETY: the mapping made in `map`, which nothing refers to any more. It cannot fail for a valid mapping.
        let _ = unsafe { rustix::mm::munmap(address, STATUS_PAGE_BYTES) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn what_was_started_is_seen_by_the_other_mapping() {
        let (supervisor, memory) = StatusPage::create().unwrap();
        let worker = StatusPage::map(&memory).unwrap();
        assert_eq!(supervisor.started(), 0);
        assert!(worker.try_start(6));
        assert_eq!(supervisor.started(), 7);
    }

    #[test]
    fn a_recalled_task_does_not_start_until_all_are_allowed_again() {
        let (supervisor, memory) = StatusPage::create().unwrap();
        let worker = StatusPage::map(&memory).unwrap();
        assert!(worker.try_start(3));
        assert_eq!(supervisor.recall(), 4);
        assert!(!worker.try_start(4));
        assert_eq!(supervisor.started(), 4, "a refused start leaves no trace");
        supervisor.allow_all();
        assert!(worker.try_start(5));
    }

    #[test]
    fn a_page_that_is_renewed_is_as_new_to_its_last_byte() {
        let (mut supervisor, memory) = StatusPage::create().unwrap();
        let file = std::fs::File::from(memory);
        file.write_all_at(&[0xaa; STATUS_PAGE_BYTES], 0).unwrap();
        supervisor.renew();
        let (_fresh, memory) = StatusPage::create().unwrap();
        let [mut renewed, mut fresh] = [[0; STATUS_PAGE_BYTES]; 2];
        file.read_exact_at(&mut renewed, 0).unwrap();
        let other = std::fs::File::from(memory);
        other.read_exact_at(&mut fresh, 0).unwrap();
        assert!(renewed == fresh);
        assert_eq!(supervisor.started(), 0);
    }

    #[test]
    fn the_page_cannot_be_shrunk_or_grown() {
        let (_page, memory) = StatusPage::create().unwrap();
        assert_eq!(
            rustix::fs::ftruncate(&memory, 0),
            Err(rustix::io::Errno::PERM)
        );
        assert_eq!(
            rustix::fs::ftruncate(&memory, 8192),
            Err(rustix::io::Errno::PERM)
        );
    }
}
