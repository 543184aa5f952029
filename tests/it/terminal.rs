//! The command on a terminal.

use crate::support::{DEADLINE, compile_bomb, guest, let_signals_end_commands, module, wat, wpool};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the key sends.
const CONTROL_C: u8 = 3;

/// A command whose output goes to a terminal.
struct OnTerminal {
    child: Child,
    screen: OwnedFd,
    shown: String,
}

impl OnTerminal {
    fn start(command: &mut Command) -> OnTerminal {
        let_signals_end_commands();
        let screen =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal: File = rustix::fs::open(name.as_c_str(), flags, rustix::fs::Mode::empty())
            .unwrap()
            .into();
        let child = command
            .stdin(Stdio::from(terminal.try_clone().unwrap()))
            .stdout(Stdio::from(terminal.try_clone().unwrap()))
            .stderr(Stdio::from(terminal))
            .spawn()
            .unwrap();
        // The command keeps the terminal open beyond its own end.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        OnTerminal {
            child,
            screen,
            shown: String::new(),
        }
    }

    /// The command as what the terminal is for: keys that are signals reach it.
    fn in_the_foreground(command: &Command) -> OnTerminal {
        let mut session = Command::new("setsid");
        session
            .arg("--ctty")
            .arg(command.get_program())
            .args(command.get_args());
        OnTerminal::start(&mut session)
    }

    fn type_key(&self, key: u8) {
        rustix::io::write(&self.screen, &[key]).unwrap();
    }

    /// Reads what is shown until `enough` is satisfied or the terminal is closed.
    #[track_caller]
    fn wait_for(&mut self, enough: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        let second = Timespec::try_from(Duration::from_secs(1)).unwrap();
        while !enough(&self.shown) {
            assert!(Instant::now() < deadline, "{:?}", self.shown);
            let mut ready = [PollFd::new(&self.screen, PollFlags::IN)];
            if poll(&mut ready, Some(&second)).unwrap() == 0 {
                continue;
            }
            let mut bytes = [0; 4096];
            // An error is how a terminal says that nobody writes any more.
            let Ok(count @ 1..) = rustix::io::read(&self.screen, &mut bytes) else {
                return;
            };
            self.shown += &String::from_utf8_lossy(&bytes[..count]);
        }
    }

    /// Everything that is shown until the command ends.
    fn finish(mut self) -> String {
        self.wait_for(|_| false);
        std::mem::take(&mut self.shown)
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_module_that_takes_long_to_compile_is_named_meanwhile_and_the_note_goes_away() {
    let bomb = module("bomb.wasm", compile_bomb());
    let mut command = OnTerminal::start(wpool().arg("inspect").arg(&bomb));
    command.wait_for(|shown| shown.contains("compiling"));
    assert!(
        command.shown.starts_with("wpool: compiling "),
        "{:?}",
        command.shown
    );
    assert!(command.shown.contains("bomb.wasm …"), "{:?}", command.shown);
    let compiler = crate::support::Process::with_pid(command.child.id())
        .unwrap()
        .children();
    for child in compiler {
        kill_process(
            Pid::from_raw(child.pid.cast_signed()).unwrap(),
            Signal::KILL,
        )
        .unwrap();
    }
    let shown = command.finish();
    let (_, after) = shown.split_once("…").unwrap();
    assert!(after.starts_with("\r\u{1b}[K"), "{shown:?}");
    assert!(
        after.contains("its compiler was ended by signal 9"),
        "{shown:?}"
    );
}

#[test]
fn a_module_that_compiles_quickly_is_not_mentioned() {
    let shown =
        OnTerminal::start(wpool().arg("map").arg(guest("square")).args(["2", "3"])).finish();
    assert_eq!(shown, "4\r\n9\r\n");
}

#[test]
fn results_that_would_command_the_terminal_are_shown_escaped_on_one() {
    let text = r#"(component
        (core module $m
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\0a\00\00\00") (data (i32.const 16) "\1b[2J\07 two\n")
            (func (export "say") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func (export "say") (result string)
            (canon lift (core func $i "say") (memory $i "memory"))))"#;
    let component = wat(text);
    for command in ["map", "apply"] {
        let arguments = if command == "map" { vec![""] } else { vec![] };
        let shown =
            OnTerminal::start(wpool().arg(command).arg(&component).args(&arguments)).finish();
        assert!(
            shown.contains(r"\u{1b}[2J\u{7} two"),
            "{command}: {shown:?}"
        );
        assert!(!shown.contains('\u{1b}'), "{command}: {shown:?}");
        // Elsewhere a result is what the function returned.
        let ran = crate::support::run(wpool().arg(command).arg(&component).args(&arguments));
        assert_eq!(ran.stdout, "\u{1b}[2J\u{7} two\n\n", "{command}");
    }
}

/// What is left on the screen where each line was written over what it began with.
fn left_on_screen(shown: &str) -> Vec<String> {
    let lines = shown.split("\r\n").map(|line| {
        let after_erasure = line.rsplit("\u{1b}[2K").next().unwrap_or(line);
        after_erasure.rsplit('\r').next().unwrap_or("").to_string()
    });
    lines.collect()
}

#[test]
fn a_job_that_takes_long_says_how_far_it_is_and_the_line_makes_way_for_results() {
    let mut command = wpool();
    command.args(["map", "-j", "1", "--timeout", "2500ms"]);
    let mut command = OnTerminal::start(command.arg(guest("spin")).args(["1", "-1", "3"]));
    command.wait_for(|shown| shown.contains("1 of 3 done, "));
    let shown = command.finish();
    assert!(shown.starts_with("1\r\n"), "{shown:?}");
    let left = left_on_screen(&shown);
    let kept: Vec<&str> = left
        .iter()
        .map(String::as_str)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(
        kept,
        [
            "1",
            "wpool: task 2 (-1): timeout: it ran longer than 2.5s",
            "3",
            "wpool: hint: timeout: --timeout TIME gives each task more; --retries N --retry-timeouts tries again",
        ],
        "{shown:?}"
    );
}

#[test]
fn the_line_of_progress_is_not_shown_where_that_was_said() {
    let mut command = wpool();
    command.args(["map", "-j", "1", "--timeout", "1500ms", "--no-progress"]);
    let shown = OnTerminal::start(command.arg(guest("spin")).args(["1", "-1"])).finish();
    assert!(!shown.contains("done"), "{shown:?}");
}

#[test]
fn control_c_says_that_what_runs_may_finish_and_a_second_one_kills_it() {
    let mut command = wpool();
    command.args(["map", "-j", "1", "--timeout", "none", "--no-progress"]);
    command.arg(guest("spin")).args(["1", "-1", "3"]);
    let mut command = OnTerminal::in_the_foreground(&command);
    command.wait_for(|shown| shown.contains("1\r\n"));
    command.type_key(CONTROL_C);
    command.wait_for(|shown| shown.contains("once more kills it\r\n"));
    command.type_key(CONTROL_C);
    assert_eq!(command.child.wait().unwrap().code(), Some(130));
    let shown = command.finish();
    let said = "1\r\n^Cwpool: interrupted: what runs may finish; once more kills it\r\n";
    assert!(shown.starts_with(said), "{shown:?}");
    assert_eq!(
        shown[said.len()..].trim_start_matches("^C"),
        "",
        "{shown:?}"
    );
}

#[test]
fn help_is_in_colour_on_a_terminal_unless_no_color_is_set() {
    let shown = OnTerminal::start(
        wpool()
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .arg("--help"),
    )
    .finish();
    assert!(shown.contains("\u{1b}["), "{shown:?}");
    let shown = OnTerminal::start(
        wpool()
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .arg("--help"),
    )
    .finish();
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}
