//! [`Reader`]: reading canonical bytes front to back, with the place of whatever is wrong.

use crate::component::{Component, DecodeCause, DecodeError};

/// A position in bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
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

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// Where something is.
    pub const fn end(&self) -> Result<(), DecodeError> {
        if self.left() == 0 { Ok(()) } else { Err(self.fail(DecodeCause::Form("bytes after the end"))) }
    }
}
