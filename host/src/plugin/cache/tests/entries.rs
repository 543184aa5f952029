//! What is an entry and what is not.

use super::{Fixture, SOMEBODY, is_root, key, mode, set_age, set_mode};
use crate::plugin::cache::{ArtifactCache, EntryKey, HEADER_BYTES};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::time::{Duration, SystemTime};

#[test]
fn what_was_put_in_parts_is_got_whole_by_whoever_opens_the_directory() {
    let fixture = Fixture::new();
    let module = key("module");
    assert_eq!(fixture.cache.get(&module), None);
    fixture
        .cache
        .put(&module, &[b"facts", b"", b" and artifact"]);
    let again = ArtifactCache::open(fixture.path()).unwrap();
    for cache in [&fixture.cache, &fixture.cache.clone(), &again] {
        assert_eq!(cache.get(&module).unwrap(), b"facts and artifact");
        assert_eq!(cache.get(&key("other")), None);
    }
    assert_eq!(mode(&fixture.entry(&module)), 0o600);
    assert_eq!(fixture.files(), [module.file_name(), "key".into()]);
}

#[test]
fn an_entry_can_be_empty_and_can_be_replaced() {
    let fixture = Fixture::new();
    for payload in [&b""[..], b"first", b"second, longer", b""] {
        fixture.cache.put(&key("module"), &[payload]);
        assert_eq!(fixture.cache.get(&key("module")).unwrap(), payload);
    }
}

#[test]
fn a_key_depends_on_every_byte_and_on_where_parts_end() {
    let keys = [
        EntryKey::of(blake3::hash(b"module"), &[b"build", b"cpu"]),
        EntryKey::of(blake3::hash(b"Module"), &[b"build", b"cpu"]),
        EntryKey::of(blake3::hash(b"module"), &[b"build", b"cpU"]),
        EntryKey::of(blake3::hash(b"module"), &[b"cpu", b"build"]),
        EntryKey::of(blake3::hash(b"module"), &[b"buil", b"dcpu"]),
        EntryKey::of(blake3::hash(b"module"), &[b"buildcpu"]),
        EntryKey::of(blake3::hash(b"module"), &[b"build", b"cpu", b""]),
        EntryKey::of(blake3::hash(b"module"), &[]),
        EntryKey::of(blake3::hash(b""), &[]),
    ];
    assert_eq!(
        keys.iter()
            .map(EntryKey::file_name)
            .collect::<HashSet<_>>()
            .len(),
        keys.len()
    );
    assert_eq!(
        keys[0],
        EntryKey::of(blake3::hash(b"module"), &[b"build", b"cpu"])
    );
}

#[test]
fn an_entry_with_any_bit_flipped_is_a_miss_and_is_removed() {
    let fixture = Fixture::new();
    let (module, path) = (key("module"), fixture.entry(&key("module")));
    fixture.cache.put(&module, &[b"artifact"]);
    let whole = fs::read(&path).unwrap();
    for bit in 0..8 * whole.len() {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        set_mode(&path, 0o600);
        assert_eq!(fixture.cache.get(&module), None, "bit {bit}");
        assert!(!path.exists(), "bit {bit}");
    }
    fs::write(&path, &whole).unwrap();
    set_mode(&path, 0o600);
    assert_eq!(fixture.cache.get(&module).unwrap(), b"artifact");
}

#[test]
fn an_entry_that_was_cut_off_or_grew_is_a_miss_and_is_removed() {
    let fixture = Fixture::new();
    let (module, path) = (key("module"), fixture.entry(&key("module")));
    fixture.cache.put(&module, &[b"artifact"]);
    let mut longer = fs::read(&path).unwrap();
    longer.push(0);
    for length in (0..longer.len() - 1).chain([longer.len()]) {
        fs::write(&path, &longer[..length]).unwrap();
        set_mode(&path, 0o600);
        assert_eq!(fixture.cache.get(&module), None, "{length} bytes");
        assert!(!path.exists(), "{length} bytes");
    }
}

#[test]
fn an_entry_of_another_key_is_a_miss() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    let module = key("module");
    other.cache.put(&module, &[b"foreign"]);
    fs::copy(other.entry(&module), fixture.entry(&module)).unwrap();
    assert_eq!(fixture.cache.get(&module), None);
    assert!(!fixture.entry(&module).exists());
}

#[test]
fn an_entry_under_the_name_of_another_is_a_miss() {
    let fixture = Fixture::new();
    fixture.cache.put(&key("mine"), &[b"mine"]);
    fixture.cache.put(&key("yours"), &[b"yours"]);
    fs::copy(fixture.entry(&key("mine")), fixture.entry(&key("yours"))).unwrap();
    assert_eq!(fixture.cache.get(&key("yours")), None);
    assert!(!fixture.entry(&key("yours")).exists());
    assert_eq!(fixture.cache.get(&key("mine")).unwrap(), b"mine");
}

#[test]
fn an_entry_that_is_longer_than_the_cap_is_not_read() {
    let fixture = Fixture::new();
    let module = key("module");
    let entry_bytes = HEADER_BYTES as u64 + 8;
    fixture.cache.put(&module, &[b"artifact"]);
    assert!(
        fixture
            .cache
            .clone()
            .capacity_bytes(entry_bytes)
            .get(&module)
            .is_some()
    );
    assert!(
        fixture
            .cache
            .clone()
            .capacity_bytes(entry_bytes - 1)
            .get(&module)
            .is_none()
    );
    // A file that only looks long, of which nothing is allocated.
    fixture.cache.put(&module, &[b"artifact"]);
    fs::File::options()
        .write(true)
        .open(fixture.entry(&module))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    assert_eq!(fixture.cache.get(&module), None);
}

