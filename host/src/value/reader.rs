//! Reading bytes that an attacker may have written: no length is believed before it was compared
//! with the bytes that are there.

use thiserror::Error;

/// Why bytes are not what their type says, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("byte {offset}: {kind}")]
pub struct DecodeError {
    /// How many bytes were read before.
    pub offset: usize,
    /// What is wrong there.
    pub kind: DecodeErrorKind,
}

/// What is wrong with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// They end too early, or a length promises more than there is.
    #[error("the bytes end too early")]
    Truncated,
    /// More follows where nothing should.
    #[error("bytes follow after the end")]
    Trailing,
    /// A byte or number that has no meaning there.
    #[error("{0}")]
    Invalid(&'static str),
    /// Nesting above the budget.
    #[error("nested too deeply")]
    TooDeep,
    /// More parts than the budget allows.
    #[error("too many parts")]
    TooManyNodes,
    /// More bytes than the budget allows.
    #[error("too many bytes")]
    TooManyBytes,
}

/// A position in bytes.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn fail(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError {
            offset: self.at,
            kind,
        }
    }

    pub(super) fn invalid(&self, what: &'static str) -> DecodeError {
        self.fail(DecodeErrorKind::Invalid(what))
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        if count > self.remaining() {
            return Err(self.fail(DecodeErrorKind::Truncated));
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.bytes[self.at..].first_chunk() {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(self.fail(DecodeErrorKind::Truncated)),
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A yes or a no, which is exactly 1 or 0.
    pub(super) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.invalid("neither 0 nor 1")),
        }
    }

    /// A LEB128 number of at most 32 bits in its shortest form.
    pub(super) fn number(&mut self) -> Result<u32, DecodeError> {
        let mut number = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && bits > 0xf {
                return Err(self.invalid("a number above 32 bits"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return match byte {
                    0 if shift > 0 => Err(self.invalid("a number not in its shortest form")),
                    _ => Ok(number),
                };
            }
        }
        Err(self.invalid("a number above 32 bits"))
    }

    /// A number as a length or index of this machine.
    pub(super) fn length(&mut self) -> Result<usize, DecodeError> {
        // Lossless: the sandbox exists on 64-bit targets only.
        self.number().map(|number| number as usize)
    }

    /// `count` bytes of UTF-8.
    pub(super) fn text(&mut self, count: usize) -> Result<&'a str, DecodeError> {
        let bytes = self.take(count)?;
        std::str::from_utf8(bytes).map_err(|_| self.invalid("text that is not UTF-8"))
    }

    /// Refuses what is left over.
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            _ => Err(self.fail(DecodeErrorKind::Trailing)),
        }
    }
}

/// How many bytes [`put_number`] appends.
pub(super) fn number_len(number: usize) -> usize {
    (usize::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// Writes what [`Reader::number`] reads.
///
/// A length above 32 bits is written as it is and refused by the reader: frames are capped far below.
pub(super) fn put_number(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
