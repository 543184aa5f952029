//! Attempts under a single layer of the confinement, each in a process of its own.

use crate::attacks::{self, Gate, Target, answer};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use wpool::testing::{impostor, sealed};

/// Tries every attack under `layer` and prints how it ended.
pub fn attacks(layer: &str) {
    let supervisor = i64::from(std::process::id());
    let _bound = attacks::bind_abstract_name();
    for attack in attacks::all() {
        let ended = in_a_process(layer, || (attack.run)(&Target::alone(supervisor)));
        println!("{}\t{ended}", attack.name);
    }
}

/// Tries every system call by number under `layer`, and prints those that did not end the process.
pub fn calls(layer: &str) {
    for &(gate, name) in GATES {
        for number in NUMBERS {
            let ended = in_a_process(layer, || attacks::bare(gate, number));
            if ended != "SIGSYS" {
                println!("{name} {number}\t{ended}");
            }
        }
    }
}

/// Becomes a command in which nothing becomes executable that was not mapped so, as with
/// `MemoryDenyWriteExecute` of systemd.
pub fn without_new_executable_memory(command: &[&str]) {
    // SAFETY: it takes a right away from this process, which does not use it.
    let answer = unsafe { libc::prctl(libc::PR_SET_MDWE, libc::PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) };
    if answer != 0 {
        println!("NOT CHECKED: this kernel has no PR_SET_MDWE");
        return;
    }
    let mut words = command.iter();
    let program = words.next().expect("a command");
    let error = std::process::Command::new(program).args(words).exec();
    eprintln!("{program}: {error}");
}

/// The numbers that are tried: all that there are, and some that may be.
pub const NUMBERS: std::ops::Range<i64> = 0..640;

/// The ways to make a call, with their names.
#[cfg(target_arch = "x86_64")]
pub const GATES: &[(Gate, &str)] = &[
    (Gate::Native, "native"),
    (Gate::X32, "x32"),
    (Gate::Int80, "int80"),
];
/// The way to make a call: elsewhere there is one.
#[cfg(not(target_arch = "x86_64"))]
pub const GATES: &[(Gate, &str)] = &[(Gate::Native, "native")];

/// Runs `attempt` under `layer` in a forked process, and says how that ended.
fn in_a_process(layer: &str, attempt: impl FnOnce() -> i64) -> String {
    let artifact = sealed(b"artifact").expect("memory");
    let mut ends = [0; 2];
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: a place for two descriptors.
    let made = unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) };
    assert_eq!(made, 0, "a pair of sockets");
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        0 => {
            // The one descriptor that every filter lets it write to.
            // SAFETY: both are descriptors; those above the standard streams are not used any more.
            unsafe {
                libc::dup2(ends[1], 0);
                libc::dup2(artifact.as_raw_fd(), 1);
                libc::close_range(3, u32::MAX, 0);
                // A call that waits for ever is ended by a signal.
                libc::alarm(1);
            }
            match impostor::only(layer) {
                Ok(()) => say(&attempt().to_le_bytes()),
                Err(error) => eprintln!("{layer} is not in force: {error}"),
            }
            // SAFETY: nothing of this copy is needed any more.
            unsafe { libc::_exit(0) }
        }
        child => assert!(child > 0),
    }
    // SAFETY: both were just made, and nobody else owns them.
    let [reader, writer] = ends.map(|end| unsafe { File::from_raw_fd(end) });
    drop(writer);
    let mut said = Vec::new();
    let mut reader = reader;
    reader.read_to_end(&mut said).expect("a socket");
    let signal = reap_all();
    // An attack may have sent something itself, before.
    match (said.last_chunk(), signal) {
        (_, Some(libc::SIGSYS)) => "SIGSYS".into(),
        (_, Some(signal)) => format!("signal {signal}"),
        (Some(result), None) => answer(i64::from_le_bytes(*result)),
        (None, None) => "ended".into(),
    }
}

/// Writes to the one descriptor.
fn say(bytes: &[u8]) {
    // SAFETY: descriptor 0 is open, and stays so.
    let mut end = std::mem::ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
    // Nobody is there to be told of an error.
    let _ = end.write_all(bytes);
    debug_assert_eq!(end.as_raw_fd(), 0);
}

/// Waits for every child, and says which signal ended one of them.
fn reap_all() -> Option<i32> {
    let mut signal = None;
    loop {
        let mut status = 0;
        // SAFETY: a place for a status.
        if unsafe { libc::wait(&raw mut status) } < 0 {
            return signal;
        }
        if libc::WIFSIGNALED(status) {
            signal = Some(libc::WTERMSIG(status));
        }
    }
}
