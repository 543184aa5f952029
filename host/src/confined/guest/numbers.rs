//! Functions over numbers, which are all that core modules have: their arguments go from the wire to the engine, and their results
//! back, with no [`Value`](crate::value::Value) in between.
//!
//! A number has a fixed width, so its bytes are its bits, and every bit of a NaN stays.

use crate::value::{Function, Type};
use wasmtime::{FuncType, Val, ValRaw, ValType};

/// What a function over numbers takes and returns.
#[derive(Debug)]
pub(super) struct Numbers {
    params: Box<[CoreType]>,
    results: Box<[CoreType]>,
    /// How many bytes the arguments take.
    arguments_len: usize,
}

/// The results of such a function, as they are on the wire.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::confined) enum Encoded {
    /// At most one, which takes that many of the bytes.
    One([u8; 8], usize),
    Several(Vec<u8>),
}

/// The types of numbers that the engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CoreType {
    S32,
    S64,
    F32,
    F64,
}

impl Numbers {
    /// Those of a function of the signature, if it is one over numbers.
    pub(super) fn of(function: &Function) -> Option<Numbers> {
        let params = function.params.iter().map(|param| CoreType::of(&param.ty));
        let params = params.collect::<Option<Box<[CoreType]>>>()?;
        let results = match &function.result {
            None => &[],
            Some(Type::Tuple(types)) => &types[..],
            Some(one) => std::slice::from_ref(one),
        };
        let results = results.iter().map(CoreType::of).collect::<Option<_>>()?;
        Some(Numbers {
            arguments_len: params.iter().map(|number| number.width()).sum(),
            params,
            results,
        })
    }

    /// Whether a function of the module has that type.
    pub(super) fn are_of(&self, ty: &FuncType) -> bool {
        let params = self.params.iter().map(|number| Some(*number));
        let results = self.results.iter().map(|number| Some(*number));
        params.eq(ty.params().map(|ty| CoreType::of_core(&ty)))
            && results.eq(ty.results().map(|ty| CoreType::of_core(&ty)))
    }

    /// Whether encoded arguments are the function's: any bytes are, if there are as many as it takes.
    #[inline]
    pub(super) fn fit(&self, arguments: &[u8]) -> bool {
        arguments.len() == self.arguments_len
    }

    /// How many places a call needs: results are put where the arguments were.
    #[inline]
    pub(super) fn places(&self) -> usize {
        self.params.len().max(self.results.len())
    }

    /// Puts the arguments in their places. `None` if they do not fit, or there are too few places.
    #[inline]
    #[must_use]
    pub(super) fn put_arguments(&self, encoded: &[u8], places: &mut [ValRaw]) -> Option<()> {
        let places = places.get_mut(..self.params.len())?;
        let mut rest = encoded;
        for (place, number) in places.iter_mut().zip(&self.params) {
            *place = number.to_raw(number.take(&mut rest)?);
        }
        rest.is_empty().then_some(())
    }

    /// The results that a call left in their places.
    #[inline]
    pub(super) fn results(&self, places: &[ValRaw]) -> Encoded {
        Encoded::new(&self.results, |index, number| number.of_raw(places[index]))
    }

    /// The arguments for a call that checks them. `None` if they do not fit.
    pub(super) fn checked_arguments(&self, encoded: &[u8]) -> Option<Vec<Val>> {
        let mut rest = encoded;
        let mut next = |number: &CoreType| Some(number.to_val(number.take(&mut rest)?));
        let arguments = self.params.iter().map(&mut next).collect::<Option<_>>()?;
        rest.is_empty().then_some(arguments)
    }

    /// Places for the results of such a call.
    pub(super) fn checked_places(&self) -> Vec<Val> {
        self.results.iter().map(|it| it.to_val(0)).collect()
    }

    /// The results that it left there.
    pub(super) fn checked_results(&self, places: &[Val]) -> Encoded {
        Encoded::new(&self.results, |index, _| bits_of(&places[index]))
    }
}

impl Encoded {
    #[inline]
    fn new(results: &[CoreType], bits: impl Fn(usize, CoreType) -> u64) -> Encoded {
        match results {
            [] => Encoded::One([0; 8], 0),
            [one] => Encoded::One(bits(0, *one).to_le_bytes(), one.width()),
            several => {
                let mut bytes = Vec::with_capacity(8 * several.len());
                for (index, number) in several.iter().enumerate() {
                    let bits = bits(index, *number).to_le_bytes();
                    bytes.extend_from_slice(&bits[..number.width()]);
                }
                Encoded::Several(bytes)
            }
        }
    }

