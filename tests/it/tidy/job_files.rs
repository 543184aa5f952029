//! Which files of the command open paths: one module for those of jobs.

use super::{house, room};

/// Files of the command that open others: what `/proc` shows, and the cache.
const NO_JOBS: &[&str] = &["cli/cache.rs", "cli/doctor.rs", "cli/interrupt.rs"];

/// What is only named, and opens nothing.
const NAMES: &[&str] = &["File", "TryLockError", "FileType", "fstat"];

#[test]
fn every_path_of_a_job_is_opened_by_one_module() {
    let mut wrong = Vec::new();
    for (file, source) in house() {
        let is_ours = file.starts_with("cli/files/") || file.ends_with("tests.rs");
        if room(&file) != Some("cli") || is_ours || NO_JOBS.contains(&&*file) {
            continue;
        }
        for library in ["std", "rustix"] {
            for path in source.paths_from(library) {
                let what = path.get(1).map_or("", String::as_str);
                if path[0] == "fs" && !NAMES.contains(&what) {
                    wrong.push(format!("{file}: {library}::{}", path.join("::")));
                }
            }
        }
        for way in ["open", "create", "create_new", "options"] {
            let wanted = ["File", ":", ":", way];
            let lines = source.find(&wanted);
            wrong.extend(lines.map(|line| format!("{file}:{line}: File::{way}")));
        }
        for way in [
            "metadata",
            "exists",
            "is_file",
            "is_dir",
            "canonicalize",
            "read_link",
        ] {
            let wanted = ["path", ".", way];
            let lines = source.find(&wanted);
            wrong.extend(lines.map(|line| format!("{file}:{line}: path.{way}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
