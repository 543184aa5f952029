//! Closures by name and type.

use super::super::binding::bind;
use super::*;
use crate::value::Param;

fn imported(name: &str, params: &[Type], result: Option<Type>) -> Function {
    let param = |ty: &Type| Param {
        name: "p".into(),
        ty: ty.clone(),
    };
    Function {
        name: name.into(),
        params: params.iter().map(param).collect(),
        result,
        unusable: None,
    }
}

fn call() -> HostCall {
    HostCall {
        plugin: "p".into(),
        task: 1,
        function: "f".into(),
        worker: "worker-1".into(),
        pid: 1,
        over: Arc::default(),
    }
}

#[test]
fn a_closure_is_bound_where_its_types_are_those_of_the_import_and_refused_elsewhere() {
    let length = HostFunction::blocking("env", "length", |text: String| text.len() as u32);
    let right = imported("env#length", &[Type::String], Some(Type::U32));
    let bound = bind(vec![right], std::slice::from_ref(&length)).unwrap();
    assert!(bound[0].bound.is_some());
    for (params, result) in [
        (vec![Type::U32], Some(Type::U32)),
        (vec![], Some(Type::U32)),
        (vec![Type::String], None),
        (vec![Type::String], Some(Type::String)),
    ] {
        let wrong = imported("env#length", &params, result);
        let error = bind(vec![wrong], std::slice::from_ref(&length)).unwrap_err();
        assert!(error.to_string().contains("another type"), "{error}");
    }
    let other = imported("env#width", &[Type::String], Some(Type::U32));
    assert!(bind(vec![other], &[length]).unwrap()[0].bound.is_none());
}

#[test]
fn an_interface_that_is_bound_without_its_version_is_bound_in_every_version() {
    let host = HostFunction::blocking("acme:text/store", "get", || ());
    assert!(host.is("acme:text/store#get") && host.is("acme:text/store@1.2.3#get"));
    assert!(!host.is("acme:text/store@1.2.3#put") && !host.is("acme:text/other#get"));
    let root = HostFunction::blocking("", "get", || ());
    assert!(root.is("get") && !root.is("acme:text/store#get"));
    let exact = HostFunction::blocking("acme:text/store@1.0.0", "get", || ());
    assert!(!exact.is("acme:text/store@1.2.3#get"));
}

#[test]
fn a_closure_gets_its_arguments_and_may_ask_who_calls() {
    let host = HostFunction::blocking("env", "who", |call: HostCall, greeting: String| {
        format!("{greeting}, {}", call.worker())
    });
    let function = imported("env#who", &[Type::String], Some(Type::String));
    assert!((host.fits)(&function));
    let Answering::Now(answer) = host.call(&call(), vec![Value::String("hello".into())], &function)
    else {
        panic!("it is not a future")
    };
    assert_eq!(answer, Ok(Some(Value::String("hello, worker-1".into()))));
}

#[test]
fn an_error_of_a_closure_is_the_tasks_and_a_result_for_the_guest_is_a_value() {
    let fails = HostFunction::blocking("env", "f", || Err::<u32, _>(HostError::new("no")));
    let function = imported("env#f", &[], Some(Type::U32));
    assert!((fails.fits)(&function));
    let Answering::Now(answer) = fails.call(&call(), vec![], &function) else {
        panic!("it is not a future")
    };
    assert_eq!(answer, Err(HostError::new("no")));
    let answers = HostFunction::blocking("env", "f", || Err::<u32, _>("no".to_string()));
    let result = Type::Result {
        ok: Some(Box::new(Type::U32)),
        err: Some(Box::new(Type::String)),
    };
    let function = imported("env#f", &[], Some(result));
    assert!((answers.fits)(&function));
}
