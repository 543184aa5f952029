//! Random types, values of them, and signatures.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::value::{Function, Param, Signature, Type, TypeDefinition, Value};

/// Labels, keywords of WAVE among them.
const LABELS: [&str; 10] = [
    "a", "b-c", "x1", "HTTP-2", "some", "none", "ok", "err", "true", "nan",
];

fn labels(least: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(LABELS.to_vec(), least..5)
        .prop_shuffle()
        .prop_map(|labels| labels.into_iter().map(str::to_owned).collect())
}

pub(super) fn ty() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        12 => select(vec![
            Type::Bool, Type::S8, Type::U8, Type::S16, Type::U16, Type::S32, Type::U32,
            Type::S64, Type::U64, Type::F32, Type::F64, Type::Char, Type::String,
            Type::List(Box::new(Type::U8)),
        ]),
        1 => labels(1).prop_map(Type::Enum),
        1 => labels(0).prop_map(Type::Flags),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let fields = (labels(0), prop::collection::vec(inner.clone(), 4));
        let cases = (
            labels(1),
            prop::collection::vec(prop::option::of(inner.clone()), 4),
        );
        prop_oneof![
            boxed.clone().prop_map(Type::List),
            boxed.clone().prop_map(Type::Option),
            (prop::option::of(boxed.clone()), prop::option::of(boxed))
                .prop_map(|(ok, err)| Type::Result { ok, err }),
            prop::collection::vec(inner, 0..4).prop_map(Type::Tuple),
            fields.prop_map(|(names, types)| Type::Record(names.into_iter().zip(types).collect())),
            cases.prop_map(|(names, types)| Type::Variant(names.into_iter().zip(types).collect())),
        ]
    })
}

/// A type and a value of it.
pub(super) fn typed() -> impl Strategy<Value = (Type, Value)> {
    ty().prop_flat_map(|ty| (Just(ty.clone()), value(&ty)))
}

/// Any value of the type; of the NaNs only the canonical one, which text can tell.
pub(super) fn value(ty: &Type) -> BoxedStrategy<Value> {
    match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::S8 => any::<i8>().prop_map(Value::S8).boxed(),
        Type::U8 => any::<u8>().prop_map(Value::U8).boxed(),
        Type::S16 => any::<i16>().prop_map(Value::S16).boxed(),
        Type::U16 => any::<u16>().prop_map(Value::U16).boxed(),
        Type::S32 => any::<i32>().prop_map(Value::S32).boxed(),
        Type::U32 => any::<u32>().prop_map(Value::U32).boxed(),
        Type::S64 => any::<i64>().prop_map(Value::S64).boxed(),
        Type::U64 => any::<u64>().prop_map(Value::U64).boxed(),
        Type::F32 => f32s().prop_map(Value::F32).boxed(),
        Type::F64 => f64s().prop_map(Value::F64).boxed(),
        Type::Char => any::<char>().prop_map(Value::Char).boxed(),
        Type::String => text().prop_map(Value::String).boxed(),
        Type::List(element) if **element == Type::U8 => prop::collection::vec(any::<u8>(), 0..5)
            .prop_map(Value::Bytes)
            .boxed(),
        Type::List(element) => prop::collection::vec(value(element), 0..4)
            .prop_map(Value::List)
            .boxed(),
        Type::Option(some) => payload(Some(some))
            .prop_flat_map(|some| prop_oneof![Just(Value::Option(None)), Just(Value::Option(some))])
            .boxed(),
        Type::Result { ok, err } => prop_oneof![
            payload(ok.as_deref()).prop_map(|it| Value::Result(Ok(it))),
            payload(err.as_deref()).prop_map(|it| Value::Result(Err(it))),
        ]
        .boxed(),
        Type::Tuple(types) => types
            .iter()
            .map(value)
            .collect::<Vec<_>>()
            .prop_map(Value::Tuple)
            .boxed(),
        Type::Record(fields) => {
            let fields: Vec<_> = fields.iter().map(|(_, ty)| value(ty)).collect();
            fields.prop_map(Value::Record).boxed()
        }
        Type::Variant(cases) => {
            let cases: Vec<_> = cases.iter().map(|(_, ty)| payload(ty.as_ref())).collect();
            let case = |(index, payload)| Value::Variant(index as u32, payload);
            (0..cases.len())
                .prop_flat_map(move |index| (Just(index), cases[index].clone()))
                .prop_map(case)
                .boxed()
        }
        Type::Enum(names) => (0..names.len() as u32).prop_map(Value::Enum).boxed(),
        Type::Flags(names) => {
            let all: Vec<u32> = (0..names.len() as u32).collect();
            let count = 0..=all.len();
            subsequence(all, count).prop_map(Value::Flags).boxed()
        }
    }
}

fn payload(ty: Option<&Type>) -> BoxedStrategy<Option<Box<Value>>> {
    match ty {
        None => Just(None).boxed(),
        Some(ty) => value(ty).prop_map(|it| Some(Box::new(it))).boxed(),
    }
}

/// Strings with what is hard to print: quotes, escapes, line ends, marks without a base, directions.
pub(super) fn text() -> impl Strategy<Value = String> {
    let odd = select(vec![
        '"', '\'', '\\', '\n', '\r', '\t', '\0', '\u{7f}', '\u{85}', '\u{300}', '\u{202e}',
        '\u{2028}', 'é', '👋', '{', '/',
    ]);
    let c = prop_oneof![odd, any::<char>(), proptest::char::range('a', 'z')];
    prop::collection::vec(c, 0..8).prop_map(String::from_iter)
}

pub(super) fn f32s() -> impl Strategy<Value = f32> {
    let odd = select(vec![
        0.0,
        -0.0,
        0.1,
        1e16,
        1e-5,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ]);
    let bits = any::<u32>().prop_map(f32::from_bits);
    let small = any::<i16>().prop_map(|n| f32::from(n) / 8.0);
    prop_oneof![odd, bits, small].prop_map(|it| if it.is_nan() { f32::NAN } else { it })
}

pub(super) fn f64s() -> impl Strategy<Value = f64> {
    let odd = select(vec![
        0.0,
        -0.0,
        0.1,
        1e16,
        1e-5,
        5e-324,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]);
    let bits = any::<u64>().prop_map(f64::from_bits);
    let small = any::<i16>().prop_map(|n| f64::from(n) / 8.0);
    prop_oneof![odd, bits, small].prop_map(|it| if it.is_nan() { f64::NAN } else { it })
}

pub(super) fn signature() -> impl Strategy<Value = Signature> {
    let param = (text(), ty()).prop_map(|(name, ty)| Param { name, ty });
    let function = (
        text(),
        prop::collection::vec(param, 0..3),
        prop::option::of(ty()),
        prop::option::of(text()),
    );
    let function = function.prop_map(|(name, params, result, unusable)| Function {
        name,
        params,
        result,
        unusable,
    });
    let definition = (
        prop::option::of(text()),
        "[a-z]{1,3}(-[a-z0-9]{1,3})?",
        ty(),
    );
    let definition = definition.prop_map(|(interface, name, ty)| TypeDefinition {
        interface,
        name,
        ty,
    });
    let functions = prop::collection::vec(function, 0..4);
    (functions, prop::collection::vec(definition, 0..3)).prop_map(|(mut functions, types)| {
        for (index, function) in functions.iter_mut().enumerate() {
            function.name.push_str(&index.to_string());
        }
        Signature { functions, types }
    })
}