/// Something is in the place of an entry: a miss, which is left alone, and which the next entry replaces.
fn is_a_miss_until_it_is_replaced(what: &str, put_in_place: impl Fn(&Fixture, &EntryKey)) {
    let fixture = Fixture::new();
    let module = key("module");
    fixture.cache.put(&module, &[b"artifact"]);
    put_in_place(&fixture, &module);
    assert_eq!(fixture.cache.get(&module), None, "{what}");
    assert!(fixture.entry(&module).symlink_metadata().is_ok(), "{what}");
    fixture.cache.put(&module, &[b"a new one"]);
    assert_eq!(fixture.cache.get(&module).unwrap(), b"a new one", "{what}");
}

#[test]
fn what_is_no_private_regular_file_is_a_miss() {
    is_a_miss_until_it_is_replaced("a link to a good entry", |fixture, key| {
        let aside = fixture.path().join("aside");
        fs::rename(fixture.entry(key), &aside).unwrap();
        symlink(&aside, fixture.entry(key)).unwrap();
    });
    is_a_miss_until_it_is_replaced("a pipe without a writer", |fixture, key| {
        fs::remove_file(fixture.entry(key)).unwrap();
        mknodat(
            CWD,
            fixture.entry(key),
            FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
    });
    is_a_miss_until_it_is_replaced("a file with a second name", |fixture, key| {
        fs::hard_link(fixture.entry(key), fixture.path().join("aside")).unwrap();
    });
    for mode in [0o640, 0o620, 0o604, 0o602, 0o666] {
        is_a_miss_until_it_is_replaced("a file that is open to others", |fixture, key| {
            set_mode(&fixture.entry(key), mode);
        });
    }
    if is_root() {
        is_a_miss_until_it_is_replaced("a file of somebody else", |fixture, key| {
            chown(fixture.entry(key), SOMEBODY, SOMEBODY).unwrap();
        });
    }
}

#[test]
fn a_directory_in_the_place_of_an_entry_is_a_miss_and_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let module = key("module");
    fs::create_dir(fixture.entry(&module)).unwrap();
    assert_eq!(fixture.cache.get(&module), None);
    fixture.cache.put(&module, &[b"artifact"]);
    assert_eq!(fixture.cache.get(&module), None);
    assert_eq!(fixture.files(), [module.file_name(), "key".into()]);
}

#[test]
fn a_directory_that_is_gone_is_an_empty_cache() {
    let fixture = Fixture::new();
    fixture.cache.put(&key("module"), &[b"artifact"]);
    fs::remove_dir_all(fixture.path()).unwrap();
    fixture.cache.put(&key("module"), &[b"artifact"]);
    assert_eq!(fixture.cache.get(&key("module")), None);
    assert_eq!(fixture.cache.clear().unwrap(), (0, 0));
}

#[test]
fn entries_are_listed_with_their_size_the_last_used_first() {
    let fixture = Fixture::new();
    for (name, hours) in [("old", 3), ("new", 1), ("middle", 2)] {
        fixture.cache.put(&key(name), &[name.as_bytes()]);
        set_age(
            &fixture.entry(&key(name)),
            Duration::from_secs(3600 * hours),
        );
    }
    let entries = fixture.cache.entries().unwrap();
    let expected = ["new", "middle", "old"]
        .map(|name| (key(name).file_name(), (HEADER_BYTES + name.len()) as u64));
    let found: Vec<_> = entries
        .iter()
        .map(|entry| (entry.name.clone(), entry.bytes))
        .collect();
    assert_eq!(found, expected);
    let age = SystemTime::now()
        .duration_since(entries[1].last_used)
        .unwrap();
    assert!((7100..7300).contains(&age.as_secs()), "{age:?}");
}

#[test]
fn clearing_removes_what_is_the_caches_own_and_nothing_else() {
    let fixture = Fixture::new();
    fixture.cache.put(&key("one"), &[b"one"]);
    fixture.cache.put(&key("two"), &[b"two, longer"]);
    let temporary = format!("tmp-{}", "0123456789abcdef".repeat(2));
    fs::write(fixture.path().join(temporary), b"half").unwrap();
    let (linked, directory) = ("a".repeat(64), "b".repeat(64));
    symlink("/etc/passwd", fixture.path().join(&linked)).unwrap();
    fs::create_dir(fixture.path().join(&directory)).unwrap();
    let (uppercase, longer) = ("A".repeat(64), "a".repeat(65));
    let others = ["tmp-1", "notes.txt", &uppercase, &longer];
    for name in others {
        fs::write(fixture.path().join(name), b"mine").unwrap();
    }

    let bytes = 2 * HEADER_BYTES as u64 + 3 + 11 + 4;
    assert_eq!(fixture.cache.clear().unwrap(), (3, bytes));
    let mut left = [&others[..], &["key", &linked, &directory]].concat();
    left.sort_unstable();
    assert_eq!(fixture.files(), left);
    assert_eq!(fixture.cache.clear().unwrap(), (0, 0));
    assert_eq!(fixture.cache.entries().unwrap(), []);

    fixture.cache.put(&key("one"), &[b"one"]);
    assert_eq!(
        ArtifactCache::open(fixture.path())
            .unwrap()
            .get(&key("one"))
            .unwrap(),
        b"one"
    );
}
