//! `Fx`, the simulation's number: signed 48.16 fixed point.
//!
//! Invariant: a value is its 64 bits, and each operation is a pure function of bits with a named overflow policy and one
//! rounding of the exact result. Text lives in [`decimal`](super::decimal), roots in [`root`](super::root).
//!
//! Deliberately absent: `Add`, `Mul` and their kin, since an operator cannot say what it does on overflow (whoever says it once
//! has them by [`Saturating`](super::Saturating) and [`Checked`](super::Checked)); conversion from and to floats.
#![expect(clippy::disallowed_types, reason = "this is the wrapper that the ban points to")]

use core::ops::Neg;

use fixed::types::I48F16;

use super::round::{
    FRACTION_BITS, div_half_even, div_half_even_i64, narrow_checked, narrow_saturating, round_up_16, shift_16_half_even,
};

/// A number with 48 integer bits (sign included) and 16 fraction bits: `bits / 65536`.
///
/// Range -140,737,488,355,328 to 140,737,488,355,327.9999847..., in steps of 2^-16 ("1 ulp"). Its unit is whatever the field
/// that holds it says. Order, equality and hash are those of the bits; `min`, `max` and `clamp` come from [`Ord`].
///
/// # Determinism
/// Integer arithmetic only. Where a result is not representable it is rounded once, to the nearest value, ties to the
/// even one ("half to even").
///
/// ```
/// use tickworld_sim::math::Fx;
/// let speed = Fx::from_ratio(3, 2);
/// let distance = speed.saturating_mul(Fx::from_int(7));
/// assert_eq!(distance, Fx::parse_decimal("10.5").expect("a plain decimal"));
/// assert_eq!(distance.floor(), 10);
/// ```
///
/// There is no `+` on it. [`Saturating`](super::Saturating) and [`Checked`](super::Checked) have the operators.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fx(I48F16);

impl Fx {
    /// The number 0.
    pub const ZERO: Self = Self::from_bits(0);
    /// The number 1.
    pub const ONE: Self = Self::from_int(1);
    /// The number 1/2.
    pub const HALF: Self = Self::from_bits(1 << (FRACTION_BITS - 1));
    /// The least value, -2^47.
    pub const MIN: Self = Self::from_bits(i64::MIN);
    /// The greatest value, 2^47 - 2^-16.
    pub const MAX: Self = Self::from_bits(i64::MAX);
    /// The least positive value, 2^-16: 1 ulp.
    pub const EPSILON: Self = Self::from_bits(1);

    /// The value of an integer. Exact.
    #[inline]
    #[must_use]
    pub const fn from_int(value: i32) -> Self {
        Self::from_bits((value as i64) << FRACTION_BITS)
    }

