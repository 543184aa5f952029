//! Code that was not there before, memory that others see, memory that no limit counts.

use super::{Attack, call};
use libc::{MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "map executable memory",
        run: |_| map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS),
    },
    Attack {
        name: "make memory executable",
        run: |_| {
            let page = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
            call!(libc::SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC)
        },
    },
    Attack {
        name: "make memory executable by key",
        run: |_| {
            let page = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
            call!(
                libc::SYS_pkey_mprotect,
                page,
                4096,
                PROT_READ | PROT_EXEC,
                -1
            )
        },
    },
    Attack {
        name: "map shared memory",
        run: |_| map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS),
    },
    Attack {
        name: "map a stack that grows",
        run: |_| {
            map(
                PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | libc::MAP_GROWSDOWN,
            )
        },
    },
    Attack {
        name: "map huge pages",
        run: |_| {
            map(
                PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | libc::MAP_HUGETLB,
            )
        },
    },
    Attack {
        name: "memfd",
        run: |_| call!(libc::SYS_memfd_create, c"x".as_ptr(), 0),
    },
    Attack {
        name: "secret memory",
        run: |_| call!(libc::SYS_memfd_secret, 0),
    },
    Attack {
        name: "lock memory",
        run: |_| {
            let page = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
            call!(libc::SYS_mlock, page, 4096)
        },
    },
    Attack {
        name: "advise dangerously",
        run: |_| {
            let page = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
            call!(libc::SYS_madvise, page, 4096, libc::MADV_MERGEABLE)
        },
    },
    Attack {
        name: "more data than the limit",
        run: |_| {
            call!(
                libc::SYS_mmap,
                0,
                64_u64 << 30,
                PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0
            )
        },
    },
    Attack {
        name: "more address space than the limit",
        run: |_| {
            call!(
                libc::SYS_mmap,
                0,
                40_u64 << 40,
                libc::PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0
            )
        },
    },
    Attack {
        name: "more memory than is writable at once",
        run: |_| hold(64 << 30, 64 << 20, 1),
    },
    Attack {
        name: "memory by remap_file_pages",
        run: |_| call!(libc::SYS_remap_file_pages, 0, 4096, 0, 0, 0),
    },
    Attack {
        name: "memory of another process",
        run: |target| {
            let process = call!(libc::SYS_pidfd_open, target.supervisor, 0);
            call!(libc::SYS_process_madvise, process, 0, 0, 0, 0)
        },
    },
];

/// Maps so much memory in pieces, writes to some bytes of each, and takes the right to write away,
/// so that it does not count as data.
pub fn hold(bytes: u64, piece: u64, written: u64) -> i64 {
    for _ in 0..bytes / piece {
        let protection = PROT_READ | PROT_WRITE;
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let at = call!(libc::SYS_mmap, 0, piece, protection, flags, -1, 0);
        if at < 0 {
            return at;
        }
        // SAFETY: so much was just mapped, to be written to.
        unsafe { std::ptr::write_bytes(at as *mut u8, 1, written as usize) };
        call!(libc::SYS_mprotect, at, piece, PROT_READ);
    }
    0
}

fn map(protection: i32, flags: i32) -> i64 {
    call!(libc::SYS_mmap, 0, 4096, protection, flags, -1, 0)
}
