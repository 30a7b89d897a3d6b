//! [`DecodeError`]: which byte of an encoding is wrong, and why.
//!
//! Beside [`component`](crate::component), whose readers all give it, so that whoever reads bytes by other means can too.

/// Bytes that are not the canonical encoding of any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {cause}")]
pub struct DecodeError {
    /// Offset in bytes from the start of what was decoded.
    pub offset: u32,
    /// What is wrong there.
    pub cause: DecodeCause,
}

/// What is wrong with refused bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeCause {
    /// A `bool` or the mark of an `Option` that is neither 0 nor 1.
    #[error("{0} is neither 0 nor 1")]
    Bool(u8),
    /// An enum's tag that names no variant.
    #[error("{0} names no variant")]
    Variant(u8),
    /// Padding that is not zero.
    #[error("padding is not zero")]
    Padding,
    /// A value outside its type's range.
    #[error("value out of range")]
    Range,
    /// More or fewer bytes than the value takes.
    #[error("expected {expected} bytes, found {found}")]
    Length {
        /// What the type takes.
        expected: u32,
        /// What there was.
        found: u32,
    },
    /// Rows, pages or entries out of order, repeated or superfluous.
    #[error("not in canonical form: {0}")]
    Form(&'static str),
}

impl DecodeError {
    /// An error at the start of what is being decoded.
    #[must_use]
    pub const fn new(cause: DecodeCause) -> Self {
        Self { offset: 0, cause }
    }

    /// The same error, seen from a value that starts `by` bytes earlier.
    #[must_use]
    pub const fn shift(mut self, by: usize) -> Self {
        self.offset = self.offset.saturating_add(saturated(by));
        self
    }

    pub(crate) const fn length(expected: usize, found: usize) -> Self {
        Self::new(DecodeCause::Length { expected: saturated(expected), found: saturated(found) })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "compared before")]
const fn saturated(count: usize) -> u32 {
    if count > u32::MAX as usize { u32::MAX } else { count as u32 }
}

/// Refuses non-zero padding; for derived enums.
///
/// # Errors
/// [`DecodeCause::Padding`] at the first byte that is not zero.
pub fn expect_zeros(bytes: &[u8]) -> Result<(), DecodeError> {
    match bytes.iter().position(|b| *b != 0) {
        None => Ok(()),
        Some(at) => Err(DecodeError::new(DecodeCause::Padding).shift(at)),
    }
}
