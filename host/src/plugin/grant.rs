//! What a module imports and what it is given for it: which grant an import would need, for a person who decides, and whether it has
//! it.

use super::Terms;
use super::binding::{self, BoundImport};
use crate::error::{Error, ErrorKind};
use crate::value::{Signature, printable};
use crate::wire::{INTERFACES, Import, ModuleFacts, PREVIEWS, SHARED_MEMORY, import_name};

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
    (
        "wasi:sockets/",
        "nothing: the network is never granted, and it is told so",
    ),
    (
        "wasi:http/",
        "nothing: the network is never granted, and a call of it is a trap",
    ),
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
    (
        "sock_",
        "nothing: the network is never granted, and it is told so",
    ),
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

/// The functions of preview 1. Those for sockets answer that there are none.
const PREVIEW_1_FUNCTIONS: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "poll_oneoff",
    "proc_exit",
    "proc_raise",
    "random_get",
    "sched_yield",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

const THREADS: &str = "threads, which are not supported";

/// The packages of WASI 0.2. That for sockets answers that there are none.
const PACKAGES: &[&str] = &["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// Whether an import of WASI is there, or why not; `None` where it is no import of WASI.
fn of_wasi(module: &str, name: &str) -> Option<Result<(), String>> {
    if PREVIEWS.contains(&module) {
        return Some(match PREVIEW_1_FUNCTIONS.contains(&name) {
            true => Ok(()),
            false => Err("no function of WASI preview 1".into()),
        });
    }
    if module == "wasi" && name == "thread-spawn" {
        return Some(Err(THREADS.into()));
    }
    let interface = module.strip_prefix(INTERFACES)?;
    let (interface, version) = interface.rsplit_once('@').unwrap_or((interface, ""));
    let package = interface.split('/').next().unwrap_or_default();
    Some(if version.starts_with("0.3") {
        Err("WASI 0.3, which is not supported; build it for 0.2".into())
    } else if version != "0.2" && !version.starts_with("0.2.") {
        Err("of an unknown version of WASI; 0.2 is supported".into())
    } else if package == HTTP || PACKAGES.contains(&package) {
        Ok(())
    } else {
        Err("no part of WASI that is supported".into())
    })
}

/// The package whose interfaces can be imported, as many toolchains let every component do; a call of them is a trap.
const HTTP: &str = "http";

/// Whether an import is of that package.
pub(super) fn is_network(wanted: &Import) -> bool {
    let interface = wanted.module.strip_prefix(INTERFACES);
    interface.is_some_and(|interface| interface.starts_with(&format!("{HTTP}/")))
}

/// Refuses what can be seen to be missing before the module is compiled.
pub(super) fn check_early(imports: &[Import], terms: &Terms) -> Result<(), Error> {
    let is_missing = |wanted: &&Import| {
        let functions = &terms.host_functions;
        if functions.iter().any(|host| host.is_of(&wanted.module))
            || may_trap(wanted, terms.trap_missing)
        {
            return false;
        }
        match of_wasi(&wanted.module, &wanted.name) {
            Some(there) => there.is_err(),
            // What a component imports has no second name, and may be types alone.
            None => !wanted.name.is_empty(),
        }
    };
    refuse(imports.iter().filter(is_missing))
}

/// Refuses a module for what it imports and was not given.
pub(super) fn check_all(
    imports: &[Import],
    bound: &[BoundImport],
    trap_missing: bool,
) -> Result<(), Error> {
    let is_missing =
        |wanted: &&Import| !may_trap(wanted, trap_missing) && !is_granted(wanted, bound);
    refuse(imports.iter().filter(is_missing))
}

/// Whether it is left to a trap: a function, or an interface of functions.
fn may_trap(wanted: &Import, trap_missing: bool) -> bool {
    trap_missing && matches!(&*wanted.kind, "function" | "interface")
}

fn refuse<'a>(missing: impl Iterator<Item = &'a Import> + Clone) -> Result<(), Error> {
    let named: Vec<_> = missing.clone().take(NAMED).map(with_reason).collect();
    if named.is_empty() {
        return Ok(());
    }
    let more = match missing.skip(NAMED).count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = printable(&named.join(", "));
    let message = format!("it imports what is not granted: {named}{more}");
    Err(Error::new(ErrorKind::Module, message))
}

/// How many missing imports a message names.
const NAMED: usize = 20;

/// How much of an import's name a message shows, in bytes: some are whole signatures.
const SHOWN: usize = 100;

