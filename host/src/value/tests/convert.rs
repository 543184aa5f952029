//! Rust values to values and back.

use proptest::prelude::*;

use super::{arbitrary, list, option, params, record, result, some};
use crate::value::{FromValue, IntoArgs, IntoValue, Serde, Type, Value, conforms, from_result};

#[track_caller]
fn there_and_back<T: IntoValue + FromValue + Clone + PartialEq + std::fmt::Debug>(
    it: T,
    ty: &Type,
) {
    let value = it.clone().into_value(ty).unwrap();
    assert!(conforms(&value, ty));
    assert!(T::can_be(ty) && T::can_take(ty));
    assert_eq!(T::from_value(value, ty), Ok(it));
}

fn refused(it: impl IntoValue, ty: &Type) -> String {
    it.into_value(ty).unwrap_err().to_string()
}

proptest! {
    #[test]
    fn values_conform_to_their_own_type((ty, value) in arbitrary::typed(), other in arbitrary::ty()) {
        prop_assert!(conforms(&value, &ty));
        let same = value.clone().into_value(&other).is_ok();
        prop_assert_eq!(same, conforms(&value, &other));
    }

    #[test]
    fn an_integer_converts_where_it_is_in_range(n in any::<i64>()) {
        for n in [n, n >> 32, n >> 48, n >> 56] {
            prop_assert_eq!(n.into_value(&Type::S64), Ok(Value::S64(n)));
            prop_assert_eq!(n.into_value(&Type::U8).ok(), u8::try_from(n).ok().map(Value::U8));
            prop_assert_eq!(u32::from_value(Value::S64(n), &Type::S64).ok(), u32::try_from(n).ok());
        }
    }
}

#[test]
fn rust_values_convert_there_and_back() {
    there_and_back(true, &Type::Bool);
    there_and_back(7i32, &Type::S64);
    there_and_back(7u8, &Type::S16);
    there_and_back(u64::MAX, &Type::U64);
    there_and_back(0.5f32, &Type::F64);
    there_and_back(0.5f64, &Type::F32);
    there_and_back('é', &Type::Char);
    there_and_back("x".to_owned(), &Type::String);
    there_and_back(vec![1i64, 2], &list(Type::S32));
    there_and_back(vec![1u8, 2], &list(Type::U8));
    there_and_back(Some(1), &option(Type::U8));
    there_and_back(None::<i32>, &option(Type::U8));
    there_and_back(
        Ok::<i32, String>(1),
        &result(Some(Type::S32), Some(Type::String)),
    );
    there_and_back(
        Err::<(), String>("x".into()),
        &result(None, Some(Type::String)),
    );
    there_and_back(Ok::<(), ()>(()), &result(None, None));
    there_and_back(
        (1, "x".to_owned(), 2.0),
        &Type::Tuple(vec![Type::S8, Type::String, Type::F64]),
    );
    there_and_back((1, 2), &record(&[("x", Type::S8), ("y", Type::S8)]));
}

