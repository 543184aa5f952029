//! The rules of the house, held by machine: who may know whom, where `unsafe` is, how long files get.

mod job_files;

use crate::support::Source;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which rooms of the house each room may mention. The trusted side goes down this list; `confined` is mentioned by nobody.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "testing", // Not part of the product: it may look everywhere.
        &[
            "confined", "pool", "plugin", "child", "wire", "sandbox", "value",
        ],
    ),
    ("confined", &["wire", "sandbox", "value"]),
    ("cli", &[]), // It uses the library's public items alone.
    (
        "pool",
        &["plugin", "child", "error", "wire", "sandbox", "value"],
    ),
    ("plugin", &["child", "error", "wire", "sandbox", "value"]),
    ("error", &["child"]), // What a pool says when a process does not start.
    ("child", &["wire", "sandbox", "value"]),
    ("wire", &["sandbox", "value"]),
    ("sandbox", &[]),
    ("value", &[]),
];

/// What the trusted side and the messages may use of `sandbox`: plain data, never a mechanism.
const PLAIN_DATA: &[&str] = &[
    "Confinement",
    "Files",
    "GrantedDirectory",
    "Layer",
    "Level",
    "NOBODY",
    "Namespaces",
    "NotGranted",
    "Policy",
    "ProcessLimits",
    "Refusal",
    "Role",
    "ProcessUser",
    "RunAs",
];

/// The files that may contain `unsafe`. A new one needs a reason that no safe crate removes.
const UNSAFE: &[&str] = &[
    "child/parent.rs",               // PIDFD_GET_INFO
    "cli/closed.rs",                 // .init_array
    "confined/code_memory.rs",       // mmap of code, mseal
    "confined/guest/component.rs",   // wasmtime trusts an artifact
    "confined/guest/core_module.rs", // the same
    "confined/mod.rs",               // _exit, getauxval
    "confined/template.rs",          // fork, dup3
    "confined/ticker.rs",            // sigaction, setitimer
    "sandbox/descriptors.rs",        // close_range
    "sandbox/directories.rs",        // unshare, clone, mount_setattr
    "sandbox/namespaces.rs",         // unshare, clone
    "sandbox/signals.rs",            // sigprocmask, signal
    "wire/status_page.rs",           // a page shared by two processes
    // The hostile program of the tests: it makes system calls that no library offers.
    "tests/escape/startup/tracer.rs", // ptrace
    "tests/impostor/alone.rs",
    "tests/impostor/attacks/memory.rs",
    "tests/impostor/attacks/mod.rs",
    "tests/impostor/attacks/processes.rs",
    "tests/impostor/lies/template.rs",
    "tests/it/support/held_calls.rs", // seccomp with a listener, ioctl
];

/// Crates that see a module's bytes.
const PARSERS: &[&str] = &[
    "wasmtime",
    "wasmparser",
    "wat",
    "cranelift",
    "wasmtime_wasi",
];

const LONGEST_FILE: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn house() -> Vec<(String, Source)> {
    let directory = root().join("host/src");
    let name = |source: &Source| {
        source
            .path
            .strip_prefix(&directory)
            .unwrap()
            .to_str()
            .unwrap()
            .to_string()
    };
    Source::all_under(&directory)
        .into_iter()
        .map(|source| (name(&source), source))
        .collect()
}

/// The room that a file belongs to; none for `lib.rs` and `main.rs`.
fn room(file: &str) -> Option<&str> {
    let room = file
        .split_once('/')
        .map_or(file, |(room, _)| room)
        .trim_end_matches(".rs");
    (!matches!(room, "lib" | "main")).then_some(room)
}

fn everything() -> Vec<(String, Source)> {
    let root = root();
    let name = |source: &Source| {
        let path = source.path.strip_prefix(&root).unwrap();
        path.to_str().unwrap().to_string()
    };
    let tests = Source::all_under(&root.join("tests")).into_iter();
    house()
        .into_iter()
        .chain(tests.map(|source| (name(&source), source)))
        .collect()
}

