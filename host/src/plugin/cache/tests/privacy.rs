//! Which directories and keys are used, and which are refused.

use super::{Fixture, SOMEBODY, is_root, key, mode, set_mode};
use crate::plugin::cache::ArtifactCache;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;

/// The directory is refused, in one line that has the path of what is wrong and says `why`.
#[track_caller]
fn is_refused(directory: impl AsRef<Path>, culprit: impl AsRef<Path>, why: &str) {
    let error = ArtifactCache::open(directory)
        .map(|cache| cache.path())
        .unwrap_err();
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{message}");
    assert!(
        message.starts_with(&format!("{}: ", culprit.as_ref().display())),
        "{message}"
    );
    assert!(
        message.contains(why) && !message.contains('\n'),
        "{message}"
    );
}

#[test]
fn a_directory_is_created_with_what_is_missing_above_it_for_its_user_alone() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join(".cache/deeper/wpool");
    let cache = ArtifactCache::open(&directory).unwrap();
    assert_eq!(cache.path(), directory.canonicalize().unwrap());
    for path in [".cache", ".cache/deeper", ".cache/deeper/wpool"] {
        assert_eq!(mode(&home.path().join(path)), 0o700, "{path}");
    }
    assert_eq!(mode(&directory.join("key")), 0o600);
    let secret = fs::read(directory.join("key")).unwrap();
    assert_eq!(secret.len(), 32);
    ArtifactCache::open(&directory).unwrap();
    assert_eq!(
        fs::read(directory.join("key")).unwrap(),
        secret,
        "a key is made once"
    );
    assert_ne!(fs::read(Fixture::new().path().join("key")).unwrap(), secret);
    assert_eq!(
        fs::read_dir(&directory).unwrap().count(),
        1,
        "nothing but the key is there"
    );
}

#[test]
fn the_key_is_not_shown() {
    let fixture = Fixture::new();
    let secret = fs::read(fixture.path().join("key")).unwrap();
    let shown = format!("{:?}", fixture.cache);
    assert!(shown.contains("secret: Secret }"), "{shown}");
    assert!(
        !shown.contains(&format!("{}, {}", secret[0], secret[1])),
        "{shown}"
    );
}

#[test]
fn a_directory_that_is_open_to_others_is_refused() {
    let fixture = Fixture::new();
    for mode in [0o750, 0o720, 0o710, 0o704, 0o702, 0o701, 0o777, 0o1777] {
        set_mode(&fixture.path(), mode);
        is_refused(fixture.path(), fixture.path(), "chmod 700");
    }
    set_mode(&fixture.path(), 0o700);
    ArtifactCache::open(fixture.path()).unwrap();
}

#[test]
fn what_is_no_directory_of_its_own_is_refused() {
    let fixture = Fixture::new();
    let linked = fixture.directory.path().join("linked");
    symlink(fixture.path(), &linked).unwrap();
    is_refused(&linked, &linked, "symbolic link");
    let dangling = fixture.directory.path().join("dangling");
    symlink("nowhere", &dangling).unwrap();
    is_refused(&dangling, &dangling, "symbolic link");
    let file = fixture.path().join("key");
    is_refused(&file, &file, "no directory");
    is_refused("/", "/", "cannot be a cache directory");
    let upwards = fixture.directory.path().join("nothing/../wpool");
    is_refused(&upwards, &upwards, "`..`");
}

#[test]
fn a_directory_or_key_of_somebody_else_is_refused() {
    if !is_root() {
        // Only root can give a file away.
        return;
    }
    let fixture = Fixture::new();
    let secret = fixture.path().join("key");
    chown(&secret, SOMEBODY, SOMEBODY).unwrap();
    is_refused(fixture.path(), &secret, "another user (65534)");
    chown(&secret, Some(0), Some(0)).unwrap();
    ArtifactCache::open(fixture.path()).unwrap();
    chown(fixture.path(), SOMEBODY, SOMEBODY).unwrap();
    is_refused(fixture.path(), fixture.path(), "another user (65534)");
    chown(fixture.path(), Some(0), Some(0)).unwrap();
    chown(fixture.directory.path(), SOMEBODY, SOMEBODY).unwrap();
    is_refused(
        fixture.path(),
        fixture.directory.path(),
        "another user (65534)",
    );
}

#[test]
fn a_directory_that_others_could_replace_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let above = home.path().join("above");
    let directory = above.join("between/wpool");
    ArtifactCache::open(&directory).unwrap();
    for writable in [0o770, 0o707, 0o777, 0o720] {
        set_mode(&above, writable);
        is_refused(&directory, &above, "others may write to it");
        is_refused(above.join("new/wpool"), &above, "others may write to it");
        assert!(!above.join("new").exists(), "nothing is created below");
    }
    for harmless in [0o755, 0o700, 0o1777, 0o711] {
        set_mode(&above, harmless);
        ArtifactCache::open(&directory).unwrap();
    }
}

#[test]
fn a_link_above_the_directory_is_followed_to_what_is_then_looked_at() {
    let home = tempfile::tempdir().unwrap();
    let (real, linked) = (home.path().join("real"), home.path().join("linked"));
    fs::create_dir(&real).unwrap();
    symlink("real", &linked).unwrap();
    set_mode(&real, 0o755);
    let cache = ArtifactCache::open(linked.join("wpool")).unwrap();
    assert_eq!(cache.path(), real.canonicalize().unwrap().join("wpool"));
    set_mode(&real, 0o777);
    is_refused(linked.join("wpool"), &real, "others may write to it");
}

#[test]
fn a_key_that_is_open_to_others_or_no_key_is_refused() {
    let fixture = Fixture::new();
    let secret = fixture.path().join("key");
    for mode in [0o640, 0o620, 0o604, 0o602, 0o644] {
        set_mode(&secret, mode);
        is_refused(fixture.path(), &secret, "chmod 600");
    }
    set_mode(&secret, 0o600);
    for length in [0, 31, 33] {
        fs::write(&secret, vec![0; length]).unwrap();
        is_refused(fixture.path(), &secret, "wrong length");
    }
    fs::remove_file(&secret).unwrap();
    fs::write(fixture.path().join("aside"), [0; 32]).unwrap();
    symlink("aside", &secret).unwrap();
    is_refused(fixture.path(), &secret, "symbolic link");
    fs::remove_file(&secret).unwrap();
    symlink("nowhere", &secret).unwrap();
    is_refused(fixture.path(), &secret, "symbolic link");
    assert!(!fixture.path().join("nowhere").exists());
    fs::remove_file(&secret).unwrap();
    mknodat(CWD, &secret, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    is_refused(fixture.path(), &secret, "not a regular file");
    fs::remove_file(&secret).unwrap();
    fs::create_dir(&secret).unwrap();
    is_refused(fixture.path(), &secret, "not a regular file");
}

#[test]
fn with_a_new_key_all_entries_are_misses() {
    let fixture = Fixture::new();
    fixture.cache.put(&key("module"), &[b"artifact"]);
    fs::remove_file(fixture.path().join("key")).unwrap();
    let again = ArtifactCache::open(fixture.path()).unwrap();
    assert_eq!(again.get(&key("module")), None);
}
