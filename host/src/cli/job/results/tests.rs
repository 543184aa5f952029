//! What is stored, kept, and refused.

use super::*;
use std::fs;
use tempfile::TempDir;

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != JOB).collect();
    names.sort();
    names
}

fn touch(folder: &TempDir, names: &[&str]) {
    for name in names {
        fs::write(folder.path().join(name), "").unwrap();
    }
}

#[test]
fn a_result_and_what_was_written_besides_are_files_of_their_own() {
    let folder = TempDir::new().unwrap();
    let results = Results::create(folder.path(), "a", &Granted::default()).unwrap();
    results.store(1, Some(b"4\n"), b"").unwrap();
    results.store(2, None, b"trap\n").unwrap();
    assert_eq!(names(&folder), ["1.out", "2.err"]);
    assert_eq!(fs::read(folder.path().join("1.out")).unwrap(), b"4\n");
    assert_eq!(results.stored().unwrap(), HashSet::from([1]));
}

#[test]
fn a_job_that_begins_takes_no_directory_with_results() {
    let folder = TempDir::new().unwrap();
    touch(&folder, &["notes.txt"]);
    let results = Results::create(folder.path(), "a", &Granted::default()).unwrap();
    results.store(3, Some(b""), b"").unwrap();
    let error = Results::create(folder.path(), "a", &Granted::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("such as 3.out"), "{error}");
}

#[test]
fn a_job_that_goes_on_keeps_what_is_logged_and_what_is_not_its_own() {
    let folder = TempDir::new().unwrap();
    Results::create(folder.path(), "a", &Granted::default()).unwrap();
    touch(
        &folder,
        &[
            "1.out",
            "2.out",
            "2.err",
            "3.err",
            "3.out.part",
            "5.out.0123456789abcdef.part",
            "04.out",
            "notes",
            "7.txt",
            "x.part",
        ],
    );
    let results = Results::resume(folder.path(), "a", true, &Granted::default()).unwrap();
    results.keep(&[1, 3]).unwrap();
    assert_eq!(
        names(&folder),
        ["04.out", "1.out", "3.err", "7.txt", "notes", "x.part"]
    );
    results.store(3, Some(b"9"), b"").unwrap();
    assert_eq!(
        names(&folder),
        ["04.out", "1.out", "3.out", "7.txt", "notes", "x.part"]
    );
}

#[test]
fn what_is_of_another_job_or_not_logged_at_all_is_refused_and_stays() {
    let folder = TempDir::new().unwrap();
    Results::create(folder.path(), "a", &Granted::default()).unwrap();
    touch(&folder, &["1.out"]);
    for (job, is_logged, why) in [
        ("b", true, "of another module"),
        ("a", false, "the joblog is new"),
    ] {
        let error =
            Results::resume(folder.path(), job, is_logged, &Granted::default()).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(names(&folder), ["1.out"]);
    let empty = TempDir::new().unwrap();
    assert!(Results::resume(empty.path(), "b", false, &Granted::default()).is_ok());
}
