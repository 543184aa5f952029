//! Values as they travel.

use super::typed;
use crate::value::{Budget, conforms, count, decode_args, encode_args};
use arbitrary::{Result, Unstructured};

/// Bytes that decode along a type are a value of it, the only form of that value, and larger in memory by no more than the budget
/// says; with less of a budget they do not decode.
pub fn value_bytes(data: &[u8]) {
    let _ = check(Unstructured::new(data));
}

fn check(mut input: Unstructured<'_>) -> Result<()> {
    let params = typed::params(&mut input)?;
    let bytes = input.take_rest();
    let budget = Budget::for_bytes(bytes.len());

    if let Ok(values) = decode_args(&params, bytes, budget) {
        let mut again = Vec::new();
        encode_args(&values, &mut again);
        assert_eq!(again, bytes);
        assert_eq!(values.len(), params.len());
        for (value, param) in values.iter().zip(&params) {
            assert!(conforms(value, &param.ty), "{value:?} is no {}", param.ty);
        }
        let nodes = count(&values);
        assert!(nodes <= budget.nodes);
        let exactly = Budget { nodes, ..budget };
        assert!(decode_args(&params, bytes, exactly).is_ok());
        if let Some(fewer) = nodes.checked_sub(1) {
            let fewer = Budget {
                nodes: fewer,
                ..budget
            };
            assert!(decode_args(&params, bytes, fewer).is_err());
        }
    }
    for param in &params {
        if let Ok(value) = { budget }.decode(&param.ty, bytes) {
            assert_eq!(typed::bytes(&value), bytes);
            assert!(conforms(&value, &param.ty));
        }
    }
    Ok(())
}
