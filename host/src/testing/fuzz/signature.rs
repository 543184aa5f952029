//! Signatures, as a compiler sends them.

use super::typed;
use crate::value::{
    Budget, Function, MAX_TYPE_DEPTH, MAX_TYPE_NODES, Signature, Type, Value, conforms,
};

/// Bytes that decode are the only form of their signature, which keeps the limits on types, is one line to print, and whose types
/// have a value.
pub fn signature(data: &[u8]) {
    let Ok(signature) = Signature::decode(data) else {
        return;
    };
    let mut again = Vec::new();
    signature.encode(&mut again);
    assert_eq!(again, data);

    let types = || {
        let functions = signature.functions.iter();
        functions.flat_map(|function| {
            let params = function.params.iter().map(|param| &param.ty);
            params.chain(&function.result)
        })
    };
    let defined = || signature.types.iter().map(|definition| &definition.ty);
    let types = || types().chain(defined());
    assert!(types().all(|ty| depth(ty) <= MAX_TYPE_DEPTH));
    let nodes = signature.functions.len() + types().map(nodes).sum::<usize>();
    assert!(nodes <= MAX_TYPE_NODES);
    types().for_each(has_an_example);
    for interface in signature.interfaces() {
        let functions = interface.functions.iter().map(|(_, wit)| wit);
        functions
            .chain(&interface.types)
            .for_each(|wit| is_one_line(wit));
    }
    signature.functions.iter().for_each(is_chosen_by_its_name);
    for (wanted, stem) in [(None, None), (Some("run"), None), (None, Some("a-b"))] {
        match signature.choose(wanted, stem) {
            Ok(function) => assert_eq!(function.unusable, None),
            Err(error) => is_one_line(&error.to_string()),
        }
    }

    // Which one a name means is the signature's alone to say.
    fn is_chosen_by_its_name(function: &Function) {
        is_one_line(&function.to_string());
        let alone = Signature {
            functions: vec![function.clone()],
            types: Vec::new(),
        };
        match (alone.choose(Some(&function.name), None), &function.unusable) {
            (Ok(chosen), None) => assert_eq!(chosen, function),
            (Err(error), Some(_)) => is_one_line(&error.to_string()),
            (chosen, _) => panic!("{chosen:?} for {function}"),
        }
    }
}

fn is_one_line(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn has_an_example(ty: &Type) {
    let example = Value::example(ty);
    assert!(conforms(&example, ty), "{example:?} is no {ty}");
    let bytes = typed::bytes(&example);
    let again = Budget::for_bytes(bytes.len()).decode(ty, &bytes);
    assert_eq!(again.as_ref(), Ok(&example));
}

/// The types that a type is made of.
fn parts(ty: &Type) -> Vec<&Type> {
    match ty {
        Type::List(inner) | Type::Option(inner) => vec![inner],
        Type::Result { ok, err } => [ok, err].into_iter().flatten().map(|ty| &**ty).collect(),
        Type::Tuple(types) => types.iter().collect(),
        Type::Record(fields) => fields.iter().map(|(_, ty)| ty).collect(),
        Type::Variant(cases) => cases.iter().filter_map(|(_, ty)| ty.as_ref()).collect(),
        _ => Vec::new(),
    }
}

fn depth(ty: &Type) -> usize {
    1 + parts(ty).into_iter().map(depth).max().unwrap_or(0)
}

fn nodes(ty: &Type) -> usize {
    1 + parts(ty).into_iter().map(nodes).sum::<usize>()
}
