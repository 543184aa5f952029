//! What a module imports and what it is given for it: which grant an import would need, for a person who decides, and whether it has
//! it.

use super::Terms;
use super::host_function::{self, BoundImport};
use crate::error::{Error, ErrorKind};
use crate::value::Signature;
use crate::wire::{Import, ModuleFacts, import_name};

/// What stands before the version in the names of WASI, and what whoever uses it asks for. The longest comes first.
const COMPONENTS: &[(&str, &str)] = &[
    (
        "wpool:plugin/",
        "a log, of the command by --log, or what an application gives",
    ),
    ("wasi:cli/environment", "environment variables"),
    ("wasi:cli/stdin", "standard input"),
    ("wasi:cli/", "nothing but WASI itself"),
    ("wasi:clocks/", "a clock"),
    ("wasi:filesystem/", "a directory"),
    ("wasi:io/", "nothing but WASI itself"),
    ("wasi:random/", "random numbers"),
    ("wasi:sockets/", "the network, which is never granted"),
    ("wasi:http/", "the network, which is never granted"),
];

/// The same for functions of WASI preview 1.
const PREVIEW_1: &[(&str, &str)] = &[
    ("environ_", "environment variables"),
    ("clock_", "a clock"),
    ("path_", "a directory"),
    ("fd_prestat_", "a directory"),
    ("fd_readdir", "a directory"),
    ("fd_read", "standard input or a directory"),
    ("random_get", "random numbers"),
    ("sock_", "the network, which is never granted"),
    ("", "nothing but WASI itself"),
];

/// The grant that an import of `module` and, in core modules, `name` would need.
pub(super) fn needed(module: &str, name: &str) -> &'static str {
    let (table, name) = match module {
        "wasi_snapshot_preview1" | "wasi_unstable" => (PREVIEW_1, name),
        _ => (COMPONENTS, module),
    };
    let known = table.iter().find(|(start, _)| name.starts_with(start));
    known.map_or("a host function, by an application", |(_, grant)| grant)
}

/// Gives a module's imports what was bound to their names.
pub(super) fn bind_imports(facts: &ModuleFacts, terms: &Terms) -> Result<Vec<BoundImport>, Error> {
    if facts.imported_functions.is_empty() {
        return Ok(Vec::new());
    }
    let imported = Signature::decode(&facts.imported_functions).map_err(|error| {
        let message = format!("its imports are more than is accepted: {error}");
        Error::new(ErrorKind::Module, message)
    })?;
    host_function::bind(imported.functions, &terms.host_functions)
}

/// Whether everything that an import needs was granted: a function by itself, or all of an interface.
pub(super) fn is_granted(wanted: &Import, imports: &[BoundImport]) -> bool {
    let is_bound = |import: &BoundImport| import.bound.is_some();
    if wanted.kind == "interface" {
        let prefix = format!("{}#", wanted.module);
        let mut within = imports
            .iter()
            .filter(|import| import.function.name.starts_with(&prefix))
            .peekable();
        return within.peek().is_some() && within.all(is_bound);
    }
    // A component's function at the root has no name besides that of the import.
    let name = match &*wanted.name {
        "" => wanted.module.clone(),
        name => import_name(&wanted.module, name),
    };
    let mut same = imports.iter().filter(|it| it.function.name == name);
    wanted.kind == "function" && same.any(is_bound)
}

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn an_import_is_known_by_its_module_or_by_its_function() {
        for (module, name, grant) in [
            ("wasi:filesystem/types@0.2.9", "", "a directory"),
            ("wasi:cli/environment@0.2.9", "", "environment variables"),
            ("wasi:cli/exit@0.2.9", "", "nothing but WASI itself"),
            (
                "wasi:sockets/tcp@0.2.9",
                "",
                "the network, which is never granted",
            ),
            ("wasi_snapshot_preview1", "path_open", "a directory"),
            (
                "wasi_snapshot_preview1",
                "fd_write",
                "nothing but WASI itself",
            ),
            ("env", "log", "a host function, by an application"),
            ("acme:text/store", "", "a host function, by an application"),
        ] {
            assert_eq!(needed(module, name), grant, "{module} {name}");
        }
    }
}
