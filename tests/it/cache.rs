//! What was compiled once is not compiled again, and a cache that is damaged, shared, unusable or not there changes nothing but
//! the time it takes. Whether something was compiled is told by a time limit in which no compiler even starts.

use crate::support::{Ordinary, Ran, Running, guest, is_root, run, wpool};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const UNCOMPILED: [&str; 2] = ["--compile-timeout", "1ms"];

/// Somebody with a home of their own.
struct Person {
    home: TempDir,
    files: Ordinary,
    is_ordinary: bool,
}

impl Person {
    /// Whoever runs the tests.
    fn oneself() -> Person {
        Person {
            home: tempfile::tempdir().unwrap(),
            files: Ordinary::user(),
            is_ordinary: false,
        }
    }

    /// An ordinary user.
    fn ordinary() -> Person {
        let person = Person {
            is_ordinary: true,
            ..Person::oneself()
        };
        person.own(person.home.path());
        person
    }

    /// Gives the person a file that the test has made.
    fn own(&self, path: &Path) {
        if is_root() && self.is_ordinary {
            chown(path, Some(65_534), Some(65_534)).unwrap();
        }
    }

    fn wpool(&self) -> Command {
        let mut command = if self.is_ordinary {
            self.files.wpool()
        } else {
            wpool()
        };
        command
            .env("HOME", self.home.path())
            .env_remove("XDG_CACHE_HOME");
        command
    }

    /// Maps `square` over three numbers.
    fn squares(&self, options: &[&str]) -> Ran {
        run(self.mapping(options).args(["1", "2", "3"]))
    }

    fn mapping(&self, options: &[&str]) -> Command {
        let mut command = self.wpool();
        command
            .arg("map")
            .args(options)
            .arg(self.files.guest("square"));
        command
    }

    fn cache(&self, what: &str) -> Ran {
        run(self.wpool().args(["cache", what]))
    }

    fn directory(&self) -> PathBuf {
        self.home.path().join(".cache/wpool")
    }

    /// All files of the cache but the key.
    fn entries(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.directory())
            .unwrap()
            .map(|file| file.unwrap().path());
        files.filter(|path| !path.ends_with("key")).collect()
    }

    #[track_caller]
    fn entry(&self) -> PathBuf {
        let [entry] = &self.entries()[..] else {
            panic!("{:?}", self.entries())
        };
        entry.clone()
    }

    #[track_caller]
    fn has_it(&self) {
        assert_eq!(self.squares(&UNCOMPILED).results(), ["1", "4", "9"]);
    }

    #[track_caller]
    fn compiles_it(&self) {
        assert_eq!(self.squares(&[]).results(), ["1", "4", "9"]);
    }

    #[track_caller]
    fn does_not_have_it(&self) {
        let ran = self.squares(&UNCOMPILED);
        assert_eq!((ran.code(), ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains("took longer than 1ms"), "{ran:?}");
    }
}

#[test]
fn a_second_run_starts_no_compiler() {
    for person in [Person::oneself(), Person::ordinary()] {
        person.does_not_have_it();
        person.compiles_it();
        let entry = person.entry();
        person.has_it();
        assert_eq!(person.entry(), entry);
        for private in [person.directory(), entry, person.directory().join("key")] {
            assert_eq!(
                fs::metadata(&private).unwrap().permissions().mode() & 0o077,
                0,
                "{private:?}"
            );
        }
    }
}

#[test]
fn it_is_the_modules_bytes_that_count_and_not_its_name() {
    let person = Person::oneself();
    person.compiles_it();
    let module = person.home.path().join("renamed.wasm");
    fs::copy(guest("square"), &module).unwrap();
    let ran = run(person
        .wpool()
        .arg("map")
        .args(UNCOMPILED)
        .args(["-f", "square"])
        .arg(&module)
        .arg("5"));
    assert_eq!(ran.results(), ["25"]);
    fs::copy(guest("add"), &module).unwrap();
    let ran = run(person
        .wpool()
        .arg("map")
        .args(["-f", "add"])
        .arg(&module)
        .arg("5, 6"));
    assert_eq!(ran.results(), ["11"]);
    // Code that counts fuel is other code.
    assert_eq!(
        person.squares(&["--fuel", "1000000"]).results(),
        ["1", "4", "9"]
    );
    assert_eq!(person.entries().len(), 3);
}

/// The only entry is spoilt: it is not used, and compiled anew.
#[track_caller]
fn is_a_miss(person: &Person, spoil: impl Fn(&Path)) {
    person.compiles_it();
    spoil(&person.entry());
    person.does_not_have_it();
    person.compiles_it();
    person.has_it();
}

#[test]
fn damaged_and_cut_off_entries_are_misses() {
    let person = Person::oneself();
    let flip = |entry: &Path, at: fn(usize) -> usize| {
        let mut bytes = fs::read(entry).unwrap();
        let at = at(bytes.len());
        bytes[at] ^= 1;
        fs::write(entry, bytes).unwrap();
    };
    is_a_miss(&person, |entry| flip(entry, |_| 0));
    is_a_miss(&person, |entry| flip(entry, |length| length / 2));
    is_a_miss(&person, |entry| flip(entry, |length| length - 1));
    let cut = |entry: &Path, length: u64| {
        fs::File::options()
            .write(true)
            .open(entry)
            .unwrap()
            .set_len(length)
            .unwrap()
    };
    is_a_miss(&person, |entry| cut(entry, 0));
    is_a_miss(&person, |entry| {
        cut(entry, entry.metadata().unwrap().len() - 1)
    });
    is_a_miss(&person, |entry| {
        cut(entry, entry.metadata().unwrap().len() + 1)
    });
    is_a_miss(&person, |entry| {
        fs::set_permissions(entry, Permissions::from_mode(0o666)).unwrap()
    });
}

