//! Running the command, to its end or while it runs.

use super::{DEADLINE, Process, status_field};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Once, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What the command can be told to do.
pub const SUBCOMMANDS: [&str; 10] = [
    "map",
    "reduce",
    "apply",
    "run",
    "inspect",
    "cache",
    "doctor",
    "completions",
    "man",
    "help",
];

/// The command under test, with no input.
pub fn wpool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wpool"));
    command.stdin(Stdio::null());
    // What whoever runs the tests has compiled before must not matter.
    command.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    command
}

/// Sees to it that commands do not ignore what whoever runs the tests has ignored, as in the background of a script: a signal that is
/// caught here is at its default in a program that is started.
pub fn let_signals_end_commands() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ignored = std::fs::read_to_string("/proc/self/status").unwrap();
        let ignored = status_field(&ignored, "SigIgn").unwrap();
        let ignored = u64::from_str_radix(&ignored, 16).unwrap();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored >> (signal - 1) & 1 == 1 {
                signal_hook::flag::register(signal, Arc::default()).unwrap();
            }
        }
    });
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ran {
    Running::start(command).finish()
}

/// Runs a command to its end with `input`.
pub fn feed(command: &mut Command, input: impl AsRef<[u8]>) -> Ran {
    let mut running = Running::start(command.stdin(Stdio::piped()));
    let mut stdin = running.stdin.take().unwrap();
    let input = input.as_ref().to_vec();
    // A command that ends before it has read everything is for the test to judge.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let ran = running.finish();
    writer.join().unwrap();
    ran
}

/// What a command did.
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The exit code; a command that was killed has none.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by signal {:?}", self.status.signal()))
    }

    /// The lines of standard output.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// The lines of standard error that are not about this machine, without the summary of those before and
    /// what to do about it.
    pub fn complaints(&self) -> Vec<&str> {
        self.stderr
            .lines()
            .filter(|line| {
                ![WARNING, SUMMARY, HINT]
                    .iter()
                    .any(|it| line.starts_with(it))
            })
            .collect()
    }

    /// What to do about it.
    pub fn hints(&self) -> Vec<&str> {
        self.stderr
            .lines()
            .filter_map(|line| line.strip_prefix(HINT))
            .collect()
    }

    /// The lines of the summary.
    pub fn summary(&self) -> Vec<&str> {
        self.stderr
            .lines()
            .filter_map(|line| line.strip_prefix(SUMMARY))
            .collect()
    }

    /// The warnings.
    pub fn warnings(&self) -> Vec<&str> {
        self.stderr
            .lines()
            .filter_map(|line| line.strip_prefix(WARNING))
            .collect()
    }

    /// The lines of standard output of a command that had nothing to complain about.
    #[track_caller]
    pub fn results(&self) -> Vec<&str> {
        assert!(self.code() == 0 && self.complaints().is_empty(), "{self:?}");
        self.lines()
    }
}

impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = |text: &str| text.chars().take(1000).collect::<String>();
        write!(
            f,
            "{}, stdout {:?}, stderr {:?}",
            self.status,
            start(&self.stdout),
            start(&self.stderr)
        )
    }
}

const WARNING: &str = "wpool: warning: ";
const SUMMARY: &str = "wpool: summary: ";
const HINT: &str = "wpool: hint: ";

/// A command that runs. It is killed when this is dropped, or when it takes unreasonably long.
pub struct Running {
    pub process: Process,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<JoinHandle<String>>,
    _watched: mpsc::Sender<()>,
}

impl Running {
    /// Starts a command whose input, if it is piped, is written by the test.
    pub fn start(command: &mut Command) -> Running {
        Running::start_for(DEADLINE, command)
    }

    /// Starts a command that may take as long as `patience`.
    pub fn start_for(patience: Duration, command: &mut Command) -> Running {
        let_signals_end_commands();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        let (watched, ended) = mpsc::channel::<()>();
        thread::spawn(move || {
            if ended.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Whoever waits for its output or end goes on, and fails.
                let _ = pidfd_send_signal(pidfd, Signal::KILL);
            }
        });
        Running {
            process: Process::with_pid(child.id()).unwrap(),
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(BufReader::new),
            stderr: Some(stderr),
            child,
            _watched: watched,
        }
    }

    /// Starts a command that is given its input later.
    pub fn start_with_input(command: &mut Command) -> Running {
        Running::start(command.stdin(Stdio::piped()))
    }

    /// Writes to its standard input.
    pub fn write(&mut self, text: &str) {
        self.stdin
            .as_mut()
            .expect("its input is open")
            .write_all(text.as_bytes())
            .unwrap();
    }

    /// Its standard input, for a thread that writes a lot.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("its input is open")
    }

    /// Waits for the next line of its standard output; `None` at the end.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let stdout = self.stdout.as_mut().expect("its output is open");
        if stdout.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        Some(line.trim_end_matches('\n').to_string())
    }

    /// Waits for so many more lines.
    pub fn skip_lines(&mut self, count: usize) {
        for _ in 0..count {
            self.line().expect("a line of output");
        }
    }

    /// How many bytes of its output wait to be read.
    pub fn unread(&self) -> u64 {
        rustix::io::ioctl_fionread(self.stdout.as_ref().expect("its output is open").get_ref())
            .unwrap()
    }

    /// Reads its output no more.
    pub fn close_output(&mut self) {
        self.stdout = None;
    }

    /// Waits for its end, with all that it still writes. Its input is closed.
    pub fn finish(mut self) -> Ran {
        self.stdin = None;
        let mut stdout = String::new();
        if let Some(output) = &mut self.stdout {
            output.read_to_string(&mut stdout).unwrap();
        }
        let stderr = self.stderr.take().unwrap().join().unwrap();
        Ran {
            status: self.child.wait().unwrap(),
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
