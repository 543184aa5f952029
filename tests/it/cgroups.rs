//! Each template with its workers has a cgroup, which bounds them together. No other process is
//! moved. Most tests take root and a hierarchy with controllers, as `tests/hosts` has.

use crate::support::{
    Delegated, HIERARCHY, Ordinary, Process, Running, eventually, guest, run, workers_of, wpool,
};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn cgroup_of(process: &Process) -> String {
    let groups = fs::read_to_string(process.file("cgroup")).unwrap();
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"));
    path.unwrap().to_string()
}

fn at(cgroup: &Path) -> [&str; 2] {
    ["--cgroup", cgroup.to_str().unwrap()]
}

/// Whether the doctor has a cgroup.
#[track_caller]
fn doctor_has_one(command: &mut Command) -> bool {
    let ran = run(command);
    let report: serde_json::Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    assert_eq!(report["error"], serde_json::Value::Null, "{report}");
    report["cgroup"].as_bool().unwrap()
}

#[test]
fn a_template_and_its_workers_have_a_group_of_their_own_with_limits_for_as_long_as_they_live() {
    let Some(delegated) = Delegated::to(0, "limits") else {
        return;
    };
    fs::create_dir(delegated.below("wpool-0123456789abcdef")).unwrap();
    let mut command = wpool();
    command.args(["map", "-j", "2", "--memory", "16MiB", "--timeout", "20s"]);
    command.args(at(delegated.path())).arg(guest("spin"));
    let running = Running::start(command.args(["1000000000000", "1000000000000"]));
    let workers = eventually("both compute", || {
        let workers = workers_of(&running.process);
        (workers.len() == 2).then_some(workers)
    });
    let group = cgroup_of(&workers[0]);
    assert_eq!(cgroup_of(&workers[1]), group);
    assert_ne!(
        cgroup_of(&running.process),
        group,
        "the command was not moved"
    );
    let directory = PathBuf::from(format!("{HIERARCHY}{group}"));
    assert_eq!(directory.parent().unwrap(), delegated.path());
    assert_eq!(
        delegated.groups().len(),
        1,
        "the group that was left behind is removed, and the compiler's"
    );
    let value = |file: &str| {
        fs::read_to_string(directory.join(file))
            .unwrap()
            .trim()
            .to_string()
    };
    assert_eq!(value("memory.swap.max"), "0");
    assert_eq!(value("cpu.weight"), "100");
    assert_eq!(
        value("pids.max"),
        "6",
        "a template, two workers, two that end, and what became the template"
    );
    let memory: u64 = value("memory.max").parse().unwrap();
    // Of a template and four workers, two of which are ending: each 16 MiB, what it needs besides,
    // and 64 MiB.
    assert!((900 << 20..1500 << 20).contains(&memory), "{memory}");
    let ran = running.finish();
    assert_eq!(
        ran.stderr.matches("ran longer than 20s").count(),
        2,
        "{ran:?}"
    );
    assert_eq!(delegated.groups(), [""; 0]);
}

#[test]
fn a_task_for_which_there_is_no_memory_in_the_group_fails_so_and_the_others_do_not() {
    let Some(delegated) = Delegated::to(0, "memory") else {
        return;
    };
    fs::write(delegated.below("memory.max"), "96M").unwrap();
    let mut command = wpool();
    command
        .args(["map", "-j", "1", "-f", "fill"])
        .args(at(delegated.path()));
    let ran = run(command.arg(guest("faults")).args(["1", "200", "2"]));
    assert_eq!(ran.stdout, "1\n2\n", "{ran:?}");
    let failed = ran.stderr.lines().next().unwrap();
    assert!(
        failed.contains("task 2") && failed.contains(": memory:"),
        "{ran:?}"
    );
}

#[test]
fn an_ordinary_user_has_what_is_delegated_above_its_cgroup_without_being_moved() {
    let user = Ordinary::user();
    let Some(delegated) = Delegated::to(user.id(), "above") else {
        return;
    };
    let application = delegated.below("application");
    fs::create_dir(&application).unwrap();
    chown(&application, Some(user.id()), Some(user.id())).unwrap();
    let words = ["doctor", "--json"];
    assert!(doctor_has_one(&mut delegated.start_in(
        "application",
        &user,
        &words
    )));
    let words = ["doctor", "--json", "--cgroup", "none"];
    assert!(!doctor_has_one(&mut delegated.start_in(
        "application",
        &user,
        &words
    )));
    assert_eq!(delegated.groups(), [""; 0]);
}

#[test]
fn a_command_that_is_alone_in_a_delegated_cgroup_moves_itself_and_beside_others_nobody() {
    let user = Ordinary::user();
    let Some(delegated) = Delegated::to(user.id(), "alone") else {
        return;
    };
    let words = ["doctor", "--json"];
    assert!(doctor_has_one(&mut delegated.start_in("", &user, &words)));
    assert!(delegated.below("supervisor").exists());
    // From here on the kernel lets nobody into the cgroup itself.
    let Some(delegated) = Delegated::to(user.id(), "beside") else {
        return;
    };
    let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    fs::write(delegated.below("cgroup.procs"), other.id().to_string()).unwrap();
    assert!(!doctor_has_one(&mut delegated.start_in("", &user, &words)));
    let left = fs::read_to_string(delegated.below("cgroup.procs")).unwrap();
    assert_eq!(left.trim(), other.id().to_string());
    other.kill().unwrap();
    other.wait().unwrap();
}

#[track_caller]
fn assert_refused(mut command: Command, cgroup: &Path, why: &str) {
    let ran = run(command
        .arg("map")
        .args(at(cgroup))
        .arg(guest("square"))
        .arg("1"));
    assert_eq!(ran.code(), 3, "{ran:?}");
    assert!(ran.stderr.contains(why), "{ran:?}");
}

#[test]
fn a_cgroup_that_cannot_be_used_is_refused_with_what_to_do() {
    let user = Ordinary::user();
    let Some(delegated) = Delegated::to(0, "refused") else {
        return;
    };
    let ran = run(user
        .wpool()
        .arg("map")
        .args(at(delegated.path()))
        .arg(user.guest("square"))
        .arg("1"));
    assert_eq!(ran.code(), 3, "{ran:?}");
    assert!(ran.stderr.contains("(systemd: Delegate=yes)"), "{ran:?}");

    let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    fs::write(delegated.below("cgroup.procs"), other.id().to_string()).unwrap();
    assert_refused(wpool(), delegated.path(), "name a cgroup without processes");
    other.kill().unwrap();
    other.wait().unwrap();

    chown(delegated.path(), Some(user.id()), None).unwrap();
    assert_refused(wpool(), delegated.path(), "name a cgroup that root owns");
}

#[test]
fn a_directory_that_is_not_a_cgroup_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(
        wpool(),
        folder.path(),
        "not a directory of cgroup version 2",
    );
}
