//! Files: paths, descriptors that were left open, the artifact.

use super::{Attack, call};
use std::ffi::{CStr, CString};

use libc::{AT_FDCWD, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY};

/// The descriptor of the artifact in templates and workers.
const ARTIFACT: i32 = 1;

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "open /etc/passwd",
        run: |_| open(c"/etc/passwd", O_RDONLY),
    },
    Attack {
        name: "open2 /etc/passwd",
        run: |_| {
            let how = [0_u64; 3];
            call!(
                libc::SYS_openat2,
                AT_FDCWD,
                c"/etc/passwd".as_ptr(),
                how.as_ptr(),
                24
            )
        },
    },
    Attack {
        name: "stat /etc/passwd",
        run: |_| {
            let mut buffer = [0_u8; 512];
            call!(
                libc::SYS_statx,
                AT_FDCWD,
                c"/etc/passwd".as_ptr(),
                0,
                0x7ff,
                buffer.as_mut_ptr()
            )
        },
    },
    Attack {
        name: "stat /proc/self/status",
        run: |_| stat(c"/proc/self/status"),
    },
    Attack {
        name: "stat /dev/null",
        run: |_| stat(c"/dev/null"),
    },
    Attack {
        name: "list /",
        run: |_| open(c"/", O_RDONLY | libc::O_DIRECTORY),
    },
    Attack {
        name: "open /proc/self/mem",
        run: |_| open(c"/proc/self/mem", O_RDWR),
    },
    Attack {
        name: "open /dev/null",
        run: |_| open(c"/dev/null", O_WRONLY),
    },
    Attack {
        name: "create a file",
        run: |_| {
            let path = own_path();
            let file = open(&path, O_WRONLY | O_CREAT);
            if file >= 0 {
                call!(libc::SYS_unlinkat, AT_FDCWD, path.as_ptr(), 0);
            }
            file
        },
    },
    Attack {
        name: "make a directory",
        run: |_| {
            let path = own_path();
            let made = call!(libc::SYS_mkdirat, AT_FDCWD, path.as_ptr(), 0o700);
            if made == 0 {
                call!(
                    libc::SYS_unlinkat,
                    AT_FDCWD,
                    path.as_ptr(),
                    libc::AT_REMOVEDIR
                );
            }
            made
        },
    },
    // It is never empty: whoever may try is told so.
    Attack {
        name: "remove a directory",
        run: |_| {
            call!(
                libc::SYS_unlinkat,
                AT_FDCWD,
                c"/usr".as_ptr(),
                libc::AT_REMOVEDIR
            )
        },
    },
    Attack {
        name: "read a link",
        run: |_| {
            let mut buffer = [0_u8; 512];
            call!(
                libc::SYS_readlinkat,
                AT_FDCWD,
                c"/proc/self/exe".as_ptr(),
                buffer.as_mut_ptr(),
                512
            )
        },
    },
    Attack {
        name: "change the directory",
        run: |_| call!(libc::SYS_chdir, c"/etc".as_ptr()),
    },
    Attack {
        name: "read another descriptor",
        run: |_| {
            let mut buffer = [0_u8; 8];
            (3..1024)
                .map(|fd| call!(libc::SYS_read, fd, buffer.as_mut_ptr(), 8))
                .max()
                .unwrap_or(0)
        },
    },
    Attack {
        name: "duplicate a descriptor",
        run: |_| call!(libc::SYS_dup, 0),
    },
    Attack {
        name: "write the artifact",
        run: |_| call!(libc::SYS_pwrite64, ARTIFACT, c"x".as_ptr(), 1, 0),
    },
    Attack {
        name: "truncate the artifact",
        run: |_| call!(libc::SYS_ftruncate, ARTIFACT, 0),
    },
    Attack {
        name: "grow the artifact",
        run: |_| call!(libc::SYS_fallocate, ARTIFACT, 0, 0, 1 << 30),
    },
    Attack {
        name: "unseal the artifact",
        run: |_| call!(libc::SYS_fcntl, ARTIFACT, libc::F_ADD_SEALS, 0),
    },
    Attack {
        name: "chmod the artifact",
        run: |_| call!(libc::SYS_fchmod, ARTIFACT, 0o777),
    },
    Attack {
        name: "map the artifact shared",
        run: |_| {
            call!(
                libc::SYS_mmap,
                0,
                4096,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                ARTIFACT,
                0
            )
        },
    },
    Attack {
        name: "execute the artifact",
        run: |_| {
            let nothing = [std::ptr::null::<u8>()];
            call!(
                libc::SYS_execveat,
                ARTIFACT,
                c"".as_ptr(),
                nothing.as_ptr(),
                nothing.as_ptr(),
                libc::AT_EMPTY_PATH
            )
        },
    },
];

/// A path that no other process uses.
fn own_path() -> CString {
    CString::new(format!("/tmp/wpool-escape-{}", std::process::id())).unwrap_or_default()
}

fn stat(path: &CStr) -> i64 {
    let mut buffer = [0_u8; 512];
    call!(
        libc::SYS_statx,
        AT_FDCWD,
        path.as_ptr(),
        0,
        0x7ff,
        buffer.as_mut_ptr()
    )
}

fn open(path: &CStr, flags: i32) -> i64 {
    call!(libc::SYS_openat, AT_FDCWD, path.as_ptr(), flags, 0o600)
}
