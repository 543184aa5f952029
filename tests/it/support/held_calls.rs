//! Kernels that answer otherwise than this one: a system call is held up until a thread of the test says how it ends. That
//! is a filter's notification; a filter alone can refuse a call, but not answer it.

use rustix::io::Errno;
use std::fs::{self, File};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

/// A call that waits for its answer.
pub struct Held {
    pid: u32,
    pub arguments: [u64; 6],
}

/// How a call ends.
pub enum Answer {
    /// As this kernel has it.
    AsItIs,
    Value(i64),
    Error(Errno),
    /// With this descriptor, as a new one of the caller.
    Descriptor(OwnedFd),
}

impl Held {
    /// Memory of the caller; root can look at everybody's.
    pub fn memory(&self, address: u64, length: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        let memory = File::open(format!("/proc/{}/mem", self.pid)).ok()?;
        memory.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }

    /// What a descriptor of the caller is.
    pub fn descriptor(&self, descriptor: u64) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/fd/{descriptor}", self.pid)).ok()
    }
}

/// From here on `call` is answered by `answer`, for this thread and all that it starts; of a call that has a length as its
/// third argument, only those with at most `longest`.
pub fn hold_up(call: i64, longest: u32, answer: impl Fn(&Held) -> Answer + Send + 'static) {
    let (give, listener) = mpsc::channel();
    // Started before the filter, which does not hold for it.
    thread::spawn(move || {
        if let Ok(listener) = listener.recv() {
            answer_all(&listener, answer);
        }
    });
    give.send(listen(call, longest).unwrap()).unwrap();
}

fn listen(call: i64, longest: u32) -> Result<OwnedFd, Errno> {
    let step = |code: u32, jt, jf, k| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let load = |offset| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let answer = |k| step(libc::BPF_RET | libc::BPF_K, 0, 0, k);
    let jump = |kind: u32, k, jt, jf| step(libc::BPF_JMP | kind | libc::BPF_K, jt, jf, k);
    // The number of the call is at 0, and its arguments of 8 bytes begin at 16.
    let mut steps = [
        load(0),
        jump(libc::BPF_JEQ, call as u32, 0, 3),
        load(16 + 2 * 8),
        jump(libc::BPF_JGT, longest, 1, 0),
        answer(libc::SECCOMP_RET_USER_NOTIF),
        answer(libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: the program lives until the call returns, and the kernel checks it.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    let listener = i32::try_from(listener).unwrap();
    if listener < 0 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap());
    }
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

/// Until nobody is left for whom the filter holds.
fn answer_all(listener: &OwnedFd, answer: impl Fn(&Held) -> Answer) {
    use rustix::event::{PollFd, PollFlags, poll};
    loop {
        let mut waiting = [PollFd::new(listener, PollFlags::IN)];
        match poll(&mut waiting, None) {
            Ok(_) if waiting[0].revents().contains(PollFlags::IN) => {}
            Err(Errno::INTR) => continue,
            _ => return,
        }
        // SAFETY: plain data, for which zeros are valid; the kernel wants them.
        let mut held: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes a structure of this size, or nothing where the caller has died.
        let received = unsafe {
            libc::ioctl(
                listener.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_RECV,
                &raw mut held,
            )
        };
        if received != 0 {
            continue;
        }
        let (val, error, flags) = match answer(&Held {
            pid: held.pid,
            arguments: held.data.args,
        }) {
            Answer::AsItIs => (0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
            Answer::Value(value) => (value, 0, 0),
            Answer::Error(errno) => (0, -errno.raw_os_error(), 0),
            Answer::Descriptor(descriptor) => {
                send_descriptor(listener, held.id, &descriptor);
                continue;
            }
        };
        let response = libc::seccomp_notif_resp {
            id: held.id,
            val,
            error,
            flags,
        };
        // SAFETY: the kernel reads a structure of this size. A caller that has died needs no answer.
        unsafe {
            libc::ioctl(
                listener.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_SEND,
                &raw const response,
            )
        };
    }
}

fn send_descriptor(listener: &OwnedFd, id: u64, descriptor: &OwnedFd) {
    let sent = libc::seccomp_notif_addfd {
        id,
        flags: libc::SECCOMP_ADDFD_FLAG_SEND as u32,
        srcfd: descriptor.as_raw_fd().unsigned_abs(),
        newfd: 0,
        newfd_flags: libc::O_CLOEXEC.unsigned_abs(),
    };
    // SAFETY: the kernel reads a structure of this size. A caller that has died needs no answer.
    unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_ADDFD,
            &raw const sent,
        )
    };
}
