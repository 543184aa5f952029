//! What another user can do to a process between its start and its confinement, tried at each
//! system call that it makes.

mod tracer;

use crate::support::{Call, Ordinary, guest, is_root, refusing, wpool};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tracer::Traced;

/// Reads process numbers. For each, prints what this user could reach: root, working directory,
/// descriptors, environment, memory, which is what a tracer may reach, and signals. It uses only
/// what the shell has built in, for speed.
const PROBES: &str = r#"
while read pid; do
    could=
    [ -e /proc/$pid/root/. ] && could="$could root"
    [ -e /proc/$pid/cwd/. ] && could="$could cwd"
    [ -e /proc/$pid/fd/0 ] && could="$could descriptors"
    true 2>/dev/null </proc/$pid/environ && could="$could environ"
    true 2>/dev/null </proc/$pid/mem && could="$could memory"
    kill -0 $pid 2>/dev/null && could="$could signal"
    echo "$could"
done 2>/dev/null"#;

/// A user beside the supervisor's processes.
struct Neighbour {
    shell: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Neighbour {
    fn nobody() -> Neighbour {
        let mut shell = Command::new("sh")
            .args(["-c", PROBES])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .uid(65_534)
            .gid(65_534)
            .spawn()
            .unwrap();
        Neighbour {
            asks: shell.stdin.take().unwrap(),
            answers: BufReader::new(shell.stdout.take().unwrap()),
            shell,
        }
    }

    /// What it could do to that process.
    fn tries(&mut self, pid: i32) -> Vec<String> {
        writeln!(self.asks, "{pid}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.split_whitespace().map(str::to_string).collect()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.shell.kill().unwrap();
        self.shell.wait().unwrap();
    }
}

/// What `nobody` could do to the confined processes of a command, by how often, and at how many
/// moments it tried.
fn attacked(command: &Command) -> (BTreeMap<String, u32>, u32) {
    let mut neighbour = Neighbour::nobody();
    let words: Vec<&str> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_str().unwrap())
        .collect();
    let mut wrapper = Command::new("sh");
    wrapper.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    let mut could = BTreeMap::new();
    let mut moments = 0;
    let output = Traced::start(wrapper, &words).run(|pid| {
        moments += 1;
        for what in neighbour.tries(pid) {
            *could.entry(what).or_insert(0) += 1;
        }
    });
    assert_eq!(output, "49\n");
    (could, moments)
}

/// A call that starts a compiler, a template with a directory, and a worker.
fn call(directory: &Path, options: &[&str]) -> Command {
    let mut command = wpool();
    command
        .args(["run", "--no-cache"])
        .args(options)
        .arg("--dir")
        .arg(directory)
        .arg(guest("echo"))
        .args(["--", "49"]);
    command
}

#[test]
fn nobody_can_look_into_signal_or_trace_a_process_of_root_at_any_moment() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (could, moments) = attacked(&call(directory.path(), &[]));
    assert_eq!(could, BTreeMap::new(), "of {moments} moments");
    assert!(moments > 500, "{moments}");
}

#[test]
fn without_a_user_namespace_it_is_the_same() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let call = call(directory.path(), &[]);
    let (could, moments) = refusing(&[Call::UnshareUser(Errno::PERM)], || attacked(&call));
    assert_eq!(could, BTreeMap::new(), "of {moments} moments");
    assert!(moments > 500, "{moments}");
}

#[test]
fn without_ids_of_their_own_processes_of_root_can_be_signalled_by_nobody_and_no_more() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (could, moments) = attacked(&call(directory.path(), &["--worker-ids", "65534-65534"]));
    assert!(moments > 500, "{moments}");
    assert_eq!(could.keys().collect::<Vec<_>>(), ["signal"]);
}

#[test]
fn a_third_user_can_do_nothing_to_a_process_of_an_ordinary_user() {
    if !is_root() {
        return;
    }
    let user = Ordinary::newcomer();
    let mut words = Command::new("setpriv");
    let id = user.id().to_string();
    words.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
    words.arg(user.wpool().get_program());
    words.args(["run", "--no-cache"]);
    words.arg(user.guest("echo")).args(["--", "49"]);
    let (could, moments) = attacked(&words);
    // Before it changes its user it runs as root, which `nobody` cannot touch either.
    assert_eq!(could, BTreeMap::new(), "of {moments} moments");
    assert!(moments > 500, "{moments}");
}
