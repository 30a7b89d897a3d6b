//! [`Text`]: a short text inside a row, an input or an event.
//!
//! Invariant: valid UTF-8 of at most `N` bytes; the bytes behind the text are zeros, so equal texts have equal bytes. There is no
//! heap, no interning and no locale: it compares and hashes by its bytes, and never changes its letters.
//!
//! What is longer, or the same for many, belongs into content under a key, or into a [`ListColumn`](crate::list::ListColumn) of
//! bytes.

use alloc::string::String;
use core::{
    fmt::{self, Write as _},
    ops::Deref,
};

use crate::{
    component::{Component, DecodeCause, DecodeError, expect_zeros},
    schema::Type,
};

/// A text of at most `N` bytes of UTF-8, `N` from 1 to 255: a name, a line of chat, a label. Its row takes `N + 1` bytes,
/// whatever is in it.
///
/// ```
/// use tickworld_sim::{prelude::*, text::{Text, TooLong}};
///
/// #[derive(Component, Clone, Copy, Debug, PartialEq)]
/// struct Named {
///     name: Text<24>,
///     since_tick: u64,
/// }
///
/// # fn main() -> Result<(), TooLong> {
/// let named = Named { name: Text::new("W\u{e4}rwolf")?, since_tick: 7 };
/// assert_eq!(&*named.name, "W\u{e4}rwolf"); // a `&str`, by deref
/// assert!(Text::<4>::new("W\u{e4}rwolf").is_err());
/// assert_eq!(&*Text::<4>::cut("W\u{e4}rwolf"), "W\u{e4}r"); // whole letters, as many as fit
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<const N: usize> {
    length: u8,
    bytes: [u8; N],
}

/// The text does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a text of {bytes} bytes, at most {most} are allowed here")]
pub struct TooLong {
    /// Length of the text in bytes.
    pub bytes: usize,
    /// What there is room for.
    pub most: usize,
}

impl<const N: usize> Text<N> {
    const CAPACITY: u8 = {
        assert!(N > 0 && N <= 255, "a text has room for 1 to 255 bytes: a row is at most 256 bytes long");
        #[expect(clippy::cast_possible_truncation, reason = "compared before")]
        let capacity = N as u8;
        capacity
    };

    /// The text without letters.
    pub const EMPTY: Self = Self { length: 0, bytes: [0; N] };

    /// This text.
    ///
    /// # Errors
    /// Where it has more than `N` bytes.
    pub fn new(text: &str) -> Result<Self, TooLong> {
        let error = TooLong { bytes: text.len(), most: usize::from(Self::CAPACITY) };
        let length = u8::try_from(text.len()).map_err(|_| error)?;
        let mut bytes = [0; N];
        bytes.get_mut(..text.len()).ok_or(error)?.copy_from_slice(text.as_bytes());
        Ok(Self { length, bytes })
    }

    /// As much of this text as fits, cut between two characters.
    #[must_use]
    pub fn cut(text: &str) -> Self {
        Self::new(&text[..text.floor_char_boundary(usize::from(Self::CAPACITY))]).expect("what was cut fits")
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;

    fn deref(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length));
        text.and_then(|text| core::str::from_utf8(text).ok()).expect("only made of texts that fit")
    }
}

impl<const N: usize> PartialOrd for Text<N> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Text<N> {
    /// By bytes, which is by characters' numbers; never by a language's rules.
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl<const N: usize> TryFrom<&str> for Text<N> {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl<const N: usize> Component for Text<N> {
    const SIZE: usize = Self::CAPACITY as usize + 1;
    const FILLER: Self = Self::EMPTY;

    fn describe() -> Type {
        Type::Text(Self::CAPACITY)
    }

    #[inline]
    fn encode(&self, out: &mut [u8]) {
        let (length, bytes) = out.split_at_mut(1);
        length.fill(self.length);
        bytes.copy_from_slice(&self.bytes);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() != Self::SIZE {
            return Err(DecodeError::length(Self::SIZE, bytes.len()));
        }
        let text = decode_text(bytes)?;
        Self::new(text).map_err(|_| DecodeError::new(DecodeCause::Range))
    }

    #[inline]
    fn canonical_eq(&self, other: &Self) -> bool {
        self == other
    }
}

/// The text in the canonical bytes of a [`Text`] of any capacity.
///
/// # Errors
/// Where the length is over the capacity, the bytes are no UTF-8, or what is behind them is not zero.
pub(crate) fn decode_text(bytes: &[u8]) -> Result<&str, DecodeError> {
    let (length, rest) = bytes.split_first().ok_or(DecodeError::length(1, 0))?;
    let (text, padding) = rest.split_at_checked(usize::from(*length)).ok_or(DecodeError::new(DecodeCause::Range))?;
    expect_zeros(padding).map_err(|error| error.shift(text.len().saturating_add(1)))?;
    let malformed = |error: core::str::Utf8Error| {
        DecodeError::new(DecodeCause::Form("text that is not UTF-8")).shift(error.valid_up_to().saturating_add(1))
    };
    core::str::from_utf8(text).map_err(malformed)
}

/// Appends a text in quotes, as JSON has it: how reports show it.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => {
                write!(out, "\\u{:04x}", u32::from(control)).expect("a string takes everything");
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}
