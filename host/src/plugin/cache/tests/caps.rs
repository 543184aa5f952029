//! How much is kept, for how long, and what goes first.

use super::{Fixture, key, set_age, set_time};
use crate::plugin::cache::{ABANDONED_AFTER, HEADER_BYTES, MAX_ENTRIES};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

const PAYLOAD: &[u8] = &[7; 1000];
const ENTRY_BYTES: u64 = (HEADER_BYTES + PAYLOAD.len()) as u64;
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn the_least_recently_used_entries_go_first_and_a_hit_is_a_use() {
    let fixture = Fixture::new();
    let cache = fixture.cache.clone().capacity_bytes(3 * ENTRY_BYTES);
    for (name, hours) in [("a", 3), ("b", 2), ("c", 1)] {
        cache.put(&key(name), &[PAYLOAD]);
        set_age(&fixture.entry(&key(name)), hours * HOUR);
    }
    assert!(cache.get(&key("a")).is_some());
    cache.put(&key("d"), &[PAYLOAD]);
    let kept = ["a", "b", "c", "d"].map(|name| cache.get(&key(name)).is_some());
    assert_eq!(kept, [true, false, true, true]);
}

#[test]
fn all_entries_together_never_exceed_the_cap() {
    let fixture = Fixture::new();
    let cache = fixture.cache.clone().capacity_bytes(3 * ENTRY_BYTES);
    for number in 0..50 {
        let module = key(&format!("module {number}"));
        let length = number * 97 % 1000;
        cache.put(&module, &[&PAYLOAD[..length]]);
        let entries = cache.entries().unwrap();
        assert!(entries.iter().map(|entry| entry.bytes).sum::<u64>() <= 3 * ENTRY_BYTES);
        assert!(
            entries.len() >= 3.min(number + 1),
            "more was removed than needed"
        );
        assert!(cache.get(&module).is_some(), "the newest stays");
    }
}

#[test]
fn what_is_longer_than_the_cap_is_not_kept_and_costs_no_other_its_place() {
    let fixture = Fixture::new();
    let cache = fixture.cache.clone().capacity_bytes(ENTRY_BYTES);
    cache.put(&key("fits"), &[PAYLOAD]);
    cache.put(&key("too long"), &[PAYLOAD, b"!"]);
    assert_eq!(fixture.files().len(), 2);
    assert!(cache.get(&key("fits")).is_some());
}

#[test]
fn an_entry_from_the_future_does_not_stay_until_then() {
    let fixture = Fixture::new();
    let cache = fixture.cache.clone().capacity_bytes(2 * ENTRY_BYTES);
    cache.put(&key("future"), &[PAYLOAD]);
    set_time(
        &fixture.entry(&key("future")),
        SystemTime::now() + 24 * HOUR,
    );
    for name in ["a", "b"] {
        cache.put(&key(name), &[PAYLOAD]);
    }
    let kept = ["future", "a", "b"].map(|name| cache.get(&key(name)).is_some());
    assert_eq!(kept, [false, true, true]);
}

#[test]
fn of_equally_old_entries_the_one_that_was_just_written_stays() {
    let fixture = Fixture::new();
    let now = SystemTime::now();
    for newest in ["a", "b", "c"] {
        for name in ["a", "b", "c"] {
            fixture.cache.put(&key(name), &[PAYLOAD]);
            set_time(&fixture.entry(&key(name)), now);
        }
        let cache = fixture.cache.clone().capacity_bytes(ENTRY_BYTES);
        cache.tidy(&key(newest).file_name()).unwrap();
        assert_eq!(cache.entries().unwrap()[0].name, key(newest).file_name());
    }
}

#[test]
fn however_small_they_are_there_is_an_end_to_the_entries() {
    let fixture = Fixture::new();
    for number in 0..MAX_ENTRIES + 5 {
        let path = fixture.path().join(format!("{number:064x}"));
        fs::write(&path, b"").unwrap();
        set_age(&path, HOUR);
    }
    fixture.cache.put(&key("module"), &[PAYLOAD]);
    assert_eq!(fixture.cache.entries().unwrap().len(), MAX_ENTRIES);
    assert!(fixture.cache.get(&key("module")).is_some());
}

#[test]
fn what_killed_processes_left_is_removed_after_an_hour_and_what_others_write_is_not() {
    let fixture = Fixture::new();
    let temporary = |digit: &str| fixture.path().join(format!("tmp-{}", digit.repeat(32)));
    for digit in ["a", "b", "c"] {
        fs::write(temporary(digit), PAYLOAD).unwrap();
    }
    set_age(&temporary("a"), ABANDONED_AFTER + Duration::from_secs(60));
    set_age(&temporary("b"), ABANDONED_AFTER - Duration::from_secs(60));
    set_time(&temporary("c"), SystemTime::now() + 24 * HOUR);
    assert_eq!(
        fixture.cache.entries().unwrap(),
        [],
        "a temporary file is no entry"
    );
    fixture.cache.put(&key("module"), &[PAYLOAD]);
    assert_eq!(
        ["a", "b", "c"].map(|digit| temporary(digit).exists()),
        [false, true, false]
    );
    assert!(fixture.cache.get(&key("module")).is_some());
}

#[test]
fn a_file_size_limit_costs_the_entry_and_not_the_process() {
    const ALONE: &str = "WPOOL_TEST_IS_ALONE";
    if std::env::var_os(ALONE).is_none() {
        // A limit belongs to a whole process, so this test gets one of its own.
        let mut itself = Command::new(std::env::current_exe().unwrap());
        let test = std::thread::current().name().unwrap().to_string();
        let output = itself
            .args([&test, "--exact", "--test-threads=1"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains(" 1 passed"),
            "{output:?}"
        );
        return;
    }
    let fixture = Fixture::new();
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(
        Resource::Fsize,
        Rlimit {
            current: Some(ENTRY_BYTES - 1),
            maximum,
        },
    )
    .unwrap();
    fixture.cache.put(&key("module"), &[PAYLOAD]);
    assert_eq!(fixture.files(), ["key"]);
    fixture.cache.put(&key("module"), &[&PAYLOAD[1..]]);
    assert_eq!(fixture.cache.get(&key("module")).unwrap(), PAYLOAD[1..]);
}
