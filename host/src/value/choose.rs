//! Which function is meant when a module exports several.
//!
//! A function in an interface has a long name, `pkg:name/interface@1.2.3#function`; its own, after the `#`, does where no
//! other function has it.
//!
//! The one that was named; else the only one, else the one named like the file, else `run`. Kebab
//! and snake case are the same. Names that begin with `_` or `cabi_` are plumbing of toolchains:
//! they can be named but are never chosen by themselves.

use std::borrow::Cow;
use std::fmt::Write as _;

use thiserror::Error;

use super::{Function, Signature, quote};

/// How many functions a message lists, and how long each may be in it, in bytes.
const LISTED: usize = 20;
const LISTED_LEN: usize = 200;

/// Why no function was chosen; says what there is to choose from.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/faults.wasm").build()?;
/// let error = pool.signature().choose(Some("devide"), None).unwrap_err();
/// println!("{error}"); // names those that there are
/// # Ok::<(), wpool::Error>(())
/// ```
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
        // The whole name in either case, else without the version, else the function's alone.
        let spellings: [fn(&str) -> Cow<'_, str>; 3] = [
            |name| Cow::Borrowed(name),
            without_version,
            |name| Cow::Borrowed(short(name)),
        ];
        let alike = spellings.iter().map(|spelling| {
            let functions = self.functions.iter();
            functions
                .filter(|f| same(&spelling(&f.name), name))
                .collect::<Vec<_>>()
        });
        let alike = alike
            .into_iter()
            .find(|alike| !alike.is_empty())
            .unwrap_or_default();
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
        let hidden = |f: &&Function| {
            let name = short(&f.name);
            name.starts_with('_') || name.starts_with("cabi_")
        };
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
            let alike: Vec<_> = candidates
                .iter()
                .copied()
                .filter(|f| same(short(&f.name), name))
                .collect();
            let exact = candidates.iter().copied().find(|f| f.name == name);
            match (exact, &alike[..]) {
                (Some(function), _) => return Ok(function),
                (None, [function]) => return Ok(function),
                (None, []) => {}
                (None, _) => {
                    return Err(ChooseError::Several {
                        exported: list(&alike),
                    });
                }
            }
        }
        Err(ChooseError::Several {
            exported: list(&candidates),
        })
    }
}

/// The function's own name, of one in an interface.
fn short(name: &str) -> &str {
    name.rsplit_once('#').map_or(name, |(_, short)| short)
}

/// `pkg:name/interface@1.2.3#function` without the version.
fn without_version(name: &str) -> Cow<'_, str> {
    let parts = name
        .rsplit_once('#')
        .and_then(|(interface, short)| Some((interface.rsplit_once('@')?.0, short)));
    match parts {
        Some((interface, short)) => Cow::Owned(format!("{interface}#{short}")),
        None => Cow::Borrowed(name),
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
