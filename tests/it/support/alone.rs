//! Tests that are about everything their process has, which cannot be told while other tests run in the same one.

use super::{DEADLINE, Running, eventually};
use rustix::io::Errno;
use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};
use std::process::Command;
use std::time::Duration;

const ALONE: &str = "WPOOL_TEST_IS_ALONE";

/// Runs `body` in a process that runs nothing else, and that inherits what its descendants leave behind. `test` is the path of
/// the test that this is called in.
#[track_caller]
pub fn alone(test: &str, body: impl FnOnce()) {
    alone_for(DEADLINE, test, body);
}

/// The same for a body that may take as long as `patience`.
#[track_caller]
pub fn alone_for(patience: Duration, test: &str, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        set_child_subreaper(Some(getpid())).unwrap();
        return body();
    }
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1");
    let ran = Running::start_for(patience, &mut itself).finish();
    assert!(ran.status.success(), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains(" 1 passed"),
        "there is no test {test}: {}",
        ran.stdout
    );
}

/// Waits until nothing is left of what this process, which is [`alone`], and its descendants ever started.
#[track_caller]
pub fn nobody_is_left() {
    eventually("nobody is left", || nobody_is_left_now().then_some(()));
}

/// Whether nothing is left of that, not even an entry of a process that nobody has waited for. What has ended is waited for.
pub fn nobody_is_left_now() -> bool {
    matches!(wait(WaitOptions::NOHANG), Err(Errno::CHILD))
}
