//! [`Reader`]: reading canonical bytes front to back, with the place of whatever is wrong.

use alloc::vec::Vec;

use crate::component::{Component, DecodeCause, DecodeError};

/// A position in bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes` on.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// How many bytes were read.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// An error at this position.
    #[must_use]
    pub const fn fail(&self, cause: DecodeCause) -> DecodeError {
        DecodeError::new(cause).shift(self.at)
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// Where there are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.saturating_add(count);
        let taken = self.bytes.get(self.at..end).ok_or(DecodeError::length(end, self.bytes.len()))?;
        self.at = end;
        Ok(taken)
    }

    /// The next value.
    ///
    /// # Errors
    /// Where the bytes are too few or not canonical.
    pub fn value<T: Component>(&mut self) -> Result<T, DecodeError> {
        let at = self.at;
        T::decode(self.take(T::SIZE)?).map_err(|e| e.shift(at))
    }

    /// The next number in LEB128: seven bits a byte, least first.
    ///
    /// # Errors
    /// Where the bytes are too few, are not the shortest that say this number, or say more than 64 bits.
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let error = self.fail(DecodeCause::Form("a number that is not in its shortest form"));
        let (mut value, mut shift) = (0_u64, 0_u32);
        loop {
            let byte: u8 = self.value()?;
            let bits = u64::from(byte & 0x7F);
            // Ten bytes hold 70 bits: the tenth has room for one.
            if shift > 63 || shift == 63 && bits > 1 || shift > 0 && byte == 0 {
                return Err(error);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift = shift.saturating_add(7);
        }
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// Where something is.
    pub const fn end(&self) -> Result<(), DecodeError> {
        if self.left() == 0 { Ok(()) } else { Err(self.fail(DecodeCause::Form("bytes after the end"))) }
    }
}

/// Appends a number in LEB128, as [`Reader::varint`] reads it.
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7F {
        out.push(0x80 | low_bits(value));
        value >>= 7_u32;
    }
    out.push(low_bits(value));
}

const fn low_bits(value: u64) -> u8 {
    (value & 0x7F) as u8
}
