//! Where in a JSON text a value is: the parser forgets it, and an error is to point there.

/// One step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Of an array.
    Index(usize),
    /// Of an object.
    Key(String),
}

/// The bytes of the value that `path` leads to, in a text that is valid JSON. Where the path ends early, what it leads to so far.
pub(super) fn locate<'p>(
    text: &[u8],
    path: impl IntoIterator<Item = &'p Step>,
) -> std::ops::Range<usize> {
    let mut scan = Scan { text, at: 0 };
    scan.space();
    for step in path {
        let inside = match step {
            Step::Index(index) => scan.element(*index),
            Step::Key(key) => scan.member(key),
        };
        match inside {
            Some(at) => scan.at = at,
            None => break,
        }
    }
    let start = scan.at;
    scan.value();
    start..scan.at
}

/// A place in a valid text.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn next(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes over a string, and the space behind it.
    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.next() {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'"' => return,
                _ => {}
            }
        }
    }

    /// Goes over a value.
    fn value(&mut self) {
        match self.next() {
            Some(b'"') => self.string(),
            Some(b'[' | b'{') => self.group(),
            _ => {
                let ends =
                    |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
                let rest = self.text.get(self.at..).unwrap_or_default();
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
            }
        }
    }

    /// Goes over an array or an object: strings aside, its brackets match.
    fn group(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Where an element of the array here begins.
    fn element(&self, index: usize) -> Option<usize> {
        let mut scan = self.inside(b'[')?;
        for _ in 0..index {
            scan.value();
            scan.space();
            if scan.next() != Some(b',') {
                return None;
            }
            scan.at += 1;
            scan.space();
        }
        Some(scan.at)
    }

    /// Where the value of a key of the object here begins; of the last one, where it is there twice.
    fn member(&self, key: &str) -> Option<usize> {
        let mut scan = self.inside(b'{')?;
        let mut found = None;
        while scan.next() == Some(b'"') {
            let start = scan.at;
            scan.string();
            let name = scan.text.get(start..scan.at).unwrap_or_default();
            scan.space();
            scan.at += 1;
            scan.space();
            if serde_json::from_slice::<String>(name).is_ok_and(|name| name == key) {
                found = Some(scan.at);
            }
            scan.value();
            scan.space();
            scan.at += 1;
            scan.space();
        }
        found
    }

    fn inside(&self, opening: u8) -> Option<Self> {
        let mut scan = Scan {
            text: self.text,
            at: self.at + 1,
        };
        scan.space();
        (self.next() == Some(opening)).then_some(scan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, path: &[Step]) -> &'a str {
        &text[locate(text.as_bytes(), path)]
    }

    #[test]
    fn a_path_leads_to_the_text_of_its_value() {
        let key = |key: &str| Step::Key(key.into());
        let text = r#" { "a" : [ 1 , "x]\"," , [true] ] , "b":{}, "a\u0062": -1.5e3 , "b": [ ] } "#;
        for (path, value) in [
            (vec![], text.trim()),
            (vec![key("a"), Step::Index(0)], "1"),
            (vec![key("a"), Step::Index(1)], r#""x]\",""#),
            (vec![key("a"), Step::Index(2), Step::Index(0)], "true"),
            (vec![key("ab")], "-1.5e3"),
            (vec![key("b")], "[ ]"),
            // Beyond what there is, the last thing that is.
            (vec![key("c")], text.trim()),
            (
                vec![key("a"), Step::Index(7)],
                r#"[ 1 , "x]\"," , [true] ]"#,
            ),
        ] {
            assert_eq!(found(text, &path), value, "{path:?}");
        }
    }
}
