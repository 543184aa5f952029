//! Parts of the kernel that are known for their holes.

use super::{Attack, call};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "bpf",
        run: |_| {
            let attributes = [0_u64; 16];
            call!(libc::SYS_bpf, 0, attributes.as_ptr(), 128)
        },
    },
    Attack {
        name: "perf events",
        run: |_| {
            // A counter in software, of this process alone.
            let mut attributes = [0_u64; 16];
            attributes[0] = 1 | (128 << 32);
            call!(libc::SYS_perf_event_open, attributes.as_ptr(), 0, -1, -1, 0)
        },
    },
    Attack {
        name: "io_uring",
        run: |_| {
            let parameters = [0_u8; 120];
            call!(libc::SYS_io_uring_setup, 1, parameters.as_ptr())
        },
    },
    Attack {
        name: "userfaultfd",
        run: |_| call!(libc::SYS_userfaultfd, 1),
    },
    Attack {
        name: "keyring",
        run: |_| call!(libc::SYS_keyctl, 0, -3, 1),
    },
    Attack {
        name: "add a key",
        run: |_| {
            call!(
                libc::SYS_add_key,
                c"user".as_ptr(),
                c"wpool".as_ptr(),
                c"x".as_ptr(),
                1,
                -3
            )
        },
    },
    Attack {
        name: "inotify",
        run: |_| call!(libc::SYS_inotify_init1, 0),
    },
    Attack {
        name: "fanotify",
        run: |_| call!(libc::SYS_fanotify_init, 0, 0),
    },
    Attack {
        name: "event queue",
        run: |_| call!(libc::SYS_epoll_create1, 0),
    },
    Attack {
        name: "kernel log",
        run: |_| call!(libc::SYS_syslog, 10, 0, 0),
    },
    Attack {
        name: "System V shared memory",
        run: |_| {
            let memory = call!(libc::SYS_shmget, 0, 4096, 0o600 | libc::IPC_CREAT);
            call!(libc::SYS_shmctl, memory, libc::IPC_RMID, 0)
        },
    },
    Attack {
        name: "System V semaphores",
        run: |_| {
            let semaphores = call!(libc::SYS_semget, 0, 1, 0o600 | libc::IPC_CREAT);
            call!(libc::SYS_semctl, semaphores, 0, libc::IPC_RMID, 0)
        },
    },
    Attack {
        name: "message queue",
        run: |_| call!(libc::SYS_mq_open, c"wpool-is-not-there".as_ptr(), 0, 0, 0),
    },
    Attack {
        name: "async io",
        run: |_| {
            let mut context = 0_u64;
            call!(libc::SYS_io_setup, 1, &raw mut context)
        },
    },
    Attack {
        name: "timer by signal",
        run: |_| {
            let mut timer = 0_i32;
            call!(libc::SYS_timer_create, 0, 0, &raw mut timer)
        },
    },
    Attack {
        name: "set the clock",
        run: |_| call!(libc::SYS_clock_settime, 0, 0),
    },
    Attack {
        name: "landlock",
        run: |_| call!(libc::SYS_landlock_create_ruleset, 0, 0, 1),
    },
    Attack {
        name: "a filter that tells on the process",
        run: |_| call!(libc::SYS_seccomp, 1, 8, 0),
    },
    Attack {
        name: "personality",
        run: |_| call!(libc::SYS_personality, 0x0008),
    },
    Attack {
        name: "kexec",
        run: |_| call!(libc::SYS_kexec_load, 0, 0, 0, 0x8000_0000_u32),
    },
];