    /// Appends them.
    #[inline]
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Encoded::One(bytes, length) => {
                // A copy of a length that is known takes no call.
                out.extend_from_slice(bytes);
                out.truncate(out.len() - bytes.len() + length);
            }
            Encoded::Several(bytes) => out.extend_from_slice(bytes),
        }
    }

    pub(in crate::confined) fn bytes(&self) -> &[u8] {
        match self {
            Encoded::One(bytes, length) => &bytes[..*length],
            Encoded::Several(bytes) => bytes,
        }
    }
}

impl CoreType {
    fn of(ty: &Type) -> Option<CoreType> {
        Some(match ty {
            Type::S32 => CoreType::S32,
            Type::S64 => CoreType::S64,
            Type::F32 => CoreType::F32,
            Type::F64 => CoreType::F64,
            _ => return None,
        })
    }

    fn of_core(ty: &ValType) -> Option<CoreType> {
        Some(match ty {
            ValType::I32 => CoreType::S32,
            ValType::I64 => CoreType::S64,
            ValType::F32 => CoreType::F32,
            ValType::F64 => CoreType::F64,
            _ => return None,
        })
    }

    #[inline]
    fn width(self) -> usize {
        if self.is_wide() { 8 } else { 4 }
    }

    #[inline]
    fn is_wide(self) -> bool {
        matches!(self, CoreType::S64 | CoreType::F64)
    }

    /// Reads the bits of one from the front of the bytes.
    #[inline]
    fn take(self, bytes: &mut &[u8]) -> Option<u64> {
        let (bits, rest) = if self.is_wide() {
            let (bits, rest) = bytes.split_first_chunk()?;
            (u64::from_le_bytes(*bits), rest)
        } else {
            let (bits, rest) = bytes.split_first_chunk()?;
            (u32::from_le_bytes(*bits).into(), rest)
        };
        *bytes = rest;
        Some(bits)
    }

    // The engine has floats as their bits, in the places of integers as wide.
    #[inline]
    fn to_raw(self, bits: u64) -> ValRaw {
        if self.is_wide() {
            ValRaw::u64(bits)
        } else {
            ValRaw::u32(bits as u32)
        }
    }

    #[inline]
    fn of_raw(self, raw: ValRaw) -> u64 {
        if self.is_wide() {
            raw.get_u64()
        } else {
            raw.get_u32().into()
        }
    }

    fn to_val(self, bits: u64) -> Val {
        match self {
            CoreType::S32 => Val::I32(bits as i32),
            CoreType::S64 => Val::I64(bits as i64),
            CoreType::F32 => Val::F32(bits as u32),
            CoreType::F64 => Val::F64(bits),
        }
    }
}

