//! A directory that was granted: what may be done in it, and what may not, by somebody who keeps to no library's rules.
//!
//! Before, there are in it `file`, `renamable`, `removable`, `folder`, and a link `out` to `/etc/passwd`.

use super::{Attack, Target, call};
use libc::{AT_FDCWD, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};
use std::ffi::CString;

pub const ATTACKS: &[Attack] = &[
    // What reading needs.
    Attack {
        name: "read a granted file",
        run: |target| {
            let file = open(target, "file", O_RDONLY, 0);
            let mut buffer = [0_u8; 8];
            match file {
                0.. => call!(libc::SYS_read, file, buffer.as_mut_ptr(), 8),
                refused => refused,
            }
        },
    },
    Attack {
        name: "list a granted directory",
        run: |target| open(target, "", O_RDONLY | libc::O_DIRECTORY, 0),
    },
    // What changing needs.
    Attack {
        name: "write a granted file",
        run: |target| open(target, "file", O_RDWR, 0),
    },
    Attack {
        name: "create a granted file",
        run: |target| open(target, "new", O_WRONLY | O_CREAT, 0o600),
    },
    Attack {
        name: "cut a granted file",
        run: |target| open(target, "file", O_WRONLY | O_TRUNC, 0),
    },
    Attack {
        name: "make a granted directory",
        run: |target| {
            call!(
                libc::SYS_mkdirat,
                AT_FDCWD,
                path(target, "made").as_ptr(),
                0o700
            )
        },
    },
    Attack {
        name: "rename a granted file",
        run: |target| {
            let (from, to) = (path(target, "renamable"), path(target, "renamed"));
            call!(
                libc::SYS_renameat,
                AT_FDCWD,
                from.as_ptr(),
                AT_FDCWD,
                to.as_ptr()
            )
        },
    },
    Attack {
        name: "link a granted file",
        run: |target| {
            let (from, to) = (path(target, "file"), path(target, "linked"));
            call!(
                libc::SYS_linkat,
                AT_FDCWD,
                from.as_ptr(),
                AT_FDCWD,
                to.as_ptr(),
                0
            )
        },
    },
    Attack {
        name: "remove a granted file",
        run: |target| {
            call!(
                libc::SYS_unlinkat,
                AT_FDCWD,
                path(target, "removable").as_ptr(),
                0
            )
        },
    },
    // What nobody is to do, whatever was granted.
    Attack {
        name: "open above a granted directory",
        run: |target| open(target, "../..", O_RDONLY | libc::O_DIRECTORY, 0),
    },
    Attack {
        name: "open a file beside a granted directory",
        run: |target| open(target, "../../etc/passwd", O_RDONLY, 0),
    },
    Attack {
        name: "follow a link out of a granted directory",
        run: |target| open(target, "out", O_RDONLY, 0),
    },
    Attack {
        name: "link a file from outside",
        run: |target| {
            let to = path(target, "stolen");
            call!(
                libc::SYS_linkat,
                AT_FDCWD,
                c"/etc/passwd".as_ptr(),
                AT_FDCWD,
                to.as_ptr(),
                0
            )
        },
    },
    Attack {
        name: "move a file out",
        run: |target| {
            let from = path(target, "file");
            call!(
                libc::SYS_renameat,
                AT_FDCWD,
                from.as_ptr(),
                AT_FDCWD,
                c"/tmp/wpool-moved".as_ptr()
            )
        },
    },
    Attack {
        name: "create a file that runs as its owner",
        run: |target| open(target, "setuid", O_WRONLY | O_CREAT, 0o4755),
    },
    Attack {
        name: "make a directory that hands on its group",
        run: |target| {
            call!(
                libc::SYS_mkdirat,
                AT_FDCWD,
                path(target, "setgid").as_ptr(),
                0o2755
            )
        },
    },
    Attack {
        name: "make a file without a name",
        run: |target| open(target, "", O_RDWR | libc::O_TMPFILE, 0o600),
    },
    Attack {
        name: "open a granted file by the call that no filter can look into",
        run: |target| {
            let how = [0_u64; 3];
            call!(
                libc::SYS_openat2,
                AT_FDCWD,
                path(target, "file").as_ptr(),
                how.as_ptr(),
                24
            )
        },
    },
    Attack {
        name: "chmod a granted file",
        run: |target| {
            call!(
                libc::SYS_fchmodat,
                AT_FDCWD,
                path(target, "file").as_ptr(),
                0o4777
            )
        },
    },
    Attack {
        name: "chown a granted file",
        run: |target| {
            call!(
                libc::SYS_fchownat,
                AT_FDCWD,
                path(target, "file").as_ptr(),
                0,
                0,
                0
            )
        },
    },
    Attack {
        name: "mark a granted file",
        run: |target| {
            let (file, name) = (path(target, "file"), c"user.mark");
            call!(
                libc::SYS_setxattr,
                file.as_ptr(),
                name.as_ptr(),
                name.as_ptr(),
                1,
                0
            )
        },
    },
    Attack {
        name: "make a device",
        run: |target| {
            let device = path(target, "device");
            call!(
                libc::SYS_mknodat,
                AT_FDCWD,
                device.as_ptr(),
                libc::S_IFCHR | 0o666,
                0x103
            )
        },
    },
    Attack {
        name: "make a pipe in a granted directory",
        run: |target| {
            let pipe = path(target, "made-pipe");
            call!(
                libc::SYS_mknodat,
                AT_FDCWD,
                pipe.as_ptr(),
                libc::S_IFIFO | 0o666,
                0
            )
        },
    },
    Attack {
        name: "map a granted file executable",
        run: |target| {
            let file = open(target, "file", O_RDONLY, 0);
            let protection = libc::PROT_READ | libc::PROT_EXEC;
            call!(
                libc::SYS_mmap,
                0,
                4096,
                protection,
                libc::MAP_PRIVATE,
                file,
                0
            )
        },
    },
    Attack {
        name: "share a mapping of a granted file",
        run: |target| {
            let file = open(target, "file", O_RDONLY, 0);
            call!(
                libc::SYS_mmap,
                0,
                4096,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file,
                0
            )
        },
    },
    Attack {
        name: "execute a granted file",
        run: |target| {
            let nothing = [std::ptr::null::<u8>()];
            call!(
                libc::SYS_execve,
                path(target, "file").as_ptr(),
                nothing.as_ptr(),
                nothing.as_ptr()
            )
        },
    },
    Attack {
        name: "control a granted file",
        run: |target| {
            let file = open(target, "file", O_RDONLY, 0);
            call!(libc::SYS_ioctl, file, libc::FIONREAD, 0)
        },
    },
    Attack {
        name: "lock a granted file",
        run: |target| {
            let file = open(target, "file", O_RDONLY, 0);
            call!(libc::SYS_flock, file, libc::LOCK_EX)
        },
    },
    Attack {
        name: "set the times of a file outside",
        run: |_| call!(libc::SYS_utimensat, AT_FDCWD, c"/tmp".as_ptr(), 0, 0),
    },
    Attack {
        name: "leave a device where a file was",
        run: |target| {
            let (from, to) = (path(target, "file"), path(target, "whited"));
            call!(
                libc::SYS_renameat2,
                AT_FDCWD,
                from.as_ptr(),
                AT_FDCWD,
                to.as_ptr(),
                libc::RENAME_WHITEOUT
            )
        },
    },
    Attack {
        name: "watch a granted directory",
        run: |_| call!(libc::SYS_inotify_init1, 0),
    },
    Attack {
        name: "mount over a granted directory",
        run: |target| {
            let here = path(target, "folder");
            call!(
                libc::SYS_mount,
                c"x".as_ptr(),
                here.as_ptr(),
                c"tmpfs".as_ptr(),
                0,
                0
            )
        },
    },
];

/// Where the directory is: by its number in a root of the process's own, or where the supervisor has it.
fn path(target: &Target, name: &str) -> CString {
    let outside = format!("{}/{name}", directory(target.supervisor));
    let inside = format!("/0/{name}");
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let has_root = call!(libc::SYS_openat, AT_FDCWD, c"/0".as_ptr(), flags, 0) >= 0;
    CString::new(if has_root { inside } else { outside }).unwrap_or_default()
}

/// The directory that a supervisor with that number grants.
pub fn directory(supervisor: i64) -> String {
    format!("/tmp/wpool-granted-{supervisor}")
}

fn open(target: &Target, name: &str, flags: i32, mode: i32) -> i64 {
    call!(
        libc::SYS_openat,
        AT_FDCWD,
        path(target, name).as_ptr(),
        flags,
        mode
    )
}
