//! What a module imports, by a look at its outermost layer alone: before it is compiled, and whether or not it is valid.

use super::core_module::describe_import;
use crate::wire::{Import, MAX_IMPORTS};
use wasmparser::{ComponentTypeRef, Parser, Payload};

/// The imports as far as they can be read.
pub(in super::super) fn imports(binary: &[u8]) -> Vec<Import> {
    let mut imports = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(binary) {
        let Ok(payload) = payload else { break };
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ImportSection(section) if depth == 1 => {
                let read = section.into_imports().map_while(Result::ok);
                imports.extend(
                    read.take(MAX_IMPORTS)
                        .map(|import| describe_import(&import)),
                );
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                let read = section.into_iter().map_while(Result::ok);
                imports.extend(read.take(MAX_IMPORTS).map(|import| Import {
                    module: import.name.name.into(),
                    name: String::new(),
                    kind: kind(import.ty).into(),
                }));
            }
            _ => {}
        }
    }
    imports.truncate(MAX_IMPORTS);
    imports
}

fn kind(ty: ComponentTypeRef) -> &'static str {
    match ty {
        ComponentTypeRef::Func(_) => "function",
        ComponentTypeRef::Instance(_) => "interface",
        ComponentTypeRef::Component(_) => "component",
        ComponentTypeRef::Module(_) => "module",
        ComponentTypeRef::Type(_) | ComponentTypeRef::Value(_) => "type",
    }
}

#[cfg(test)]
mod tests {
    use super::super::to_binary;
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let binary = to_binary(text.as_bytes()).unwrap();
        let imports = imports(&binary).into_iter();
        imports
            .map(|import| [import.kind, import.module, import.name].join(" "))
            .collect()
    }

    #[test]
    fn only_the_outermost_imports_are_seen() {
        let core = r#"(module (import "env" "log" (func)) (memory 1))"#;
        assert_eq!(names(core), ["function env log"]);
        let component = r#"(component
            (import "wasi:cli/exit@0.2.0" (instance))
            (core module (import "inner" "f" (func)))
            (import "late" (func)))"#;
        let expected = ["interface wasi:cli/exit@0.2.0 ", "function late "];
        assert_eq!(names(component), expected);
    }

    #[test]
    fn what_is_broken_shows_what_comes_before() {
        let mut binary = to_binary(br#"(module (import "env" "log" (func)) (memory 1))"#)
            .unwrap()
            .into_owned();
        binary.truncate(binary.len() - 3);
        assert_eq!(imports(&binary).len(), 1);
        assert!(imports(b"nonsense").is_empty());
    }
}
