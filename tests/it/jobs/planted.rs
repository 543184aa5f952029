//! Links that a module could plant where the command writes and reads: none of them leads it
//! elsewhere.

use super::*;
use crate::support::{feed, run};
use std::os::unix::fs::symlink;
use std::path::Path;

/// A directory that the module may change, `w`, and beside it a file that is not for it.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("w/results")).unwrap();
    fs::write(folder.path().join("victim"), "mine").unwrap();
    folder
}

fn granted(folder: &TempDir, options: &[&str]) -> Ran {
    let mut wpool = wpool();
    wpool
        .current_dir(folder.path())
        .args(["map", "--dir", "w::/w", "-j", "1"]);
    wpool.args(options).arg(guest("tool"));
    // Inputs are either read or typed.
    run(match options.contains(&"-a") {
        true => &mut wpool,
        false => wpool.arg("now"),
    })
}

#[track_caller]
fn assert_refused(ran: &Ran, why: &str) {
    assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains(why), "{ran:?}");
}

#[test]
fn nothing_is_written_or_listed_where_the_module_may_write() {
    let folder = folder();
    symlink("w", folder.path().join("short")).unwrap();
    symlink("../..", folder.path().join("w/out")).unwrap();
    fs::write(folder.path().join("w/inputs"), "1\n").unwrap();
    for options in [
        ["--results", "w/results"],
        ["--results", "w"],
        ["--results", "w/new"],
        ["--results", "none/../w/results"],
        ["--results", "short/results"],
        ["--results", "w/out/results"],
        ["--joblog", "w/log"],
        ["--joblog", "w/out/log"],
        ["--report", "w/report"],
        ["-a", "w/inputs"],
        ["-a", "short/inputs"],
    ] {
        assert_refused(&granted(&folder, &options), "where the module may write");
    }
    assert_refused(&granted(&folder, &["--results", "."]), "within it");
    assert!(!folder.path().join("w/new").exists());
    // What it can only read it cannot change.
    let mut wpool = wpool();
    let ran = run(wpool
        .current_dir(folder.path())
        .args([
            "map",
            "--dir",
            "w::/w:ro",
            "--results",
            "w/results",
            "--joblog",
            "w/log",
        ])
        .arg(guest("tool"))
        .arg("now"));
    assert_eq!(ran.code(), 0, "{ran:?}");
}

/// What a module may have left in a directory, by an earlier run that was granted it.
fn plant(folder: &TempDir, name: &str) {
    symlink(folder.path().join("victim"), folder.path().join(name)).unwrap();
}

fn victim(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("victim")).unwrap()
}

#[test]
fn results_are_not_written_through_links_that_were_planted() {
    let folder = folder();
    for name in ["1.out.part", "1.err.part", "2.out.part", ".wpool-job"] {
        plant(&folder, &format!("w/results/{name}"));
    }
    let squares = |folder: &TempDir| {
        let mut wpool = wpool();
        wpool
            .current_dir(folder.path())
            .args(["map", "--results", "w/results"]);
        run(wpool.arg(guest("square")).args(["2", "3"]))
    };
    // What an earlier job left is in the way of another, and stays as it is.
    let ran = squares(&folder);
    assert!(ran.stderr.contains("results of another job"), "{ran:?}");
    assert_eq!(victim(&folder), "mine");
    for name in ["1.out.part", "1.err.part", "2.out.part"] {
        fs::remove_file(folder.path().join("w/results").join(name)).unwrap();
    }
    let ran = squares(&folder);
    assert_eq!(ran.code(), 0, "{ran:?}");
    assert_eq!(victim(&folder), "mine");
    let job = folder.path().join("w/results/.wpool-job");
    assert!(
        fs::symlink_metadata(job).unwrap().is_file(),
        "it was replaced"
    );
}

#[test]
fn a_log_a_report_and_a_directory_for_results_are_not_links() {
    let folder = folder();
    plant(&folder, "log");
    symlink("w", folder.path().join("results")).unwrap();
    for (option, name) in [
        ("--joblog", "log"),
        ("--report", "log"),
        ("--results", "results"),
    ] {
        let mut wpool = wpool();
        wpool.current_dir(folder.path()).args(["map", option, name]);
        let ran = run(wpool.arg(guest("square")).arg("2"));
        assert_refused(&ran, "is a link, which is not followed");
    }
    assert_eq!(victim(&folder), "mine");
}

#[test]
fn a_file_that_is_an_input_is_not_read_through_a_link_that_was_planted() {
    let folder = folder();
    plant(&folder, "w/1.txt");
    fs::write(folder.path().join("w/2.txt"), "two words").unwrap();
    symlink("w/2.txt", folder.path().join("3.txt")).unwrap();
    let count = |inputs: &str| {
        let mut wpool = wpool();
        wpool.current_dir(folder.path());
        wpool.args([
            "map", "--files", "--stdin", "--dir", "w::/w", "--arg", "cat",
        ]);
        feed(wpool.arg(guest("tool")), inputs)
    };
    let ran = count("w/1.txt\nw/2.txt\n3.txt\nvictim\nw/../victim\n");
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert_eq!(ran.stdout, "two words\ntwo words\nmine\n", "{ran:?}");
    assert!(
        ran.stderr.contains("is a link in a directory where"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("by .."), "{ran:?}");
}

#[test]
fn pipes_and_descriptors_that_the_user_names_are_opened() {
    let folder = folder();
    let mut shell = std::process::Command::new("bash");
    shell
        .current_dir(folder.path())
        .args([
            "-c",
            r#"exec 3>report; "$@" -a <(echo 7) --report /dev/fd/3"#,
            "bash",
        ])
        .arg(wpool().get_program())
        .args([
            "map",
            "--dir",
            "w::/w",
            "--trap-missing-imports",
            "--stdin",
            "--arg",
            "cat",
        ])
        .arg(guest("tool"));
    let ran = run(&mut shell);
    assert_eq!((ran.code(), ran.stdout.as_str()), (0, "7\n"), "{ran:?}");
    let report = fs::read_to_string(folder.path().join("report")).unwrap();
    assert!(report.contains(r#""outcome":"ok""#), "{report}");
}

#[test]
fn where_the_working_directory_is_the_modules_what_lies_beside_it_can_be_named() {
    let folder = folder();
    let mut wpool = wpool();
    wpool.current_dir(folder.path().join("w"));
    wpool.args([
        "map",
        "--dir",
        ".::/w",
        "--joblog",
        "../log",
        "--results",
        "../results",
    ]);
    let ran = run(wpool.arg(guest("tool")).arg("now"));
    assert_eq!(ran.code(), 0, "{ran:?}");
    assert!(folder.path().join("results/1.out").exists());
}

#[test]
fn a_directory_that_a_job_writes_to_can_be_elsewhere_by_links_of_the_users() {
    let folder = folder();
    fs::create_dir(folder.path().join("disk")).unwrap();
    symlink("disk", folder.path().join("short")).unwrap();
    let ran = granted(&folder, &["--results", "short/results"]);
    assert_eq!(ran.code(), 0, "{ran:?}");
    let stored = Path::new("disk/results/1.out");
    assert!(folder.path().join(stored).exists());
}
