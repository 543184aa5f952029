//! What surrounds the command: a umask, closed streams, a `/proc` that is not there or hides
//! processes, limits and priorities.

use crate::support::{
    Ordinary, Process, Running, compile_bomb, eventually, guest, is_root, module, run, template_of,
    workers_of, wpool,
};
use std::fs;
use std::process::Command;

/// The command behind a line of shell, which ends with the command itself.
fn behind(line: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{line}; exec \"$@\""), "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

#[test]
fn where_standard_output_is_closed_nothing_is_run_and_that_is_said() {
    let mut squares = wpool();
    squares.arg("map").arg(guest("square")).args(["2", "3"]);
    let ran = run(&mut behind("exec >&-", &squares));
    assert_eq!(ran.code(), 2, "{ran:?}");
    assert!(ran.stderr.contains("standard output is closed"), "{ran:?}");
    // Where results are files it is not needed; and /dev/null is a place to go.
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    squares.arg("--results").arg(&results);
    assert_eq!(run(&mut behind("exec >&-", &squares)).code(), 0);
    assert_eq!(fs::read(results.join("2.out")).unwrap(), b"9\n");
    let mut squares = wpool();
    squares.arg("map").arg(guest("square")).args(["2", "3"]);
    assert_eq!(run(&mut behind("exec >/dev/null", &squares)).code(), 0);
}

#[test]
fn with_a_umask_that_takes_everything_the_cache_is_used_all_the_same() {
    let user = Ordinary::user();
    let cache = tempfile::tempdir().unwrap();
    if is_root() {
        std::os::unix::fs::chown(cache.path(), Some(user.id()), Some(user.id())).unwrap();
    }
    let with = |words: &[&str]| {
        let wpool = user.wpool();
        let mut shell = match is_root() {
            true => {
                let mut setpriv = Command::new("setpriv");
                let id = user.id().to_string();
                setpriv.args(["--reuid", &id, "--regid", &id, "--clear-groups", "sh"]);
                setpriv
            }
            false => Command::new("sh"),
        };
        shell.args(["-c", "umask 777; exec \"$@\"", "sh"]);
        shell.arg(wpool.get_program()).args(words);
        run(shell.env("XDG_CACHE_HOME", cache.path()))
    };
    let square = user.guest("square");
    let square = square.to_str().unwrap();
    assert_eq!(with(&["map", square, "3"]).stdout, "9\n");
    let listed = with(&["cache", "ls"]);
    assert!(
        listed.code() == 0 && !listed.stdout.is_empty(),
        "{listed:?}"
    );
    assert_eq!(with(&["map", square, "3"]).stdout, "9\n");
}

/// The command with a `/proc` of its own, which is changed by a line of shell; only root can have
/// one.
fn with_proc(line: &str, command: &Command) -> Option<Command> {
    let mut probe = Command::new("unshare");
    probe.args(["-m", "--propagation", "private", "true"]);
    if !is_root() || !probe.output().is_ok_and(|probe| probe.status.success()) {
        println!("NOT CHECKED: it takes root that may have mounts of its own");
        return None;
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["-m", "--propagation", "private", "sh", "-c"]);
    unshare.args([&format!("{line} && exec \"$@\""), "sh"]);
    unshare.arg(command.get_program()).args(command.get_args());
    Some(unshare)
}

