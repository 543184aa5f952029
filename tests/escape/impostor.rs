//! The hostile program, run as somebody.

use crate::support::{Ordinary, is_root};
use std::process::Command;

/// Whom the program is run by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Whoever runs the tests, if that is root.
    Root,
    /// Somebody without privilege.
    Ordinary,
}

impl User {
    /// Those that whoever runs the tests can be.
    pub fn all() -> Vec<User> {
        [User::Root, User::Ordinary]
            .into_iter()
            .filter(|user| *user == User::Ordinary || is_root())
            .collect()
    }

    /// The name of the table that belongs to the user.
    pub fn name(self) -> &'static str {
        match self {
            User::Root => "root",
            User::Ordinary => "user",
        }
    }

    /// What the program prints, in lines of a name and an answer.
    #[track_caller]
    pub fn impostor(self, words: &[&str]) -> Vec<(String, String)> {
        let ordinary = Ordinary::user();
        let program = env!("CARGO_BIN_EXE_wpool-impostor");
        let mut command = match self {
            User::Root => Command::new(program),
            User::Ordinary => ordinary.command(program),
        };
        let output = command.args(words).output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{words:?}: {output:?}"
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let pair = |line: &str| {
            let (name, answer) = line.split_once('\t').unwrap();
            (name.to_string(), answer.to_string())
        };
        text.lines().map(pair).collect()
    }
}