#[test]
fn borrowed_values_convert_too() {
    let strings = Ok(Value::List(vec![Value::String("a".into())]));
    assert_eq!(["a"].into_value(&list(Type::String)), strings);
    assert_eq!((&["a"][..]).into_value(&list(Type::String)), strings);
    assert_eq!(
        vec![&"a".to_owned()].into_value(&list(Type::String)),
        strings
    );
    assert_eq!(
        b"ab".into_value(&list(Type::U8)),
        Ok(Value::Bytes(b"ab".to_vec()))
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let huge = 3_000_000_000_000_000_000_000i128;
    assert_eq!(
        refused(huge, &Type::S64),
        "expected s64, got 3000000000000000000000"
    );
    assert_eq!(
        refused(u128::MAX, &Type::U64),
        format!("expected u64, got {}", u128::MAX)
    );
    assert_eq!(refused(1, &Type::F64), "expected f64, got 1");
    assert_eq!(refused(1.0, &Type::S64), "expected s64, got 1.0");
    assert_eq!(refused(0.1f64, &Type::F32), "expected f32, got 0.1");
    assert_eq!(
        refused("a\n", &Type::S64),
        "expected s64, got the string `a\\n`"
    );
    assert_eq!(
        refused(vec![1, 300], &list(Type::U8)),
        "expected u8, got 300"
    );
    assert_eq!(
        refused((1, 2), &Type::Tuple(vec![Type::S8])),
        "expected tuple<s8>, got a tuple of 2"
    );
    let three = Type::Tuple(vec![Type::S8, Type::S8, Type::S8]);
    assert_eq!(
        refused((1, 2), &three),
        "expected tuple<s8, s8, s8>, got a tuple of 2"
    );
    assert_eq!(
        refused(Ok::<i32, ()>(1), &result(None, None)),
        "expected no payload, got one"
    );
    assert_eq!(
        refused(some(Value::S8(1)), &option(Type::U8)),
        "expected option<u8>, got some(1)"
    );
    assert!(f64::NAN.into_value(&Type::F32).is_ok());
    assert_eq!(
        u8::from_value(Value::S64(-1), &Type::S64)
            .unwrap_err()
            .to_string(),
        "expected u8, got -1"
    );
    assert_eq!(
        String::from_value(Value::Bytes(vec![0xff]), &list(Type::U8))
            .unwrap_err()
            .to_string(),
        "expected bytes that are UTF-8, got 1 bytes"
    );
}

#[test]
fn text_is_bytes_where_bytes_are_wanted_and_back() {
    let bytes = Value::Bytes(b"Zo\xc3\xab".to_vec());
    assert_eq!("Zoë".into_value(&list(Type::U8)), Ok(bytes.clone()));
    assert_eq!(
        "Zoë".to_string().into_value(&list(Type::U8)),
        Ok(bytes.clone())
    );
    assert_eq!(String::from_value(bytes, &list(Type::U8)), Ok("Zoë".into()));
    assert!("Zoë".into_value(&list(Type::U16)).is_err());
}

#[test]
fn only_unit_stands_for_no_result() {
    assert_eq!(from_result::<()>(None, None), Ok(()));
    assert_eq!(
        from_result::<i64>(Some(Value::S64(1)), Some(&Type::S64)),
        Ok(1)
    );
    assert_eq!(
        from_result::<i64>(None, None).unwrap_err().to_string(),
        "expected a value, got none: the function returns nothing"
    );
    assert_eq!(
        from_result::<()>(Some(Value::S64(1)), Some(&Type::S64))
            .unwrap_err()
            .to_string(),
        "expected no value, got 1"
    );
}

#[test]
fn tuples_are_arguments() {
    let two = params(&[("a", Type::S64), ("b", Type::S64)]);
    let values = vec![Value::S64(1), Value::S64(2)];
    assert_eq!((1, 2u8).into_args(&two), Ok(values.clone()));
    assert_eq!(values.clone().into_args(&two), Ok(values));
    assert_eq!(().into_args(&[]), Ok(vec![]));
    let refused = |args: Result<_, crate::value::Mismatch>| args.unwrap_err().to_string();
    assert_eq!(
        refused((1, 2, 3).into_args(&two)),
        "expected 2 arguments (a: s64, b: s64), got 3"
    );
    assert_eq!(
        refused((1, "x").into_args(&two)),
        "argument 2 (b): expected s64, got the string `x`"
    );
    assert_eq!(
        refused(().into_args(&two)),
        "expected 2 arguments (a: s64, b: s64), got 0"
    );
}

#[test]
fn conformity_looks_at_every_part() {
    let flags = Type::Flags(vec!["a".into(), "b".into()]);
    assert!(!conforms(&Value::Flags(vec![1, 0]), &flags));
    assert!(!conforms(&Value::Flags(vec![2]), &flags));
    assert!(!conforms(&Value::List(vec![Value::U8(1)]), &list(Type::U8)));
    assert!(!conforms(&Value::Bytes(vec![]), &list(Type::S8)));
    assert!(!conforms(
        &Value::Enum(2),
        &Type::Enum(vec!["a".into(), "b".into()])
    ));
    assert!(!conforms(
        &Value::Option(Some(Box::new(Value::Bool(true)))),
        &option(Type::U8)
    ));
    assert!(!conforms(
        &Value::Tuple(vec![]),
        &Type::Tuple(vec![Type::U8])
    ));
    assert!(!conforms(
        &Value::Result(Ok(None)),
        &result(Some(Type::U8), None)
    ));
}

#[test]
fn whether_a_rust_type_fits_is_known_without_a_value() {
    assert!(u8::can_be(&Type::S64) && !u8::can_be(&Type::F64));
    assert!(f32::can_take(&Type::F64) && !f32::can_take(&Type::U8));
    assert!(Vec::<u8>::can_take(&list(Type::U8)) && !Vec::<u8>::can_take(&list(Type::String)));
    assert!(Option::<String>::can_be(&option(Type::String)));
    assert!(!Option::<String>::can_be(&Type::String));
    let text_or_nothing = result(None, Some(Type::String));
    assert!(Result::<(), String>::can_take(&text_or_nothing));
    assert!(!Result::<i32, String>::can_take(&text_or_nothing));
    let pair = record(&[("x", Type::S8), ("y", Type::String)]);
    assert!(<(i64, String)>::can_take(&pair) && !<(i64, i64)>::can_take(&pair));
    assert!(<()>::can_take_result(None) && !i64::can_take_result(None));
    assert!(<()>::can_be_payload(None) && !i64::can_be_payload(None));
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Order {
    item_name: String,
    paid: Option<u32>,
    how: How,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum How {
    ByPost(String),
    InPerson,
}

#[test]
fn structs_and_enums_go_by_the_names_of_fields_and_cases() {
    let how = Type::Variant(vec![
        ("in-person".into(), None),
        ("by-post".into(), Some(Type::String)),
    ]);
    let ty = record(&[
        ("item-name", Type::String),
        ("paid", option(Type::U32)),
        ("how", how),
    ]);
    for how in [How::ByPost("there".into()), How::InPerson] {
        let order = Order {
            item_name: "tea".into(),
            paid: Some(3),
            how,
        };
        there_and_back(Serde(order.clone()), &ty);
        there_and_back(vec![Serde(order)], &list(ty.clone()));
    }
    let wrong = refused(Serde(7), &ty);
    assert!(wrong.contains("expected"), "{wrong}");
    let number = Serde::<Order>::from_value(Value::S64(1), &Type::S64);
    assert!(number.unwrap_err().to_string().contains("what serde reads"));
}