#[test]
fn the_house_has_the_rooms_that_its_rules_are_about() {
    let rooms: BTreeSet<String> = house()
        .iter()
        .filter_map(|(file, _)| room(file).map(str::to_string))
        .collect();
    assert_eq!(
        rooms,
        ARROWS.iter().map(|(room, _)| (*room).to_string()).collect()
    );
}

#[test]
fn rooms_mention_only_rooms_below_them() {
    let mut wrong = Vec::new();
    for (file, source) in house() {
        let Some(room) = room(&file) else { continue };
        let (_, below) = ARROWS.iter().find(|(name, _)| *name == room).unwrap();
        for path in source.paths_from("crate") {
            let mentioned = path.first().map_or("", String::as_str);
            if mentioned != room && !below.contains(&mentioned) {
                wrong.push(format!("{file}: crate::{}", path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn arrows_go_down_only() {
    for (index, (room, below)) in ARROWS.iter().enumerate() {
        let upward = |other: &&&str| ARROWS[..index].iter().any(|(above, _)| *above == **other);
        assert_eq!(below.iter().find(upward), None, "{room}");
    }
}

#[test]
fn no_room_is_left_by_way_of_its_parents() {
    // `super::super::…` up to the root of the crate would be an arrow that no other rule sees.
    let mut wrong = Vec::new();
    for (file, source) in house() {
        let depth = file.trim_end_matches("/mod.rs").split('/').count();
        let too_many = vec!["super"; depth].join(" : : ");
        let too_many: Vec<&str> = too_many.split(' ').collect();
        // An inline module of tests is one deeper, and stands at the end.
        let tests = source
            .find(&["cfg", "(", "test"])
            .last()
            .unwrap_or(usize::MAX);
        if room(&file).is_some() && source.find(&too_many).any(|line| line < tests) {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_confined_room_sees_a_modules_bytes() {
    let mut wrong = Vec::new();
    for (file, source) in house()
        .into_iter()
        .filter(|(file, _)| room(file) != Some("confined"))
    {
        for parser in PARSERS {
            let mentioned = source
                .paths_from(parser)
                .into_iter()
                .any(|path| !path.is_empty());
            let imported = source.find(&["use", parser]).next().is_some()
                || source.find(&["extern", "crate", parser]).next().is_some();
            if mentioned || imported {
                wrong.push(format!("{file}: {parser}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_library_enters_the_confined_room_by_one_door() {
    for (file, source) in house() {
        let mentions: Vec<usize> = source.find(&["confined"]).collect();
        let allowed = match file.as_str() {
            // The room is declared, and `init` calls into it.
            "lib.rs" => 2,
            _ if matches!(room(&file), Some("confined" | "testing")) => usize::MAX,
            // A word of the handshake, not the room.
            _ => mentions.len() - source.find(&["confined", ":", ":"]).count(),
        };
        assert!(mentions.len() <= allowed, "{file}: lines {mentions:?}");
    }
}

#[test]
fn outside_the_confined_room_a_sandbox_is_plain_data() {
    let mut wrong = Vec::new();
    for (file, source) in house() {
        if matches!(room(&file), Some("confined" | "sandbox" | "testing")) {
            continue;
        }
        for path in source.paths_from("crate").into_iter().chain(
            source.paths_from("sandbox").into_iter().map(|mut path| {
                path.insert(0, "sandbox".into());
                path
            }),
        ) {
            if path.first().is_some_and(|room| room == "sandbox")
                && path
                    .get(1)
                    .is_some_and(|item| !PLAIN_DATA.contains(&item.as_str()))
            {
                wrong.push(format!("{file}: {}", path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unsafe_code_is_where_the_list_says_and_nowhere_else() {
    let has_unsafe = |(_, source): &(String, Source)| source.find(&["unsafe"]).next().is_some();
    let found: BTreeSet<String> = everything()
        .into_iter()
        .filter(has_unsafe)
        .map(|(file, _)| file)
        .collect();
    assert_eq!(
        found,
        UNSAFE.iter().map(|file| (*file).to_string()).collect()
    );
}

#[test]
fn each_unsafe_block_says_why_it_is_sound() {
    let mut wrong = Vec::new();
    for (file, source) in house() {
        let lines: Vec<&str> = source.text.lines().collect();
        for line in source.find(&["unsafe"]) {
            // The comment stands before the statement, which may begin a few lines above.
            let above = lines[..line - 1].iter().rev().map(|line| line.trim());
            let mut comment = above
                .skip_while(|line| !line.starts_with("//"))
                .take_while(|line| line.starts_with("//"));
            let distance = lines[..line - 1]
                .iter()
                .rev()
                .take_while(|line| !line.trim().starts_with("//"))
                .count();
            if distance > 4 || !comment.any(|line| line.starts_with("// SAFETY: ")) {
                wrong.push(format!("{file}:{line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where the scheduler looks at all of its workers: only where something rare happens, since a task must not cost more the more of
/// them there are.
const LOOKS_AT_ALL_WORKERS: &[(&str, usize)] = &[
    ("pool/scheduler/cancel.rs", 2), // tasks are cancelled
    ("pool/scheduler/fleet.rs", 1),  // for those that look at them in order
    ("pool/scheduler/later.rs", 1),  // a plugin is halted
    ("pool/scheduler/mod.rs", 1),    // somebody asks for statistics
    ("pool/scheduler/park.rs", 1),   // a plugin gives up its processes
];

#[test]
fn no_event_of_a_task_has_the_scheduler_look_at_all_workers() {
    let ways = [
        "iter",
        "iter_mut",
        "values",
        "values_mut",
        "into_values",
        "keys",
        "retain",
        "extract_if",
    ];
    let looks = |text: &str| {
        let loops =
            text.matches("in &self.workers").count() + text.matches("in &mut self.workers").count();
        let loops = loops + text.matches("self.worker_ids()").count();
        let calls = text.split(".workers").skip(1).filter(|behind| {
            let called = behind.trim_start().strip_prefix('.');
            let name = called.and_then(|called| called.split('(').next());
            name.is_some_and(|name| ways.contains(&name))
        });
        loops + calls.count()
    };
    let scheduler = house().into_iter().filter(|(file, _)| {
        let file = file.strip_prefix("pool/scheduler/");
        file.is_some_and(|file| !file.starts_with("tests") && file != "sanity.rs")
    });
    let looks: BTreeSet<(String, usize)> = scheduler
        .map(|(file, source)| (file, looks(&source.text)))
        .filter(|(_, looks)| *looks > 0)
        .collect();
    let known = LOOKS_AT_ALL_WORKERS.iter();
    let known: BTreeSet<(String, usize)> = known
        .map(|(file, looks)| (file.to_string(), *looks))
        .collect();
    assert_eq!(looks, known);
}

#[test]
fn files_fit_in_a_head() {
    let long = |(file, source): &(String, Source)| {
        let lines = source.text.lines().count();
        (lines > LONGEST_FILE).then(|| format!("{file}: {lines} lines"))
    };
    let long: Vec<String> = everything().iter().filter_map(long).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn each_file_says_what_it_is_responsible_for() {
    let silent: Vec<String> = everything()
        .into_iter()
        .filter(|(_, source)| !source.text.starts_with("//! "))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn nothing_is_left_undone_and_nothing_sleeps() {
    let mut wrong = Vec::new();
    for (file, source) in everything() {
        for forbidden in [
            &["todo", "!"][..],
            &["unimplemented", "!"],
            &["ignore", "]"],
            &["ignore", "="],
            &["sleep", "("],
            &["dbg", "!"],
        ] {
            wrong.extend(
                source
                    .find(forbidden)
                    .map(|line| format!("{file}:{line}: {}", forbidden.concat())),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_file_is_a_noun_of_the_domain() {
    let vague = ["utils", "util", "common", "types", "helpers", "misc"];
    for (file, _) in everything() {
        let stem = Path::new(&file)
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_string();
        assert!(!vague.contains(&stem.as_str()), "{file}");
    }
}
