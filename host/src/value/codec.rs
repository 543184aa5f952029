//! Values as bytes on the wire: compact, and readable only along their type.
//!
//! | type | bytes |
//! |---|---|
//! | integers, floats | little endian, fixed width; a NaN keeps its bits |
//! | `bool`, `option`, `result` | one byte 0 or 1 (`none` and `ok` are 0), then the payload if the type has one |
//! | `char` | its scalar value, 4 bytes |
//! | `string`, `list` | LEB128 length, then the bytes or elements |
//! | `tuple`, record | the fields, nothing between |
//! | variant, enum | LEB128 case, then the payload |
//! | flags | LEB128 count, then the LEB128 indexes, ascending |
//!
//! Each value has exactly one form. Decoding spends a [`Budget`] and allocates nothing that was not
//! first compared with the bytes that are left.

use super::fixed::{Fixed, Number};
use super::reader::{DecodeError, DecodeErrorKind, Reader, number_len, put_number};
use super::{MAX_TYPE_DEPTH, Param, Type, Value};

/// How much decoding may spend.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// How deep values may nest; a scalar has depth 1.
    pub depth: usize,
    /// How many values there may be, counting those inside others; the bytes of a string or of a
    /// `list<u8>` do not count. Each takes 32 bytes of memory, and about 16 more when it is boxed.
    pub nodes: usize,
    /// How many bytes may be read.
    pub bytes: usize,
}

/// How many values a message may always hold, however short it is.
const ALWAYS: usize = 65_536;

/// How many values a message may hold at most.
const MOST: usize = 10_000_000;

impl Budget {
    /// The budget for a message of at most `max_bytes`: at least 65,536 nodes and at most 10 million, which take about 0.5 GB;
    /// in between as many as can nest around each byte, which only types without bytes exceed.
    pub fn for_bytes(max_bytes: usize) -> Self {
        Budget {
            depth: 64,
            nodes: max_bytes.saturating_mul(MAX_TYPE_DEPTH).clamp(ALWAYS, MOST),
            bytes: max_bytes,
        }
    }

    /// The budget for several messages that come together: what [`fits_one`] lets through, with small ones before it.
    pub fn for_all(max_bytes: usize) -> Self {
        let one = Budget::for_bytes(max_bytes);
        Budget {
            nodes: one.nodes + ALWAYS,
            ..one
        }
    }

    /// Reads a value of the type, which all the bytes must belong to, and spends what it takes.
    #[inline]
    pub fn decode(&mut self, ty: &Type, bytes: &[u8]) -> Result<Value, DecodeError> {
        let number = Fixed::of(ty).and_then(|ty| Number::read(ty, bytes));
        match number {
            Some(number) if self.nodes > 0 && self.depth > 0 && bytes.len() <= self.bytes => {
                self.nodes -= 1;
                Ok(number.value())
            }
            _ => self.decode_any(ty, bytes),
        }
    }

    fn decode_any(&mut self, ty: &Type, bytes: &[u8]) -> Result<Value, DecodeError> {
        let mut decoder = Decoder::new(bytes, *self)?;
        decoder.charge(1)?;
        let value = decoder.value(ty, self.depth)?;
        decoder.reader.finish()?;
        self.nodes = decoder.nodes;
        Ok(value)
    }
}

/// Whether values that take so many bytes will decode: there may be more of them than that budget allows.
///
/// # Errors
///
/// How many there are, and how many there may be.
pub fn fits_one(values: &[Value], bytes: usize) -> Result<(), (usize, usize)> {
    let most = Budget::for_bytes(bytes).nodes;
    let count = count(values);
    if count <= most {
        Ok(())
    } else {
        Err((count, most))
    }
}

/// How many values there are, those inside others included.
pub fn count(values: &[Value]) -> usize {
    let inside = values.iter().map(|value| match value {
        Value::List(values) | Value::Tuple(values) | Value::Record(values) => count(values),
        Value::Option(Some(value))
        | Value::Variant(_, Some(value))
        | Value::Result(Ok(Some(value)) | Err(Some(value))) => count(std::slice::from_ref(value)),
        _ => 0,
    });
    values.len() + inside.sum::<usize>()
}