fn with_reason(wanted: &Import) -> String {
    let mut shown = named(wanted);
    if shown.len() > SHOWN {
        shown.truncate(shown.floor_char_boundary(SHOWN));
        shown.push('…');
    }
    match of_wasi(&wanted.module, &wanted.name) {
        _ if wanted.kind == SHARED_MEMORY => format!("{shown} ({THREADS})"),
        Some(Err(why)) => format!("{shown} ({why})"),
        _ => shown,
    }
}

/// Its kind and its name, in words that are harmless to a terminal.
pub(super) fn shown(import: &Import) -> String {
    let [kind, module, name] = [&import.kind, &import.module, &import.name].map(|it| printable(it));
    words(&kind, &module, &name)
}

fn named(import: &Import) -> String {
    words(&import.kind, &import.module, &import.name)
}

fn words(kind: &str, module: &str, name: &str) -> String {
    if name.is_empty() {
        format!("{kind} {module}")
    } else {
        format!("{kind} {module}.{name}")
    }
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
    binding::bind(imported.functions, &terms.host_functions)
}

/// Whether everything that an import needs was granted: a function by itself, or all of an interface.
fn is_granted(wanted: &Import, imports: &[BoundImport]) -> bool {
    let is_bound = |import: &BoundImport| import.bound.is_some();
    let is_wasi = || of_wasi(&wanted.module, &wanted.name) == Some(Ok(()));
    if wanted.kind == "interface" {
        let prefix = format!("{}#", wanted.module);
        let mut within = imports
            .iter()
            .filter(|import| import.function.name.starts_with(&prefix))
            .peekable();
        return (within.peek().is_some() && within.all(is_bound)) || is_wasi();
    }
    // A component's function at the root has no name besides that of the import.
    let name = match &*wanted.name {
        "" => wanted.module.clone(),
        name => import_name(&wanted.module, name),
    };
    let mut same = imports.iter().filter(|it| it.function.name == name);
    wanted.kind == "function" && (same.any(is_bound) || is_wasi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_known_by_its_module_or_by_its_function() {
        for (module, name, grant) in [
            ("wasi:filesystem/types@0.2.9", "", "a directory"),
            ("wasi:cli/environment@0.2.9", "", "environment variables"),
            ("wasi:cli/exit@0.2.9", "", "nothing but WASI itself"),
            (
                "wasi:sockets/tcp@0.2.9",
                "",
                "nothing: the network is never granted, and it is told so",
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

    #[test]
    fn what_there_is_of_wasi_is_told_from_what_there_is_not_with_the_reason() {
        for (module, name, there) in [
            ("wasi_snapshot_preview1", "fd_write", Some(Ok(()))),
            ("wasi_unstable", "proc_exit", Some(Ok(()))),
            (
                "wasi_snapshot_preview1",
                "sock_open",
                Some(Err("no function")),
            ),
            ("wasi", "thread-spawn", Some(Err("threads"))),
            ("wasi:cli/environment@0.2.0", "", Some(Ok(()))),
            ("wasi:filesystem/types@0.2.99", "", Some(Ok(()))),
            ("wasi:sockets/tcp@0.2.3", "", Some(Ok(()))),
            ("wasi:http/types@0.2.0", "", Some(Ok(()))),
            ("wasi:cli/environment@0.3.0-rc-1", "", Some(Err("WASI 0.3"))),
            (
                "wasi:cli/environment@1.0.0",
                "",
                Some(Err("unknown version")),
            ),
            ("wasi:cli/environment", "", Some(Err("unknown version"))),
            (
                "wasi:cli/environment@0.20.0",
                "",
                Some(Err("unknown version")),
            ),
            ("wasi:nn/tensor@0.2.0", "", Some(Err("no part of WASI"))),
            ("env", "log", None),
        ] {
            match (of_wasi(module, name), there) {
                (Some(Err(why)), Some(Err(part))) => assert!(why.contains(part), "{why}"),
                (Some(Ok(())), Some(Ok(()))) | (None, None) => {}
                (other, _) => panic!("{module} {name}: {other:?}"),
            }
        }
    }

    #[test]
    fn before_compiling_only_what_is_certainly_missing_is_refused() {
        let import = |module: &str, name: &str| Import {
            module: module.into(),
            name: name.into(),
            kind: "function".into(),
        };
        let refused = |module: &str, name: &str| {
            check_early(&[import(module, name)], &Terms::default()).is_err()
        };
        assert!(refused("env", "log"));
        assert!(refused("wasi:http/types@0.3.0", ""));
        assert!(!refused("acme:rules/types", ""), "it may be types alone");
        assert!(!refused("wasi_snapshot_preview1", "fd_write"));
        let bound = Terms {
            host_functions: vec![super::super::HostFunction::blocking("env", "log", || ())],
            ..Terms::default()
        };
        assert!(check_early(&[import("env", "log")], &bound).is_ok());
    }
}
