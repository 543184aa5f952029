//! With a directory that was granted: what native code can do in it is what was granted, and elsewhere nothing more than without.

use crate::calls::{WORKER, assert_nothing_else_passes};
use crate::impostor::User;
use crate::support::{Call, refusing};
use crate::table::Table;
use std::collections::BTreeSet;

/// What of the table a worker with that directory may do, and no other.
const READING: &[&str] = &["read a granted file", "list a granted directory"];
const CHANGING: &[&str] = &[
    "write a granted file",
    "create a granted file",
    "cut a granted file",
    "make a granted directory",
    "rename a granted file",
    "link a granted file",
    "remove a granted file",
];

/// What can be learnt of other files where nothing hides them: that they are there, how long they are, where links lead.
const LOOKING: &[&str] = &[
    "stat /etc/passwd",
    "stat /proc/self/status",
    "stat /dev/null",
    "read a link",
];

/// What one of its templates may do besides forking: it shares pages with its workers, which a filter can't tell from files that are
/// only read.
const SHARING: &str = "share a mapping of a granted file";

fn may(attack: &str, column: &str) -> bool {
    let writes = column.starts_with("write");
    READING.contains(&attack)
        || (writes && CHANGING.contains(&attack))
        || (column.ends_with("reduced") && LOOKING.contains(&attack))
}

#[test]
fn the_table_allows_what_was_granted_and_nothing_else() {
    let table = Table::granted();
    for attack in table.attacks() {
        for column in ["read", "write", "read reduced", "write reduced"] {
            let cell = table.cell(attack, column);
            let allowed = cell.split('/').any(|answer| answer == "ok");
            assert_eq!(
                allowed,
                may(attack, column),
                "{attack} with {column}: {cell}"
            );
        }
    }
}

#[track_caller]
fn assert_refused(lacking: &[Call], suffix: &str) {
    let table = Table::granted();
    for user in User::all() {
        for terms in ["read", "write"] {
            let column = format!("{terms}{suffix}");
            let answers = refusing(lacking, || user.impostor(&["granted", terms]));
            let tried: BTreeSet<&str> = answers.iter().map(|(attack, _)| attack.as_str()).collect();
            assert_eq!(tried, table.attacks().collect());
            let wrong: Vec<String> = answers
                .iter()
                .filter(|(attack, answer)| {
                    let mut expected = table.cell(attack, &column).split('/');
                    !expected.any(|expected| expected == answer)
                })
                .map(|(attack, answer)| format!("{attack}: {answer}"))
                .collect();
            assert!(wrong.is_empty(), "{user:?} {column}: {wrong:#?}");
        }
    }
}

#[test]
fn a_granted_directory_is_all_that_native_code_reaches_with_full_confinement() {
    assert_refused(&[], "");
}

#[test]
fn a_granted_directory_is_all_that_native_code_reaches_with_reduced_confinement() {
    assert_refused(&[Call::Unshare], " reduced");
}

#[test]
fn templates_with_a_granted_directory_reach_nothing_more_and_fork() {
    // Guest code runs there, too: an initializer, or the beginning of a warm program.
    for (lacking, suffix) in [(&[][..], ""), (&[Call::Unshare], " reduced")] {
        for user in User::all() {
            for terms in ["read", "write"] {
                let column = format!("{terms}{suffix}");
                let answers = refusing(lacking, || user.impostor(&["granted", terms, "template"]));
                let (granted, without) = (Table::granted(), Table::of(user.name()));
                let expected = |attack: &str| {
                    let cells = [
                        Some(granted.cell(attack, &column)),
                        without
                            .attacks()
                            .find(|known| *known == attack)
                            .map(|_| without.cell(attack, "template")),
                    ];
                    cells
                        .into_iter()
                        .flatten()
                        .flat_map(|cell| cell.split('/'))
                        .collect::<BTreeSet<_>>()
                };
                assert_eq!(answers.len(), granted.attacks().count());
                let wrong: Vec<_> = answers
                    .iter()
                    // What was granted, a template that was tried before may have done already.
                    .filter(|(attack, _)| !may(attack, &column))
                    .filter(|(attack, answer)| !expected(attack).contains(&**answer))
                    .filter(|(attack, answer)| (&**attack, &**answer) != (SHARING, "ok"))
                    .collect();
                assert!(wrong.is_empty(), "{user:?} {column}: {wrong:#?}");
            }
        }
    }
}

#[test]
fn a_granted_directory_is_all_that_native_code_reaches_without_landlock() {
    // The empty root can then be listed, and shows the number of the directory.
    for user in User::all() {
        for terms in ["read", "write"] {
            let answers = refusing(&[Call::Landlock(rustix::io::Errno::NOSYS)], || {
                user.impostor(&["granted", terms])
            });
            let through: BTreeSet<String> = answers
                .into_iter()
                .filter(|(_, answer)| answer == "ok")
                .map(|(attack, _)| attack)
                .collect();
            let listed = ["list /", "open above a granted directory"];
            let expected = Table::granted();
            let expected = expected
                .attacks()
                .filter(|attack| may(attack, terms) || listed.contains(attack));
            assert_eq!(
                through,
                expected.map(String::from).collect(),
                "{user:?} {terms}"
            );
        }
    }
}

/// What a worker may call besides that may read, answered with an error or not.
const READ: &[i64] = &[
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_fadvise64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_openat2,
];

/// What one may call besides that may write.
const WRITE: &[i64] = &[
    libc::SYS_pwrite64,
    libc::SYS_pwritev2,
    libc::SYS_ftruncate,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_symlinkat,
    libc::SYS_linkat,
    libc::SYS_utimensat,
];

#[test]
fn no_other_call_passes_than_those_that_files_need() {
    assert_nothing_else_passes(&["granted", "read", "calls"], &[WORKER, READ]);
    assert_nothing_else_passes(&["granted", "write", "calls"], &[WORKER, READ, WRITE]);
}
