//! What is in a log, wherever it was cut off.

use super::*;
use crate::cli::job::key::Keys;
use tempfile::TempDir;
use wpool::Value;

fn key(input: &str) -> Key {
    Keys::new("aa", "f", &[]).of(&[Value::String(input.into())])
}

fn add(log: &mut Joblog, number: u64, input: &str, exit_code: u8) {
    log.add(&Row {
        number,
        input: input.as_bytes(),
        key: key(input),
        ended: UNIX_EPOCH + Duration::from_secs(100),
        took: Duration::from_millis(1500),
        received: 3,
        exit_code,
        signal: 0,
    });
}

fn past(number: u64, input: &str, succeeded: bool) -> Past {
    Past {
        key: key(input),
        number,
        succeeded,
    }
}

fn begun(path: &Path) -> Joblog {
    Joblog::create(
        path,
        "wpool map m.wasm --".into(),
        "aa".into(),
        &Granted::default(),
    )
    .unwrap()
}

fn resumed(path: &Path) -> Result<(Joblog, Vec<Past>), String> {
    let resumed = Joblog::resume(
        path,
        "wpool map m.wasm --".into(),
        "aa".into(),
        &Granted::default(),
    );
    let (log, past) = resumed.map_err(|error| error.to_string())?;
    Ok((log, past.unwrap_or_default()))
}

#[test]
fn a_row_has_the_columns_of_gnu_parallel_and_nothing_that_breaks_them() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = begun(&path);
    add(&mut log, 7, "it's\ta\n\u{1b}[2J", 1);
    log.flush().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split('\t').collect()).collect();
    assert_eq!(
        rows[0].join(" "),
        "Seq Host Starttime JobRuntime Send Receive Exitval Signal Command"
    );
    let row = &rows[1];
    assert_eq!((row.len(), rows.len()), (9, 2));
    assert_eq!(
        (row[0], row[3].trim(), row[4], row[5], row[6]),
        ("7", "1.500", "11", "3", "1")
    );
    let command = r"wpool map m.wasm -- 'it'\''s\ta\n\u{1b}[2J' #aa-";
    assert!(row[8].starts_with(command), "{}", row[8]);
}

#[test]
fn wherever_a_log_was_cut_off_the_rows_before_are_read_and_others_can_follow() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = begun(&path);
    add(&mut log, 1, "a", 0);
    add(&mut log, 2, "b", 134);
    log.flush().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let ends: Vec<usize> = whole
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    drop(log);
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (mut log, rows) = resumed(&path).unwrap();
        let all = [past(1, "a", true), past(2, "b", false)];
        let expected = ends[1..].iter().filter(|end| **end <= cut).count();
        assert_eq!(rows[..], all[..expected], "{cut}");
        add(&mut log, 3, "c", 0);
        log.flush().unwrap();
        drop(log);
        let (_, rows) = resumed(&path).unwrap();
        assert_eq!(rows[expected..], [past(3, "c", true)], "{cut}");
    }
}

#[test]
fn what_is_no_log_is_refused_and_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let row = "1\t:\t1.0\t1.0\t1\t1\t0\t0\techo 1\n";
    for (text, line) in [
        ("hello\n", 1),
        (&format!("{HEADER}{row}"), 2),
        (&format!("{HEADER}\n"), 2),
        ("precious", 1),
        (&format!("{HEADER}my notes"), 2),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = resumed(&path).unwrap_err();
        assert!(error.contains(&format!("line {line} is no row")), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::write(&path, "x".repeat(LONGEST as usize)).unwrap();
    assert!(resumed(&path).is_err());
}

#[test]
fn rows_of_another_job_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = Joblog::create(&path, "wpool".into(), "bb".into(), &Granted::default()).unwrap();
    add(&mut log, 1, "a", 0);
    log.flush().unwrap();
    drop(log);
    assert_eq!(resumed(&path).unwrap().1, []);
}

#[test]
fn nobody_gets_a_log_that_another_is_at() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let log = begun(&path);
    let error = resumed(&path).unwrap_err();
    assert!(error.contains("another wpool is at this job"), "{error}");
    assert!(Joblog::create(&path, String::new(), "aa".into(), &Granted::default()).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), HEADER);
    drop(log);
    assert!(resumed(&path).is_ok());
}

#[test]
fn a_log_that_is_only_looked_at_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    assert_eq!(Joblog::peek(&path, "aa", &Granted::default()).unwrap(), []);
    assert!(!path.exists());
    let mut log = begun(&path);
    add(&mut log, 1, "a", 0);
    log.flush().unwrap();
    assert_eq!(
        Joblog::peek(&path, "aa", &Granted::default()).unwrap(),
        [past(1, "a", true)]
    );
}