    /// The value `bits / 65536`. Exact.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: i64) -> Self {
        Self(I48F16::from_bits(bits))
    }

    /// The value times 65536: the canonical representation.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> i64 {
        self.0.to_bits()
    }

    /// `num / den`, half to even, saturating. A zero `den` gives [`MAX`](Self::MAX), [`MIN`](Self::MIN) or zero by the
    /// sign of `num`.
    #[inline]
    #[must_use]
    pub const fn from_ratio(num: i64, den: i64) -> Self {
        // The ratio of two integers is that of two values with these bits.
        Self::from_bits(num).saturating_div(Self::from_bits(den))
    }

    /// The greatest integer not above the value. Exact.
    #[inline]
    #[must_use]
    pub const fn floor(self) -> i64 {
        self.to_bits() >> FRACTION_BITS
    }

    /// The least integer not below the value. Exact.
    #[inline]
    #[must_use]
    pub const fn ceil(self) -> i64 {
        let fraction_up = (self.to_bits() & 0xFFFF).wrapping_add(0xFFFF) >> FRACTION_BITS;
        self.floor().wrapping_add(fraction_up)
    }

    /// The nearest integer, half to even.
    #[inline]
    #[must_use]
    pub const fn round(self) -> i64 {
        let floor = self.floor();
        let fraction_up = (self.to_bits() & 0xFFFF).wrapping_add(0x7FFF).wrapping_add(floor & 1) >> FRACTION_BITS;
        floor.wrapping_add(fraction_up)
    }

    /// The magnitude. Saturating: that of [`MIN`](Self::MIN) is [`MAX`](Self::MAX).
    #[inline]
    #[must_use]
    pub const fn abs(self) -> Self {
        Self::from_bits(self.to_bits().saturating_abs())
    }

    /// -1, 0 or 1 by the sign.
    #[inline]
    #[must_use]
    pub const fn signum(self) -> Self {
        Self::from_bits(self.to_bits().signum() << FRACTION_BITS)
    }

    /// True below zero.
    #[inline]
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.to_bits() < 0
    }

    /// `-self`. Saturating: the opposite of [`MIN`](Self::MIN) is [`MAX`](Self::MAX).
    #[inline]
    #[must_use]
    pub const fn saturating_neg(self) -> Self {
        Self::from_bits(self.to_bits().saturating_neg())
    }

    /// `self + other`. Exact, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self::from_bits(self.to_bits().saturating_add(other.to_bits()))
    }

    /// `self - other`. Exact, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self::from_bits(self.to_bits().saturating_sub(other.to_bits()))
    }

    /// `self * other`, half to even, saturating.
    #[inline]
    #[must_use]
    pub const fn saturating_mul(self, other: Self) -> Self {
        Self::from_bits(narrow_saturating(shift_16_half_even(self.wide_mul(other))))
    }

    /// `self / other`, half to even, saturating.
    ///
    /// Total: a zero divisor gives [`MAX`](Self::MAX), [`MIN`](Self::MIN) or zero by the sign of `self`. Use
    /// [`checked_div`](Self::checked_div) where a zero divisor must be seen.
    #[inline]
    #[must_use]
    pub const fn saturating_div(self, other: Self) -> Self {
        let (num, den) = (self.to_bits(), other.to_bits());
        if den == 0 {
            return match num.signum() {
                1 => Self::MAX,
                -1 => Self::MIN,
                _ => Self::ZERO,
            };
        }
        if let Some(scaled) = scaled_small(num) {
            return Self::from_bits(div_half_even_i64(scaled, den));
        }
        Self::from_bits(narrow_saturating(div_half_even((num as i128) << FRACTION_BITS, den as i128)))
    }

    /// `self + other`. Exact; `None` on overflow.
    #[inline]
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.to_bits().checked_add(other.to_bits()) {
            Some(bits) => Some(Self::from_bits(bits)),
            None => None,
        }
    }

    /// `self - other`. Exact; `None` on overflow.
    #[inline]
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.to_bits().checked_sub(other.to_bits()) {
            Some(bits) => Some(Self::from_bits(bits)),
            None => None,
        }
    }

    /// `self * other`, half to even; `None` if the rounded product overflows.
    #[inline]
    #[must_use]
    pub const fn checked_mul(self, other: Self) -> Option<Self> {
        match narrow_checked(shift_16_half_even(self.wide_mul(other))) {
            Some(bits) => Some(Self::from_bits(bits)),
            None => None,
        }
    }

    /// `self / other`, half to even; `None` for a zero divisor or if the rounded quotient overflows.
    #[inline]
    #[must_use]
    pub const fn checked_div(self, other: Self) -> Option<Self> {
        let (num, den) = (self.to_bits(), other.to_bits());
        if den == 0 {
            return None;
        }
        if let Some(scaled) = scaled_small(num) {
            return Some(Self::from_bits(div_half_even_i64(scaled, den)));
        }
        match narrow_checked(div_half_even((num as i128) << FRACTION_BITS, den as i128)) {
            Some(bits) => Some(Self::from_bits(bits)),
            None => None,
        }
    }

    /// `self + other` modulo 2^48. For hashes and phases, not for positions.
    #[inline]
    #[must_use]
    pub const fn wrapping_add(self, other: Self) -> Self {
        Self::from_bits(self.to_bits().wrapping_add(other.to_bits()))
    }

    /// `self - other` modulo 2^48. For hashes and phases, not for positions.
    #[inline]
    #[must_use]
    pub const fn wrapping_sub(self, other: Self) -> Self {
        Self::from_bits(self.to_bits().wrapping_sub(other.to_bits()))
    }

    /// `self * factor` for an integer factor. Exact, saturating.
    #[inline]
    #[must_use]
    pub const fn mul_int(self, factor: i64) -> Self {
        Self::from_bits(self.to_bits().saturating_mul(factor))
    }

    /// `self + (to - self) * t`: the point `t` of the way to `to`. One rounding, half to even; saturating.
    ///
    /// `t` is not clamped: outside `[0, 1]` it extrapolates. `t = 0` gives `self`, `t = 1` gives `to`, exactly.
    #[inline]
    #[must_use]
    pub const fn lerp(self, to: Self, t: Self) -> Self {
        // |to - self| < 2^64 and |t| <= 2^63, so the product stays below 2^127.
        let span = (to.to_bits() as i128).wrapping_sub(self.to_bits() as i128);
        let product = span.wrapping_mul(t.to_bits() as i128);
        let floor = (product >> FRACTION_BITS).wrapping_add(self.to_bits() as i128);
        Self::from_bits(narrow_saturating(floor.wrapping_add(round_up_16(product & 0xFFFF, floor))))
    }

    /// The exact product, in units of 2^-32. Its magnitude is at most 2^126.
    #[inline]
    pub(super) const fn wide_mul(self, other: Self) -> i128 {
        (self.to_bits() as i128).wrapping_mul(other.to_bits() as i128)
    }
}

impl Neg for Fx {
    type Output = Self;

    /// As [`saturating_neg`](Self::saturating_neg): the least number becomes the greatest.
    #[inline]
    fn neg(self) -> Self {
        self.saturating_neg()
    }
}

/// `num * 2^16` if it stays below 2^62, where the machine's own division serves.
#[inline]
const fn scaled_small(num: i64) -> Option<i64> {
    if num > -(1 << 46) && num < (1 << 46) { Some(num << FRACTION_BITS) } else { None }
}
