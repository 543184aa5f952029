//! What a compiler says of a module, for a person who wants to know.

use super::{functions, grant};
use crate::error::Error;
use crate::value::Signature;
use crate::wire::{ModuleFacts, ModuleKind};

/// What a module is, whether or not it can be run.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let inspection = wpool::Pool::builder("../guest-examples/wasm/hello.wasm").inspect()?;
/// assert_eq!(inspection.kind, wpool::ModuleKind::Component);
/// for import in &inspection.imports {
///     println!("{} needs {}", import.name, import.grant);
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Inspection {
    /// Which kind of module.
    pub kind: ModuleKind,
    /// The functions that it exports.
    pub signature: Signature,
    /// What it imports.
    pub imports: Vec<Import>,
    /// The name of the function that runs it as a program, if it is one: a function of arguments and standard input, which returns
    /// what it writes to standard output.
    pub program: Option<String>,
}

/// Something that a module imports, in words that are harmless to a terminal.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let inspection = wpool::Pool::builder("../guest-examples/wasm/refused-import.wasm").inspect()?;
/// assert_eq!(inspection.imports[0].name, "interface test:unknown/host");
/// assert_eq!(inspection.imports[0].grant, "a host function, by an application");
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// Its kind and its name: `function env.log`, `interface wasi:clocks/wall-clock@0.2.9`.
    pub name: String,
    /// What would have to be granted for it: `a clock`, `a host function`.
    pub grant: &'static str,
}

impl Inspection {
    pub(super) fn of(facts: &ModuleFacts) -> Result<Inspection, Error> {
        let imports = facts.imports.iter().map(|wanted| Import {
            name: grant::shown(wanted),
            grant: grant::needed(&wanted.module, &wanted.name),
        });
        let signature = functions(facts)?;
        let program = facts
            .program
            .and_then(|index| signature.functions.get(index as usize));
        Ok(Inspection {
            kind: facts.kind,
            imports: imports.collect(),
            program: program.map(|function| function.name.clone()),
            signature,
        })
    }
}
