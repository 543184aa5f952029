//! Values as bytes.

use proptest::prelude::*;

use super::{arbitrary, bytes, list, option, params, record};
use crate::value::reader::DecodeErrorKind;
use crate::value::{
    Budget, Type, Value, conforms, decode_args, encode_args, encoded_len, fits_one,
};

fn read(ty: &Type, bytes: &[u8]) -> Result<Value, DecodeErrorKind> {
    Budget::for_bytes(1 << 20)
        .decode(ty, bytes)
        .map_err(|error| error.kind)
}

fn number(mut n: u32) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

proptest! {
    #[test]
    fn a_value_reads_back_as_itself((ty, value) in arbitrary::typed()) {
        let encoded = bytes(&value);
        prop_assert_eq!(encoded_len(&value), encoded.len());
        let decoded = read(&ty, &encoded).unwrap();
        prop_assert!(conforms(&decoded, &ty));
        prop_assert_eq!(bytes(&decoded), encoded);
    }

    #[test]
    fn arguments_read_back_as_themselves(
        (a, x) in arbitrary::typed(),
        (b, y) in arbitrary::typed(),
    ) {
        let mut encoded = Vec::new();
        encode_args(&[x, y], &mut encoded);
        let params = params(&[("a", a), ("b", b)]);
        let decoded = decode_args(&params, &encoded, Budget::for_bytes(1 << 20)).unwrap();
        let mut again = Vec::new();
        encode_args(&decoded, &mut again);
        prop_assert_eq!(again, encoded);
    }

    #[test]
    fn any_bytes_decode_to_a_value_of_the_type_with_that_only_form_or_not_at_all(
        ty in arbitrary::ty(),
        junk in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        if let Ok(value) = read(&ty, &junk) {
            prop_assert!(conforms(&value, &ty));
            prop_assert_eq!(bytes(&value), junk);
        }
    }

    #[test]
    fn a_changed_byte_never_panics_or_breaks_the_only_form(
        (ty, value) in arbitrary::typed(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let mut encoded = bytes(&value);
        if !encoded.is_empty() {
            let at = at.index(encoded.len());
            encoded[at] = to;
            if let Ok(value) = read(&ty, &encoded) {
                prop_assert_eq!(bytes(&value), encoded);
            }
        }
    }

    #[test]
    fn no_value_is_the_beginning_of_a_longer_one((ty, value) in arbitrary::typed()) {
        let mut encoded = bytes(&value);
        for end in 0..encoded.len() {
            prop_assert!(read(&ty, &encoded[..end]).is_err());
        }
        encoded.push(0);
        prop_assert_eq!(read(&ty, &encoded).unwrap_err(), DecodeErrorKind::Trailing);
    }
}

#[test]
fn a_nan_keeps_its_bits() {
    let nan = f64::from_bits(0xfff4_0000_dead_beef);
    match read(&Type::F64, &bytes(&Value::F64(nan))) {
        Ok(Value::F64(back)) => assert_eq!(back.to_bits(), nan.to_bits()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_claimed_list_of_four_billion_is_refused_before_it_is_allocated() {
    let claim = number(u32::MAX);
    let unlimited = Budget {
        nodes: usize::MAX,
        ..Budget::for_bytes(1 << 20)
    };
    for ty in [
        list(Type::S64),
        list(Type::U8),
        Type::String,
        list(Type::String),
    ] {
        let error = { unlimited }.decode(&ty, &claim).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::Truncated, "{ty}");
    }
}

#[test]
fn elements_without_bytes_still_cost_nodes() {
    for empty in [record(&[]), Type::Tuple(vec![])] {
        let ty = list(empty);
        assert_eq!(
            read(&ty, &number(u32::MAX)),
            Err(DecodeErrorKind::TooManyNodes)
        );
        assert!(read(&ty, &number(1000)).is_ok());
    }
    let thousand = list(Type::Tuple(vec![Type::Tuple(vec![]); 1000]));
    let read = Budget::for_bytes(100).decode(&thousand, &number(1000));
    assert!(read.is_err_and(|error| error.kind == DecodeErrorKind::TooManyNodes));
}

#[test]
fn lists_inside_a_list_cannot_spend_its_nodes_again() {
    // The outer list claims all that is left; the inner one claims the same again.
    let budget = Budget {
        nodes: 101,
        ..Budget::for_bytes(1000)
    };
    let mut outer = number(100);
    outer.extend(number(100));
    outer.extend([0; 300]);
    let error = { budget }
        .decode(&list(list(Type::S8)), &outer)
        .unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TooManyNodes);
}

#[test]
fn nesting_above_the_budget_is_refused() {
    let mut ty = Type::Bool;
    for _ in 0..63 {
        ty = option(ty);
    }
    assert!(read(&ty, &[1; 64]).is_ok());
    assert_eq!(read(&option(ty), &[1; 65]), Err(DecodeErrorKind::TooDeep));
}

#[test]
fn a_list_of_the_smallest_values_is_read_however_long_it_is() {
    let ty = list(Type::Bool);
    let value = Value::List(vec![Value::Bool(true); 200_000]);
    let encoded = bytes(&value);
    assert!(fits_one(std::slice::from_ref(&value), encoded.len()).is_ok());
    let read = Budget::for_bytes(encoded.len()).decode(&ty, &encoded);
    assert_eq!(read, Ok(value));
}

#[test]
fn what_would_not_be_read_is_known_before_it_is_sent() {
    let ty = list(Type::Tuple(vec![]));
    let value = Value::List(vec![Value::Tuple(vec![]); 65_536]);
    let encoded = bytes(&value);
    let values = std::slice::from_ref(&value);
    assert_eq!(fits_one(values, encoded.len()), Err((65_537, 65_536)));
    let read = Budget::for_bytes(encoded.len()).decode(&ty, &encoded);
    assert_eq!(read.unwrap_err().kind, DecodeErrorKind::TooManyNodes);
}

#[test]
fn messages_that_come_together_share_their_budget() {
    let ty = list(Type::Tuple(vec![]));
    let encoded = bytes(&Value::List(vec![Value::Tuple(vec![]); 60_000]));
    let mut budget = Budget::for_all(100);
    assert!(budget.decode(&ty, &encoded).is_ok());
    assert!(budget.decode(&ty, &encoded).is_ok());
    let third = budget.decode(&ty, &encoded).unwrap_err();
    assert_eq!(third.kind, DecodeErrorKind::TooManyNodes);
}

#[test]
fn more_bytes_than_the_budget_are_refused() {
    let budget = Budget::for_bytes(7);
    let error = { budget }.decode(&Type::S64, &[0; 8]).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TooManyBytes);
}

#[test]
fn a_short_list_of_small_values_fits_a_small_budget() {
    let ty = list(Type::Bool);
    let value = Value::List(vec![Value::Bool(true); 90]);
    let encoded = bytes(&value);
    assert_eq!(
        Budget::for_bytes(encoded.len()).decode(&ty, &encoded),
        Ok(value)
    );
}

#[test]
fn only_the_canonical_form_is_read() {
    let flags = Type::Flags(vec!["a".into(), "b".into()]);
    let cases = Type::Enum(vec!["a".into(), "b".into()]);
    for (ty, bytes) in [
        (Type::Bool, &[2][..]),
        (Type::Char, &[0, 0xd8, 0, 0]),
        (Type::Char, &[0, 0, 0x11, 0]),
        (Type::String, &[1, 0xff]),
        (Type::String, &[0x80, 0]),
        (Type::String, &[0xff, 0xff, 0xff, 0xff, 0x1f]),
        (Type::String, &[0xff, 0xff, 0xff, 0xff, 0xff, 0]),
        (option(Type::Bool), &[2, 0]),
        (flags.clone(), &[2, 1, 0]),
        (flags.clone(), &[2, 0, 0]),
        (flags.clone(), &[1, 2]),
        (flags, &[3, 0, 1, 2]),
        (cases, &[2]),
    ] {
        let error = read(&ty, bytes).unwrap_err();
        assert!(
            matches!(error, DecodeErrorKind::Invalid(_)),
            "{ty} {bytes:?}: {error}"
        );
    }
}

#[test]
fn an_error_names_the_byte() {
    let pair = Type::Tuple(vec![Type::S32, Type::Bool]);
    let error = Budget::for_bytes(100)
        .decode(&pair, &[0, 0, 0, 0, 7])
        .unwrap_err();
    assert_eq!(error.to_string(), "byte 5: neither 0 nor 1");
}
