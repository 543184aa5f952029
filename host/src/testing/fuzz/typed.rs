//! Types and values that a fuzzer's bytes choose.

use crate::value::{MAX_TYPE_DEPTH, Param, Type, Value, encode};
use arbitrary::{Result, Unstructured};

/// Labels, keywords of the text forms among them.
const LABELS: [&str; 12] = [
    "a", "b-c", "x1", "HTTP-2", "some", "none", "ok", "err", "true", "nan", "inf", "false",
];

/// A type, at most as deep as a signature allows.
pub(super) fn ty(input: &mut Unstructured<'_>) -> Result<Type> {
    nested(input, MAX_TYPE_DEPTH)
}

/// One to three parameters.
pub(super) fn params(input: &mut Unstructured<'_>) -> Result<Vec<Param>> {
    let count = input.int_in_range(1..=3)?;
    (0..count)
        .map(|index| {
            let name = format!("p{index}");
            Ok(Param {
                name,
                ty: ty(input)?,
            })
        })
        .collect()
}

fn nested(input: &mut Unstructured<'_>, depth: usize) -> Result<Type> {
    let inner = depth - 1;
    // Where nothing can be nested any more, and where the bytes end, it is a scalar.
    let kinds = if inner == 0 || input.is_empty() {
        14
    } else {
        22
    };
    Ok(match input.arbitrary::<u8>()? % kinds {
        0 => Type::Bool,
        1 => Type::S8,
        2 => Type::U8,
        3 => Type::S16,
        4 => Type::U16,
        5 => Type::S32,
        6 => Type::U32,
        7 => Type::S64,
        8 => Type::U64,
        9 => Type::F32,
        10 => Type::F64,
        11 => Type::Char,
        12 => Type::String,
        13 => Type::Enum(labels(input, 1)?),
        14 => Type::List(Box::new(nested(input, inner)?)),
        15 => Type::Option(Box::new(nested(input, inner)?)),
        16 => Type::Result {
            ok: optional(input, inner)?.map(Box::new),
            err: optional(input, inner)?.map(Box::new),
        },
        17 => {
            let count = input.int_in_range(0..=3)?;
            let types = (0..count).map(|_| nested(input, inner));
            Type::Tuple(types.collect::<Result<_>>()?)
        }
        18 => {
            let fields = labels(input, 0)?.into_iter();
            let fields = fields.map(|name| Ok((name, nested(input, inner)?)));
            Type::Record(fields.collect::<Result<_>>()?)
        }
        19 => {
            let cases = labels(input, 1)?.into_iter();
            let cases = cases.map(|name| Ok((name, optional(input, inner)?)));
            Type::Variant(cases.collect::<Result<_>>()?)
        }
        20 => Type::Flags(labels(input, 0)?),
        _ => Type::List(Box::new(Type::U8)),
    })
}

fn optional(input: &mut Unstructured<'_>, depth: usize) -> Result<Option<Type>> {
    Ok(match input.arbitrary()? {
        true => Some(nested(input, depth)?),
        false => None,
    })
}

/// Different labels.
fn labels(input: &mut Unstructured<'_>, least: usize) -> Result<Vec<String>> {
    let (count, first) = (input.int_in_range(least..=4)?, input.arbitrary::<u8>()?);
    let at = |index| LABELS[(usize::from(first) + index) % LABELS.len()];
    Ok((0..count).map(|index| at(index).to_owned()).collect())
}

/// The bytes of a value, which are equal where the values are, NaNs included.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out);
    out
}
