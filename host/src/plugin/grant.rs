//! Which grant an import would need: for a person who decides what a module may touch.

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
