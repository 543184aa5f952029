//! Granted directories: what is in them can be used as it was granted, and nothing else is there.

use super::{BOTH, run_tool};
use crate::support::{
    Call, Ordinary, Running, eventually, is_root, pool, refusing, run, workers_of, wpool,
};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use wpool::{Directory, ErrorKind};

/// A directory with a file and a folder in it.
pub(super) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "hello\n").unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    folder
}

pub(super) fn granted(path: &Path, more: &str) -> String {
    format!("{}{more}", path.display())
}

/// `wpool run --dir GRANT TOOL -- WORDS`, what it says and its code.
pub(super) fn with(grant: &str, tool: &str, words: &[&str]) -> (i32, String) {
    let ran = run(&mut run_tool(&["--dir", grant], tool, words));
    (ran.code(), ran.stdout + &ran.stderr)
}

/// What a program does in a directory that it may change, and what comes of it.
const CHANGES: &[(&[&str], &str)] = &[
    (&["ls", "/d"], "a.txt\nsub\n"),
    (&["read", "/d/a.txt"], "hello\n"),
    (&["stat", "/d/a.txt"], "6 false\n"),
    (&["size", "/d/sub/../a.txt"], "6\n"),
    (&["write", "/d/new.txt", "text"], "done\n"),
    (&["append", "/d/new.txt", "more"], "done\n"),
    (&["read", "/d/new.txt"], "textmore"),
    (&["mkdir", "/d/made"], "done\n"),
    (&["mv", "/d/new.txt", "/d/made/moved"], "done\n"),
    (&["link", "/d/made/moved", "/d/linked"], "done\n"),
    (&["sync", "/d/linked"], "done\n"),
    (&["truncate", "/d/linked"], "done\n"),
    (&["size", "/d/made/moved"], "0\n"),
    (&["grow", "/d/big", "10000000"], "done\n"),
    (&["rm", "/d/big"], "done\n"),
    (&["rm", "/d/linked"], "done\n"),
    (&["rm", "/d/made/moved"], "done\n"),
    (&["rmdir", "/d/made"], "done\n"),
    (&["ls", "/d"], "a.txt\nsub\n"),
];

#[test]
fn a_directory_can_be_read_and_changed_as_root_and_not() {
    let folder = folder();
    let grant = granted(folder.path(), "::/d");
    for tool in BOTH {
        for (words, said) in CHANGES {
            assert_eq!(
                with(&grant, tool, words),
                (0, said.to_string()),
                "{tool} {words:?}"
            );
        }
    }
    let user = Ordinary::user();
    let theirs = folder_of(&user);
    assert_changes_for(&user, &granted(theirs.path(), "::/d"), 0);
}

/// The same for an ordinary user, who is warned so often in each run.
#[track_caller]
fn assert_changes_for(user: &Ordinary, grant: &str, warnings: usize) {
    for tool in BOTH {
        let module = user.guest(tool);
        for (words, said) in CHANGES {
            let mut command = user.wpool();
            command.args(["run", "--dir", grant]).arg(&module).arg("--");
            let ran = run(command.args(*words));
            assert_eq!(
                (ran.code(), ran.stdout.as_str(), ran.warnings().len()),
                (0, *said, warnings),
                "{words:?}: {ran:?}"
            );
        }
    }
}

/// A directory that belongs to an ordinary user.
fn folder_of(user: &Ordinary) -> TempDir {
    let folder = folder();
    if is_root() {
        let _ = user;
        for path in ["", "a.txt", "sub"] {
            std::os::unix::fs::chown(folder.path().join(path), Some(65_534), Some(65_534)).unwrap();
        }
    }
    folder
}

#[test]
fn what_root_grants_belongs_to_its_owner_afterwards() {
    if !is_root() {
        return;
    }
    let folder = folder();
    let grant = granted(folder.path(), "::/d");
    assert_eq!(with(&grant, "tool", &["write", "/d/new", "x"]).0, 0);
    let new = fs::metadata(folder.path().join("new")).unwrap();
    assert_eq!((new.uid(), new.gid()), (0, 0));
    assert_eq!(new.mode() & 0o7000, 0);
}

