//! What hostile native code tries: one attempt a line, each harmless where nothing refuses it.

mod files;
mod granted;
mod kernel;
pub mod memory;
mod network;
mod privileges;
mod processes;

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// One attempt. What it returns is the kernel's answer: a result, or an error number below zero.
pub struct Attack {
    pub name: &'static str,
    pub run: fn(&Target) -> i64,
}

/// Whom attacks are aimed at.
#[derive(Clone, Copy)]
pub struct Target {
    /// The process number of the supervisor.
    pub supervisor: i64,
    /// The process number of one that the same template forked.
    pub sibling: i64,
}

impl Target {
    /// What a process is aimed at that a supervisor has started.
    pub fn of_a_pool(supervisor: i64) -> Target {
        // Numbers are given in order, so the one before is a sibling's, most likely.
        let sibling = i64::from(std::process::id()) - 1;
        Target {
            supervisor,
            sibling,
        }
    }

    /// What a process is aimed at that stands alone: it has no sibling, and the number is greater than any process's.
    pub fn alone(supervisor: i64) -> Target {
        let sibling = 1 << 30;
        Target {
            supervisor,
            sibling,
        }
    }
}

/// A socket of this process under the abstract name that attacks try to reach.
pub fn bind_abstract_name() -> UnixDatagram {
    let name = format!("wpool-escape-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).expect("a short name");
    UnixDatagram::bind_addr(&address).expect("a name of its own")
}

/// All attempts, in the order in which they are listed.
pub fn all() -> impl Iterator<Item = &'static Attack> {
    [
        files::ATTACKS,
        network::ATTACKS,
        processes::ATTACKS,
        privileges::ATTACKS,
        kernel::ATTACKS,
        memory::ATTACKS,
    ]
    .into_iter()
    .flatten()
}

/// Those, and what somebody tries who was granted a directory.
pub fn with_granted() -> impl Iterator<Item = &'static Attack> {
    all().chain(granted::ATTACKS)
}

pub use granted::directory as granted_directory;

/// An answer of the kernel, in the words of the tables: `ok`, or the name of an error.
pub fn answer(result: i64) -> String {
    if result >= 0 {
        return "ok".into();
    }
    let errno = i32::try_from(-result).unwrap_or(0);
    let names = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::ESRCH, "ESRCH"),
        (libc::EBADF, "EBADF"),
        (libc::ECHILD, "ECHILD"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EBUSY, "EBUSY"),
        (libc::EINVAL, "EINVAL"),
        (libc::EMFILE, "EMFILE"),
        (libc::EROFS, "EROFS"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::EOPNOTSUPP, "EOPNOTSUPP"),
        (libc::ECONNREFUSED, "ECONNREFUSED"),
        (libc::ENETUNREACH, "ENETUNREACH"),
        (libc::EDQUOT, "EDQUOT"),
        (libc::ENOTDIR, "ENOTDIR"),
        (libc::EXDEV, "EXDEV"),
    ];
    let name = names.iter().find(|(number, _)| *number == errno);
    name.map_or_else(
        || io::Error::from_raw_os_error(errno).to_string(),
        |(_, name)| (*name).into(),
    )
}

/// The kernel's answer to a call made by the C library.
fn outcome(result: libc::c_long) -> i64 {
    if result == -1 {
        return -i64::from(io::Error::last_os_error().raw_os_error().unwrap_or(0));
    }
    result
}

/// A system call. Its arguments are numbers, or pointers to what outlives it.
macro_rules! call {
    ($number:expr $(, $argument:expr)* $(,)?) => {
        // SAFETY: whatever a call does to this process, the process is there for it; memory that is handed over is valid.
        super::outcome(unsafe { libc::syscall($number $(, super::Word::word($argument))*) })
    };
}
use call;

/// An argument as a system call takes it: a narrower one leaves half of its place as it was.
trait Word {
    fn word(self) -> i64;
}

macro_rules! words {
    ($($number:ty)*) => {
        $(impl Word for $number {
            fn word(self) -> i64 {
                self as i64
            }
        })*
    };
}

words!(i32 u32 i64 u64 usize);

impl<T> Word for *const T {
    fn word(self) -> i64 {
        self as i64
    }
}

impl<T> Word for *mut T {
    fn word(self) -> i64 {
        self as i64
    }
}

/// The ways to enter the kernel on this processor.
#[derive(Clone, Copy)]
pub enum Gate {
    /// As programs of this processor do.
    Native,
    /// As 64-bit programs with 32-bit pointers do.
    X32,
    /// As 32-bit programs do.
    Int80,
}

/// A system call with nothing but zeros for arguments.
pub fn bare(gate: Gate, number: i64) -> i64 {
    match gate {
        Gate::Native => call_with_zeros(number),
        Gate::X32 => call_with_zeros(number | 0x4000_0000),
        Gate::Int80 => by_interrupt(number),
    }
}

fn call_with_zeros(number: i64) -> i64 {
    // SAFETY: see `call`; no pointer is handed over.
    outcome(unsafe { libc::syscall(number, 0, 0, 0, 0, 0, 0) })
}

#[cfg(target_arch = "x86_64")]
fn by_interrupt(number: i64) -> i64 {
    let result: i64;
    // SAFETY: see `call`; the register that the compiler keeps for itself is put back.
    unsafe {
        std::arch::asm!(
            "push rbx", "xor ebx, ebx", "int 0x80", "pop rbx",
            inout("rax") number => result,
            in("rcx") 0_u64, in("rdx") 0_u64, in("rsi") 0_u64, in("rdi") 0_u64,
        );
    }
    // Answers of this gate are 32 bits wide.
    i64::from(result as i32)
}

#[cfg(not(target_arch = "x86_64"))]
fn by_interrupt(_number: i64) -> i64 {
    -i64::from(libc::ENOSYS)
}
