//! Numbers of a fixed width on the wire: what most small tasks take and return, read without going through the rest of the codec.

use super::{Type, Value};

/// The bytes as a number of the type; `None` where it is no such type, or they are not just one.
#[inline]
pub(super) fn decode(ty: &Type, bytes: &[u8]) -> Option<Value> {
    Some(match ty {
        Type::S32 => Value::S32(i32::from_le_bytes(bytes.try_into().ok()?)),
        Type::U32 => Value::U32(u32::from_le_bytes(bytes.try_into().ok()?)),
        Type::S64 => Value::S64(i64::from_le_bytes(bytes.try_into().ok()?)),
        Type::U64 => Value::U64(u64::from_le_bytes(bytes.try_into().ok()?)),
        Type::F32 => Value::F32(f32::from_le_bytes(bytes.try_into().ok()?)),
        Type::F64 => Value::F64(f64::from_le_bytes(bytes.try_into().ok()?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Budget, encode};

    #[test]
    fn a_number_reads_back_with_all_its_bits() {
        let nan = f64::from_bits(0x7ff4_0000_0000_0001);
        let numbers = [
            (Type::S32, Value::S32(-7)),
            (Type::U32, Value::U32(u32::MAX)),
            (Type::S64, Value::S64(i64::MIN)),
            (Type::U64, Value::U64(u64::MAX)),
            (Type::F32, Value::F32(-0.5)),
            (Type::F64, Value::F64(1e300)),
        ];
        for (ty, value) in numbers {
            let mut bytes = Vec::new();
            encode(&value, &mut bytes);
            assert_eq!(decode(&ty, &bytes), Some(value));
        }
        let Some(Value::F64(read)) = decode(&Type::F64, &nan.to_le_bytes()) else {
            panic!("it is a number");
        };
        assert_eq!(read.to_bits(), nan.to_bits());
    }

    #[test]
    fn what_is_not_just_a_number_is_left_to_the_codec() {
        assert_eq!(decode(&Type::S64, &[0; 7]), None);
        assert_eq!(decode(&Type::S64, &[0; 9]), None);
        assert_eq!(decode(&Type::S32, &[0; 8]), None);
        assert_eq!(decode(&Type::Bool, &[1]), None);
    }

    #[test]
    fn numbers_are_paid_for_like_everything_else() {
        let mut budget = Budget {
            depth: 1,
            nodes: 1,
            bytes: 8,
        };
        assert!(budget.decode(&Type::S64, &[0; 8]).is_ok());
        assert!(budget.decode(&Type::S64, &[0; 8]).is_err(), "the second");
        let short = Budget {
            depth: 1,
            nodes: 1,
            bytes: 7,
        };
        assert!({ short }.decode(&Type::S64, &[0; 8]).is_err());
        assert!(
            Budget { depth: 0, ..budget }
                .decode(&Type::S64, &[0; 8])
                .is_err()
        );
    }
}