#[test]
fn read_only_is_read_only_and_nothing_was_changed_afterwards() {
    let folder = folder();
    let grant = granted(folder.path(), "::/d:ro");
    let reads = ["ls", "read", "stat", "size"];
    for tool in BOTH {
        for (words, said) in CHANGES {
            let (code, output) = with(&grant, tool, words);
            let on_what_is_there = words
                .iter()
                .all(|word| !word.contains("new") && !word.contains("made"));
            if reads.contains(&words[0]) && on_what_is_there {
                assert_eq!((code, output.as_str()), (0, *said), "{tool} {words:?}");
            } else {
                assert_eq!(code, 1, "{tool} {words:?}: {output}");
                assert!(output.starts_with("tool: "), "{output}");
            }
        }
    }
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 2);
    assert_eq!(
        fs::read_to_string(folder.path().join("a.txt")).unwrap(),
        "hello\n"
    );
}

#[test]
fn a_file_that_is_only_read_may_be_synced() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_sync" (func $sync (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_datasync" (func $datasync (param i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 100) "a.txt")
        (func (export "sync") (result i32 i32 i32)
            (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 0)
                (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 200))
            (call $sync (i32.load (i32.const 200))) (call $datasync (i32.load (i32.const 200)))))"#;
    let folder = folder();
    let directory = Directory::new(folder.path()).at("/d").read_only();
    let pool = crate::support::pool_of(wpool::Module::text(text))
        .dir(directory)
        .build()
        .unwrap();
    // Whether the library allows it is for it to say; the process lives.
    let (opened, _, _) = pool.apply::<(i32, i32, i32)>("sync", ()).unwrap();
    assert_eq!(opened, 0);
}

#[test]
fn several_directories_are_several_and_the_working_directory_is_one() {
    let (one, other) = (folder(), folder());
    fs::write(other.path().join("b.txt"), "other").unwrap();
    let (one, other) = (
        granted(one.path(), "::/one:ro"),
        granted(other.path(), "::."),
    );
    let options = ["--dir", &one, "--dir", &other];
    for (words, said) in [
        (["read", "/one/a.txt"], "hello\n"),
        (["read", "b.txt"], "other"),
        (["ls", "/one"], "a.txt\nsub\n"),
    ] {
        for tool in BOTH {
            assert_eq!(
                run(&mut run_tool(&options, tool, &words)).stdout,
                said,
                "{tool} {words:?}"
            );
        }
    }
}

#[test]
fn without_namespaces_landlock_keeps_a_program_to_it() {
    let user = Ordinary::user();
    let folder = folder_of(&user);
    let grant = granted(folder.path(), "::/d");
    refusing(&[Call::Unshare], || assert_changes_for(&user, &grant, 1));
    // Before its third version Landlock would let files be cut.
    refusing(&[Call::LandlockAbi(2), Call::Unshare], || {
        let mut command = user.wpool();
        command
            .args(["run", "--dir", &grant])
            .arg(user.guest("tool"));
        let ran = run(command.args(["--", "ls", "/d"]));
        assert_eq!(ran.code(), 3, "{ran:?}");
        assert!(ran.stderr.contains("needs ABI 3"), "{ran:?}");
    });
}

#[test]
fn root_is_told_what_to_do_where_its_workers_cannot_write() {
    if !is_root() {
        return;
    }
    // Without namespaces nothing can be mapped, and the directory is root's.
    let folder = folder();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let grant = granted(folder.path(), "::/d");
    refusing(&[Call::Unshare], || {
        let ran = run(&mut run_tool(&["--dir", &grant], "tool", &["ls", "/d"]));
        assert_eq!(ran.code(), 2, "{ran:?}");
        for part in [
            "cannot be granted: writing to it",
            "give all users access",
            "start wpool as the owner",
        ] {
            assert!(ran.stderr.contains(part), "{part}: {ran:?}");
        }
        let grant = grant.clone() + ":ro";
        let ran = run(&mut run_tool(&["--dir", &grant], "tool", &["ls", "/d"]));
        assert_eq!(
            (ran.code(), ran.stdout.as_str()),
            (0, "a.txt\nsub\n"),
            "{ran:?}"
        );
    });
}

