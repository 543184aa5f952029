//! Which function is meant when a module exports several.
//!
//! The one that was named; else the only one, else the one named like the file, else `run`. Kebab
//! and snake case are the same. Names that begin with `_` or `cabi_` are plumbing of toolchains:
//! they can be named but are never chosen by themselves.

use std::fmt::Write as _;

use thiserror::Error;

use super::{Function, Signature, quote};

/// How many functions a message lists, and how long each may be in it, in bytes.
const LISTED: usize = 20;
const LISTED_LEN: usize = 200;

/// Why no function was chosen; says what there is to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChooseError {
    /// There is nothing to choose from.
    #[error("the module exports no function")]
    Nothing,
    /// There is nothing that would be chosen by itself.
    #[error("the module exports no function to call by default, choose one with -f: {exported}")]
    OnlyHidden {
        /// The functions there are.
        exported: String,
    },
    /// The one that was named is not there.
    #[error("no function named {wanted}; the module exports: {exported}")]
    Unknown {
        /// The name, quoted.
        wanted: String,
        /// The functions there are.
        exported: String,
    },
    /// More than one would do.
    #[error("several functions, choose one with -f: {exported}")]
    Several {
        /// The functions there are.
        exported: String,
    },
    /// The chosen one cannot be called.
    #[error("function {function} cannot be called: {reason}")]
    Unusable {
        /// Its name, quoted.
        function: String,
        /// Why.
        reason: String,
    },
}

impl Signature {
    /// The function that is meant, by the name that was asked for and the name of the module's file
    /// (without folder and extension).
    pub fn choose(
        &self,
        wanted: Option<&str>,
        file_stem: Option<&str>,
    ) -> Result<&Function, ChooseError> {
        let function = match wanted {
            Some(name) => self.named(name)?,
            None => self.by_default(file_stem)?,
        };
        match &function.unusable {
            None => Ok(function),
            Some(reason) => Err(ChooseError::Unusable {
                function: quote::quoted(&function.name),
                reason: quote::capped(&quote::escaped(reason), LISTED_LEN),
            }),
        }
    }

    fn named(&self, name: &str) -> Result<&Function, ChooseError> {
        if let Some(exact) = self.functions.iter().find(|f| f.name == name) {
            return Ok(exact);
        }
        let alike: Vec<_> = self
            .functions
            .iter()
            .filter(|f| same(&f.name, name))
            .collect();
        match alike[..] {
            [one] => Ok(one),
            [] if self.functions.is_empty() => Err(ChooseError::Nothing),
            [] => Err(ChooseError::Unknown {
                wanted: quote::quoted(name),
                exported: list(&self.functions.iter().collect::<Vec<_>>()),
            }),
            _ => Err(ChooseError::Several {
                exported: list(&alike),
            }),
        }
    }

    fn by_default(&self, file_stem: Option<&str>) -> Result<&Function, ChooseError> {
        let hidden = |f: &&Function| f.name.starts_with('_') || f.name.starts_with("cabi_");
        let candidates: Vec<_> = self.functions.iter().filter(|f| !hidden(f)).collect();
        match candidates[..] {
            [one] => return Ok(one),
            [] if self.functions.is_empty() => return Err(ChooseError::Nothing),
            [] => {
                return Err(ChooseError::OnlyHidden {
                    exported: list(&self.functions.iter().collect::<Vec<_>>()),
                });
            }
            _ => {}
        }
        for name in file_stem.into_iter().chain(["run"]) {
            let exact = candidates.iter().find(|f| f.name == name);
            if let Some(function) =
                exact.or_else(|| candidates.iter().find(|f| same(&f.name, name)))
            {
                return Ok(function);
            }
        }
        Err(ChooseError::Several {
            exported: list(&candidates),
        })
    }
}

fn same(a: &str, b: &str) -> bool {
    let kebab = |byte: u8| if byte == b'_' { b'-' } else { byte };
    a.len() == b.len() && a.bytes().map(kebab).eq(b.bytes().map(kebab))
}

fn list(functions: &[&Function]) -> String {
    let mut out = String::new();
    for (index, function) in functions.iter().take(LISTED).enumerate() {
        if index > 0 {
            out.push_str("; ");
        }
        out.push_str(&quote::capped(function, LISTED_LEN));
    }
    if functions.len() > LISTED {
        let _ = write!(out, "; and {} more", functions.len() - LISTED);
    }
    out
}
