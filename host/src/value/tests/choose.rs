//! Which function is meant.

use super::params;
use crate::value::{Function, Signature, Type};

fn function(name: &str) -> Function {
    Function {
        name: name.to_owned(),
        params: params(&[("a", Type::S64)]),
        result: Some(Type::S64),
        unusable: None,
    }
}

fn exports(names: &[&str]) -> Signature {
    Signature {
        functions: names.iter().map(|name| function(name)).collect(),
        types: Vec::new(),
    }
}

#[track_caller]
fn chosen(names: &[&str], wanted: Option<&str>, stem: Option<&str>) -> String {
    match exports(names).choose(wanted, stem) {
        Ok(function) => function.name.clone(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_only_function_is_meant() {
    assert_eq!(chosen(&["f"], None, Some("x")), "f");
    assert_eq!(chosen(&["_start", "cabi_realloc", "f"], None, None), "f");
}

#[test]
fn among_several_the_one_named_like_the_file_is_meant_then_run() {
    assert_eq!(
        chosen(&["run", "is-prime"], None, Some("is_prime")),
        "is-prime"
    );
    assert_eq!(
        chosen(&["run", "is_prime"], None, Some("is-prime")),
        "is_prime"
    );
    assert_eq!(chosen(&["a-b", "a_b"], None, Some("a_b")), "a_b");
    assert_eq!(chosen(&["run", "f"], None, Some("x")), "run");
    assert_eq!(
        chosen(&["f", "g"], None, Some("x")),
        "several functions, choose one with -f: f: func(a: s64) -> s64; g: func(a: s64) -> s64"
    );
}

#[test]
fn a_named_function_is_found_in_either_case_and_even_when_hidden() {
    assert_eq!(
        chosen(&["is-prime", "f"], Some("is_prime"), None),
        "is-prime"
    );
    assert_eq!(chosen(&["_start", "f"], Some("_start"), None), "_start");
    assert_eq!(chosen(&["a-b", "a_b"], Some("a_b"), None), "a_b");
    assert_eq!(
        chosen(&["a-b_c", "a_b-c"], Some("a-b-c"), None),
        "several functions, choose one with -f: \
         a-b_c: func(a: s64) -> s64; a_b-c: func(a: s64) -> s64"
    );
    assert_eq!(
        chosen(&["f"], Some("g\n"), None),
        "no function named `g\\n`; the module exports: f: func(a: s64) -> s64"
    );
}

#[test]
fn a_module_without_functions_says_so() {
    assert_eq!(chosen(&[], None, None), "the module exports no function");
    assert_eq!(
        chosen(&[], Some("f"), None),
        "the module exports no function"
    );
    assert_eq!(
        chosen(&["_start"], None, None),
        "the module exports no function to call by default, choose one with -f: \
         _start: func(a: s64) -> s64"
    );
}

#[test]
fn a_long_list_of_functions_is_cut() {
    let names: Vec<String> = (0..25).map(|index| format!("f{index}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let message = chosen(&names, None, None);
    assert!(message.contains("; f19: "), "{message}");
    assert!(message.ends_with("s64; and 5 more"), "{message}");
}

#[test]
fn a_function_that_cannot_be_called_says_why() {
    let mut signature = exports(&["f"]);
    signature.functions[0].unusable = Some("parameter 1 is a v128".into());
    assert_eq!(
        signature.choose(None, None).unwrap_err().to_string(),
        "function `f` cannot be called: parameter 1 is a v128"
    );
}

#[test]
fn a_function_in_an_interface_is_meant_by_its_short_name_where_that_is_unambiguous() {
    let names = [
        "a:b/left@0.1.0#side",
        "a:b/right@0.1.0#side",
        "a:b/left@0.1.0#only-left",
    ];
    assert_eq!(chosen(&names, Some("only-left"), None), names[2]);
    assert_eq!(chosen(&names, Some("only_left"), None), names[2]);
    assert_eq!(chosen(&names, None, Some("only_left")), names[2]);
    assert_eq!(chosen(&names, Some("a:b/right@0.1.0#side"), None), names[1]);
    assert_eq!(chosen(&names, Some("a:b/right#side"), None), names[1]);
    let ambiguous = chosen(&names, Some("side"), None);
    assert!(
        ambiguous.contains(names[0]) && ambiguous.contains(names[1]),
        "{ambiguous}"
    );
    assert!(!ambiguous.contains(names[2]), "{ambiguous}");
    assert_eq!(chosen(&names, None, Some("side")), ambiguous);
}

#[test]
fn a_function_at_the_root_goes_before_one_of_the_same_name_in_an_interface() {
    assert_eq!(chosen(&["a:b/c#run", "run"], Some("run"), None), "run");
    assert_eq!(chosen(&["a:b/c#run", "run"], None, None), "run");
}