#[test]
fn what_cannot_or_must_not_be_granted_is_refused_before_anything_is_compiled() {
    let folder = folder();
    let cache = tempfile::tempdir().unwrap();
    let here = |more: &str| granted(folder.path(), more);
    let refused = |grants: &[&str], why: &str| {
        let mut options = Vec::new();
        for grant in grants {
            options.extend(["--dir", *grant]);
        }
        let mut command = run_tool(&options, "tool", &["ls", "/"]);
        let ran = run(command.env("XDG_CACHE_HOME", cache.path()));
        assert_eq!(ran.code(), 2, "{ran:?}");
        assert!(
            ran.complaints().len() == 1 && ran.stderr.contains(why),
            "{why}: {ran:?}"
        );
    };
    // So that the cache is there.
    let mut first = run_tool(&[], "tool", &["args"]);
    assert_eq!(run(first.env("XDG_CACHE_HOME", cache.path())).code(), 0);

    refused(&[&here("/nowhere")], "No such file");
    refused(&[&here("/a.txt")], "it is no directory");
    refused(&["/proc"], "no directory of files but proc");
    refused(&[&here("::/d"), &here("::/d/sub")], "hides a part");
    refused(&[&here("::")], "write HOST");
    refused(&[&granted(cache.path(), "")], "covers the artifact cache");
    refused(
        &[&granted(&cache.path().join("wpool"), "::/d:ro")],
        "covers the artifact cache",
    );
    let program = Path::new(wpool().get_program()).canonicalize().unwrap();
    refused(
        &[&granted(program.parent().unwrap(), "")],
        "covers the worker program",
    );
    let nine: Vec<String> = (0..9).map(|number| here(&format!("::/{number}"))).collect();
    let nine: Vec<&str> = nine.iter().map(String::as_str).collect();
    refused(&nine, "at most 8");
}

#[test]
fn a_directory_that_may_not_be_read_is_refused_by_name() {
    let user = Ordinary::user();
    let folder = folder();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    if !is_root() {
        fs::set_permissions(folder.path(), Permissions::from_mode(0o0)).unwrap();
    }
    let mut command = user.wpool();
    command
        .args(["run", "--dir", &granted(folder.path(), "::/d:ro")])
        .arg(user.guest("tool"));
    let ran = run(command.args(["--", "ls", "/d"]));
    assert_eq!(ran.code(), 2, "{ran:?}");
    let name = folder.path().display().to_string();
    assert!(
        ran.stderr.contains(&name) && ran.stderr.contains("Permission denied"),
        "{ran:?}"
    );
}

#[test]
fn a_function_that_imports_no_wasi_cannot_use_one_and_gains_nothing_by_it() {
    let folder = folder();
    let refused = pool("square")
        .dir(Directory::new(folder.path()))
        .build()
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Grant);
    assert!(refused.to_string().contains("imports no WASI"), "{refused}");
}

#[test]
fn a_file_that_becomes_too_long_is_an_error_and_no_death() {
    // The limit of the process that starts it is the tighter one.
    let user = Ordinary::user();
    let folder = folder_of(&user);
    let mut command = user.wpool_under("--fsize=1000000");
    command.args([
        "run",
        "--no-cache",
        "--dir",
        &granted(folder.path(), "::/d"),
    ]);
    let ran = run(command
        .arg(user.guest("tool"))
        .args(["--", "grow", "/d/big", "5000000"]));
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert!(ran.stderr.contains("FileTooLarge"), "{ran:?}");
}

#[test]
fn what_is_mounted_elsewhere_later_does_not_appear_in_it() {
    if !is_root() {
        return;
    }
    // As on machines whose mounts are shared, for one whose namespaces copy them.
    let user = Ordinary::user();
    let folder = folder_of(&user);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "shared"]);
    command.args([
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ]);
    command.arg(user.wpool().get_program());
    command.args([
        "map",
        "-j",
        "1",
        "--no-cache",
        "--arg",
        "spin",
        "--timeout",
        "none",
    ]);
    command.args(["--dir", &granted(folder.path(), "::/d")]);
    let running = Running::start(command.arg(user.guest("tool")).arg("x"));
    let worker = eventually("a worker", || workers_of(&running.process).pop());
    let mounts = fs::read_to_string(worker.file("mountinfo")).unwrap();
    assert_eq!(mounts.lines().count(), 2, "{mounts}");
    for mount in mounts.lines() {
        assert!(
            !mount.contains("master:") && !mount.contains("shared:"),
            "{mount}"
        );
        for flag in ["nosuid", "nodev", "noexec"] {
            assert!(mount.contains(flag), "{flag}: {mount}");
        }
    }
}
