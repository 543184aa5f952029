//! Signatures as WIT.

use super::{list, params, record};
use crate::value::{Function, Signature, Type, TypeDefinition};

fn function(name: &str, takes: &[(&str, Type)], result: Option<Type>) -> Function {
    Function {
        name: name.into(),
        params: params(takes),
        result,
        unusable: None,
    }
}

fn definition(interface: Option<&str>, name: &str, ty: &Type) -> TypeDefinition {
    TypeDefinition {
        interface: interface.map(Into::into),
        name: name.into(),
        ty: ty.clone(),
    }
}

fn point() -> Type {
    record(&[("x", Type::F64), ("y", Type::F64)])
}

/// Interfaces, one line each: name, types and functions.
fn lines(functions: Vec<Function>, types: Vec<TypeDefinition>) -> Vec<String> {
    let signature = Signature { functions, types };
    let interfaces = signature.interfaces();
    let line = |interface: &crate::value::WitInterface<'_>| {
        let functions = interface.functions.iter().map(|(_, wit)| wit.clone());
        let all = interface.types.iter().cloned().chain(functions);
        let name = interface.name.unwrap_or("root");
        format!("{name}: {}", all.collect::<Vec<_>>().join("; "))
    };
    interfaces.iter().map(line).collect()
}

#[test]
fn a_type_is_spelt_by_its_name_and_defined_once() {
    let path = record(&[
        ("points", list(point())),
        ("end", Type::Option(point().into())),
    ]);
    let length = function("length", &[("of", path.clone())], Some(Type::F64));
    let types = vec![
        definition(None, "point", &point()),
        definition(None, "path", &path),
    ];
    assert_eq!(
        lines(vec![length], types),
        [
            "root: record point { x: f64, y: f64 }; record path { points: list<point>, end: option<point> }; \
             length: func(of: path) -> f64"
        ]
    );
}

#[test]
fn a_type_without_a_name_is_spelt_in_place() {
    let norm = function("norm", &[("of", point())], Some(Type::F64));
    assert_eq!(
        lines(vec![norm], Vec::new()),
        ["root: norm: func(of: record { x: f64, y: f64 }) -> f64"]
    );
}

#[test]
fn the_name_in_the_own_interface_comes_before_that_in_another() {
    let functions = vec![
        function("a:b/one#f", &[("p", point())], None),
        function("a:b/two#f", &[("p", point())], None),
        function("f", &[("p", point())], None),
    ];
    let types = vec![
        definition(Some("a:b/one"), "spot", &point()),
        definition(Some("a:b/two"), "place", &point()),
    ];
    assert_eq!(
        lines(functions, types),
        [
            "a:b/one: record spot { x: f64, y: f64 }; f: func(p: spot)",
            "a:b/two: record place { x: f64, y: f64 }; f: func(p: place)",
            "root: f: func(p: spot)",
        ]
    );
}

#[test]
fn keywords_are_told_from_names_and_escapes_are_harmless() {
    let words = Type::Enum(vec!["list".into(), "red".into()]);
    let functions = vec![
        function(
            "a:b/c#record",
            &[("type", words.clone())],
            Some(words.clone()),
        ),
        function("\u{1b}[2J", &[], None),
    ];
    assert_eq!(
        lines(functions, vec![definition(Some("a:b/c"), "enum", &words)]),
        [
            "a:b/c: enum %enum { %list, red }; %record: func(%type: %enum) -> %enum",
            r"root: \u{1b}[2J: func()"
        ]
    );
}

#[test]
fn the_four_forms_of_a_result_and_empty_types_have_their_spelling() {
    let result = |ok: Option<Type>, err: Option<Type>| Type::Result {
        ok: ok.map(Into::into),
        err: err.map(Into::into),
    };
    for (ty, spelt) in [
        (result(None, None), "result"),
        (result(Some(Type::U8), None), "result<u8>"),
        (result(None, Some(Type::U8)), "result<_, u8>"),
        (result(Some(Type::U8), Some(Type::Char)), "result<u8, char>"),
        (Type::Tuple(vec![]), "tuple<>"),
        (Type::Record(vec![]), "record {}"),
        (Type::Flags(vec![]), "flags {}"),
    ] {
        assert_eq!(ty.to_string(), spelt);
    }
}

#[test]
fn a_function_that_cannot_be_called_shows_no_types_that_it_has_not() {
    let mut draw = function("draw", &[], None);
    draw.unusable = Some("it returns a resource".into());
    assert_eq!(lines(vec![draw], Vec::new()), ["root: draw: func(…)"]);
}
