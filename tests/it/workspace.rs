//! What a fresh clone has: papers, built guests, two commands, one gate.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

#[test]
fn committed_guests_are_small_and_stripped() {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(root().join("guest-examples/wasm")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        // Programs have the standard library in them.
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let source = root()
            .join("guest-examples")
            .join(stem.trim_end_matches("-p2"));
        let most = match source.join("src/main.rs").is_file() {
            true => 256 << 10,
            false => 64 << 10,
        };
        assert!(bytes.len() <= most, "{}", path.display());
        assert!(bytes.starts_with(b"\0asm"));
        for section in [&b".debug_info"[..], b"producers", b"/root/", b"/home/"] {
            assert!(
                !bytes.windows(section.len()).any(|window| window == section),
                "{}",
                path.display()
            );
        }
        names.insert(path.file_stem().unwrap().to_str().unwrap().to_string());
    }
    for name in ["square", "add", "spin"] {
        assert!(names.contains(name), "{name}");
        assert!(
            root()
                .join("guest-examples")
                .join(name)
                .join("src/lib.rs")
                .is_file(),
            "{name}"
        );
    }
}

#[test]
fn the_first_screen_of_the_readme_has_the_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let first_screen: Vec<&str> = readme.lines().take(40).collect();
    for command in [
        "cargo run --release -- map guest-examples/wasm/square.wasm 1 2 3 4 5",
        "cargo test",
    ] {
        assert!(
            first_screen
                .iter()
                .any(|line| line.trim().trim_start_matches("$ ").starts_with(command)),
            "{command}"
        );
    }
}

#[test]
fn the_gate_runs_every_check() {
    let gate = fs::read_to_string(root().join(".ci/run")).unwrap();
    for step in [
        "cargo fmt --all --check",
        "cargo clippy --workspace --all-targets",
        "-- -D warnings",
        "RUSTDOCFLAGS='-D warnings' cargo doc",
        "cargo deny",
        "guest-examples/build.sh --check",
        "cargo test",
        "--target aarch64-unknown-linux-gnu",
        "host/fuzz/run.sh",
    ] {
        assert!(gate.contains(step), "{step}");
    }
}

#[test]
fn the_workspace_is_furnished() {
    for file in [
        "Cargo.toml",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "README.md",
        "deny.toml",
        ".ci/run",
        ".ci/full",
        "host/ARCHITECTURE.md",
        "guest-examples/Cargo.toml",
        "guest-examples/build.sh",
        "wit",
    ] {
        assert!(root().join(file).exists(), "{file}");
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for line in [
        r#"edition = "2024""#,
        r#"rust-version = "1.95""#,
        r#"license = "MIT OR Apache-2.0""#,
    ] {
        assert!(manifest.contains(line), "{line}");
    }
    assert!(
        !manifest.contains("\n[package]\n"),
        "the workspace is virtual"
    );
    let optimised = manifest
        .split("[profile.dev.package.\"*\"]")
        .nth(1)
        .expect("dependencies are optimised in tests");
    assert!(
        optimised.trim_start().starts_with("opt-level = "),
        "{optimised}"
    );
    let package = fs::read_to_string(root().join("host/Cargo.toml")).unwrap();
    let wasmtime = package
        .lines()
        .find(|line| line.starts_with("wasmtime = "))
        .unwrap();
    assert!(wasmtime.contains("default-features = false"), "{wasmtime}");
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let version = lock
        .split("name = \"wasmtime\"\nversion = \"48.0.")
        .nth(1)
        .expect("wasmtime 48");
    let patch: u32 = version.split('"').next().unwrap().parse().unwrap();
    assert!(patch >= 8, "wasmtime 48.0.{patch}");
}

#[test]
fn every_test_that_security_md_names_is_there() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    let paths: Vec<String> = quoted
        .filter(|word| {
            ["tests/", "host/"]
                .iter()
                .any(|start| word.starts_with(start))
        })
        .flat_map(alternatives)
        .collect();
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        assert!(root().join(&path).exists(), "{path}");
    }
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn alternatives(path: &str) -> Vec<String> {
    let Some((start, rest)) = path.split_once('{') else {
        return vec![path.into()];
    };
    let (names, end) = rest.split_once('}').unwrap();
    let full = |name| format!("{start}{name}{end}");
    names.split(',').map(full).collect()
}