/// The bits of a number that a checked call returned, which is one of its type.
fn bits_of(val: &Val) -> u64 {
    match val {
        Val::I32(number) => number.cast_unsigned().into(),
        Val::I64(number) => number.cast_unsigned(),
        Val::F32(bits) => (*bits).into(),
        Val::F64(bits) => *bits,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Param, Value, encode, encode_args};
    use wasmtime::Engine;

    /// A NaN that is neither quiet nor positive, and carries something.
    const NAN_32: u32 = 0xffa0_1234;
    const NAN_64: u64 = 0xfff4_0000_dead_beef;

    fn numbers(params: &[Type], result: Option<Type>) -> Option<Numbers> {
        let params = params.iter().map(|ty| Param {
            name: String::new(),
            ty: ty.clone(),
        });
        Numbers::of(&Function {
            name: "f".into(),
            params: params.collect(),
            result,
            unusable: None,
        })
    }

    fn each() -> ([Type; 4], [Value; 4]) {
        (
            [Type::S32, Type::S64, Type::F32, Type::F64],
            [
                Value::S32(-2),
                Value::S64(i64::MIN + 3),
                Value::F32(f32::from_bits(NAN_32)),
                Value::F64(f64::from_bits(NAN_64)),
            ],
        )
    }

    fn encoded(values: &[Value]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_args(values, &mut out);
        out
    }

    #[test]
    fn arguments_are_put_in_their_places_bit_by_bit() {
        let (types, values) = each();
        let numbers = numbers(&types, None).unwrap();
        let mut places = [ValRaw::i64(-1); 4];
        let put = numbers.put_arguments(&encoded(&values), &mut places);
        assert_eq!(put, Some(()));
        let [s32, s64, f32, f64] = places;
        assert_eq!((s32.get_i32(), s64.get_i64()), (-2, i64::MIN + 3));
        assert_eq!((f32.get_f32(), f64.get_f64()), (NAN_32, NAN_64));
    }

    #[test]
    fn results_are_encoded_as_their_values_are() {
        let (types, values) = each();
        let places = [
            ValRaw::i32(-2),
            ValRaw::i64(i64::MIN + 3),
            ValRaw::f32(NAN_32),
            ValRaw::f64(NAN_64),
        ];
        for ((ty, value), place) in types.iter().zip(&values).zip(places) {
            let one = numbers(&[], Some(ty.clone())).unwrap().results(&[place]);
            let mut expected = Vec::new();
            encode(value, &mut expected);
            assert!(matches!(one, Encoded::One(..)));
            assert_eq!(one.bytes(), expected);
            let mut out = vec![1];
            one.put(&mut out);
            assert_eq!(out, [&[1][..], &expected].concat());
        }
        let tuple = Type::Tuple(types.to_vec());
        let several = numbers(&[], Some(tuple)).unwrap().results(&places);
        assert_eq!(several, Encoded::Several(encoded(&values)));
        let nothing = numbers(&[], None).unwrap().results(&[]);
        assert_eq!(nothing, Encoded::One([0; 8], 0));
    }

    #[test]
    fn a_checked_call_has_the_same_arguments_and_results() {
        let (types, values) = each();
        let numbers = numbers(&types, Some(Type::Tuple(types.to_vec()))).unwrap();
        let encoded = encoded(&values);
        let arguments = numbers.checked_arguments(&encoded).unwrap();
        assert!(matches!(
            arguments[..],
            [
                Val::I32(-2),
                Val::I64(_),
                Val::F32(NAN_32),
                Val::F64(NAN_64)
            ]
        ));
        assert_eq!(numbers.checked_results(&arguments).bytes(), encoded);
        let places = numbers.checked_places();
        assert!(matches!(
            places[..],
            [Val::I32(0), Val::I64(0), Val::F32(0), Val::F64(0)]
        ));
    }

    #[test]
    fn arguments_of_another_length_are_refused() {
        let (types, values) = each();
        let numbers = numbers(&types, None).unwrap();
        let whole = [encoded(&values), vec![0]].concat();
        let mut places = [ValRaw::i32(0); 4];
        for length in 0..=whole.len() {
            let (arguments, fits) = (&whole[..length], length == 4 + 8 + 4 + 8);
            assert_eq!(numbers.fit(arguments), fits, "{length}");
            let put = numbers.put_arguments(arguments, &mut places);
            assert_eq!(put.is_some(), fits, "{length}");
            assert_eq!(numbers.checked_arguments(arguments).is_some(), fits);
        }
        let put = numbers.put_arguments(&encoded(&values), &mut places[..3]);
        assert_eq!(put, None, "there are too few places");
    }

    #[test]
    fn there_are_places_for_whichever_are_more() {
        let two = Some(Type::Tuple(vec![Type::S32, Type::F64]));
        assert_eq!(numbers(&[Type::S32], two.clone()).unwrap().places(), 2);
        let three = [Type::S32, Type::S32, Type::S32];
        assert_eq!(numbers(&three, two).unwrap().places(), 3);
    }

    #[test]
    fn only_functions_over_numbers_have_them() {
        assert!(numbers(&[Type::S32, Type::String], None).is_none());
        assert!(numbers(&[], Some(Type::U32)).is_none());
        let inside = Type::Tuple(vec![Type::Tuple(vec![Type::S32])]);
        assert!(numbers(&[], Some(inside)).is_none());
    }

    #[test]
    fn they_are_of_functions_with_the_same_types_in_the_same_order() {
        let engine = Engine::default();
        let (i32, f64) = (ValType::I32, ValType::F64);
        let is_of = |params: &[&ValType], results: &[&ValType]| {
            let core = |types: &[&ValType]| types.iter().map(|ty| (*ty).clone()).collect();
            let (params, results): (Vec<_>, Vec<_>) = (core(params), core(results));
            let numbers = numbers(&[Type::S32, Type::F64], Some(Type::S32)).unwrap();
            numbers.are_of(&FuncType::new(&engine, params, results))
        };
        assert!(is_of(&[&i32, &f64], &[&i32]));
        assert!(!is_of(&[&f64, &i32], &[&i32]));
        assert!(!is_of(&[&i32, &f64], &[&f64]));
        assert!(!is_of(&[&i32], &[&i32]) && !is_of(&[&i32, &f64, &f64], &[&i32]));
        assert!(!is_of(&[&i32, &f64], &[]) && !is_of(&[&i32, &f64], &[&i32, &i32]));
        assert!(!is_of(&[&i32, &ValType::FUNCREF], &[&i32]));
    }
}
