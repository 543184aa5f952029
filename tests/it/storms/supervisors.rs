//! Supervisors that are killed at random moments of their lives: of what they started, nothing outlives them.

use super::tasks;
use crate::support::{
    DEADLINE, Luck, Running, alone_for, compile_bomb, eventually, guest, module,
    nobody_is_left_now, pool, workers_of, wpool,
};
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Tells a process that it is the application, which is to be killed.
const APPLICATION: &str = "WPOOL_TEST_IS_APPLICATION";

/// How often each supervisor is killed, of the shortest storm.
const TIMES: u64 = 15;

fn times() -> u64 {
    (TIMES * tasks() / 50_000).max(1)
}

/// How long a process may outlive its supervisor: a second, if nothing else is tested meanwhile. By itself none would end within
/// ten.
fn soon() -> Duration {
    Duration::from_secs(if tasks() >= 1_000_000 { 1 } else { 10 })
}

/// Lets time pass, since a random moment is nothing that could be waited for.
fn pass(time: Duration) {
    let (_silent, nothing) = channel::<()>();
    let _ = nothing.recv_timeout(time);
}

/// A little longer than a supervisor takes until `moment` says so, or a second.
fn time_until(command: &mut Command, moment: impl Fn(&Running) -> bool) -> Duration {
    let begun = Instant::now();
    let running = Running::start(command);
    eventually("the life of a supervisor", || {
        (moment(&running) || !running.process.is_alive()).then_some(())
    });
    assert!(running.process.is_alive(), "{:?}", running.finish());
    (begun.elapsed() * 5 / 4).min(Duration::from_secs(1))
}

/// Kills supervisors by SIGKILL and SIGTERM in turn, each at a random moment of its first `life`, and sees that nothing is left.
fn kill_at_random_moments(times: u64, life: Duration, command: impl Fn() -> Command) {
    let mut luck = Luck::new();
    let mut longest = Duration::ZERO;
    for turn in 0..2 * times {
        let signal = [Signal::KILL, Signal::TERM][turn as usize % 2];
        let running = Running::start(&mut command());
        let moment = luck.time(life);
        pass(moment);
        running.process.signal(signal);
        let killed = Instant::now();
        let ran = running.finish();
        // The command has a handler for SIGTERM.
        let by_signal = ran.status.signal() == Some(signal.as_raw());
        let by_handler = ran.status.code() == Some(128 + signal.as_raw());
        assert!(by_signal || by_handler, "{ran:?}");
        while !nobody_is_left_now() {
            assert!(
                killed.elapsed() < soon(),
                "{signal:?} after {moment:?}: something survives"
            );
            std::thread::yield_now();
        }
        longest = longest.max(killed.elapsed());
    }
    println!(
        "{} supervisors, each at a moment of its first {life:?}; the last process was gone after {longest:?}",
        2 * times
    );
}

/// Whether so many workers of a supervisor compute.
fn compute(running: &Running, count: usize) -> bool {
    let workers = workers_of(&running.process);
    let busy = workers.iter().filter(|worker| worker.cpu_ticks() > 0);
    busy.count() >= count
}

fn patience() -> Duration {
    DEADLINE * u32::try_from(1 + times() / 100).unwrap()
}

#[test]
fn nothing_outlives_a_command_that_is_killed_at_any_moment() {
    let endless = || {
        let mut command = wpool();
        command
            .args(["map", "-j", "8", "--timeout", "none"])
            .arg(guest("spin"))
            .args(["-1"; 8]);
        command
    };
    alone_for(
        patience(),
        "storms::supervisors::nothing_outlives_a_command_that_is_killed_at_any_moment",
        || {
            let life = time_until(&mut endless(), |running| compute(running, 1));
            kill_at_random_moments(times(), life, endless);
        },
    );
}

#[test]
fn nothing_outlives_a_command_that_is_killed_while_it_compiles() {
    let bomb = module("bomb.wasm", compile_bomb());
    let compiling = || {
        let mut command = wpool();
        command.arg("map").arg(&bomb).arg("1");
        command
    };
    let has_begun = |running: &Running| {
        let children = running.process.children();
        children.iter().any(|child| child.cpu_ticks() > 10)
    };
    alone_for(
        patience(),
        "storms::supervisors::nothing_outlives_a_command_that_is_killed_while_it_compiles",
        || {
            let life = time_until(&mut compiling(), has_begun);
            kill_at_random_moments(times().div_ceil(3), life, compiling);
        },
    );
}

#[test]
fn nothing_outlives_an_application_that_is_killed_at_any_moment() {
    let test = "storms::supervisors::nothing_outlives_an_application_that_is_killed_at_any_moment";
    if std::env::var_os(APPLICATION).is_some() {
        let pool = pool("spin").workers(4).timeout(None).build().unwrap();
        pool.map::<_, i64>("spin", [-1; 8]).unwrap();
    }
    let application = || {
        let mut itself = Command::new(std::env::current_exe().unwrap());
        itself.args([test, "--exact", "--test-threads=1"]);
        itself.env(APPLICATION, "1");
        itself
    };
    alone_for(patience(), test, || {
        let life = time_until(&mut application(), |running| compute(running, 1));
        kill_at_random_moments(times(), life, application);
    });
}
