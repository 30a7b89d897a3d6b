//! `Fx` as decimal text: exact printing, correctly rounded reading.
//!
//! Invariant: printing then parsing gives the same bits, and parsing equals rounding the exact decimal once, half to
//! even, however long it is. Deliberately absent: exponents, digit separators, locale, floats as a stepping stone.

use core::fmt::{self, Debug, Display, Formatter};

use super::fx::Fx;

/// 5^16: a fraction of `n / 2^16` is `n * 5^16 / 10^16`.
const FIVE_TO_16: u64 = 152_587_890_625;
/// Ties between two values have 17 decimal places, so 18 digits and "anything beyond?" decide every rounding.
const FRACTION_DIGITS_KEPT: u32 = 18;
const FRACTION_UNIT: u128 = 10_u128.pow(FRACTION_DIGITS_KEPT);
/// Integer parts above this are out of range whatever follows.
const INTEGER_PART_MAX: u64 = 1 << 47;

/// Why a text is not an [`Fx`]. The text is at fault in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FxParseError {
    /// No digit where one is needed: an empty text, a lone sign, nothing before or after the point.
    #[error("expected a digit at byte {at}")]
    MissingDigit {
        /// Offset in bytes from the start of the text.
        at: usize,
    },
    /// A character that no decimal holds.
    #[error("unexpected character at byte {at}")]
    UnexpectedCharacter {
        /// Offset in bytes from the start of the text.
        at: usize,
    },
    /// The number, once rounded, is below [`Fx::MIN`] or above [`Fx::MAX`].
    #[error("number outside -140737488355328 to 140737488355327.9999847412109375")]
    OutOfRange,
}

impl Fx {
    /// The value nearest to a decimal such as `-12.375`, half to even.
    ///
    /// Grammar: `[+-] digits [. digits]`, ASCII, no spaces, no exponent. Cost is linear in the text; nothing is allocated.
    ///
    /// # Errors
    /// [`FxParseError`] with the byte offset of what does not fit the grammar, or `OutOfRange`.
    pub fn parse_decimal(text: &str) -> Result<Self, FxParseError> {
        let bytes = text.as_bytes();
        let negative = bytes.first() == Some(&b'-');
        let mut at = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));

        let mut integer = 0_u64;
        let integer_start = at;
        while let Some(digit) = digit_at(bytes, at) {
            // Capped at once, so that any number of digits stays in 64 bits.
            integer = integer.wrapping_mul(10).wrapping_add(digit).min(INTEGER_PART_MAX.wrapping_add(1));
            at = at.wrapping_add(1);
        }
        if at == integer_start {
            return Err(FxParseError::MissingDigit { at });
        }

        let mut fraction = Fraction::default();
        if bytes.get(at) == Some(&b'.') {
            at = at.wrapping_add(1);
            let fraction_start = at;
            while let Some(digit) = digit_at(bytes, at) {
                fraction.push(digit);
                at = at.wrapping_add(1);
            }
            if at == fraction_start {
                return Err(FxParseError::MissingDigit { at });
            }
        }
        if at < bytes.len() {
            return Err(FxParseError::UnexpectedCharacter { at });
        }
        if integer > INTEGER_PART_MAX {
            return Err(FxParseError::OutOfRange);
        }
        let magnitude = (integer << 16).wrapping_add(fraction.rounded());
        let bits = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { 0_i64.checked_add_unsigned(magnitude) };
        bits.map(Self::from_bits).ok_or(FxParseError::OutOfRange)
    }
}

impl Display for Fx {
    /// The exact decimal: no trailing zeros, no point if whole. Width, fill and `+` apply; precision does not.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let magnitude = self.to_bits().unsigned_abs();
        let text = DecimalText::new(magnitude >> 16, (magnitude & 0xFFFF).wrapping_mul(FIVE_TO_16));
        f.pad_integral(!self.is_negative(), "", text.as_str())
    }
}

impl Debug for Fx {
    /// As [`Display`]: a field of a struct reads as a plain decimal.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

fn digit_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| u64::from(byte.wrapping_sub(b'0')))
}

/// The digits after the point: the first 18 as a number, and whether any beyond them is not zero.
#[derive(Default)]
struct Fraction {
    digits: u64,
    digit_count: u32,
    beyond: bool,
}

impl Fraction {
    fn push(&mut self, digit: u64) {
        if self.digit_count == FRACTION_DIGITS_KEPT {
            self.beyond |= digit != 0;
        } else {
            self.digits = self.digits.wrapping_mul(10).wrapping_add(digit);
            self.digit_count = self.digit_count.wrapping_add(1);
        }
    }

    /// The fraction in units of 2^-16, 0 to 65536, half to even.
    fn rounded(&self) -> u64 {
        let missing = FRACTION_DIGITS_KEPT.wrapping_sub(self.digit_count);
        let numerator = u128::from(self.digits.wrapping_mul(10_u64.wrapping_pow(missing))) << 16_u32;
        let (floor, rest) = (numerator / FRACTION_UNIT, numerator % FRACTION_UNIT);
        let twice_rest = rest << 1_u32;
        let up = twice_rest > FRACTION_UNIT || (twice_rest == FRACTION_UNIT && (self.beyond || floor & 1 == 1));
        u64::try_from(floor).expect("a fraction below 1 has at most 65,535 units").wrapping_add(u64::from(up))
    }
}

/// At most 15 integer digits, the point and 16 fraction digits, filled from the end.
struct DecimalText {
    buffer: [u8; 32],
    start: usize,
    end: usize,
}

impl DecimalText {
    /// `integer` and a fraction in units of 10^-16.
    fn new(mut integer: u64, mut fraction: u64) -> Self {
        let mut text = Self { buffer: [b'0'; 32], start: 32, end: 32 };
        if fraction == 0 {
            text.push_front_digit(&mut integer);
        } else {
            for _ in 0_u32..16 {
                text.push_front_digit(&mut fraction);
            }
            while text.buffer.get(text.end.wrapping_sub(1)) == Some(&b'0') {
                text.end = text.end.wrapping_sub(1);
            }
            text.push_front(b'.');
            text.push_front_digit(&mut integer);
        }
        while integer > 0 {
            text.push_front_digit(&mut integer);
        }
        text
    }

    fn push_front_digit(&mut self, rest: &mut u64) {
        let digit = u8::try_from(*rest % 10).expect("a digit is below 10");
        *rest /= 10;
        self.push_front(b'0'.wrapping_add(digit));
    }

    fn push_front(&mut self, byte: u8) {
        self.start = self.start.wrapping_sub(1);
        self.buffer[self.start] = byte;
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.buffer[self.start..self.end]).expect("only ASCII was pushed")
    }
}
