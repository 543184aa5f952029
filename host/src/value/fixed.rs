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
    #[inline]
    pub fn width(self) -> usize {
        match self {
            Fixed::S8 | Fixed::U8 => 1,
            Fixed::S16 | Fixed::U16 => 2,
            Fixed::S32 | Fixed::U32 | Fixed::F32 => 4,
            Fixed::S64 | Fixed::U64 | Fixed::F64 => 8,
        }
    }
}

/// A number of such a type, as it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    ty: Fixed,
    /// The first are its own, as many as its width.
    bytes: [u8; 8],
}

impl Number {
    /// The number that the bytes are; `None` if there are not as many as its width.
    #[inline]
    pub fn read(ty: Fixed, bytes: &[u8]) -> Option<Number> {
        // One of eight bytes is copied as such.
        let bytes = match <[u8; 8]>::try_from(bytes) {
            Ok(all) if ty.width() == 8 => all,
            _ if bytes.len() == ty.width() => {
                let mut padded = [0; 8];
                padded[..bytes.len()].copy_from_slice(bytes);
                padded
            }
            _ => return None,
        };
        Some(Number { ty, bytes })
    }

    /// An integer as one of the type, if that is one of integers and has it.
    #[inline]
    pub(super) fn of_integer(ty: Fixed, integer: i128) -> Option<Number> {
        let bits = match ty {
            Fixed::S8 => i64::from(i8::try_from(integer).ok()?) as u64,
            Fixed::U8 => u64::from(u8::try_from(integer).ok()?),
            Fixed::S16 => i64::from(i16::try_from(integer).ok()?) as u64,
            Fixed::U16 => u64::from(u16::try_from(integer).ok()?),
            Fixed::S32 => i64::from(i32::try_from(integer).ok()?) as u64,
            Fixed::U32 => u64::from(u32::try_from(integer).ok()?),
            Fixed::S64 => i64::try_from(integer).ok()? as u64,
            Fixed::U64 => u64::try_from(integer).ok()?,
            Fixed::F32 | Fixed::F64 => return None,
        };
        let bytes = bits.to_le_bytes();
        Some(Number { ty, bytes })
    }

    pub(super) fn of_f64(number: f64) -> Number {
        Number {
            ty: Fixed::F64,
            bytes: number.to_le_bytes(),
        }
    }

    /// Its width, and that many bytes with others behind them.
    #[inline]
    pub(super) fn padded(self) -> (usize, [u8; 8]) {
        (self.ty.width(), self.bytes)
    }

    /// It as an integer, if it is one by its type.
    #[inline]
    pub(super) fn integer(self) -> Option<i128> {
        let bits = u64::from_le_bytes(self.bytes);
        Some(match self.ty {
            Fixed::S8 => (bits as i8).into(),
            Fixed::U8 => (bits as u8).into(),
            Fixed::S16 => (bits as i16).into(),
            Fixed::U16 => (bits as u16).into(),
            Fixed::S32 => (bits as i32).into(),
            Fixed::U32 => (bits as u32).into(),
            Fixed::S64 => (bits as i64).into(),
            Fixed::U64 => bits.into(),
            Fixed::F32 | Fixed::F64 => return None,
        })
    }

    #[inline]
    pub(super) fn f64(self) -> Option<f64> {
        (self.ty == Fixed::F64).then(|| f64::from_le_bytes(self.bytes))
    }

    /// It as any other value.
    #[inline]
    pub fn value(self) -> Value {
        let bits = u64::from_le_bytes(self.bytes);
        match self.ty {
            Fixed::S8 => Value::S8(bits as i8),
            Fixed::U8 => Value::U8(bits as u8),
            Fixed::S16 => Value::S16(bits as i16),
            Fixed::U16 => Value::U16(bits as u16),
            Fixed::S32 => Value::S32(bits as i32),
            Fixed::U32 => Value::U32(bits as u32),
            Fixed::S64 => Value::S64(bits as i64),
            Fixed::U64 => Value::U64(bits),
            Fixed::F32 => Value::F32(f32::from_bits(bits as u32)),
            Fixed::F64 => Value::F64(f64::from_bits(bits)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Budget, encode, scalar};

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
            assert_eq!(Number::read(fixed, &bytes).map(Number::value), Some(value));
        }
        let nan = f64::from_bits(0x7ff4_0000_0000_0001);
        let read = Number::read(Fixed::F64, &nan.to_le_bytes()).unwrap();
        let Value::F64(value) = read.value() else {
            panic!("it is a number");
        };
        assert_eq!(value.to_bits(), nan.to_bits());
        assert_eq!(read.f64().map(f64::to_bits), Some(nan.to_bits()));
    }

    #[test]
    fn an_integer_is_one_of_each_type_that_has_it() {
        let types = [
            Fixed::S8,
            Fixed::U8,
            Fixed::S16,
            Fixed::U16,
            Fixed::S32,
            Fixed::U32,
            Fixed::S64,
            Fixed::U64,
        ];
        let ends = [7, 8, 15, 16, 31, 32, 63, 64].map(|bits| 1_i128 << bits);
        let at_ends = ends
            .into_iter()
            .flat_map(|end| [end - 1, end, -end, -end - 1]);
        for (integer, fixed) in at_ends.flat_map(|it| types.map(|fixed| (it, fixed))) {
            let ty = match fixed {
                Fixed::S8 => Type::S8,
                Fixed::U8 => Type::U8,
                Fixed::S16 => Type::S16,
                Fixed::U16 => Type::U16,
                Fixed::S32 => Type::S32,
                Fixed::U32 => Type::U32,
                Fixed::S64 => Type::S64,
                _ => Type::U64,
            };
            let number = Number::of_integer(fixed, integer);
            let value = scalar::integer(&ty, integer);
            assert_eq!(number.map(Number::value), value, "{integer} as {ty}");
            assert_eq!(
                number.and_then(Number::integer),
                value.is_some().then_some(integer)
            );
            let Some((number, value)) = number.zip(value) else {
                continue;
            };
            let mut encoded = Vec::new();
            encode(&value, &mut encoded);
            let (width, bytes) = number.padded();
            assert_eq!(bytes[..width], encoded);
        }
        assert_eq!(Number::of_integer(Fixed::F64, 7), None);
        assert_eq!(Number::of_f64(7.0).integer(), None);
    }

    #[test]
    fn what_is_not_just_a_number_is_left_to_the_codec() {
        for (ty, wrong) in [(Fixed::S64, 7), (Fixed::S64, 9), (Fixed::S32, 8)] {
            assert_eq!(Number::read(ty, &[0; 9][..wrong]), None);
        }
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
