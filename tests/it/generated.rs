//! Completions and manual pages, which are made of the options.

use crate::support::{SUBCOMMANDS, run, wpool};
use std::io::Write;
use std::process::{Command, Stdio};
use tempfile::TempDir;

#[test]
fn bash_completes_subcommands_and_their_options() {
    let script = run(wpool().args(["completions", "bash"])).stdout;
    let completed = |words: &str, last: usize| {
        let ask = format!(
            "COMP_WORDS=({words}); COMP_CWORD={last}; _wpool wpool \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last} - 1]}}\"; \
             echo \"${{COMPREPLY[@]}}\""
        );
        let mut bash = Command::new("bash")
            .args(["--norc", "-s"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = bash.stdin.take().unwrap();
        writeln!(stdin, "{script}\n{ask}").unwrap();
        drop(stdin);
        let output = bash.wait_with_output().unwrap().stdout;
        String::from_utf8(output).unwrap()
    };
    assert_eq!(completed("wpool ma", 1).trim(), "map man");
    assert_eq!(completed("wpool map --unord", 2).trim(), "--unordered");
    assert_eq!(completed("wpool map --isolation in", 3).trim(), "instance");
}

#[test]
fn each_shell_has_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(wpool().args(["completions", shell]));
        assert_eq!((ran.code(), ran.stderr.as_str()), (0, ""), "{shell}");
        for subcommand in SUBCOMMANDS {
            assert!(ran.stdout.contains(subcommand), "{shell}: {subcommand}");
        }
    }
    let ran = run(wpool().args(["completions", "tcsh"]));
    assert_eq!((ran.code(), ran.complaints().len()), (2, 1));
}

#[test]
fn each_subcommand_has_a_manual_page_with_its_options() {
    let folder = TempDir::new().unwrap();
    let ran = run(wpool().arg("man").arg(folder.path()));
    assert_eq!(
        (ran.code(), ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", "")
    );
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for subcommand in SUBCOMMANDS {
        assert!(
            page("wpool.1").contains(&format!("wpool\\-{subcommand}(1)")),
            "{subcommand}"
        );
        assert!(
            page(&format!("wpool-{subcommand}.1")).contains(".SH SYNOPSIS"),
            "{subcommand}"
        );
    }
    assert!(page("wpool-map.1").contains("\\-\\-unordered"));
    let ran = run(wpool().arg("man").arg(folder.path().join("missing")));
    assert_eq!((ran.code(), ran.complaints().len()), (2, 1));
    assert!(ran.stderr.contains("cannot be written there"), "{ran:?}");
}
