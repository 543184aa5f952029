//! What `wpool inspect` says of a module.

use crate::support::{guest, module, run, wpool};
use std::process::Command;

#[test]
fn the_examples_that_inspect_gives_can_be_pasted() {
    let home = tempfile::tempdir().unwrap();
    let inspected = run(wpool()
        .env("HOME", home.path())
        .args(["inspect", "--json"])
        .arg(guest("kinds")));
    let inspected: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!(inspected["kind"], "component");
    let functions = inspected["functions"].as_array().unwrap();
    assert!(functions.len() > 30);
    let directory = std::path::Path::new(env!("CARGO_BIN_EXE_wpool"))
        .parent()
        .unwrap();
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap());
    for function in functions {
        let example = function["example"].as_str().unwrap();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", example])
            .env("PATH", &path)
            .env("HOME", home.path())
            .env_remove("XDG_CACHE_HOME");
        let ran = run(&mut shell);
        assert_eq!(
            (ran.code(), ran.stderr.as_str()),
            (0, ""),
            "{example}: {ran:?}"
        );
    }
}

#[test]
fn examples_of_strange_names_long_arguments_and_odd_paths_can_be_pasted_too() {
    let fields: Vec<String> = (0..200)
        .map(|n| format!("(field \"a-rather-long-name-{n}\" s32)"))
        .collect();
    let record = fields.join(" ");
    let wide = format!(
        r#"(component
            (type $wide' (record {record}))
            (import "wide" (type $wide (eq $wide')))
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
                (func (export "f") (param i32)))
            (core instance $i (instantiate $m))
            (func (export "f") (param "wide" $wide)
                (canon lift (core func $i "f") (memory $i "memory") (realloc (func $i "realloc")))))"#
    );
    let strange = r#"(module (func (export "--help") (param i32)) (func (export "a\nb \1b[2J'") (param i32)))"#;
    for (name, text) in [
        ("-dash.wat", strange),
        ("cafe\u{301} 'x'.wat", strange),
        ("wide.wat", &wide),
    ] {
        let file = module(name, text);
        let directory = file.path().parent().unwrap();
        let inspected = run(wpool()
            .current_dir(directory)
            .args(["inspect", "--json", "--", name]));
        let inspected: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
        let functions = inspected["functions"].as_array().unwrap();
        assert!(!functions.is_empty());
        let programs = std::path::Path::new(env!("CARGO_BIN_EXE_wpool"))
            .parent()
            .unwrap();
        for function in functions {
            let example = function["example"].as_str().unwrap();
            assert!(!example.contains(|c: char| c.is_control()), "{example:?}");
            let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
            let mut shell = Command::new("bash");
            shell
                .args(["-c", example])
                .env("PATH", path)
                .current_dir(directory);
            shell
                .env_remove("HOME")
                .env_remove("XDG_CACHE_HOME")
                .env("LC_ALL", "C.UTF-8");
            let ran = run(&mut shell);
            assert_eq!((ran.code(), ran.stderr.as_str()), (0, ""), "{example}");
        }
    }
}

#[test]
fn inspect_shows_exported_functions_as_wit_with_types_under_their_names() {
    let ran = run(wpool().arg("inspect").arg(guest("stats")));
    let shown: Vec<&str> = ran.stdout.lines().skip(1).map(str::trim).collect();
    assert_eq!(
        shown[..3],
        [
            "exports:",
            "record summary { count: u32, mean: f64, min: f64, max: f64 }",
            "stats: func(values: list<f64>) -> result<summary, string>",
        ]
    );
    let ran = run(wpool().arg("inspect").arg(guest("kinds")));
    for line in [
        "  interface wpool:kinds/every@0.1.0 {",
        "    record place { name: string, at: point, tags: list<string>, height-in-meters: option<f32> }",
        "    variant shape { empty, circle(f64), polygon(list<point>), named(place) }",
        "    %record: func(x: place) -> place",
        "    %flags: func(x: permissions) -> permissions",
    ] {
        assert!(
            ran.stdout.lines().any(|shown| shown == line),
            "{line}: {ran:?}"
        );
    }
    let ran = run(wpool().args(["inspect", "--json"]).arg(guest("stats")));
    let inspected: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let summary = "record summary { count: u32, mean: f64, min: f64, max: f64 }";
    assert_eq!(
        inspected["types"],
        serde_json::json!([{ "interface": null, "wit": summary }])
    );
}

#[test]
fn inspect_names_what_a_module_imports_and_why_a_function_cannot_be_called() {
    let ran = run(wpool().arg("inspect").arg(guest("refused-import")));
    assert!(
        ran.stdout
            .contains("interface test:unknown/host: a host function"),
        "{ran:?}"
    );
    let ran = run(wpool()
        .args(["inspect", "--json"])
        .arg(guest("refused-import")));
    let inspected: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        inspected["imports"][0]["grant"],
        "a host function, by an application"
    );
    let ran = run(wpool().arg("inspect").arg(guest("refused-resource")));
    assert!(ran.stdout.contains("is a resource"), "{ran:?}");
    assert!(
        ran.stdout.contains("double: func(x: u32) -> u32"),
        "{ran:?}"
    );
    let ran = run(wpool()
        .args(["apply", "-f", "double"])
        .arg(guest("refused-resource"))
        .arg("21"));
    assert_eq!(ran.results(), ["42"]);
}