#[test]
fn without_proc_nothing_is_run_and_that_is_said() {
    for words in [&["map"][..], &["doctor"]] {
        let mut command = wpool();
        command.args(words);
        if words == ["map"] {
            command.arg(guest("square")).arg("3");
        }
        if let Some(mut command) = with_proc("umount -l /proc", &command) {
            let ran = run(&mut command);
            assert_eq!(ran.code(), 3, "{ran:?}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains("/proc is not mounted"), "{ran:?}");
        }
    }
}

#[test]
fn where_proc_hides_processes_tasks_run_and_the_doctor_says_what_it_could_not_see() {
    let user = Ordinary::newcomer();
    let id = user.id().to_string();
    let as_user = |words: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
        command.arg(user.wpool().get_program()).args(words);
        with_proc("mount -t proc -o hidepid=2 proc /proc", &command)
    };
    let square = user.guest("square");
    let Some(mut squares) = as_user(&["map", "--no-cache", square.to_str().unwrap(), "2", "3"])
    else {
        return;
    };
    let ran = run(&mut squares);
    let by_number = ran.stderr.contains("hides processes");
    // Before Linux 6.13 workers are known by what /proc shows.
    assert!(ran.stdout == "4\n9\n" || by_number, "{ran:?}");
    if by_number {
        println!("NOT CHECKED: before Linux 6.13 the doctor has no worker to look at here");
        return;
    }
    let ran = run(&mut as_user(&["doctor"]).unwrap());
    assert!(ran.stdout.contains("was not seen from outside"), "{ran:?}");
    assert!(ran.stdout.contains("hidepid"), "{ran:?}");
    let ran = run(&mut as_user(&["doctor", "--json"]).unwrap());
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["worker"], serde_json::Value::Null, "{report}");
    let ran = run(wpool().args(["doctor", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(report["worker"].is_object(), "{report}");
}

/// A field of `stat`, counted as in `proc(5)`.
fn stat(process: &Process, field: usize) -> String {
    let stat = fs::read_to_string(process.file("stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(field - 3).unwrap().into()
}

#[test]
fn a_list_of_processes_shows_what_each_is_and_a_compiler_gives_way() {
    let mut endless = wpool();
    endless
        .args(["map", "-j", "1"])
        .arg(guest("spin"))
        .args(["--", "-1"]);
    let running = Running::start(&mut endless);
    let worker = eventually("a worker", || {
        workers_of(&running.process).into_iter().next()
    });
    let template = template_of(&running.process).unwrap();
    eventually("its name", || {
        (worker.status("Name")? == "wpool-worker").then_some(())
    });
    assert_eq!(template.status("Name").as_deref(), Some("wpool-template"));
    let ours = stat(&running.process, 19);
    assert_eq!(stat(&worker, 19), ours);
    drop(running);

    let bomb = module("bomb.wasm", compile_bomb());
    let mut compiling = wpool();
    compiling
        .args(["map", "--no-cache"])
        .arg(bomb.path())
        .arg("1");
    let running = Running::start(&mut compiling);
    let compiler = eventually("a compiler", || {
        let children = running.process.children();
        children
            .into_iter()
            .find(|it| it.status("Name").as_deref() == Some("wpool-compiler"))
    });
    let nice = |process: &Process| stat(process, 19).parse::<i32>().unwrap();
    // Nothing gives way more than by 19.
    eventually("it gives way", || {
        (nice(&compiler) == (nice(&running.process) + 10).min(19)).then_some(())
    });
}

#[test]
fn the_stack_of_a_process_is_bounded_whatever_its_supervisors_is() {
    let mut endless = wpool();
    endless
        .args(["map", "-j", "1"])
        .arg(guest("spin"))
        .args(["--", "-1"]);
    // Where the limit may not be raised it is what it is.
    let mut running = behind("ulimit -s unlimited 2>/dev/null || true", &endless);
    let running = Running::start(&mut running);
    let worker = eventually("a worker", || {
        workers_of(&running.process).into_iter().next()
    });
    let stack = |process: &Process| {
        let limits = fs::read_to_string(process.file("limits")).unwrap();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max stack size"));
        let values = line.unwrap().split_whitespace().skip(3).take(2);
        values
            .map(|value| value.parse().unwrap_or(u64::MAX))
            .collect::<Vec<_>>()
    };
    let most = stack(&running.process)[1].min(8 << 20);
    assert_eq!(stack(&worker), [most, most]);
}