#[test]
fn each_fuzz_target_has_a_corpus_of_a_few_small_files() {
    let fuzz = root().join("host/fuzz");
    let mut targets = 0;
    for target in fs::read_dir(fuzz.join("fuzz_targets")).unwrap() {
        let target = target.unwrap().path();
        let corpus = fuzz.join("corpus").join(target.file_stem().unwrap());
        let lengths: Vec<u64> = fs::read_dir(&corpus)
            .unwrap_or_else(|error| panic!("{}: {error}", corpus.display()))
            .map(|file| file.unwrap().metadata().unwrap().len())
            .collect();
        let corpus = corpus.display();
        assert!((1..=64).contains(&lengths.len()), "{corpus}");
        assert!(lengths.iter().all(|length| *length <= 4096), "{corpus}");
        targets += 1;
    }
    assert!(targets >= 6, "{targets}");
}

#[test]
fn the_fuzz_targets_are_built_with_the_versions_that_wpool_is() {
    let versions = |file: &str| -> BTreeSet<(String, String)> {
        let lock = fs::read_to_string(root().join(file)).unwrap();
        let packages = lock.split("[[package]]\n").skip(1);
        let value = |line: Option<&str>| line.unwrap().split('"').nth(1).unwrap().to_string();
        packages
            .map(|package| {
                let mut lines = package.lines();
                (value(lines.next()), value(lines.next()))
            })
            .collect()
    };
    let ours = versions("Cargo.lock");
    let known: BTreeSet<&String> = ours.iter().map(|(name, _)| name).collect();
    let others: Vec<_> = versions("host/fuzz/Cargo.lock")
        .into_iter()
        .filter(|package| known.contains(&package.0) && !ours.contains(package))
        .collect();
    assert!(
        others.is_empty(),
        "cp Cargo.lock host/fuzz && cargo metadata --manifest-path host/fuzz/Cargo.toml: {others:?}"
    );
}

#[test]
fn without_default_features_the_library_brings_none_of_the_commands_crates() {
    let tree = |features: &[&str]| {
        let mut cargo = std::process::Command::new(env!("CARGO"));
        cargo
            .args([
                "tree",
                "--offline",
                "--locked",
                "-e",
                "normal",
                "--prefix",
                "none",
                "-p",
                "wpool-host",
            ])
            .args(features)
            .current_dir(root());
        let output = cargo.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (whole, library) = (tree(&[]), tree(&["--no-default-features"]));
    for of_the_command in [
        "clap ",
        "anyhow ",
        "humantime ",
        "bytesize ",
        "signal-hook ",
    ] {
        assert!(whole.lines().any(|line| line.starts_with(of_the_command)));
        // The engine has one of them for itself.
        if of_the_command != "anyhow " {
            assert!(
                !library.lines().any(|line| line.starts_with(of_the_command)),
                "{library}"
            );
        }
    }
}

#[test]
fn everything_that_the_library_exports_has_an_example_that_runs() {
    let sources = crate::support::Source::all_under(&root().join("host/src"));
    let library = fs::read_to_string(root().join("host/src/lib.rs")).unwrap();
    let uses = library.split("pub use ").skip(1);
    let names: Vec<&str> = uses
        .flat_map(|rest| rest.split(';').next().unwrap().split(['{', '}', ',', ':']))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    assert!(names.len() > 60, "{names:?}");
    let rooms = ["error", "plugin", "pool", "sandbox", "value"];
    let documented = |name: &str| {
        let items = ["struct", "enum", "trait", "fn"].map(|kind| format!("pub {kind} {name}"));
        sources.iter().any(|source| {
            let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
            let is_item = |line: &str| {
                let rest = items
                    .iter()
                    .find_map(|item| line.strip_prefix(item.as_str()));
                rest.is_some_and(|rest| {
                    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
                })
            };
            let Some(at) = lines.iter().position(|line| is_item(line)) else {
                return false;
            };
            let above = lines[..at].iter().rev();
            let mut docs =
                above.take_while(|line| line.starts_with("///") || line.starts_with("#["));
            docs.any(|line| *line == "/// ```rust,standalone_crate")
        })
    };
    let bare: Vec<&str> = names
        .into_iter()
        .filter(|name| !rooms.contains(name) && !documented(name))
        .collect();
    assert!(bare.is_empty(), "{bare:?}");
}
