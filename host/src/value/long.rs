//! Long bytes, which cross without a copy where that can be helped: what is encoded as [`super::encode`] does it, and read in the
//! memory that it came in.

use super::reader::{Reader, put_number};
use super::{Type, Value};
use std::ops::Range;

/// From so many bytes on, bytes are not copied where that can be helped.
const LONG: usize = 256 * 1024;

/// The last bytes of a long value, which are what is long about it. The others are appended to `out`, and together they are what
/// [`encode`] appends.
pub fn encode_but_last<'v>(value: &'v Value, out: &mut Vec<u8>) -> Option<&'v [u8]> {
    let bytes = match value {
        Value::Bytes(bytes) => &bytes[..],
        Value::String(text) => text.as_bytes(),
        _ => return None,
    };
    (bytes.len() >= LONG).then(|| {
        put_number(bytes.len(), out);
        bytes
    })
}

/// What [`super::encode`] appends to nothing, in the memory of a long `list<u8>`, which is empty then. Nothing for other values.
pub fn encode_in_place(value: &mut Value) -> Option<Vec<u8>> {
    let Value::Bytes(bytes) = value else {
        return None;
    };
    if bytes.len() < LONG {
        return None;
    }
    let mut encoded = std::mem::take(bytes);
    let mut length = Vec::new();
    put_number(encoded.len(), &mut length);
    encoded.reserve_exact(length.len());
    encoded.splice(..0, length);
    Some(encoded)
}

/// Where the bytes of a long `list<u8>` are in its encoding, for whoever has the memory to give for them.
pub fn long_bytes(ty: &Type, encoded: &[u8]) -> Option<Range<usize>> {
    if encoded.len() < LONG || !matches!(ty, Type::List(element) if **element == Type::U8) {
        return None;
    }
    let mut reader = Reader::new(encoded);
    let length = reader.length().ok()?;
    let at = encoded.len() - reader.remaining();
    (reader.remaining() == length).then_some(at..encoded.len())
}

/// Bytes in a memory that nobody else needs.
#[derive(Debug)]
pub struct Placed {
    /// The memory.
    pub memory: Vec<u8>,
    /// Where in it they are.
    pub at: Range<usize>,
}

impl From<Vec<u8>> for Placed {
    /// All of the memory.
    fn from(memory: Vec<u8>) -> Placed {
        let at = 0..memory.len();
        Placed { memory, at }
    }
}

impl Placed {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.at.clone()]
    }

    /// Those of them that are at `part`, counted from the first.
    pub fn part(self, part: Range<usize>) -> Placed {
        let at = self.at.start + part.start..self.at.start + part.end;
        Placed { at, ..self }
    }

    /// The value of these bytes, in their memory.
    pub fn into_value(mut self) -> Value {
        self.memory.truncate(self.at.end);
        self.memory.drain(..self.at.start);
        // It may have room for more of what was read, and somebody keeps it.
        self.memory.shrink_to_fit();
        Value::Bytes(self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::encode;

    fn bytes() -> Type {
        Type::List(Box::new(Type::U8))
    }

    #[test]
    fn long_bytes_are_encoded_as_all_values_are_and_read_where_they_are() {
        let values = [Value::Bytes(vec![7; LONG]), Value::String("7".repeat(LONG))];
        for value in values {
            let (mut whole, mut begun) = (Vec::new(), Vec::new());
            encode(&value, &mut whole);
            let last = encode_but_last(&value, &mut begun).unwrap();
            assert!([&begun[..], last].concat() == whole);
        }
        let mut value = Value::Bytes(vec![7; LONG]);
        let mut whole = Vec::new();
        encode(&value, &mut whole);
        assert!(encode_in_place(&mut value) == Some(whole));
        let value = Value::Bytes(vec![7; LONG]);
        let mut memory = b"before".to_vec();
        encode(&value, &mut memory);
        let at = long_bytes(&bytes(), &memory[6..]).unwrap();
        memory.extend_from_slice(b"behind");
        let at_all = 0..memory.len();
        let placed = Placed { memory, at: at_all };
        let placed = placed.part(6..6 + at.end).part(at);
        assert!(Value::Bytes(placed.bytes().to_vec()) == value && placed.into_value() == value);
    }

    #[test]
    fn what_is_short_or_of_another_type_or_not_all_there_is_read_as_all_values_are() {
        let mut encoded = Vec::new();
        assert!(encode_but_last(&Value::Bytes(vec![7; LONG - 1]), &mut encoded).is_none());
        assert!(encode_but_last(&Value::List(Vec::new()), &mut encoded).is_none());
        assert!(encoded.is_empty());
        encode(&Value::Bytes(vec![7; LONG]), &mut encoded);
        assert_eq!(long_bytes(&Type::String, &encoded), None);
        assert_eq!(long_bytes(&bytes(), &encoded[..encoded.len() - 1]), None);
        encoded.push(7);
        assert_eq!(long_bytes(&bytes(), &encoded), None);
    }
}