/// Appends a value.
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Bool(v) => out.push(u8::from(*v)),
        Value::S8(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::U8(v) => out.push(*v),
        Value::S16(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::U16(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::S32(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::U32(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::S64(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::U64(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::F32(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::F64(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::Char(v) => out.extend_from_slice(&u32::from(*v).to_le_bytes()),
        Value::String(v) => put_bytes(v.as_bytes(), out),
        Value::Bytes(v) => put_bytes(v, out),
        Value::List(v) => {
            put_number(v.len(), out);
            encode_args(v, out);
        }
        Value::Option(v) => {
            out.push(u8::from(v.is_some()));
            encode_payload(v, out);
        }
        Value::Result(Ok(v)) => {
            out.push(0);
            encode_payload(v, out);
        }
        Value::Result(Err(v)) => {
            out.push(1);
            encode_payload(v, out);
        }
        Value::Tuple(v) | Value::Record(v) => encode_args(v, out),
        Value::Variant(case, v) => {
            put_number(*case as usize, out);
            encode_payload(v, out);
        }
        Value::Enum(case) => put_number(*case as usize, out),
        Value::Flags(set) => {
            put_number(set.len(), out);
            for index in set {
                put_number(*index as usize, out);
            }
        }
    }
}

/// How many bytes a value takes.
pub fn encoded_len(value: &Value) -> usize {
    let all = |values: &[Value]| values.iter().map(encoded_len).sum::<usize>();
    let payload = |payload: &Option<Box<Value>>| payload.as_deref().map_or(0, encoded_len);
    match value {
        Value::Bool(_) | Value::S8(_) | Value::U8(_) => 1,
        Value::S16(_) | Value::U16(_) => 2,
        Value::S32(_) | Value::U32(_) | Value::F32(_) | Value::Char(_) => 4,
        Value::S64(_) | Value::U64(_) | Value::F64(_) => 8,
        Value::String(v) => number_len(v.len()) + v.len(),
        Value::Bytes(v) => number_len(v.len()) + v.len(),
        Value::List(v) => number_len(v.len()) + all(v),
        Value::Option(v) | Value::Result(Ok(v) | Err(v)) => 1 + payload(v),
        Value::Tuple(v) | Value::Record(v) => all(v),
        Value::Variant(case, v) => number_len(*case as usize) + payload(v),
        Value::Enum(case) => number_len(*case as usize),
        Value::Flags(set) => {
            let indexes = set.iter().map(|index| number_len(*index as usize));
            number_len(set.len()) + indexes.sum::<usize>()
        }
    }
}

/// Appends the arguments of a call, one after the other.
pub fn encode_args(values: &[Value], out: &mut Vec<u8>) {
    for value in values {
        encode(value, out);
    }
}

/// Reads the arguments of a call, which all the bytes must belong to.
pub fn decode_args(
    params: &[Param],
    bytes: &[u8],
    budget: Budget,
) -> Result<Vec<Value>, DecodeError> {
    let mut values = Vec::new();
    decode_args_into(&mut values, params, bytes, budget)?;
    Ok(values)
}

/// As [`decode_args`], in memory that there is already: what was in `values` is gone.
pub fn decode_args_into(
    values: &mut Vec<Value>,
    params: &[Param],
    bytes: &[u8],
    budget: Budget,
) -> Result<(), DecodeError> {
    values.clear();
    let mut decoder = Decoder::new(bytes, budget)?;
    let types = params.iter().map(|param| &param.ty);
    decoder.values_into(values, types, budget.depth)?;
    decoder.reader.finish()
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn encode_payload(payload: &Option<Box<Value>>, out: &mut Vec<u8>) {
    if let Some(value) = payload {
        encode(value, out);
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    nodes: usize,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], budget: Budget) -> Result<Self, DecodeError> {
        let reader = Reader::new(bytes);
        if bytes.len() > budget.bytes {
            return Err(reader.fail(DecodeErrorKind::TooManyBytes));
        }
        Ok(Decoder {
            reader,
            nodes: budget.nodes,
        })
    }

    /// Pays for values that are about to be read. A list pays for all its elements at once, before
    /// it allocates: lists inside its first element cannot spend the same nodes again.
    fn charge(&mut self, count: usize) -> Result<(), DecodeError> {
        match self.nodes.checked_sub(count) {
            Some(left) => {
                self.nodes = left;
                Ok(())
            }
            None => Err(self.reader.fail(DecodeErrorKind::TooManyNodes)),
        }
    }

    /// One value, already paid for.
    fn value(&mut self, ty: &Type, depth: usize) -> Result<Value, DecodeError> {
        let Some(inner) = depth.checked_sub(1) else {
            return Err(self.reader.fail(DecodeErrorKind::TooDeep));
        };
        Ok(match ty {
            Type::Bool => Value::Bool(self.reader.flag()?),
            Type::S8 => Value::S8(i8::from_le_bytes(self.reader.array()?)),
            Type::U8 => Value::U8(self.reader.byte()?),
            Type::S16 => Value::S16(i16::from_le_bytes(self.reader.array()?)),
            Type::U16 => Value::U16(u16::from_le_bytes(self.reader.array()?)),
            Type::S32 => Value::S32(i32::from_le_bytes(self.reader.array()?)),
            Type::U32 => Value::U32(u32::from_le_bytes(self.reader.array()?)),
            Type::S64 => Value::S64(i64::from_le_bytes(self.reader.array()?)),
            Type::U64 => Value::U64(u64::from_le_bytes(self.reader.array()?)),
            Type::F32 => Value::F32(f32::from_le_bytes(self.reader.array()?)),
            Type::F64 => Value::F64(f64::from_le_bytes(self.reader.array()?)),
            Type::Char => {
                let scalar = u32::from_le_bytes(self.reader.array()?);
                let invalid = || self.reader.invalid("not a character");
                Value::Char(char::from_u32(scalar).ok_or_else(invalid)?)
            }
            Type::String => {
                let length = self.reader.length()?;
                Value::String(self.reader.text(length)?.to_owned())
            }
            Type::List(element) if **element == Type::U8 => {
                let length = self.reader.length()?;
                Value::Bytes(self.reader.take(length)?.to_vec())
            }
            Type::List(element) => {
                let length = self.reader.length()?;
                if length > 0
                    && least_size(element).saturating_mul(length) > self.reader.remaining()
                {
                    return Err(self.reader.fail(DecodeErrorKind::Truncated));
                }
                Value::List(self.values(std::iter::repeat_n(&**element, length), inner)?)
            }
            Type::Option(some) => match self.reader.flag()? {
                false => Value::Option(None),
                true => Value::Option(self.payload(Some(some), inner)?),
            },
            Type::Result { ok, err } => match self.reader.flag()? {
                false => Value::Result(Ok(self.payload(ok.as_deref(), inner)?)),
                true => Value::Result(Err(self.payload(err.as_deref(), inner)?)),
            },
            Type::Tuple(types) => Value::Tuple(self.values(types.iter(), inner)?),
            Type::Record(fields) => {
                Value::Record(self.values(fields.iter().map(|(_, ty)| ty), inner)?)
            }
            Type::Variant(cases) => {
                let case = self.case(cases.len())?;
                let payload = cases[case as usize].1.as_ref();
                Value::Variant(case, self.payload(payload, inner)?)
            }
            Type::Enum(names) => Value::Enum(self.case(names.len())?),
            Type::Flags(names) => Value::Flags(self.flags(names.len())?),
        })
    }

    fn values<'t>(
        &mut self,
        types: impl ExactSizeIterator<Item = &'t Type>,
        depth: usize,
    ) -> Result<Vec<Value>, DecodeError> {
        let mut values = Vec::new();
        self.values_into(&mut values, types, depth)?;
        Ok(values)
    }

    fn values_into<'t>(
        &mut self,
        values: &mut Vec<Value>,
        types: impl ExactSizeIterator<Item = &'t Type>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        self.charge(types.len())?;
        values.reserve_exact(types.len());
        for ty in types {
            values.push(self.value(ty, depth)?);
        }
        Ok(())
    }

    fn payload(
        &mut self,
        ty: Option<&Type>,
        depth: usize,
    ) -> Result<Option<Box<Value>>, DecodeError> {
        let Some(ty) = ty else { return Ok(None) };
        self.charge(1)?;
        Ok(Some(Box::new(self.value(ty, depth)?)))
    }

    fn case(&mut self, count: usize) -> Result<u32, DecodeError> {
        let case = self.reader.number()?;
        if (case as usize) < count {
            Ok(case)
        } else {
            Err(self.reader.invalid("a case that the type does not have"))
        }
    }

    fn flags(&mut self, names: usize) -> Result<Vec<u32>, DecodeError> {
        let count = self.reader.length()?;
        if count > self.reader.remaining() {
            return Err(self.reader.fail(DecodeErrorKind::Truncated));
        }
        let mut set = Vec::with_capacity(count);
        for _ in 0..count {
            let index = self.case(names)?;
            if set.last().is_some_and(|last| *last >= index) {
                return Err(self.reader.invalid("flags that do not ascend"));
            }
            set.push(index);
        }
        Ok(set)
    }
}

/// The fewest bytes a value takes. Costs no more than decoding one value does, so that a list can
/// afford to ask before it reads its first element.
fn least_size(ty: &Type) -> usize {
    match ty {
        Type::S16 | Type::U16 => 2,
        Type::S32 | Type::U32 | Type::F32 | Type::Char => 4,
        Type::S64 | Type::U64 | Type::F64 => 8,
        Type::Tuple(types) => types.iter().map(least_size).sum(),
        Type::Record(fields) => fields.iter().map(|(_, ty)| least_size(ty)).sum(),
        _ => 1,
    }
}
