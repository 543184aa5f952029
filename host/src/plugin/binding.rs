//! What a plugin imports, and the functions of the application that it gets for it: found by name, held against its types.

use super::host_function::HostFunction;
use crate::error::{Error, ErrorKind};
use crate::value::{Function, printable};

/// A function that a plugin imports, and what it gets for it, if anything.
#[derive(Debug)]
pub(crate) struct BoundImport {
    pub(crate) function: Function,
    pub(crate) bound: Option<HostFunction>,
    /// It moves the bytes of a standard stream, which no limit of host calls is about.
    pub(crate) is_stream: bool,
}

/// Finds for each imported function what was bound to its name.
///
/// # Errors
///
/// Where what is bound does not have the imported function's type.
pub(crate) fn bind(
    imported: Vec<Function>,
    bound: &[HostFunction],
) -> Result<Vec<BoundImport>, Error> {
    let bind_one = |function: Function| {
        // As with everything that is set twice, the last counts.
        let bound = bound.iter().rev().find(|host| host.is(&function.name));
        let refused = |why: String| {
            let message = format!("its import `{}` {why}", printable(&function.to_string()));
            Err(Error::new(ErrorKind::Module, message))
        };
        match (&function.unusable, bound) {
            (Some(why), Some(_)) => {
                return refused(format!("cannot be given: {}", printable(why)));
            }
            (None, Some(host)) if !(host.fits)(&function) => {
                return refused("has another type than the host function of that name".into());
            }
            _ => {}
        }
        let bound = bound.cloned();
        Ok(BoundImport {
            function,
            bound,
            is_stream: false,
        })
    };
    imported.into_iter().map(bind_one).collect()
}
