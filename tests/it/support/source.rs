//! Rust source as tokens, as far as the rules of the house need it: code, comments and strings are told apart.

use std::fs;
use std::path::{Path, PathBuf};

/// A token of the code, and its line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A file of Rust source.
pub struct Source {
    pub path: PathBuf,
    pub text: String,
    /// Words and single other characters, without comments; a string or character is the token `"`.
    pub code: Vec<Token>,
}

impl Source {
    /// All files under `directory`.
    pub fn all_under(directory: &Path) -> Vec<Source> {
        let mut sources = Vec::new();
        for entry in fs::read_dir(directory)
            .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources.extend(Source::all_under(&path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source {
                    code: tokens(&text),
                    path,
                    text,
                });
            }
        }
        sources
    }

    /// Whether the code has these tokens in a row.
    pub fn find<'a>(&'a self, wanted: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
        let same = |tokens: &&[Token]| {
            tokens
                .iter()
                .map(|token| token.text.as_str())
                .eq(wanted.iter().copied())
        };
        self.code
            .windows(wanted.len())
            .filter(move |tokens| same(tokens))
            .map(|tokens| tokens[0].line)
    }

    /// The paths that begin with `root` (`crate`), each with what follows it up to three words, groups taken apart:
    /// `crate::{a::B, c}` is `a B` and `c`.
    pub fn paths_from(&self, root: &str) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        for at in 0..self.code.len() {
            let follows_path = at > 0 && self.code[at - 1].text == ":";
            if self.code[at].text == root && !follows_path {
                self.follow(at + 1, &mut Vec::new(), &mut paths);
            }
        }
        paths
    }

    /// Reads `:: segment …` or `:: { … }` at `at`, and returns where it ends.
    fn follow(&self, at: usize, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> usize {
        let text = |at: usize| self.code.get(at).map_or("", |token| token.text.as_str());
        if (text(at), text(at + 1)) != (":", ":") {
            if !prefix.is_empty() {
                paths.push(prefix.clone());
            }
            return at;
        }
        self.branch(at + 2, prefix, paths)
    }

    fn branch(&self, at: usize, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> usize {
        let text = |at: usize| self.code.get(at).map_or("", |token| token.text.as_str());
        if text(at) != "{" {
            prefix.push(text(at).to_string());
            let end = self.follow(at + 1, prefix, paths);
            prefix.pop();
            return end;
        }
        let mut at = at + 1;
        while !matches!(text(at), "}" | "") {
            at = self.branch(at, prefix, paths);
            // `as name` and the comma.
            while !matches!(text(at), "," | "}" | "") {
                at += 1;
            }
            if text(at) == "," {
                at += 1;
            }
        }
        at + 1
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let start = at;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        let mut token = None;
        if bytes[at..].starts_with(b"//") {
            at = end_of(text, at, "\n");
        } else if bytes[at..].starts_with(b"/*") {
            at = end_of(text, at, "*/");
        } else if let Some(end) = end_of_string(text, at) {
            at = end;
            token = Some("\"");
        } else if is_word(bytes[at]) {
            at += bytes[at..]
                .iter()
                .take_while(|byte| is_word(**byte))
                .count();
            token = Some(&text[start..at]);
        } else {
            at += 1;
            token = Some(&text[start..at]).filter(|text| !text.trim().is_empty());
        }
        tokens.extend(token.map(|text| Token {
            text: text.to_string(),
            line,
        }));
        line += bytes[start..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
    }
    tokens
}

fn end_of(text: &str, at: usize, end: &str) -> usize {
    text[at..]
        .find(end)
        .map_or(text.len(), |found| at + found + end.len())
}

/// The end of the string or character that begins at `at`, with its prefix.
fn end_of_string(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let unprefixed = rest.trim_start_matches(['b', 'c']);
    let skipped = rest.len() - unprefixed.len();
    if skipped > 1 {
        return None;
    }
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let opened = raw[hashes..].starts_with('"');
        let from = at + skipped + 1 + hashes + 1;
        return opened.then(|| end_of(text, from, &format!("\"{}", "#".repeat(hashes))));
    }
    let quote = unprefixed
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    let mut characters = unprefixed.char_indices().skip(1);
    if quote == '\'' {
        // A lifetime has no closing quote after its first character.
        let mut ahead = unprefixed.chars().skip(1);
        if ahead.next() != Some('\\') && ahead.next() != Some('\'') {
            return None;
        }
    }
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            _ if character == quote => return Some(at + skipped + index + 1),
            _ => {}
        }
    }
    None
}
