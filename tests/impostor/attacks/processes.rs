//! Other processes: made, looked into, signalled.

use super::{Attack, call};

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "execve /bin/true",
        run: |_| {
            let nothing = [std::ptr::null::<u8>()];
            call!(
                libc::SYS_execve,
                c"/bin/true".as_ptr(),
                nothing.as_ptr(),
                nothing.as_ptr()
            )
        },
    },
    Attack {
        name: "execveat a memfd",
        run: |_| {
            let nothing = [std::ptr::null::<u8>()];
            let memory = call!(libc::SYS_memfd_create, c"program".as_ptr(), 0);
            call!(
                libc::SYS_execveat,
                memory,
                c"".as_ptr(),
                nothing.as_ptr(),
                nothing.as_ptr(),
                libc::AT_EMPTY_PATH
            )
        },
    },
    Attack {
        name: "fork",
        run: |_| child_ends(call!(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0)),
    },
    Attack {
        name: "a sibling by clone",
        run: |_| {
            child_ends(call!(
                libc::SYS_clone,
                libc::CLONE_PARENT | libc::SIGCHLD,
                0,
                0,
                0,
                0
            ))
        },
    },
    Attack {
        name: "a new user namespace by clone",
        run: |_| {
            child_ends(call!(
                libc::SYS_clone,
                libc::CLONE_NEWUSER | libc::SIGCHLD,
                0,
                0,
                0,
                0
            ))
        },
    },
    Attack {
        name: "clone3",
        run: |_| {
            let mut arguments = [0_u64; 11];
            arguments[4] = libc::SIGCHLD as u64;
            child_ends(call!(libc::SYS_clone3, arguments.as_ptr(), 88))
        },
    },
    Attack {
        name: "thread",
        run: |_| match std::thread::Builder::new().spawn(|| ()) {
            Ok(thread) => thread.join().map_or(-1, |()| 0),
            Err(error) => -i64::from(error.raw_os_error().unwrap_or(1)),
        },
    },
    Attack {
        name: "ptrace pid 1",
        run: |_| call!(libc::SYS_ptrace, libc::PTRACE_SEIZE, 1, 0, 0),
    },
    Attack {
        name: "ptrace the supervisor",
        run: |target| {
            call!(
                libc::SYS_ptrace,
                libc::PTRACE_SEIZE,
                target.supervisor,
                0,
                0
            )
        },
    },
    Attack {
        name: "ptrace a sibling",
        run: |target| call!(libc::SYS_ptrace, libc::PTRACE_SEIZE, target.sibling, 0, 0),
    },
    Attack {
        name: "read memory of pid 1",
        run: |_| read_memory(1),
    },
    Attack {
        name: "read memory of the supervisor",
        run: |target| read_memory(target.supervisor),
    },
    Attack {
        name: "read memory of a sibling",
        run: |target| read_memory(target.sibling),
    },
    Attack {
        name: "write memory of the supervisor",
        run: |target| {
            let (mut byte, address) = (0_u8, 0x1000_usize);
            let (local, remote) = ([&raw mut byte as usize, 1], [address, 1]);
            call!(
                libc::SYS_process_vm_writev,
                target.supervisor,
                local.as_ptr(),
                1,
                remote.as_ptr(),
                1,
                0
            )
        },
    },
    Attack {
        name: "signal the supervisor",
        run: |target| call!(libc::SYS_kill, target.supervisor, 0),
    },
    Attack {
        name: "signal pid 1",
        run: |_| call!(libc::SYS_kill, 1, 0),
    },
    Attack {
        name: "signal a sibling",
        run: |target| call!(libc::SYS_kill, target.sibling, 0),
    },
    Attack {
        name: "signal everybody",
        run: |_| call!(libc::SYS_kill, -1, 0),
    },
    Attack {
        name: "signal by thread number",
        run: |target| call!(libc::SYS_tkill, target.supervisor, 0),
    },
    Attack {
        name: "signal by group",
        run: |target| call!(libc::SYS_tgkill, target.supervisor, target.supervisor, 0),
    },
    Attack {
        name: "signal with data",
        run: |target| {
            let information = [0_i32; 32];
            call!(
                libc::SYS_rt_sigqueueinfo,
                target.supervisor,
                0,
                information.as_ptr()
            )
        },
    },
    Attack {
        name: "pidfd of the supervisor",
        run: |target| call!(libc::SYS_pidfd_open, target.supervisor, 0),
    },
    Attack {
        name: "pidfd of a sibling",
        run: |target| call!(libc::SYS_pidfd_open, target.sibling, 0),
    },
    Attack {
        name: "a descriptor of the supervisor",
        run: |target| {
            let process = call!(libc::SYS_pidfd_open, target.supervisor, 0);
            call!(libc::SYS_pidfd_getfd, process, 0, 0)
        },
    },
    Attack {
        name: "limits of the supervisor",
        run: |target| {
            let mut limit = [0_u64; 2];
            call!(
                libc::SYS_prlimit64,
                target.supervisor,
                libc::RLIMIT_CPU,
                0,
                limit.as_mut_ptr()
            )
        },
    },
    Attack {
        name: "CPUs of the supervisor",
        run: |target| {
            let set = [u64::MAX; 16];
            call!(
                libc::SYS_sched_setaffinity,
                target.supervisor,
                128,
                set.as_ptr()
            )
        },
    },
    Attack {
        name: "be traced",
        run: |_| call!(libc::SYS_ptrace, libc::PTRACE_TRACEME, 0, 0, 0),
    },
    Attack {
        name: "become dumpable",
        run: |_| call!(libc::SYS_prctl, libc::PR_SET_DUMPABLE, 1, 0, 0, 0),
    },
    Attack {
        name: "outlive the supervisor",
        run: |_| call!(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, 0, 0, 0, 0),
    },
];

/// Ends the child, in which the call has returned 0.
fn child_ends(result: i64) -> i64 {
    if result == 0 {
        // SAFETY: the child needs nothing any more.
        unsafe { libc::_exit(0) };
    }
    result
}

fn read_memory(of: i64) -> i64 {
    let mut byte = 0_u8;
    let (local, remote) = ([&raw mut byte as usize, 1], [&raw const byte as usize, 1]);
    call!(
        libc::SYS_process_vm_readv,
        of,
        local.as_ptr(),
        1,
        remote.as_ptr(),
        1,
        0
    )
}