#[test]
fn entries_of_another_key_or_module_are_misses() {
    let (person, other) = (Person::oneself(), Person::oneself());
    other.compiles_it();
    is_a_miss(&person, |entry| {
        assert_eq!(entry.file_name(), other.entry().file_name());
        fs::write(entry, fs::read(other.entry()).unwrap()).unwrap();
    });
    let third = Person::oneself();
    assert_eq!(
        run(third.wpool().arg("map").arg(guest("spin")).arg("0")).code(),
        0
    );
    fs::copy(
        third.directory().join("key"),
        person.directory().join("key"),
    )
    .unwrap();
    person.cache("clear");
    is_a_miss(&person, |entry| {
        fs::write(entry, fs::read(third.entry()).unwrap()).unwrap()
    });
}

#[test]
fn many_that_start_at_once_are_all_right_and_leave_one_entry() {
    let person = Person::ordinary();
    for _ in 0..3 {
        let all: Vec<Running> = (0..6)
            .map(|_| Running::start(person.mapping(&["-j", "1"]).arg("7")))
            .collect();
        for running in all {
            assert_eq!(running.finish().results(), ["49"]);
        }
        person.entry();
        person.has_it();
        person.cache("clear");
    }
}

#[test]
fn ls_shows_what_there_is_and_clear_removes_it() {
    for person in [Person::oneself(), Person::ordinary()] {
        let directory = person.directory();
        let directory = directory.to_str().unwrap();
        assert_eq!(
            person.cache("ls").results(),
            [format!("0 entries, 0 B in {directory}")]
        );
        assert_eq!(
            person.cache("clear").results(),
            [format!("removed 0 files, 0 B in {directory}")]
        );
        assert!(
            !person.home.path().join(".cache").exists(),
            "asking creates nothing"
        );

        person.compiles_it();
        fs::write(person.directory().join("notes.txt"), "mine").unwrap();
        let name = person
            .entries()
            .into_iter()
            .find(|path| !path.ends_with("notes.txt"))
            .unwrap();
        let ls = person.cache("ls");
        let [entry, total] = ls.results()[..] else {
            panic!("{ls:?}")
        };
        assert!(
            entry.ends_with(name.file_name().unwrap().to_str().unwrap()),
            "{entry}"
        );
        assert!(
            total.starts_with("1 entry, ") && total.ends_with(directory),
            "{total}"
        );

        let cleared = person.cache("clear");
        assert!(
            cleared.results()[0].starts_with("removed 1 file, "),
            "{cleared:?}"
        );
        assert!(!name.exists() && person.directory().join("notes.txt").exists());
        person.does_not_have_it();
        person.compiles_it();
        person.has_it();
    }
}

#[test]
fn the_cache_is_where_xdg_says() {
    let person = Person::oneself();
    let caches = person.home.path().join("elsewhere");
    let ran = run(person.mapping(&[]).env("XDG_CACHE_HOME", &caches).arg("3"));
    assert_eq!(ran.results(), ["9"]);
    assert!(caches.join("wpool/key").is_file() && !person.directory().exists());
    let ran = run(person
        .mapping(&[])
        .env("XDG_CACHE_HOME", "relative")
        .current_dir(&person.home)
        .arg("3"));
    assert_eq!(ran.results(), ["9"]);
    assert!(person.directory().is_dir() && !person.home.path().join("relative").exists());
}

#[test]
fn without_a_usable_directory_there_is_no_cache_and_no_failure() {
    let spoil: [fn(&Person); 5] = [
        |person| fs::write(person.home.path().join(".cache"), "").unwrap(),
        |person| {
            fs::create_dir_all(person.directory()).unwrap();
            fs::set_permissions(person.directory(), Permissions::from_mode(0o777)).unwrap();
        },
        |person| fs::set_permissions(person.home.path(), Permissions::from_mode(0o777)).unwrap(),
        |person| {
            person.compiles_it();
            fs::write(person.directory().join("key"), "no key").unwrap();
        },
        |person| {
            person.compiles_it();
            fs::set_permissions(
                person.directory().join("key"),
                Permissions::from_mode(0o644),
            )
            .unwrap();
        },
    ];
    for spoil in spoil {
        for person in [Person::oneself(), Person::ordinary()] {
            spoil(&person);
            person.compiles_it();
            person.does_not_have_it();
            if person.directory().symlink_metadata().is_ok() {
                let ls = person.cache("ls");
                assert_eq!(
                    (ls.code(), ls.stdout.as_str(), ls.complaints().len()),
                    (2, "", 1),
                    "{ls:?}"
                );
            }
        }
    }
    let person = Person::oneself();
    for home in [None, Some(""), Some("relative"), Some("/nowhere/at/all")] {
        let mut command = person.mapping(&[]);
        match home {
            None => command.env_remove("HOME"),
            Some(home) => command.env("HOME", home),
        };
        assert_eq!(run(command.arg("3")).results(), ["9"], "{home:?}");
        assert!(!Path::new("/nowhere").exists());
    }
}

#[test]
fn a_cache_that_cannot_be_written_to_can_still_be_read() {
    let person = Person::ordinary();
    person.compiles_it();
    fs::set_permissions(person.directory(), Permissions::from_mode(0o500)).unwrap();
    person.has_it();
    assert_eq!(
        person.squares(&["--fuel", "1000000"]).results(),
        ["1", "4", "9"]
    );
    assert_eq!(person.entries().len(), 1);
    // So that it can be removed.
    fs::set_permissions(person.directory(), Permissions::from_mode(0o700)).unwrap();
}
