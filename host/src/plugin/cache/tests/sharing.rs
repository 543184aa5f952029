//! Many at once: threads that share a cache, and openings of one directory as two processes have them.

use super::{Fixture, key};
use crate::plugin::cache::ArtifactCache;
use crate::plugin::cache::directory::is_usable;
use crate::plugin::cache::entry;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Barrier;
use std::thread;

/// The payload of module `number`, of which each byte tells whose it is.
fn payload(number: usize) -> Vec<u8> {
    vec![number as u8; 1000 * (number + 1)]
}

#[test]
fn all_that_open_a_new_directory_at_once_have_the_same_key() {
    for _ in 0..20 {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("new/wpool");
        let everybody = Barrier::new(8);
        let open = |number: usize| {
            everybody.wait();
            let cache = ArtifactCache::open(&directory).unwrap();
            cache.put(&key(&number.to_string()), &[b"artifact"]);
            cache
        };
        let caches: Vec<ArtifactCache> = thread::scope(|scope| {
            let openings: Vec<_> = (0..8)
                .map(|number| scope.spawn(move || open(number)))
                .collect();
            openings
                .into_iter()
                .map(|opening| opening.join().unwrap())
                .collect()
        });
        for cache in &caches {
            for number in 0..8 {
                assert_eq!(cache.get(&key(&number.to_string())).unwrap(), b"artifact");
            }
        }
        assert_eq!(
            fs::read_dir(&directory).unwrap().count(),
            9,
            "a key and eight entries, and nothing else"
        );
    }
}

#[test]
fn an_entry_that_is_replaced_again_and_again_is_never_missed_nor_mixed() {
    let fixture = Fixture::new();
    let opened = [
        fixture.cache.clone(),
        ArtifactCache::open(fixture.path()).unwrap(),
    ];
    for number in 0..4 {
        fixture.cache.put(&key("shared"), &[&payload(number)]);
    }
    thread::scope(|scope| {
        for (number, cache) in opened.iter().cycle().take(4).enumerate() {
            scope.spawn(move || {
                for _ in 0..100 {
                    let (first, second) = (payload(number), payload(number));
                    let half = first.len() / 2;
                    cache.put(&key("shared"), &[&first[..half], &second[half..]]);
                    let got = cache
                        .get(&key("shared"))
                        .expect("an entry was there all the time");
                    assert_eq!(got, payload(got[0].into()));
                }
            });
        }
    });
    assert_eq!(fixture.files(), [key("shared").file_name(), "key".into()]);
}

#[test]
fn under_a_cap_that_holds_few_everything_got_is_right_and_the_cap_holds_in_the_end() {
    const CAPACITY: u64 = 12_000;
    let fixture = Fixture::new();
    let opened = [
        fixture.cache.clone(),
        ArtifactCache::open(fixture.path()).unwrap(),
    ];
    let caches = opened.map(|cache| cache.capacity_bytes(CAPACITY));
    thread::scope(|scope| {
        for (thread, cache) in caches.iter().cycle().take(4).enumerate() {
            scope.spawn(move || {
                for round in 0..200 {
                    let number = (thread * 3 + round) % 8;
                    let module = key(&number.to_string());
                    match cache.get(&module) {
                        Some(got) => assert_eq!(got, payload(number)),
                        None => cache.put(&module, &[&payload(number)]),
                    }
                    if thread == 3 && round % 50 == 49 {
                        cache.clear().unwrap();
                    }
                }
            });
        }
    });
    // Whoever puts last sees all the others.
    caches[1].put(&key("last"), &[b"artifact"]);
    let entries = fixture.cache.entries().unwrap();
    assert!(entries.iter().map(|entry| entry.bytes).sum::<u64>() <= CAPACITY);
    assert_eq!(
        fixture.files().len(),
        entries.len() + 1,
        "no temporary file is left"
    );
}

#[test]
fn an_entry_that_is_removed_while_it_is_open_is_still_a_hit_and_not_removed_twice() {
    let fixture = Fixture::new();
    let directory = &fixture.cache.inner.directory;
    let (module, name) = (key("module"), key("module").file_name());
    fixture.cache.put(&module, &[b"old"]);
    let (mut old, bytes) = directory.open_own_file(&name).unwrap();
    fixture.cache.put(&module, &[b"new"]);
    let without_a_name = old.metadata().unwrap();
    assert_eq!(without_a_name.nlink(), 0);
    assert!(is_usable(&without_a_name));
    let secret = &fixture.cache.inner.secret;
    let read = entry::read(&mut old, bytes, secret, &module).unwrap();
    assert_eq!(read.unwrap(), b"old");
    // Whoever finds the old one damaged does not remove the new one.
    directory.remove_if_still(&name, &old);
    assert_eq!(fixture.cache.get(&module).unwrap(), b"new");
    // Of two that remove it one finds it gone, which is as good.
    let removed = [(); 2].map(|()| directory.remove(&name).unwrap());
    assert_eq!(removed, [true, false]);
}
