//! Granted directories that somebody has prepared: links, devices and races lead nowhere.

use super::files::{folder, granted, with};
use super::{BOTH, run_tool};
use crate::support::{is_root, pool, run};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use wpool::{Directory, MapError};

#[test]
fn nothing_leads_out_of_it() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let folder = folder();
    let here = |name: &str| folder.path().join(name);
    symlink(&secret, here("absolute")).unwrap();
    symlink("../", here("above")).unwrap();
    symlink(outside.path(), here("elsewhere")).unwrap();
    symlink("/proc/self/root", here("root")).unwrap();
    symlink("/proc/self/fd/0", here("descriptor")).unwrap();
    symlink("loop", here("loop")).unwrap();
    let name = outside.path().file_name().unwrap().to_str().unwrap();
    let paths = [
        "/d/absolute".to_string(),
        format!("/d/above/{name}/secret"),
        "/d/elsewhere/secret".into(),
        format!("/d/root{}", secret.display()),
        "/d/descriptor".into(),
        "/d/loop".into(),
        format!("/d/../{name}/secret"),
        format!("/d/sub/../../{name}/secret"),
        format!("/d/a.txt/../../{name}/secret"),
        secret.display().to_string(),
        format!("{}", here("a.txt").display()),
        "a.txt".into(),
        "/proc/self/status".into(),
        "/0/a.txt".into(),
    ];
    for tool in BOTH {
        for access in ["::/d", "::/d:ro"] {
            let grant = granted(folder.path(), access);
            for path in &paths {
                for attempt in ["read", "ls"] {
                    let (code, said) = with(&grant, tool, &[attempt, path]);
                    assert_eq!(code, 1, "{tool} {attempt} {path}: {said}");
                    assert!(
                        said.starts_with("tool: ") && !said.contains("secret\n"),
                        "{said}"
                    );
                }
            }
        }
        let grant = granted(folder.path(), "::/d");
        for path in &paths[..2] {
            assert_eq!(with(&grant, tool, &["write", path, "x"]).0, 1);
        }
        let out = format!("../{name}/moved");
        assert_eq!(with(&grant, tool, &["mv", "/d/a.txt", &out]).0, 1);
        assert_eq!(
            with(
                &grant,
                tool,
                &["link", &secret.display().to_string(), "/d/stolen"]
            )
            .0,
            1
        );
    }
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
}

#[test]
fn links_within_it_work() {
    let folder = folder();
    symlink("a.txt", folder.path().join("link")).unwrap();
    symlink("../a.txt", folder.path().join("sub/link")).unwrap();
    for tool in BOTH {
        for path in ["/d/link", "/d/sub/link"] {
            let said = with(&granted(folder.path(), "::/d:ro"), tool, &["read", path]);
            assert_eq!(said, (0, "hello\n".into()));
        }
    }
}

#[test]
fn devices_in_it_are_of_no_use_and_a_pipe_holds_its_task_alone() {
    let folder = folder();
    let make = |kind: &[&str]| {
        let path = folder.path().join(kind[0]);
        Command::new("mknod")
            .arg(path)
            .args(&kind[1..])
            .status()
            .unwrap()
    };
    if is_root() {
        assert!(make(&["zero", "c", "1", "5"]).success());
        for tool in BOTH {
            let (code, said) = with(&granted(folder.path(), "::/d"), tool, &["read", "/d/zero"]);
            assert_eq!(code, 1, "{said}");
        }
    }
    assert!(make(&["pipe", "p"]).success());
    let grant = granted(folder.path(), "::/d");
    let options = ["--dir", &grant, "--timeout", "200ms"];
    let ran = run(&mut run_tool(&options, "tool", &["read", "/d/pipe"]));
    assert!([1, 124].contains(&ran.code()), "{ran:?}");
}

#[test]
fn a_link_that_changes_all_the_time_never_leads_out() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a.txt"), "secret").unwrap();
    let folder = folder();
    fs::write(folder.path().join("sub/a.txt"), "inside").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let (place, spare) = (folder.path().join("swap"), folder.path().join("spare"));
    fs::rename(folder.path().join("sub"), &place).unwrap();
    symlink(outside.path(), &spare).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    &place,
                    rustix::fs::CWD,
                    &spare,
                    rustix::fs::RenameFlags::EXCHANGE,
                )
                .unwrap();
            }
        });
        for tool in BOTH {
            let directory = Directory::new(folder.path()).at("/d");
            let pool = pool(tool).dir(directory).build().unwrap();
            let words = ["read", "/d/swap/a.txt"];
            let outcomes: Vec<_> = (0..500)
                .map(|_| pool.apply::<String>("run", (words, "")))
                .collect();
            let inside = outcomes
                .iter()
                .filter(|it| it.as_ref().is_ok_and(|text| text == "inside"));
            assert!(inside.count() > 0, "the race was never won");
            for outcome in outcomes {
                match outcome {
                    Ok(text) => assert_eq!(text, "inside"),
                    Err(MapError::Task { failure, .. }) => {
                        assert_eq!(failure.exit_code(), Some(1), "{failure}")
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}
