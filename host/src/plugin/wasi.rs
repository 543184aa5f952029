//! What programs are granted: arguments, environment variables, directories, streams. Nothing by default.

use super::stdio::Streams;
use crate::error::{Error, ErrorKind};
use crate::value::printable;
use crate::wire::WasiTerms;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The longest arguments and environment variables together, in bytes.
const WORDS: usize = 1 << 20;

/// What a module that imports WASI is given, as it was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct WasiGrants {
    /// The arguments that each run begins with.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) deterministic: bool,
    pub(crate) streams: Option<Streams>,
}

impl WasiGrants {
    /// Refuses what no program can be given.
    pub(super) fn check(&self) -> Result<(), Error> {
        let refused = |message: String| Err(Error::new(ErrorKind::Grant, message));
        let mut length = 0;
        for word in &self.arguments {
            length += word.len() + 1;
            if has_nul(word) {
                let shown = printable(&word.to_string_lossy());
                return refused(format!("the argument {shown} has a byte 0 in it"));
            }
        }
        for (name, value) in &self.environment {
            length += name.len() + value.len() + 2;
            let shown = printable(&name.to_string_lossy());
            if name.is_empty() || name.as_bytes().contains(&b'=') || has_nul(name) {
                return refused(format!("{shown:?} is no name of an environment variable"));
            }
            if has_nul(value) {
                return refused(format!(
                    "the environment variable {shown} has a byte 0 in it"
                ));
            }
        }
        if length > WORDS {
            return refused(format!(
                "the arguments and environment variables take {length} bytes, and the limit is {WORDS}"
            ));
        }
        Ok(())
    }

    /// What its processes are told. The functions of streams begin with number `first`.
    pub(super) fn terms(&self, program: &str, first: Option<u32>) -> WasiTerms {
        let variable = |(name, value): &(OsString, OsString)| {
            let name = name.clone().into_vec();
            [name, value.clone().into_vec()].join(&b'=')
        };
        let streams = self.streams.as_ref();
        WasiTerms {
            program: program.into(),
            arguments: self
                .arguments
                .iter()
                .map(|word| word.clone().into_vec())
                .collect(),
            environment: self.environment.iter().map(variable).collect(),
            directories: Vec::new(),
            deterministic: self.deterministic,
            streams: first,
            terminals: streams.map_or([false; 3], Streams::terminals),
            warm: false,
        }
    }
}

fn has_nul(word: &OsStr) -> bool {
    word.as_bytes().contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_program_can_be_given_is_refused() {
        let with = |arguments: &[&str], environment: &[(&str, &str)]| WasiGrants {
            arguments: arguments.iter().map(Into::into).collect(),
            environment: environment
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            ..WasiGrants::default()
        };
        assert!(with(&["-v", ""], &[("A", "b=c")]).check().is_ok());
        for (grants, why) in [
            (with(&["a\0b"], &[]), "a byte 0"),
            (with(&[], &[("", "x")]), "no name"),
            (with(&[], &[("A=B", "x")]), "no name"),
            (with(&[], &[("A", "\0")]), "a byte 0"),
            (with(&[&"x".repeat(WORDS)], &[]), "the limit is 1048576"),
        ] {
            let error = grants.check().unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!(error.kind(), ErrorKind::Grant);
        }
    }
}
