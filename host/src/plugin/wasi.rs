//! What programs are granted: arguments, environment variables, directories, streams. Nothing by default.

use super::cache::ArtifactCache;
use super::directory::{self, Directory, Found};
use super::stdio::Streams;
use crate::error::{Error, ErrorKind};
use crate::sandbox::GrantedDirectory;
use crate::value::printable;
use crate::wire::{WasiDirectory, WasiTerms};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The longest arguments and environment variables together, in bytes.
const WORDS: usize = 1 << 20;

/// What a module that imports WASI is given, as it was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct WasiGrants {
    /// The arguments that each run begins with.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directories: Vec<Directory>,
    /// Those, as they were found.
    found: Vec<Found>,
    pub(crate) deterministic: bool,
    pub(crate) streams: Option<Streams>,
    /// Whether a program runs in the template up to where it reads its standard input.
    pub(crate) warm: bool,
}

impl WasiGrants {
    /// Finds the directories, and refuses those that must not be granted.
    pub(crate) fn find_directories(
        &mut self,
        program: Option<PathBuf>,
        cache: Option<&ArtifactCache>,
    ) -> Result<(), Error> {
        let kept_apart = [
            program.map(|path| (path, "the worker program")),
            cache.map(|cache| (cache.path(), "the artifact cache")),
        ];
        let kept_apart: Vec<_> = kept_apart.into_iter().flatten().collect();
        self.found = directory::find_all(&self.directories, &kept_apart)?;
        Ok(())
    }

    /// What its processes are confined to.
    pub(crate) fn granted(&self) -> Vec<GrantedDirectory> {
        self.found
            .iter()
            .map(|found| found.granted.clone())
            .collect()
    }

    /// Whether it can change any of them.
    pub(super) fn can_change_files(&self) -> bool {
        self.found.iter().any(|found| !found.granted.read_only)
    }

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
    /// `have_root`: they have a root of their own, in which the directories are numbered.
    pub(super) fn terms(&self, program: &str, first: Option<u32>, have_root: bool) -> WasiTerms {
        let variable = |(name, value): &(OsString, OsString)| {
            let name = name.clone().into_vec();
            [name, value.clone().into_vec()].join(&b'=')
        };
        let streams = self.streams.as_ref();
        let found = self.found.iter().enumerate();
        let directories = found.map(|(index, found)| WasiDirectory {
            host: match have_root {
                true => format!("/{index}").into_bytes(),
                false => found.granted.path.clone(),
            },
            guest: found.guest.clone(),
            read_only: found.granted.read_only,
        });
        WasiTerms {
            program: program.into(),
            arguments: self
                .arguments
                .iter()
                .map(|word| word.clone().into_vec())
                .collect(),
            environment: self.environment.iter().map(variable).collect(),
            directories: directories.collect(),
            deterministic: self.deterministic,
            streams: first,
            terminals: streams.map_or([false; 3], Streams::terminals),
            warm: self.warm,
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
