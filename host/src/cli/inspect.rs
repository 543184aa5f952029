//! `wpool inspect`: what a module is, what it exports and how that is called, what it imports.

use super::args::InspectArgs;
use super::exit;
use super::setup::{self, Refused};
use serde_json::json;
use std::io::{self, Write};
use wpool::{Format, Function, Inspection, ModuleKind, Type, Value, WitInterface, printable};

/// The longest word that a command may be given, in bytes, with room for quoting.
const LONGEST_WORD: usize = 100_000;

pub(super) fn run(args: &InspectArgs) -> Result<u8, Refused> {
    let (inspection, bytes) = setup::inspect(&args.module, args.no_cache)?;
    let path = args.module.to_string_lossy();
    let text = if args.json {
        harmless(&format!("{:#}\n", as_json(&inspection, bytes, &path)))
    } else {
        as_text(&inspection, bytes, &path)
    };
    // A closed output ends it quietly.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(exit::SUCCESS)
}

fn kind(inspection: &Inspection) -> &'static str {
    match (inspection.kind, &inspection.program) {
        (ModuleKind::Core, None) => "core module",
        (ModuleKind::Core, Some(_)) => "WASI program, a core module",
        (ModuleKind::Component, None) => "component",
        (ModuleKind::Component, Some(_)) => "WASI program, a component",
    }
}

fn as_text(inspection: &Inspection, bytes: u64, path: &str) -> String {
    let size = bytesize::ByteSize(bytes);
    let mut text = format!("{}: {}, {size}\n", printable(path), kind(inspection));
    text += "exports:\n";
    let interfaces = inspection.signature.interfaces();
    let (exported, of_types_alone): (Vec<_>, Vec<_>) = interfaces
        .iter()
        .partition(|interface| interface.name.is_none() || !interface.functions.is_empty());
    for interface in exported {
        text += &exports(interface, path, inspection);
    }
    if inspection.signature.functions.is_empty() {
        text += "  no function\n";
    }
    if !of_types_alone.is_empty() {
        text += "types from elsewhere:\n";
    }
    for interface in of_types_alone {
        text += &exports(interface, path, inspection);
    }
    if !inspection.imports.is_empty() {
        text += "imports, each with the grant that it would need:\n";
        for import in &inspection.imports {
            text += &format!("  {}: {}\n", import.name, import.grant);
        }
    }
    text
}

/// An interface as WIT, with a command line under each function.
fn exports(interface: &WitInterface, path: &str, inspection: &Inspection) -> String {
    let mut text = String::new();
    let indent = match interface.name {
        Some(name) => {
            text += &format!("  interface {} {{\n", printable(name));
            "    "
        }
        None => "  ",
    };
    for ty in &interface.types {
        text += &format!("{indent}{ty}\n");
    }
    for (function, wit) in &interface.functions {
        text += &format!("{indent}{wit}\n");
        match example(function, path, inspection) {
            Ok(example) => text += &format!("{indent}  {example}\n"),
            Err(why) => text += &format!("{indent}  it cannot be called: {}\n", printable(why)),
        }
    }
    if interface.name.is_some() {
        text += "  }\n";
    }
    text
}

fn as_json(inspection: &Inspection, bytes: u64, path: &str) -> serde_json::Value {
    let interfaces = inspection.signature.interfaces();
    let function = |(function, wit): &(&Function, String)| {
        let params = function
            .params
            .iter()
            .map(|param| json!({ "name": param.name, "type": param.ty.to_string() }));
        json!({
            "name": function.name,
            "wit": wit,
            "params": params.collect::<Vec<_>>(),
            "result": function.result.as_ref().map(ToString::to_string),
            "unusable": function.unusable,
            "example": example(function, path, inspection).ok(),
        })
    };
    let types = |interface: &WitInterface| {
        let types = interface.types.iter();
        let name = interface.name.map(str::to_string);
        types
            .map(move |wit| json!({ "interface": name, "wit": wit }))
            .collect::<Vec<_>>()
    };
    json!({
        "kind": match inspection.kind {
            ModuleKind::Core => "core",
            ModuleKind::Component => "component",
        },
        "program": inspection.program,
        "bytes": bytes,
        "functions": interfaces.iter().flat_map(|interface| &interface.functions).map(function).collect::<Vec<_>>(),
        "types": interfaces.iter().flat_map(types).collect::<Vec<_>>(),
        "imports": inspection.imports.iter().map(|import| json!({ "name": import.name, "grant": import.grant })).collect::<Vec<_>>(),
    })
}

/// The same JSON without what a terminal could take for a command: outside of ASCII there is nothing but the inside of strings.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, '\n' | ' '..='~') || c.is_alphanumeric() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text += &format!("\\u{unit:04x}");
            }
        }
    }
    text
}

/// A command line that can be pasted.
fn example<'a>(
    function: &'a Function,
    path: &str,
    inspection: &Inspection,
) -> Result<String, &'a str> {
    if let Some(why) = &function.unusable {
        return Err(why);
    }
    let name = &function.name;
    if inspection.program.as_ref() == Some(name) {
        let here = if path.starts_with('-') { "./" } else { "" };
        return Ok(format!(
            "wpool run {} -- arguments",
            quoted(&format!("{here}{path}"))
        ));
    }
    let mut words = vec!["wpool".to_string(), "apply".into()];
    if name.starts_with('-') {
        words.push(format!("--function={name}"));
    } else {
        words.extend(["-f".into(), name.clone()]);
    }
    let here = if path.starts_with('-') { "./" } else { "" };
    words.push(format!("{here}{path}"));
    words.extend(function.params.iter().map(|param| argument(&param.ty)));
    if words.iter().any(|word| word.len() > LONGEST_WORD) {
        return Err("an example of its arguments is longer than a command line may be");
    }
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    Ok(words.join(" "))
}

/// An argument as `apply` takes it: a lone text as it is, all else as WAVE.
fn argument(ty: &Type) -> String {
    let mut text = Vec::new();
    Format::Text.print(Some(ty), Some(&Value::example(ty)), &mut text);
    if let Type::Result { .. } = ty {
        text.clear();
        Format::Wave.print(Some(ty), Some(&Value::example(ty)), &mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A word as a shell takes it literally, harmless to the terminal that it is pasted into.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@,=+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    let harmless = |c: char| matches!(c, ' '..='~') || c.escape_debug().len() == 1;
    if word.chars().all(harmless) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let escaped = word.chars().map(|c| match c {
        '\'' | '\\' => format!("\\{c}"),
        _ if harmless(c) => c.into(),
        '\0'..='\u{7f}' => format!("\\x{:02x}", u32::from(c)),
        _ => format!("\\U{:08x}", u32::from(c)),
    });
    format!("$'{}'", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_for_the_shell_only_where_it_must_be() {
        assert_eq!(quoted("a-b.wasm"), "a-b.wasm");
        assert_eq!(quoted("[1, 2]"), "'[1, 2]'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("Zoë"), "'Zoë'");
        assert_eq!(
            quoted("a\n\u{1b}[2J 'e\u{301}\\"),
            r"$'a\x0a\x1b[2J \'e\U00000301\\'"
        );
    }
}
