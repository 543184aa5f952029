//! Signatures as bytes.

use proptest::prelude::*;

use super::{arbitrary, list, params, record, result};
use crate::value::reader::DecodeErrorKind;
use crate::value::{Function, MAX_TYPE_DEPTH, MAX_TYPE_NODES, Signature, Type};

fn function(name: &str, result: Type) -> Function {
    Function {
        name: name.to_owned(),
        params: Vec::new(),
        result: Some(result),
        unusable: None,
    }
}

fn of(ty: Type) -> Signature {
    Signature {
        functions: vec![function("f", ty)],
        types: Vec::new(),
    }
}

fn encoded(signature: &Signature) -> Vec<u8> {
    let mut out = Vec::new();
    signature.encode(&mut out);
    out
}

fn read_back(signature: &Signature) -> Result<Signature, DecodeErrorKind> {
    Signature::decode(&encoded(signature)).map_err(|error| error.kind)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("n{index}")).collect()
}

proptest! {
    #[test]
    fn a_signature_reads_back_as_itself(signature in arbitrary::signature()) {
        prop_assert_eq!(read_back(&signature), Ok(signature));
    }

    #[test]
    fn any_bytes_have_no_other_form(junk in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(signature) = Signature::decode(&junk) {
            prop_assert_eq!(encoded(&signature), junk);
        }
    }

    #[test]
    fn a_changed_byte_never_panics(
        signature in arbitrary::signature(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let mut bytes = encoded(&signature);
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(signature) = Signature::decode(&bytes) {
            prop_assert_eq!(encoded(&signature), bytes);
        }
    }

    #[test]
    fn a_cut_signature_is_refused(signature in arbitrary::signature()) {
        let bytes = encoded(&signature);
        for end in 0..bytes.len() {
            prop_assert!(Signature::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn whatever_the_names_a_function_is_shown_on_one_line(signature in arbitrary::signature()) {
        for function in &signature.functions {
            let harmful = |c: char| c.is_control() || c == '\u{202e}';
            let shown = function.to_string();
            prop_assert!(!shown.contains(harmful), "{shown:?}");
        }
    }
}

#[test]
fn functions_are_spelt_as_in_wit() {
    let add = Function {
        params: params(&[("a", Type::S64), ("b", Type::S64)]),
        ..function("add", Type::S64)
    };
    assert_eq!(add.to_string(), "add: func(a: s64, b: s64) -> s64");
    let variant = Type::Variant(vec![("x".into(), None), ("y".into(), Some(Type::Char))]);
    for (ty, spelling) in [
        (list(Type::U8), "list<u8>"),
        (Type::Tuple(vec![Type::S32, Type::F64]), "tuple<s32, f64>"),
        (result(None, None), "result"),
        (result(Some(Type::Bool), None), "result<bool>"),
        (result(None, Some(Type::String)), "result<_, string>"),
        (
            result(Some(Type::U8), Some(Type::String)),
            "result<u8, string>",
        ),
        (
            record(&[("a", Type::S32), ("b", Type::String)]),
            "record { a: s32, b: string }",
        ),
        (record(&[]), "record {}"),
        (variant, "variant { x, y(char) }"),
        (Type::Enum(names(2)), "enum { n0, n1 }"),
        (Type::Flags(names(1)), "flags { n0 }"),
    ] {
        assert_eq!(ty.to_string(), spelling);
    }
}

#[test]
fn types_deeper_than_the_limit_are_refused() {
    let mut ty = Type::Bool;
    for _ in 1..MAX_TYPE_DEPTH {
        ty = list(ty);
    }
    assert!(read_back(&of(ty.clone())).is_ok());
    assert_eq!(read_back(&of(list(ty))), Err(DecodeErrorKind::TooDeep));
}

#[test]
fn endless_nesting_is_refused_without_running_out_of_stack() {
    let mut bytes = vec![1, 1, b'f', 0, 1];
    bytes.extend(vec![13; 1 << 20]);
    let error = Signature::decode(&bytes).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TooDeep);
}

#[test]
fn more_nodes_than_the_limit_are_refused() {
    // One node is the function, one the type around the others.
    let most = MAX_TYPE_NODES - 2;
    let wide = |count: usize| -> [Type; 5] {
        let cases = names(count).into_iter().map(|name| (name, None)).collect();
        let fields = names(count)
            .into_iter()
            .map(|name| (name, Type::U8))
            .collect();
        [
            Type::Tuple(vec![Type::U8; count]),
            Type::Enum(names(count)),
            Type::Flags(names(count)),
            Type::Variant(cases),
            Type::Record(fields),
        ]
    };
    for ty in wide(most) {
        assert!(read_back(&of(ty)).is_ok());
    }
    for ty in wide(most + 1) {
        assert_eq!(read_back(&of(ty)), Err(DecodeErrorKind::TooManyNodes));
    }
}

#[test]
fn types_beside_each_other_share_the_nodes() {
    let cases = || names(6000).into_iter().map(|name| (name, None)).collect();
    for half in [
        Type::Enum(names(6000)),
        Type::Flags(names(6000)),
        Type::Variant(cases()),
    ] {
        let both = Type::Tuple(vec![half.clone(), half]);
        assert_eq!(read_back(&of(both)), Err(DecodeErrorKind::TooManyNodes));
    }
}

#[test]
fn functions_and_parameters_count_as_nodes() {
    let many = |count: usize| Signature {
        functions: names(count)
            .iter()
            .map(|name| Function {
                result: None,
                ..function(name, Type::U8)
            })
            .collect(),
        types: Vec::new(),
    };
    assert!(read_back(&many(MAX_TYPE_NODES)).is_ok());
    assert_eq!(
        read_back(&many(MAX_TYPE_NODES + 1)),
        Err(DecodeErrorKind::TooManyNodes)
    );
    let mut shared = many(MAX_TYPE_NODES - 1);
    shared.functions[0].params = params(&[("a", Type::U8), ("b", Type::U8)]);
    assert_eq!(read_back(&shared), Err(DecodeErrorKind::TooManyNodes));
}

#[test]
fn long_names_are_refused_alone_and_together() {
    let long = "x".repeat(4096);
    assert!(
        read_back(&Signature {
            functions: vec![function(&long, Type::U8)],
            types: Vec::new(),
        })
        .is_ok()
    );
    let longer = long.clone() + "x";
    let too_long = Signature {
        functions: vec![function(&longer, Type::U8)],
        types: Vec::new(),
    };
    assert_eq!(
        read_back(&too_long),
        Err(DecodeErrorKind::Invalid("a name above 4 KiB"))
    );
    let numbered = |index: usize| format!("{index:04}{}", &long[4..]);
    let mut most = Signature {
        functions: (0..1024)
            .map(|index| function(&numbered(index), Type::U8))
            .collect(),
        types: Vec::new(),
    };
    assert!(read_back(&most).is_ok());
    most.functions.push(function("x", Type::U8));
    assert_eq!(
        read_back(&most),
        Err(DecodeErrorKind::Invalid("names above 4 MiB together"))
    );
}

#[test]
fn nonsense_is_refused() {
    let twice = Signature {
        functions: vec![function("f", Type::U8), function("f", Type::U8)],
        types: Vec::new(),
    };
    let label = |label: &str| of(Type::Enum(vec![label.to_owned()]));
    for (signature, why) in [
        (twice, "two functions of one name"),
        (of(Type::Enum(vec![])), "a type without cases"),
        (of(Type::Variant(vec![])), "a type without cases"),
        (
            of(Type::Flags(vec!["a".into(), "a".into()])),
            "two labels of one name",
        ),
        (label(""), "a label that is not kebab-case"),
        (label("a\nb"), "a label that is not kebab-case"),
        (label("a--b"), "a label that is not kebab-case"),
        (label("1a"), "a label that is not kebab-case"),
    ] {
        assert_eq!(read_back(&signature), Err(DecodeErrorKind::Invalid(why)));
    }
    assert_eq!(
        Signature::decode(&[0, 0, 0]).unwrap_err().kind,
        DecodeErrorKind::Trailing
    );
}
