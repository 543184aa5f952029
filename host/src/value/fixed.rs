//! Numbers of a fixed width on the wire: what most small tasks take and return, read without going through the rest of the codec.

use super::{Type, Value};

/// A type of numbers. Any bytes of its width are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
}

impl Fixed {
    /// The type as one of numbers.
    #[inline]
    pub fn of(ty: &Type) -> Option<Fixed> {
        Some(match ty {
            Type::S8 => Fixed::S8,
            Type::U8 => Fixed::U8,
            Type::S16 => Fixed::S16,
            Type::U16 => Fixed::U16,
            Type::S32 => Fixed::S32,
            Type::U32 => Fixed::U32,
            Type::S64 => Fixed::S64,
            Type::U64 => Fixed::U64,
            Type::F32 => Fixed::F32,
            Type::F64 => Fixed::F64,
            _ => return None,
        })
    }

    /// How many bytes each takes.
    pub fn width(self) -> usize {
        match self {
            Fixed::S8 | Fixed::U8 => 1,
            Fixed::S16 | Fixed::U16 => 2,
            Fixed::S32 | Fixed::U32 | Fixed::F32 => 4,
            Fixed::S64 | Fixed::U64 | Fixed::F64 => 8,
        }
    }

    /// The number that the bytes are; `None` if there are not as many as its width.
    #[inline]
    pub fn read(self, bytes: &[u8]) -> Option<Value> {
        Some(match self {
            Fixed::S8 => Value::S8(i8::from_le_bytes(bytes.try_into().ok()?)),
            Fixed::U8 => Value::U8(u8::from_le_bytes(bytes.try_into().ok()?)),
            Fixed::S16 => Value::S16(i16::from_le_bytes(bytes.try_into().ok()?)),
            Fixed::U16 => Value::U16(u16::from_le_bytes(bytes.try_into().ok()?)),
            Fixed::S32 => Value::S32(i32::from_le_bytes(bytes.try_into().ok()?)),
            Fixed::U32 => Value::U32(u32::from_le_bytes(bytes.try_into().ok()?)),
            Fixed::S64 => Value::S64(i64::from_le_bytes(bytes.try_into().ok()?)),
            Fixed::U64 => Value::U64(u64::from_le_bytes(bytes.try_into().ok()?)),
            Fixed::F32 => Value::F32(f32::from_le_bytes(bytes.try_into().ok()?)),
            Fixed::F64 => Value::F64(f64::from_le_bytes(bytes.try_into().ok()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Budget, encode};

    #[test]
    fn a_number_reads_back_with_all_its_bits() {
        let numbers = [
            (Type::S8, Value::S8(i8::MIN)),
            (Type::U8, Value::U8(u8::MAX)),
            (Type::S16, Value::S16(i16::MIN)),
            (Type::U16, Value::U16(u16::MAX)),
            (Type::S32, Value::S32(-7)),
            (Type::U32, Value::U32(u32::MAX)),
            (Type::S64, Value::S64(i64::MIN)),
            (Type::U64, Value::U64(u64::MAX)),
            (Type::F32, Value::F32(-0.5)),
            (Type::F64, Value::F64(1e300)),
        ];
        for (ty, value) in numbers {
            let fixed = Fixed::of(&ty).unwrap();
            let mut bytes = Vec::new();
            encode(&value, &mut bytes);
            assert_eq!(bytes.len(), fixed.width());
            assert_eq!(fixed.read(&bytes), Some(value));
        }
        let nan = f64::from_bits(0x7ff4_0000_0000_0001);
        let Some(Value::F64(read)) = Fixed::F64.read(&nan.to_le_bytes()) else {
            panic!("it is a number");
        };
        assert_eq!(read.to_bits(), nan.to_bits());
    }

    #[test]
    fn what_is_not_just_a_number_is_left_to_the_codec() {
        assert_eq!(Fixed::S64.read(&[0; 7]), None);
        assert_eq!(Fixed::S64.read(&[0; 9]), None);
        for ty in [Type::Bool, Type::Char, Type::String] {
            assert_eq!(Fixed::of(&ty), None, "not any bytes are one");
        }
    }

    #[test]
    fn numbers_are_paid_for_like_everything_else() {
        let mut budget = Budget {
            depth: 1,
            nodes: 1,
            bytes: 8,
        };
        assert!(budget.decode(&Type::S64, &[0; 8]).is_ok());
        assert!(
            budget.decode(&Type::S64, &[0; 8]).is_err(),
            "it was for one"
        );
        let mut shallow = Budget {
            depth: 0,
            nodes: 1,
            bytes: 8,
        };
        assert!(shallow.decode(&Type::S64, &[0; 8]).is_err());
        let mut short = Budget {
            depth: 1,
            nodes: 1,
            bytes: 7,
        };
        assert!(short.decode(&Type::S64, &[0; 8]).is_err());
    }
}
