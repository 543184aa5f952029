//! Stops the confined processes of a supervisor at each of their system calls, from the first to
//! the last.

use std::collections::HashSet;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// A command, and what it starts, traced by the thread that made this.
pub struct Traced {
    child: Child,
    /// Threads of the command itself, which are not stopped.
    supervisor: i32,
}

const OPTIONS: i32 = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_EXITKILL;

impl Traced {
    /// Starts a command, traced before its first instruction. `wrapper` is `sh` with the user and
    /// environment that are wanted.
    pub fn start(mut wrapper: Command, words: &[&str]) -> Traced {
        wrapper
            .args(["-c", "read go; exec \"$@\"", "sh"])
            .args(words);
        let mut child = wrapper
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let supervisor = child.id() as i32;
        ptrace(libc::PTRACE_SEIZE, supervisor, OPTIONS as usize).expect("a child can be traced");
        writeln!(child.stdin.take().unwrap(), "go").unwrap();
        Traced { child, supervisor }
    }

    /// Runs it to its end, and calls `look` with a process whenever it enters or leaves a system
    /// call. Returns what the command wrote.
    pub fn run(mut self, mut look: impl FnMut(i32)) -> String {
        let mut confined = HashSet::new();
        loop {
            let mut status = 0;
            // Of this thread alone: other tests have children too.
            // SAFETY: a place for a status.
            let pid =
                unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
            assert!(pid > 0, "the command is waited for first");
            if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
                if pid == self.supervisor {
                    break;
                }
                continue;
            }
            let signal = libc::WSTOPSIG(status);
            let is_call = signal == libc::SIGTRAP | 0x80;
            if is_call {
                look(pid);
            }
            if group_of(pid) != Some(self.supervisor) {
                confined.insert(pid);
            }
            let request = match confined.contains(&pid) {
                true => libc::PTRACE_SYSCALL,
                false => libc::PTRACE_CONT,
            };
            // What was stopped for a signal gets it; other stops have none.
            let is_event = status >> 16 != 0;
            let pass_on = if is_call || is_event { 0 } else { signal };
            // It may have been killed in the meantime.
            let _ = ptrace(request, pid, pass_on as usize);
        }
        let mut output = String::new();
        let mut stdout = self.child.stdout.take().unwrap();
        std::io::Read::read_to_string(&mut stdout, &mut output).unwrap();
        output
    }
}

/// The process that a thread belongs to.
fn group_of(thread: i32) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}

fn ptrace(request: libc::c_uint, pid: i32, data: usize) -> std::io::Result<()> {
    // SAFETY: none of the requests made here reads or writes memory of this process.
    match unsafe { libc::ptrace(request, pid, 0, data) } {
        -1 => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    }
}
