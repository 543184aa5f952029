//! More rights than were left: ids, capabilities, limits, namespaces, mounts.

use super::{Attack, call};
use libc::{CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "setuid 0",
        run: |_| call!(libc::SYS_setuid, 0),
    },
    Attack {
        name: "setgid 0",
        run: |_| call!(libc::SYS_setgid, 0),
    },
    Attack {
        name: "setresuid 0",
        run: |_| call!(libc::SYS_setresuid, 0, 0, 0),
    },
    Attack {
        name: "setgroups",
        run: |_| {
            let groups = [0_u32];
            call!(libc::SYS_setgroups, 1, groups.as_ptr())
        },
    },
    Attack {
        name: "capset",
        run: |_| {
            // Version 3, this process; every capability effective, permitted and inheritable.
            let (header, sets) = (
                [0x2008_0522_u32, 0],
                [u32::MAX, u32::MAX, u32::MAX, 0x1ff, 0x1ff, 0x1ff],
            );
            call!(libc::SYS_capset, header.as_ptr(), sets.as_ptr())
        },
    },
    Attack {
        name: "ambient capability",
        run: |_| {
            call!(
                libc::SYS_prctl,
                libc::PR_CAP_AMBIENT,
                libc::PR_CAP_AMBIENT_RAISE,
                21,
                0,
                0
            )
        },
    },
    Attack {
        name: "raise the limit of descriptors",
        run: |_| raise(libc::RLIMIT_NOFILE),
    },
    Attack {
        name: "raise the limit of data",
        run: |_| raise(libc::RLIMIT_DATA),
    },
    Attack {
        name: "raise the limit of cores",
        run: |_| raise(libc::RLIMIT_CORE),
    },
    Attack {
        name: "raise the priority",
        run: |_| call!(libc::SYS_setpriority, 0, 0, -20),
    },
    Attack {
        name: "unshare user",
        run: |_| call!(libc::SYS_unshare, CLONE_NEWUSER),
    },
    Attack {
        name: "unshare mount",
        run: |_| call!(libc::SYS_unshare, CLONE_NEWNS),
    },
    Attack {
        name: "unshare net",
        run: |_| call!(libc::SYS_unshare, CLONE_NEWNET),
    },
    Attack {
        name: "unshare pid",
        run: |_| call!(libc::SYS_unshare, CLONE_NEWPID),
    },
    // The descriptor is of no namespace: whoever may try is told so, after the check.
    Attack {
        name: "setns",
        run: |_| call!(libc::SYS_setns, 0, 0),
    },
    // Some of these name what is not there, or what cannot be done: whoever may try is told so.
    Attack {
        name: "mount",
        run: |_| {
            call!(
                libc::SYS_mount,
                c"none".as_ptr(),
                c"/".as_ptr(),
                c"wpool-is-no-fs".as_ptr(),
                0,
                0
            )
        },
    },
    Attack {
        name: "mount by descriptor",
        run: |_| call!(libc::SYS_fsopen, c"tmpfs".as_ptr(), 0),
    },
    Attack {
        name: "unmount",
        run: |_| call!(libc::SYS_umount2, c"/etc".as_ptr(), 0),
    },
    Attack {
        name: "chroot",
        run: |_| call!(libc::SYS_chroot, c"/".as_ptr()),
    },
    Attack {
        name: "pivot_root",
        run: |_| {
            call!(
                libc::SYS_pivot_root,
                c"/wpool-is-not-there".as_ptr(),
                c"/".as_ptr()
            )
        },
    },
    Attack {
        name: "host name",
        run: |_| call!(libc::SYS_sethostname, c"x".as_ptr(), usize::MAX),
    },
    Attack {
        name: "swap",
        run: |_| call!(libc::SYS_swapon, c"/wpool-is-not-there".as_ptr(), 0),
    },
    Attack {
        name: "kernel module",
        run: |_| {
            call!(
                libc::SYS_delete_module,
                c"wpool-is-not-there".as_ptr(),
                libc::O_NONBLOCK
            )
        },
    },
    Attack {
        name: "reboot",
        run: |_| call!(libc::SYS_reboot, 0, 0, 0, 0),
    },
];

fn raise(resource: u32) -> i64 {
    let mut limit = [0_u64; 2];
    call!(libc::SYS_prlimit64, 0, resource, 0, limit.as_mut_ptr());
    limit = [limit[0], limit[1].saturating_add(1).max(1)];
    call!(libc::SYS_prlimit64, 0, resource, limit.as_ptr(), 0)
}
